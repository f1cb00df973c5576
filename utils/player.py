"""The playground's hands: its controls, and the loop that trains and draws while the kernel stays free."""

import asyncio
import time

import ipywidgets as ipw

from utils import board
from utils.learner import Learner
from utils.pieces import PLAIN, Piece, button, choice, count, in_rows, slider, switch
from utils.playground import DATA, DEEPEST, FEATURES, HIDDEN, TASKS, WIDEST, Settings, decode

RATES, BATCHES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0], [1, 2, 5, 10, 20, 50, 100, 500]
PENALTIES = [0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]


class Player(Piece):
    """A network that learns while it is watched; `widgets.playground` makes it."""

    REDRAW, BREATH = 0.05, 0.02  # seconds: how long it trains between two pictures, and listens after each

    playing = None  # of all of them, the one that is playing: one at a time

    def __init__(self, settings, own):
        self.own, self.learner, self.task, self._reading = own, Learner(settings, own), None, False
        self.inputs = [switch(name, bit == "1") for name, bit in zip(FEATURES, settings.features, strict=True)]
        widths = [*settings.hidden, *[4] * (DEEPEST - len(settings.hidden))]
        self.layers = count("hidden layers", len(settings.hidden), 0, DEEPEST)
        self.widths = [count(f"units in {l}", width, 1, WIDEST) for l, width in enumerate(widths, 1)]
        controls = {
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
        self.state = ipw.Text(settings.encode(), description="state", continuous_update=False, style=PLAIN,
                              layout=ipw.Layout(width="560px", max_width="100%"))
        self.play_button = button("▶ Play", self.toggle, "train until you press it again")
        buttons = ipw.HBox([self.play_button, button("Step", self.one_step, "one mini-batch"),
                            button("Epoch", self.one_epoch, "all mini-batches once"), button("↺ Reset", self.reset)])
        for box in self.inputs:
            box.layout = ipw.Layout(width="auto", margin="2px 14px 2px 2px")
        sized = [*controls.values(), self.layers, *self.widths]
        for control in sized:
            control.layout.width = "268px"
        rows = [in_rows([buttons, *self.inputs]), in_rows(sized), self.state]
        super().__init__(None, board.stages(), controls, rows=rows, hands="above", numbers="below")
        for control in (*self.inputs, self.layers, *self.widths):
            control.observe(self._moved, "value")
        self.state.observe(self._given, "value")
        self._show_widths()

    @property
    def settings(self):
        """What the controls say, as `Settings`."""
        bits = "".join("01"[box.value] for box in self.inputs)
        hidden = tuple(width.value for width in self.widths[: self.layers.value])
        return Settings(features=bits, hidden=hidden, **self.values)

    def update(self):
        """Show the learner as it is now."""
        self.play(board.scene(self.learner, thorough=self.task is None))

    def _moved(self, change):
        if not self._reading:
            self.guarded(lambda: self._follow(change["owner"]))

    def _follow(self, control):
        if not any(box.value for box in self.inputs):
            control.value = True  # one input has to stay
            return
        settings = self.settings
        self._show_widths()
        self._reading, self.state.value = True, settings.encode()
        self._reading = False
        if control in (self.controls["rate"], self.controls["batch"], self.controls["l2"]):
            self.learner.retune(settings)
        elif settings != self.learner.settings:
            self.learner = Learner(settings, self.own)
        self.update()

    def _show_widths(self):
        for l, width in enumerate(self.widths):
            width.layout.display = None if l < self.layers.value else "none"

    def _given(self, change):
        """A state has been typed or pasted: take it up, or say what does not fit and keep the old one."""
        if self._reading:
            return
        try:
            self.take(decode(change["new"]))
        except ValueError as error:
            self.complain(f"This state was not taken up: {error}.")

    def take(self, settings):
        """Set every control to `settings` and start anew."""
        learner = Learner(settings, self.own)
        self._reading = True
        try:
            for name in ("rate", "batch", "l2"):
                self.controls[name].options = _with(list(self.controls[name].options), getattr(settings, name))
            self.controls["seed"].max = max(99, settings.seed)
            for name, control in self.controls.items():
                control.value = getattr(settings, name)
            for box, bit in zip(self.inputs, settings.features, strict=True):
                box.value = bit == "1"
            self.layers.value = len(settings.hidden)
            for width, units in zip(self.widths, settings.hidden, strict=False):
                width.value = units
            self.state.value = settings.encode()
        finally:
            self._reading = False
        self._show_widths()
        self.learner = learner
        self.update()

    def one_step(self):
        """Take one mini-batch's step, and ask the whole ledger about it."""
        self.pause()
        self.guarded(lambda: (None if self.learner.diverged else self.learner.step(), self.update()))

    def one_epoch(self):
        """Take the steps of one epoch."""
        self.pause()
        self.guarded(lambda: (self.learner.run_epoch(), self.update()))

    def reset(self):
        """Start anew, with the same settings."""
        self.pause()
        self.learner = Learner(self.settings, self.own)
        self.guarded(self.update)

    def toggle(self):
        """Play, or pause."""
        if self.task is not None:
            self.pause()
            return
        if Player.playing is not None:
            Player.playing.pause()
        Player.playing, self.play_button.description = self, "❚❚ Pause"
        self.task = asyncio.get_running_loop().create_task(self.run())

    def pause(self):
        """Stop at once; what was learned stays."""
        if self.task is not None:
            self.task.cancel()
            self._stopped()
            self.guarded(self.update)

    def _stopped(self):
        self.task, self.play_button.description = None, "▶ Play"
        if Player.playing is self:
            Player.playing = None

    async def run(self):
        """Train and draw in turns, leaving the kernel time to listen, until paused or diverged."""
        try:
            while not self.learner.diverged:
                until = time.perf_counter() + self.REDRAW
                while time.perf_counter() < until:
                    self.learner.run_epoch()
                self.guarded(self.update)
                await asyncio.sleep(self.BREATH)
        except asyncio.CancelledError:
            return
        except Exception:
            self._stopped()
            raise
        self._stopped()
        self.guarded(self.update)


def _with(options, value):
    return sorted({*options, value})
