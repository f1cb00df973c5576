"""The playground's numbers: one layer's weights and biases, to be read and to be changed."""

import ipywidgets as ipw

from utils.widgets.piece import PLAIN, choice
from utils.widgets.playground import parameters


class Numbers:
    """A list of layers and a text with the chosen layer's parameters, which may be changed while nothing plays."""

    def __init__(self, player):
        self.player, self.setting = player, False
        self.layer = choice("show numbers of", [("no layer", 0)], 0)
        self.text = ipw.Textarea(description="a line a unit: weights | bias", continuous_update=False, style=PLAIN)
        self.text.layout.width, self.text.layout.max_width, self.layer.layout.width = "560px", "100%", "268px"
        self.layer.observe(lambda _: self.setting or self.show(player.learner.net, player.task is None), "value")
        self.text.observe(lambda change: self.setting or player.attempt(self._take), "value")

    def _take(self):
        learner = self.player.learner
        learner.put(parameters.read(learner.net, self.layer.value, self.text.value))
        self.player.update()

    def show(self, net, resting=True):
        """Show the chosen layer of a network as it is now; while it is in motion, its text cannot be changed."""
        self.setting = True
        try:
            options = [("no layer", 0), *((f"layer {l}", l) for l in net.W)]
            if [*self.layer.options] != options:
                chosen = self.layer.value
                self.layer.options = options
                self.layer.value = chosen if chosen in net.W else 0
            l = self.layer.value
            self.text.layout.display, self.text.disabled = None if l else "none", not resting
            if l:
                self.text.rows = max(2, len(net.W[l]))
                self.text.value = parameters.written(net, l)
        finally:
            self.setting = False
