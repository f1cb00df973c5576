"""Time for somebody else's code: what is limited is its own processor time, and that nobody waits for long.

`limited` ends what runs in Python, wherever it stands: in a helper, a comprehension, an object that is called. A loop
inside C cannot be ended from within; on Linux `in_a_copy` tries it in a copy of the process first, and ends that.
"""

import builtins
import contextlib
import mmap
import os
import signal
import sys
import sysconfig
import threading
import time
import warnings
from pathlib import Path

try:
    import resource
except ImportError:  # not on Windows
    resource = None

SECONDS = 2.0  # of processor time, for all samples together: after so long an answer is taken for one without end
PATIENCE = 4.0  # seconds of anything else, such as sleep
LETTERS = 4000  # that a copy may say: a pipe holds them all, and nobody waits for anybody
MEMORY = 4 * 2**30  # bytes that the copy may take beyond what is there already
LIBRARIES = (*{sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")},
             str(Path(__file__).parents[1]), "<frozen")

ENDED, TOO_LONG, WAITING, TOO_LARGE = "ended", "too long", "waiting", "too large"  # what became of an answer

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
            with alarm(patience, imports):
                yield
        finally:
            sys.settrace(before)


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
    signal.setitimer(signal.ITIMER_REAL, seconds)
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


# A copy of the process ------------------------------------------------------------------------------

def in_a_copy(action, seconds=None, patience=None):
    """Do an action in a copy of the process; return (how that ended, what it said: `action` returns a text).

    Whatever else it does is gone with the copy. Where no copy can be made, or it fails in a way of its own, it has
    ENDED, and said nothing: nothing is known against the action.
    """
    if not TRIES:
        return ENDED, ""
    with mmap.mmap(-1, 1) as importing, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are threads: the copy starts none
        ear, mouth = os.pipe()
        try:
            copy = os.fork()
        except OSError:
            os.close(ear)
            os.close(mouth)
            return ENDED, ""
        if copy == 0:
            Imports.flag = importing
            _be_the_copy(action, mouth)
        os.close(mouth)
        with open(ear, encoding="utf-8") as stream:
            if (stopped := _stopped(copy, importing, seconds or SECONDS, patience or PATIENCE)) is not None:
                return stopped, ""
            fate, _, text = stream.read().partition("\n")
            return fate or ENDED, text


def _be_the_copy(action, mouth):
    """Run the action, tell through a pipe how it ended, and end at once: nothing of the original is cleaned up."""
    fate, text = ENDED, ""
    try:
        torch = sys.modules.get("torch")
        if torch:
            torch.set_num_threads(1)  # its threads were not copied
        with open("/proc/self/statm", encoding="ascii") as file:
            taken = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, resource.RLIM_INFINITY))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        signal.set_wakeup_fd(-1)
        with Imports().counted():
            text = action() or ""
    except MemoryError:
        fate = TOO_LARGE
    except TookTooLong as error:
        fate = str(error)
    except BaseException:
        fate = ENDED  # the original will see for itself
    finally:
        with contextlib.suppress(BaseException):
            os.write(mouth, f"{fate}\n{text}".encode()[:LETTERS])
        os._exit(0)


def _stopped(copy, importing, seconds, patience):
    """Wait for a copy; kill it, if it computes or waits too long, imports apart, and return which, else None."""
    busy = idle = seen = 0.0
    last = time.monotonic()
    while not os.waitpid(copy, os.WNOHANG)[0]:
        now, (spent, state) = time.monotonic(), _processor_time(copy)
        if not importing[0]:
            idle, busy = idle + now - last, busy + spent - seen
        last, seen = now, spent
        if busy > seconds + 0.2 or idle > max(patience, seconds):
            os.kill(copy, signal.SIGKILL)
            os.waitpid(copy, 0)
            return WAITING if state in "SD" and busy < seconds else TOO_LONG
        time.sleep(0.001 if idle < 0.1 else 0.02)
    return None


def _processor_time(process):
    """Return the processor time of a process in seconds, and a letter: whether it runs (R) or sleeps (S, D)."""
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return 0.0, "Z"
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), fields[0]
