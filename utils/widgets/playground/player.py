"""The playground as a whole: what its controls and buttons do to the learner, and what is shown of it."""

import sys
import time

import ipywidgets as ipw
import numpy as np

from utils.mlp import convert
from utils.widgets.piece import button
from utils.widgets.playground import board, schedule
from utils.widgets.playground.learner import LATER, Learner, verdict
from utils.widgets.playground.motion import Motion
from utils.widgets.playground.numbers import Numbers
from utils.widgets.playground.panel import Panel
from utils.widgets.playground.parameters import taken_in
from utils.widgets.playground.settings import decode


class Player(Motion):
    """A network that learns while it is watched; `widgets.playground` makes it.

    `net` is the network as it is now, its output without softmax; set, it is another one of any size that the
    playground can show. `settings` are those of the run, and `state` is the same as a string.
    """

    ASK = 0.5  # seconds between two questions to autograd while it plays

    def __init__(self, settings, own):
        self.own, self.learner, self.opinion, self.asked = own, Learner(settings, own), None, 0.0
        self.panel, self.numbers = Panel(settings, own), Numbers(self)
        self.play_button = button("▶ Play", self.toggle, "train until you press it again")
        buttons = ipw.HBox([self.play_button, button("Step", self.one_step, "one mini-batch"),
                            button("Epoch", self.one_epoch, "all mini-batches once"), button("↺ Reset", self.reset)])
        rows = self.panel.rows(buttons, self.numbers.layer)
        super().__init__(None, board.stages(), {}, rows=rows, hands="above", numbers="below", last=self.numbers.text)
        self.controls = self.panel.named
        self.panel.observe(lambda name, value: self.attempt(lambda: self._change(name, value)),
                           lambda words: self.attempt(lambda: self._begin(decode(words))))

    @property
    def settings(self):
        """What the run depends on, as `Settings`."""
        return self.learner.settings

    @property
    def state(self):
        """The settings as a string, which brings the run back; ValueError if the parameters were set by hand."""
        if self.learner.by_hand:
            raise ValueError("the parameters were set by hand, which no state can say: keep them with utils.mlp.save")
        return self.settings.encode()

    @property
    def net(self):
        """The network as it is now: an `MLP` in float64, a copy that nothing here moves on."""
        return convert(self.learner.net, np.copy)

    @net.setter
    def net(self, net):
        """Go on with another network; raises ValueError or TypeError if it does not fit the data and the inputs."""
        net, hidden, activation = taken_in(net, self.learner)
        self.pause()
        if (hidden, activation) != (self.settings.hidden, self.settings.activation):
            self._begin(self.learner.course.afresh()._replace(hidden=hidden, activation=activation))
        self.learner.put(net)
        self.update()

    def update(self):
        """Show the learner as it is now, with the ledger's word on its last step; while it plays, autograd's."""
        resting, now = self.task is None, time.perf_counter()
        if not (resting or "torch" in sys.modules):  # to load it takes a second, in which nothing would move
            self.opinion = True, LATER
        elif resting or now > self.asked + self.ASK:
            self.opinion, self.asked = verdict(self.learner, thorough=resting), now
        self.panel.show(self.settings, self.learner.course.now, self.learner.by_hand)
        self.numbers.show(self.learner.net, resting=self.task is None)
        self.play(board.scene(self.learner, self.opinion))

    def attempt(self, action):
        """Do what somebody asks for, and show it; if it does not fit, say why, and leave everything as it was."""
        try:
            action()
        except (ValueError, TypeError) as error:
            self.panel.again()
            self.complain(f"This was not taken up: {error}.")
        else:
            self.guarded(self.update)

    def _change(self, name, value):
        """Go on with another rate, batch size or penalty, or begin with another network or other data."""
        if name in schedule.TUNED:
            self.learner.move(name, value)
            return
        if name == "features" and "1" not in value:
            raise ValueError("one input has to stay")
        value = schedule.read(value) if name == "changes" else value
        self._begin(self.learner.course.afresh()._replace(**{name: value}))

    def _begin(self, settings):
        self.learner = Learner(settings, self.own)

    def one_step(self):
        """Take one mini-batch's step, and ask the whole ledger about it."""
        self.pause()
        self.guarded(lambda: (None if self.learner.diverged else self.learner.step(), self.update()))

    def one_epoch(self):
        """Take the steps of one epoch."""
        self.pause()
        self.guarded(lambda: (self.learner.run_epoch(), self.update()))

    def reset(self):
        """Start anew: what was moved by hand stays as it is, what was planned begins again."""
        self.pause()
        self._begin(self.learner.course.afresh())
        self.guarded(self.update)
