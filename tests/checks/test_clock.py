"""Time: what is limited is a student's own computing, wherever it stands; imports are free, and nobody waits long."""

import contextlib
import ctypes
import functools
import glob
import itertools
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from utils.checks import clock
from utils.checks.clock import CRASHED, ENDED, TOO_LARGE, TOO_LONG, TookTooLong, limited
from utils.checks.exercise import Exercise
from utils.checks.fork import in_a_copy

EXERCISE = Exercise(lambda x: 2 * x, [(np.arange(3.0),), (np.arange(4.0),)])
copies = pytest.mark.skipif(sys.platform != "linux", reason="a copy of the process can be made on Linux alone")


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(clock, "SECONDS", 0.2)
    monkeypatch.setattr(clock, "PATIENCE", 0.6)


@pytest.fixture
def tries(monkeypatch):
    monkeypatch.setattr(clock, "TRIES", True)


def helper(x):
    while True:
        x = x + 1


class Endless:
    def __call__(self, x):
        return [i for i in itertools.count() if i < 0]


def in_a_comprehension(x):
    return sum(1 for _ in iter(int, 1))


def in_its_own_exception(x):
    while True:
        try:
            while True:
                pass
        except:  # noqa: E722
            pass


class EndlessWhenForgotten:
    def __del__(self):
        while True:
            pass


def in_what_python_swallows(x):
    while True:
        EndlessWhenForgotten()


def in_a_callback(x):
    while True:
        weakref.ref(Forgotten(), lambda gone: helper(1))


class Forgotten:
    """Something that a weak reference can point to."""


def asleep(x):
    time.sleep(30)


def in_c(x):
    return sum(itertools.count())


LOOPS = "wrong", "Stopped after 0.2 seconds of computing: does a loop never end?", "no end"
SLEEPS = "wrong", "Stopped after 0.6 seconds of waiting: a check does not wait for a sleep, or for an input.", "waits"
PYTHON = [lambda x: helper(x), Endless(), functools.partial(helper), functools.lru_cache(lambda: helper(1)),
          in_a_comprehension, in_what_python_swallows, in_a_callback, asleep]


@pytest.mark.parametrize("endless", PYTHON, ids=range(len(PYTHON)))
def test_a_loop_without_end_is_stopped_wherever_it_stands(endless, short):
    began = time.monotonic()
    verdict = EXERCISE.verdict(lambda x: endless() if hasattr(endless, "cache_info") else endless(x))
    assert verdict[:3] == SLEEPS if endless is asleep else verdict[:3] == LOOPS
    assert time.monotonic() - began < 20  # on a machine that is busy; the sleep would take 30


@copies
@pytest.mark.parametrize("endless", [*PYTHON, in_c, in_its_own_exception], ids=range(len(PYTHON) + 2))
def test_a_copy_of_the_process_ends_what_cannot_be_ended_from_within(endless, short, tries):
    began = time.monotonic()
    verdict = EXERCISE.verdict(lambda x: endless() if hasattr(endless, "cache_info") else endless(x))
    assert verdict[:3] == SLEEPS if endless is asleep else verdict[:3] == LOOPS
    assert time.monotonic() - began < 20  # on a machine that is busy; the sleep would take 30


@copies
def test_a_copy_says_how_it_ended():
    clock.TRIES = True  # conftest puts it back
    assert in_a_copy(lambda: "a sentence") == (ENDED, "a sentence")
    assert in_a_copy(lambda: "ü" * 10_000)[0] == ENDED
    assert in_a_copy(lambda: 1 / 0) == (ENDED, "")
    assert in_a_copy(lambda: len(bytearray(2**40)) * "") == (TOO_LARGE, "")

    def too_long():
        raise TookTooLong

    assert in_a_copy(too_long) == (TOO_LONG, "")


@copies
def test_an_answer_that_wants_more_memory_than_there_is_is_told_so(tries):
    verdict = EXERCISE.verdict(lambda x: np.ones(2**36) if len(x) else x)
    assert verdict.sentence == "It cannot be run: it asks for more memory than there is."


@copies
def test_an_answer_that_ends_the_process_ends_a_copy_alone(tries):
    for end in (lambda x: os._exit(1), lambda x: ctypes.string_at(0), lambda x: os.kill(os.getpid(), 9)):
        assert EXERCISE.verdict(end).sentence == "It cannot be run: it ends the process in which it runs."
    assert in_a_copy(lambda: os._exit(7)) == (CRASHED, "")


@copies
def test_what_a_copy_has_begun_ends_with_it(tries):
    began = time.monotonic()
    assert in_a_copy(lambda: subprocess.Popen(["sleep", "77"]) and "done") == (ENDED, "done")
    assert time.monotonic() - began < 20  # on a machine that is busy; the sleep would take 30

    def is_left():
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if b"sleep\x0077" in pathlib.Path(path).read_bytes():
                    return True
        return False

    while is_left():
        assert time.monotonic() - began < 5
        time.sleep(0.01)


@copies
def test_a_lock_that_a_thread_holds_is_not_taken_for_a_sleep(tries, short):
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: 1).result() == 1
        assert EXERCISE.verdict(lambda x: pool.submit(lambda: 2 * x).result()).kind == "right"


def test_a_result_without_end_or_far_too_large_is_refused(short):
    parts = Exercise(lambda x: (x, 2 * x), [(np.arange(3.0),)], parts=("one", "two"))
    assert "two" in parts.verdict(lambda x: itertools.count()).sentence
    for large in (lambda x: list(range(2 * 10**6)), lambda x: range(10**9),
                  lambda x: np.broadcast_to(1.0, (9999, 9999))):
        assert "more than 1,000,000 entries" in EXERCISE.verdict(large).sentence
    assert "entries" in Exercise(lambda: 3).verdict(range(10**9)).sentence


@copies
def test_what_an_answer_does_outside_happens_once(tries):
    seen = []

    def noting(x):
        seen.append(len(x))
        return x + x

    assert EXERCISE.verdict(noting) and seen == [3, 4]


def test_an_import_is_free(short, tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text("import time\nend = time.thread_time() + 0.5\n"
                                                "while time.thread_time() < end: pass\n")
    monkeypatch.syspath_prepend(tmp_path)

    def importing(x):
        import slow_to_import  # noqa: F401

        return 2 * x

    for tries in (False, sys.platform == "linux"):
        monkeypatch.setattr(clock, "TRIES", tries)
        monkeypatch.delitem(sys.modules, "slow_to_import", raising=False)
        assert EXERCISE.verdict(importing).kind == "right"


def test_the_time_of_other_threads_does_not_count(short):
    done = threading.Event()

    def busy():
        while not done.is_set():
            pass

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        assert EXERCISE.verdict(lambda x: (time.sleep(0.05), 2 * x)[1])
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("endless", [helper, in_what_python_swallows, in_a_callback])
def test_an_answer_is_checked_in_any_thread(endless, short):
    found = []
    thread = threading.Thread(target=lambda: found.append(EXERCISE.verdict(endless).name), daemon=True)
    thread.start()
    thread.join(5)
    assert found == ["no end"]


def test_the_clock_puts_everything_back(short):
    before = signal.getsignal(signal.SIGALRM), sys.gettrace(), sys.unraisablehook, __builtins__["__import__"]
    EXERCISE.verdict(helper)
    with pytest.raises(TookTooLong), limited():
        helper(1)
    assert (signal.getsignal(signal.SIGALRM), sys.gettrace(), sys.unraisablehook, __builtins__["__import__"]) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
