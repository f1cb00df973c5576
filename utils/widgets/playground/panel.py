"""The playground's controls: they show the `Settings` of the run, and say which field somebody wants to change."""

import ipywidgets as ipw

from utils.widgets.piece import PLAIN, choice, count, in_rows, steps, switch
from utils.widgets.playground import schedule
from utils.widgets.playground.settings import DATA, DEEPEST, FEATURES, HIDDEN, TASKS, WIDEST

OFFERED = {  # what is on offer of each; a value from a state is put between them
    "noise": [k / 20 for k in range(21)], "share": [k / 10 for k in range(1, 10)],
    "rate": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0], "batch": [1, 2, 5, 10, 20, 50, 100, 500],
    "l2": [0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0],
}
NO_STATE = "the parameters were set by hand: no state brings this run back"


class Panel:
    """All controls of a playground.

    `named` holds those that stand for one field of the `Settings` each, by its name; `inputs` are the boxes to tick,
    `layers` and `widths` the network's form, `plan` the changes on the way, and `state` all of it as a line of text.
    They say nothing of their own: what counts is what `show` was given. While it sets them, it calls nobody.
    """

    def __init__(self, settings, own):
        self.inputs = [switch(name, True) for name in FEATURES]
        self.layers = count("hidden layers", 1, 0, DEEPEST)
        self.widths = [count(f"units in {l}", 4, 1, WIDEST) for l in range(1, DEEPEST + 1)]
        self.named = {
            "data": choice("data", [d for d in DATA if d != "own" or own]),
            "noise": steps("noise", OFFERED["noise"]), "share": steps("training share", OFFERED["share"]),
            "activation": choice("activation", HIDDEN),
            "rate": choice("learning rate", OFFERED["rate"]), "batch": choice("batch size", OFFERED["batch"]),
            "l2": choice("L2 penalty", OFFERED["l2"]), "task": choice("task", TASKS), "seed": count("seed", 0, 0, 99),
        }
        self.plan = ipw.Text(description="changes on the way", placeholder="rate=0.03@100, rate=0.01@300",
                             continuous_update=False, style=PLAIN)
        self.state = ipw.Text(description="state", continuous_update=False, style=PLAIN)
        self.shown, self.setting = None, False
        self._lay_out()
        self.show(settings, {})

    def _lay_out(self):
        for line in (self.state, self.plan):
            line.layout.width, line.layout.max_width = "512px", "100%"
        for box in self.inputs:
            box.layout.width, box.layout.margin = "auto", "2px 14px 2px 2px"
        for control in (*self.named.values(), self.layers, *self.widths):
            control.layout.width = "268px"

    def rows(self, buttons, more):
        """Return the panel's rows, with these buttons before all else, and one control more."""
        sized = [*self.named.values(), self.layers, *self.widths, more]
        return [in_rows([buttons, *self.inputs]), in_rows(sized), in_rows([self.state, self.plan])]

    def observe(self, changed, given):
        """Call `changed(field, value)` for a control that is moved, and `given(words)` for a state that is typed."""
        def tell(control, field, value):
            control.observe(lambda change: self.setting or changed(field, value(change["new"])), "value")

        for name, control in self.named.items():
            tell(control, name, lambda value: value)
        for box in self.inputs:
            tell(box, "features", lambda _: "".join("01"[box.value] for box in self.inputs))
        for control in (self.layers, *self.widths):
            tell(control, "hidden", lambda _: tuple(width.value for width in self.widths[: self.layers.value]))
        tell(self.plan, "changes", lambda words: words)
        self.state.observe(lambda change: self.setting or given(change["new"]), "value")

    def show(self, settings, now, by_hand=False):
        """Set every control to these `Settings`, with what is in force `now` in place of the start's."""
        shown = settings, dict(now), by_hand
        if shown == self.shown:
            return
        self.setting, self.shown = True, shown
        try:
            self._set(settings, {**settings._asdict(), **now})
            self.state.value = NO_STATE if by_hand else settings.encode()
        finally:
            self.setting = False

    def again(self):
        """Set every control back to what was shown last."""
        shown, self.shown = self.shown, None
        self.show(*shown)

    def _set(self, settings, values):
        for name, offered in OFFERED.items():
            options = tuple(sorted({*offered, values[name]}))
            if self.named[name].options != options:
                self.named[name].options = options
        self.named["seed"].max = max(99, settings.seed)
        for name, control in self.named.items():
            control.value = values[name]
        for box, bit in zip(self.inputs, settings.features):
            box.value = bit == "1"
        self.layers.value = len(settings.hidden)
        for l, width in enumerate(self.widths):
            width.layout.display = None if l < len(settings.hidden) else "none"
        for width, units in zip(self.widths, settings.hidden):
            width.value = units
        self.plan.value = schedule.written(settings.changes)
