"""A copy of the process, in which a stranger's code is tried: it can be ended, whatever it does. On Linux alone."""

import contextlib
import mmap
import os
import signal
import sys
import time
import warnings

from utils.checks import clock
from utils.checks.clock import CRASHED, ENDED, TOO_LARGE, TOO_LONG, WAITING, Imports, TookTooLong

try:
    import resource
except ImportError:  # not on Windows
    resource = None

IMPORTING = 60.0  # seconds for imports, which are free up to here
LETTERS = 4000  # that a copy may say: a pipe holds them all, and nobody waits for anybody
MEMORY = 4 * 2**30  # bytes that the copy may take beyond what is there already


def in_a_copy(action, seconds=None, patience=None):
    """Do an action in a copy of the process; return (how that ended, what it said: `action` returns a text).

    Whatever else it does is gone with the copy. Where no copy can be made, or it fails in a way of its own, it has
    ENDED, and said nothing: nothing is known against the action.
    """
    if not clock.TRIES:
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
        try:
            fate = _wait_for(copy, importing, seconds or clock.SECONDS, patience or clock.PATIENCE)
            os.set_blocking(ear, False)  # a process that the copy has begun may still hold the other end
            with contextlib.suppress(BlockingIOError):
                told, _, text = os.read(ear, LETTERS).decode(errors="ignore").partition("\n")
                return (fate, "") if fate != ENDED else (told or ENDED, text)
            return fate, ""
        finally:
            os.close(ear)


def _be_the_copy(action, mouth):
    """Run the action, tell through a pipe how it ended, and end at once: nothing of the original is cleaned up."""
    fate, text = ENDED, ""
    try:
        os.setsid()  # what it begins is ended with it
        torch = sys.modules.get("torch")
        if torch:
            torch.set_num_threads(1)  # its threads were not copied
        with open("/proc/self/statm", encoding="ascii") as file:
            taken = int(file.read().split()[0]) * resource.getpagesize()
        most = resource.getrlimit(resource.RLIMIT_AS)[1]
        enough = taken + MEMORY if most == resource.RLIM_INFINITY else min(taken + MEMORY, most)
        resource.setrlimit(resource.RLIMIT_AS, (enough, most))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        for stream in (sys.stdout, sys.stderr):  # in a notebook, they have a way of their own
            with contextlib.suppress(AttributeError):
                stream.write, stream.flush = lambda text: len(text), lambda: None
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


def _wait_for(copy, importing, seconds, patience):
    """Wait for a copy, and return what became of it; end it, if it computes or waits too long, imports apart."""
    began = time.monotonic()
    fate, waited, seen, free = None, 0.0, 0.0, 0.0
    last = began
    try:
        while fate is None:
            done, status = _ended(copy)
            if done:
                return ENDED if status == 0 else CRASHED
            now, (spent, state) = time.monotonic(), _processor_time(copy)
            if importing[0]:
                free, seen, began = free + now - last, spent, began + now - last
            elif state in "SD":
                waited += now - last
            last = now
            if spent - seen > seconds + 0.2:
                fate = TOO_LONG
            elif waited > patience or free > IMPORTING or now - began > 4 * seconds + patience:
                fate = WAITING if waited > patience / 2 else TOO_LONG
            time.sleep(0.001 if now - began < 0.1 else 0.02)
        return fate
    finally:
        for end in (os.killpg, os.kill):  # before it has a group of its own, there is only itself
            with contextlib.suppress(OSError):
                end(copy, signal.SIGKILL)
        if fate is not None or sys.exc_info()[0]:
            _ended(copy, 0)


def _ended(copy, options=None):
    """Return whether a copy has ended, and its status; where somebody else has waited for it, 0."""
    try:
        done, status = os.waitpid(copy, os.WNOHANG if options is None else options)
    except ChildProcessError:
        return True, 0
    return bool(done), status


def _processor_time(process):
    """Return the processor time of a process in seconds, and a letter: whether it runs (R) or sleeps (S, D)."""
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return 0.0, "Z"
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), fields[0]
