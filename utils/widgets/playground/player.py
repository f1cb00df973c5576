"""The playground in motion: the loop that trains and draws while the kernel stays free."""

import asyncio
import time

import ipywidgets as ipw

from utils.widgets.piece import Piece, button
from utils.widgets.playground import board
from utils.widgets.playground.learner import Learner
from utils.widgets.playground.panel import Panel
from utils.widgets.playground.settings import decode


class Player(Piece):
    """A network that learns while it is watched; `widgets.playground` makes it."""

    REDRAW, BREATH = 0.05, 0.02  # seconds: how long it trains between two pictures, and listens after each

    playing = None  # of all of them, the one that is playing: one at a time

    def __init__(self, settings, own):
        self.own, self.learner, self.task = own, Learner(settings, own), None
        self.panel = Panel(settings, own)
        self.play_button = button("▶ Play", self.toggle, "train until you press it again")
        buttons = ipw.HBox([self.play_button, button("Step", self.one_step, "one mini-batch"),
                            button("Epoch", self.one_epoch, "all mini-batches once"), button("↺ Reset", self.reset)])
        super().__init__(None, board.stages(), {}, rows=self.panel.rows(buttons), hands="above", numbers="below")
        self.controls = self.panel.named
        self.panel.observe(lambda control: self.guarded(lambda: self._follow(control)), self._given)

    @property
    def settings(self):
        """What the controls say, as `Settings`."""
        return self.panel.settings

    def update(self):
        """Show the learner as it is now."""
        self.play(board.scene(self.learner, thorough=self.task is None))

    def _follow(self, control):
        """A control has been moved: go on with another rate, or begin with another network or other data."""
        if control in [self.panel.named[name] for name in ("rate", "batch", "l2")]:
            self.learner.retune(self.settings)
        elif self.settings != self.learner.settings:
            self.learner = Learner(self.settings, self.own)
        self.update()

    def _given(self, words):
        """A state has been typed or pasted: take it up, or say what does not fit and keep the old one."""
        try:
            self.take(decode(words))
        except ValueError as error:
            self.complain(f"This state was not taken up: {error}.")

    def take(self, settings):
        """Set every control to `settings` and start anew."""
        learner = Learner(settings, self.own)
        self.panel.set(settings)
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
