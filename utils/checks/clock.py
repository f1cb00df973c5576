"""Time for somebody else's code: what is limited is its own processor time, and that nobody waits for long.

`limited` ends what runs in Python, wherever it stands: in a helper, a comprehension, an object that is called. A loop
inside C cannot be ended from within; on Linux, `fork` tries it in a copy of the process first, and ends that.
"""

import builtins
import contextlib
import signal
import sys
import sysconfig
import threading
import time
from pathlib import Path

SECONDS = 2.0  # of processor time, for all samples together: after so long an answer is taken for one without end
PATIENCE = 2.0  # seconds of anything else, such as sleep; a lock may wait in a copy alone, and is tried twice
LIBRARIES = (*{sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")},
             str(Path(__file__).parents[1]), "<frozen")

ENDED, TOO_LONG, WAITING = "ended", "too long", "waiting"  # what became of an answer
TOO_LARGE, CRASHED = "too large", "crashed"

TRIES = sys.platform == "linux"  # whether code that is new is tried in a copy of the process


class TookTooLong(BaseException):
    """Raised inside code that does not come to an end, by computing or by waiting; no `except Exception` catches it."""

    def __str__(self):
        return WAITING if self.args else TOO_LONG


class Imports:
    """A clock that runs while something is imported: processor time and seconds so far, without the import at hand."""

    flag = bytearray(1)  # 1 while something is imported

    def __init__(self):
        self.depth, self.spent, self.passed = 0, 0.0, 0.0

    @contextlib.contextmanager
    def counted(self):
        """Count the imports in the block: the outermost of each nest."""
        plain = builtins.__import__

        def counting(*args, **options):
            self.depth += 1
            self.flag[0] = 1
            spent, passed = time.thread_time(), time.monotonic()
            try:
                return plain(*args, **options)
            finally:
                self.depth -= 1
                if not self.depth:
                    self.flag[0] = 0
                    self.spent += time.thread_time() - spent
                    self.passed += time.monotonic() - passed

        builtins.__import__ = counting
        try:
            yield self
        finally:
            builtins.__import__ = plain


@contextlib.contextmanager
def limited(seconds=None, patience=None):
    """Raise TookTooLong in the block once its code has had its time; a debugger gets its trace back."""
    seconds, patience = seconds or SECONDS, patience or PATIENCE
    before, started, began = sys.gettrace(), time.thread_time(), time.monotonic()
    with Imports().counted() as imports:

        def look():
            passed = time.monotonic() - began - imports.passed
            if imports.depth or passed < min(seconds, patience):
                return
            spent = time.thread_time() - started - imports.spent
            if spent > seconds or passed > patience:
                raise TookTooLong if spent > seconds / 4 else TookTooLong(WAITING)

        def enter(frame, event, argument):
            look()
            if frame.f_code.co_filename.startswith(LIBRARIES):
                return None
            frame.f_trace_opcodes = True  # a loop that stays in its line makes no events of lines
            return go_on

        def go_on(frame, event, argument):
            look()
            return go_on

        sys.settrace(enter)
        try:
            with kept_up(enter), alarm(patience, imports):
                yield
        finally:
            sys.settrace(before)


@contextlib.contextmanager
def kept_up(trace):
    """Go on tracing where Python swallows TookTooLong and ends the trace: in `__del__`, in a callback of weakref."""
    before, mine = sys.unraisablehook, threading.get_ident()

    def hook(swallowed):
        here = threading.get_ident() == mine
        if here:
            sys.settrace(None)  # nothing is raised in what tells of other exceptions
        if not isinstance(swallowed.exc_value, TookTooLong):
            before(swallowed)
        if here:
            sys.settrace(trace)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextlib.contextmanager
def alarm(seconds, imports=None):
    """Raise TookTooLong after so many seconds, in the middle of a sleep, too, where the system can."""
    can = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not can:
        yield
        return

    began = time.thread_time()

    def ring(number, frame):
        if imports and imports.depth:  # later
            signal.setitimer(signal.ITIMER_REAL, seconds)
            return
        raise TookTooLong if time.thread_time() - began > seconds / 4 else TookTooLong(WAITING)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)  # again, if it is caught
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def awaited():
    """Raise TookTooLong after PATIENCE, imports apart, in a block that has come to an end before, in a copy."""
    with Imports().counted() as imports, alarm(PATIENCE, imports):
        yield
