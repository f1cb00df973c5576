"""Somebody else's code, run with care: on copies of the arguments, in silence, for a limited time.

No exception gets out.
"""

import contextlib
import copy
import inspect
import io
import re
import sys
import time
import traceback

import numpy as np

from utils.checks import clock
from utils.checks.clock import ENDED, TOO_LONG, WAITING, TookTooLong, awaited, in_a_copy, limited
from utils.checks.results import is_close, keys_of, numbers
from utils.checks.source import reaches_outside

RUBBISH = 7.7e77  # what free memory is filled with before a call
PRINTED, MESSAGE = 200, 200  # letters that are kept of what an answer prints, and of an error's message


class TooLarge(Exception):
    """In place of the error of an answer that asks for more memory than there is."""


class Run:
    """One call of a function: what it returned or raised, what it printed, its arguments before and after."""

    def __init__(self, function, args, limit=contextlib.nullcontext):
        self.args, self.result, self.error, self.used, self.printed = args, None, None, None, ""
        self._call(function, copy.deepcopy(args), limit)
        torch = sys.modules.get("torch")
        if torch and self.error and not self.took_too_long:
            self._call_with_tensors(function, limit, torch)

    def _call_with_tensors(self, function, limit, torch):
        """Perhaps it is written for tensors: in double precision, or else in torch's own, single."""
        first = self.error, self.used, self.printed
        for dtype in (torch.float64, torch.float32):
            with default(torch, dtype):
                tensors = mapped(copy.deepcopy(self.args), lambda x, dtype=dtype: _tensor(x, torch, dtype))
                self._call(function, tensors, limit)
            if not self.error:
                return
        if not names_torch(function):
            self.error, self.used, self.printed = first

    def _call(self, function, args, limit):
        self.used, self.error, said = args, None, io.StringIO()
        if limit is not contextlib.nullcontext:  # a stranger's
            poison(self.args)
        try:
            with limit(), contextlib.redirect_stdout(said):
                self.result = function(*args)
        except (Exception, SystemExit, TookTooLong) as error:
            self.error = error
        self.printed = said.getvalue()[:PRINTED]

    @property
    def took_too_long(self):
        """Whether it had to be stopped."""
        return isinstance(self.error, TookTooLong)


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
    copied = clock.TRIES and not reaches_outside(function)
    fate = in_a_copy(lambda: _raise(runs_of(function, samples)))[0] if copied else ENDED
    if fate == ENDED:
        began = time.thread_time()
        left = lambda: max(0.1, clock.SECONDS - (time.thread_time() - began))  # noqa: E731
        return runs_of(function, samples, awaited if copied else lambda: limited(left()))
    run = Run(lambda *_: None, samples[0])
    run.error = {TOO_LONG: TookTooLong(), WAITING: TookTooLong(WAITING)}.get(
        fate, TooLarge("it asks for more memory than there is"))
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
    sizes = {x.size for x in leaves_of(args) if isinstance(x, np.ndarray)}
    for size in {*sizes, *(a * b for a in sizes for b in (2, 3)), *range(1, 33)}:
        spoilt = [np.full(size, RUBBISH) for _ in range(8)]  # numpy keeps a few small blocks of each size
        del spoilt


def leaves_of(value):
    """Yield what nested tuples, lists and dicts hold."""
    if isinstance(value, dict | tuple | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves_of(item)
    else:
        yield value


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
        theirs = ", ".join(inspect.signature(function).parameters)
        return f"Your function takes ({theirs}), expected ({', '.join(parameters)})."
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


# In words ------------------------------------------------------------------------------------------


def how_it_stopped(function, run):
    """Return a sentence on a run's error, with the line of the student's own code in which it arose."""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    frames = [frame for frame in traceback.extract_tb(run.error.__traceback__) if frame.filename == file]
    line = f", `{frames[-1].line}`," if frames and frames[-1].line else ""
    place = f" in line {frames[-1].lineno}{line}" if frames else ""
    message = ": ".join(filter(None, (type(run.error).__name__, plainly(run.error))))
    return f"It stopped{place} with {message}."


def variables_of(function, error):
    """Return the variables of a student's function where it stopped with an error, {} if that is not known."""
    code, found = getattr(function, "__code__", None), {}
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code is code:
            found = dict(frame.f_locals)
    return found


def plainly(error):
    """Return an error's message, cut short; NumPy's on matrix products in words that a beginner can read."""
    try:
        message = str(error).strip().rstrip(".")
    except Exception:  # a stranger's own class
        return ""
    sizes = re.search(r"matmul: .*\(size (\d+) is different from (\d+)\)", message)
    if sizes:
        return f"a matrix product (a, b) @ (c, d) needs b = c, and here they are {sizes[2]} and {sizes[1]}"
    return message if len(message) <= MESSAGE else f"{message[:MESSAGE]} …"


def briefly(value):
    """Return a value as text, of 40 characters at most; numbers with four digits."""
    try:
        return f"{value:.4g}" if isinstance(value, float) else repr(value)[:40]
    except Exception:  # whatever a stranger's object does
        return f"a {type(value).__name__}"


def in_words(parameters, args, short=False):
    """Return what a function was called with, as a sentence: small things by their values, arrays by their shapes.

    With `short`, nothing is said that would be long.
    """
    told = ", ".join(filter(None, map(_in_words, parameters, args)))
    return f" The arguments were {told}." if told and not (short and len(told) > 90) else ""


def _in_words(name, value):
    array = numbers(value)
    if array is None:
        known = getattr(value, "__name__", "<lambda>")
        return "" if known == "<lambda>" else f"{name} = {known}"
    if array.size > 6:
        return f"{name} {array.shape}"
    text = np.array2string(np.asarray(value), precision=4, separator=", ") if array.ndim else f"{array:g}"
    return f"{name} = {' '.join(text.split())}"
