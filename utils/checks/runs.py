"""Somebody else's code, run with care: on copies of the arguments, in silence, for a limited time.

No exception gets out.
"""

import asyncio
import contextlib
import copy
import inspect
import io
import re
import sys
import time

import numpy as np

from utils.checks import clock
from utils.checks.clock import ENDED, TOO_LARGE, TOO_LONG, WAITING, TookTooLong, awaited, limited
from utils.checks.fork import in_a_copy
from utils.checks.results import is_close, keys_of, leaves, numbers

RUBBISH = 7.7e77  # what free memory is filled with before a call
ENTRIES = 1_000_000  # that a result may have
PRINTED, MESSAGE = 200, 200  # letters that are kept of what an answer prints, and of an error's message


class TooLarge(Exception):
    """In place of the error of an answer that cannot be run here: it asks for too much, or ends the process."""


class Run:
    """One call of a function: what it returned or raised, what it printed, its arguments before and after."""

    def __init__(self, function, args, limit=contextlib.nullcontext):
        self.args, self.result, self.error, self.used = args, None, None, None
        self.printed = self.message = ""
        self._call(function, copy.deepcopy(args), limit)
        torch = sys.modules.get("torch")
        if torch and self.error and not self.took_too_long:
            self._call_with_tensors(function, limit, torch)

    def _call_with_tensors(self, function, limit, torch):
        """Perhaps it is written for tensors: in double precision, or else in torch's own, single."""
        first = self.error, self.used, self.printed, self.message
        for dtype in (torch.float64, torch.float32):
            with default(torch, dtype):
                tensors = mapped(copy.deepcopy(self.args), lambda x, dtype=dtype: _tensor(x, torch, dtype))
                self._call(function, tensors, limit)
            if not self.error:
                return
        if not names_torch(function):
            self.error, self.used, self.printed, self.message = first

    def _call(self, function, args, limit):
        self.used, self.error, said = args, None, io.StringIO()
        if limit is not contextlib.nullcontext:  # a stranger's
            poison(self.args)
        try:
            with limit(), contextlib.redirect_stdout(said):
                self.result = function(*args)
            if entries(self.result) > ENTRIES:
                raise TooLarge(f"the result has more than {ENTRIES:,} entries")
        except (Exception, SystemExit, GeneratorExit, asyncio.CancelledError, TookTooLong) as error:
            self.error, self.result = error, None
            self.message = _message(error, limit)
        self.printed = said.getvalue()[:PRINTED]

    @property
    def took_too_long(self):
        """Whether it had to be stopped."""
        return isinstance(self.error, TookTooLong)


def entries(value):
    """Return about how many numbers a result holds, without looking at each."""
    if isinstance(value, dict | tuple | list | range):
        inner = list(value.values() if isinstance(value, dict) else value) if len(value) <= 1000 else []
        return max(len(value), sum(map(entries, inner)))
    try:
        return int(np.prod(np.shape(value))) if hasattr(value, "shape") else 1
    except Exception:  # a stranger's object
        return 1


def _message(error, limit):
    """Return an error's message: a stranger's own class may loop in it."""
    try:
        with limit():
            return plainly(error)
    except (Exception, TookTooLong):
        return ""


def plainly(error):
    """Return an error's message, cut short; NumPy's on matrix products in words that a beginner can read."""
    message = str(error).strip().rstrip(".")
    sizes = re.search(r"matmul: .*\(size (\d+) is different from (\d+)\)", message)
    if sizes:
        return f"a matrix product (a, b) @ (c, d) needs b = c, and here they are {sizes[2]} and {sizes[1]}"
    return message if len(message) <= MESSAGE else f"{message[:MESSAGE]} …"


def runs_of(function, samples, limit=contextlib.nullcontext):
    """Return a `Run` for each sample of arguments; after one that took too long, no more."""
    runs = []
    for args in samples:
        runs.append(Run(function, args, limit))
        if runs[-1].took_too_long:
            break
    return runs


def tried(function, samples):
    """Return a `Run` for each sample, of a stranger's code.

    It is tried in a copy of the process first, where that can be: for a loop inside C can be ended only from outside.
    What has come to an end there need not be watched step by step, which costs more than the step.
    """
    fate = in_a_copy(lambda: _raise(runs_of(function, samples)))[0]
    if fate in (ENDED, WAITING):  # for a lock that a thread holds, a copy waits in vain
        began = time.thread_time()
        left = lambda: max(0.1, clock.SECONDS - (time.thread_time() - began))  # noqa: E731
        known = clock.TRIES and fate == ENDED
        return runs_of(function, samples, awaited if known else lambda: limited(left()))
    run = Run(lambda *_: None, samples[0])
    run.error = TookTooLong() if fate == TOO_LONG else TooLarge(
        "it asks for more memory than there is" if fate == TOO_LARGE else "it ends the process in which it runs")
    return [run]


def _raise(runs):
    """Raise what ends a process, if one of the runs has met with it."""
    for run in runs:
        if isinstance(run.error, MemoryError):
            raise run.error


@contextlib.contextmanager
def default(torch, dtype):
    """Let new tensors be of this precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def poison(args):
    """Fill the memory that is free next with numbers that are nobody's answer: np.empty shall not find an old one."""
    sizes = {x.size for x in leaves(args).values() if isinstance(x, np.ndarray)}
    for size in {*sizes, *(a * b for a in sizes for b in (2, 3)), *range(1, 33)}:
        spoilt = [np.full(size, RUBBISH) for _ in range(8)]  # numpy keeps a few small blocks of each size
        del spoilt


def mapped(value, change):
    """Return a copy of nested tuples, lists and dicts with every NumPy array changed."""
    if isinstance(value, dict):
        return {key: mapped(item, change) for key, item in value.items()}
    if isinstance(value, tuple | list):
        parts = [mapped(item, change) for item in value]
        return value._make(parts) if hasattr(value, "_make") else type(value)(parts)
    return change(value) if isinstance(value, np.ndarray) else value


def _tensor(x, torch, dtype):
    tensor = torch.from_numpy(x)
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def names_torch(function):
    """Say whether a function's own code mentions torch."""
    return "torch" in getattr(getattr(function, "__code__", None), "co_names", ())


def misfit(function, args, parameters):
    """Return a sentence on a function that cannot be called with these arguments, or ''."""
    try:
        inspect.signature(function).bind(*args)
    except TypeError:
        theirs = str(inspect.signature(function))
        return f"Your function takes {theirs}, expected ({', '.join(parameters)})."
    except ValueError:  # a built-in function does not tell
        pass
    return ""


def changed(run, parameters):
    """Return the names of arguments that are no longer what they were."""
    return [name for name, before, after in zip(parameters, run.args, run.used, strict=False)
            if not unchanged(before, after)]


def unchanged(before, after):
    """Say whether nested arrays are what they were; functions among them are left out."""
    if isinstance(before, dict | tuple | list):
        return keys_of(before) == keys_of(after) and all(
            unchanged(before[key], after[key]) for key in keys_of(before) if not callable(before[key]))
    return numbers(before) is None or is_close(after, before, rtol=1e-6)
