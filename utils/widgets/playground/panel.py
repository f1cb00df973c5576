"""The playground's controls: together they say the `Settings`, and the `Settings` set them."""

import ipywidgets as ipw

from utils.widgets.piece import PLAIN, choice, count, in_rows, slider, switch
from utils.widgets.playground.settings import DATA, DEEPEST, FEATURES, HIDDEN, TASKS, WIDEST, Settings

RATES, BATCHES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0], [1, 2, 5, 10, 20, 50, 100, 500]
PENALTIES = [0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]


class Panel:
    """All controls of a playground.

    `named` holds those that set one field of the `Settings` each, by its name; `inputs` are the boxes to tick,
    `layers` and `widths` the network's form, and `state` is all of it as a line of text. Whoever listens is called
    through `observe`; while the panel sets its own controls, it calls nobody.
    """

    def __init__(self, settings, own):
        self.inputs = [switch(name, bit == "1") for name, bit in zip(FEATURES, settings.features, strict=True)]
        widths = [*settings.hidden, *[4] * (DEEPEST - len(settings.hidden))]
        self.layers = count("hidden layers", len(settings.hidden), 0, DEEPEST)
        self.widths = [count(f"units in {l}", width, 1, WIDEST) for l, width in enumerate(widths, 1)]
        self.named = {
            "data": choice("data", [d for d in DATA if d != "own" or own], settings.data),
            "noise": slider("noise", settings.noise, 0, 1, 0.05),
            "share": slider("training share", settings.share, 0.1, 0.9, 0.1, 1),
            "activation": choice("activation", HIDDEN, settings.activation),
            "rate": choice("learning rate", _with(RATES, settings.rate), settings.rate),
            "batch": choice("batch size", _with(BATCHES, settings.batch), settings.batch),
            "l2": choice("L2 penalty", _with(PENALTIES, settings.l2), settings.l2),
            "task": choice("task", TASKS, settings.task),
            "seed": count("seed", settings.seed, 0, max(99, settings.seed)),
        }
        self.state = ipw.Text(settings.encode(), description="state", continuous_update=False, style=PLAIN)
        self._setting = False
        self._lay_out()

    def _lay_out(self):
        self.state.layout.width, self.state.layout.max_width = "560px", "100%"
        for box in self.inputs:
            box.layout.width, box.layout.margin = "auto", "2px 14px 2px 2px"
        for control in (*self.named.values(), self.layers, *self.widths):
            control.layout.width = "268px"
        self._show_widths()

    def rows(self, buttons):
        """Return the panel's rows, with these buttons before all else."""
        sized = [*self.named.values(), self.layers, *self.widths]
        return [in_rows([buttons, *self.inputs]), in_rows(sized), self.state]

    @property
    def settings(self):
        """What the controls say, as `Settings`."""
        bits = "".join("01"[box.value] for box in self.inputs)
        hidden = tuple(width.value for width in self.widths[: self.layers.value])
        return Settings(features=bits, hidden=hidden, **{name: c.value for name, c in self.named.items()})

    def observe(self, moved, given):
        """Call `moved(control)` for a control that is moved, and `given(words)` for a state that is typed or pasted."""
        for control in (*self.named.values(), *self.inputs, self.layers, *self.widths):
            control.observe(lambda change: self._moved(change["owner"], moved), "value")
        self.state.observe(lambda change: self._setting or given(change["new"]), "value")

    def _moved(self, control, moved):
        if self._setting:
            return
        if not any(box.value for box in self.inputs):
            control.value = True  # one input has to stay
            return
        self._show_widths()
        self._write(self.settings)
        moved(control)

    def _write(self, settings):
        self._setting, self.state.value = True, settings.encode()
        self._setting = False

    def set(self, settings):
        """Set every control to these `Settings`."""
        self._setting = True
        try:
            for name in ("rate", "batch", "l2"):
                self.named[name].options = _with(self.named[name].options, getattr(settings, name))
            self.named["seed"].max = max(99, settings.seed)
            for name, control in self.named.items():
                control.value = getattr(settings, name)
            for box, bit in zip(self.inputs, settings.features, strict=True):
                box.value = bit == "1"
            self.layers.value = len(settings.hidden)
            for width, units in zip(self.widths, settings.hidden, strict=False):
                width.value = units
        finally:
            self._setting = False
        self._write(settings)
        self._show_widths()

    def _show_widths(self):
        for l, width in enumerate(self.widths):
            width.layout.display = None if l < self.layers.value else "none"


def _with(options, value):
    return sorted({*options, value})
