"""The playground in motion: the loop that trains and draws while the kernel stays free."""

import asyncio
import signal
import threading
import time
from contextlib import contextmanager

from utils.widgets.piece import Piece


class Motion(Piece):
    """A piece that goes on by itself while its `play_button` says so: its `learner` trains, `update` draws."""

    PERIOD, BREATH = 0.039, 0.004  # seconds: from picture to picture, and how long it listens at least
    ASKING, LATE = 0.5, 0.4  # seconds: from question to question to the page, and until its answer is late
    PATIENCE = 1.0  # seconds: until a page that is late is sent a picture all the same
    cost = 0.0  # seconds that the last picture took, with the breath after it
    task = None  # the loop, while it plays
    playing = None  # of all of them, the one that is playing: one at a time

    def toggle(self):
        """Play, or pause."""
        if self.task is not None:
            self.pause()
            return
        if Motion.playing is not None:
            Motion.playing.pause()
        Motion.playing, self.play_button.description = self, "❚❚ Pause"
        self.task = asyncio.get_running_loop().create_task(self.run())

    def stop(self):
        """Stop at once; what was learned stays."""
        if self.task is not None:
            self.task.cancel()
            self._stopped()

    def pause(self):
        """Stop at once, and show what was learned."""
        if self.task is not None:
            self.stop()
            self.guarded(self.update)

    def _stopped(self):
        self.task, self.play_button.description = None, "▶ Play"
        if Motion.playing is self:
            Motion.playing = None

    async def run(self):
        """Train and draw in turns, leaving the kernel time to listen, until paused, interrupted or diverged."""
        try:
            with _heeding_interrupts():
                await self._go_on()
        except asyncio.CancelledError:
            return
        except Exception:
            self._stopped()
            raise
        self._stopped()
        self.guarded(self.update)

    async def _go_on(self):
        """A picture is due every `PERIOD`: the time to draw it is taken from the training, which keeps one epoch.

        If the page is late, because its network or its machine is slow, pictures are left out until it has caught up.
        """
        due = sent = time.perf_counter()
        while not self.learner.diverged:
            due = max(due + self.PERIOD, time.perf_counter())
            self.learner.run_epoch()
            while time.perf_counter() < due - self.cost and not self.learner.diverged:
                self.learner.run_epoch()
            began = time.perf_counter()
            if self.page and self.page.is_late(self.LATE) and began < sent + self.PATIENCE:
                await asyncio.sleep(self.BREATH)
                continue
            self.guarded(self.update)
            if self.page:
                self.page.ask(self.ASKING)
            await asyncio.sleep(self.BREATH)
            sent = time.perf_counter()
            self.cost = sent - began


@contextmanager
def _heeding_interrupts():
    """Let an interrupt pause whoever plays: between two cells, the kernel itself ignores it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(_pause))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _pause():
    if Motion.playing is not None:
        Motion.playing.pause()
