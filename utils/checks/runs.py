"""Somebody else's code, run with care: on copies of the arguments, in silence, for a limited time.

No exception gets out.
"""

import contextlib
import copy
import dis
import inspect
import io
import re
import sys
import time
import traceback

import numpy as np

from utils.checks.results import is_close, keys_of, numbers

SECONDS = 2.0  # after so long an answer is taken for a loop that never ends


class TookTooLong(BaseException):
    """Raised inside a student's function that does not come to an end."""


class Run:
    """One call of a function: what it returned, or what it raised, and its arguments before and after."""

    def __init__(self, function, args):
        self.args, self.result, self.error, self.used = args, None, None, None
        self._call(function, copy.deepcopy(args))
        torch = sys.modules.get("torch")
        if torch and self.error and not self.took_too_long:  # perhaps it is written for tensors
            first, used = self.error, self.used
            self._call(function, mapped(copy.deepcopy(args), torch.from_numpy))
            if self.error and not names_torch(function):
                self.error, self.used = first, used

    def _call(self, function, args):
        self.used, self.error = args, None
        try:
            with time_limit(function), contextlib.redirect_stdout(io.StringIO()):
                self.result = function(*args)
        except (Exception, SystemExit, TookTooLong) as error:
            self.error = error

    @property
    def took_too_long(self):
        """Whether it had to be stopped."""
        return isinstance(self.error, TookTooLong)

    def is_blank(self, function):
        """Say whether something is still to be filled in: a `...` came out or got in the way, or nothing is done."""
        if self.error:
            return isinstance(self.error, NotImplementedError) or "ellipsis" in str(self.error) or waits(function)
        return has_ellipsis(self.result) or (self.result is None and does_nothing(function))


def runs_of(function, samples):
    """Return a `Run` for each sample of arguments; after one that took too long, no more."""
    runs = []
    for args in samples:
        runs.append(Run(function, args))
        if runs[-1].took_too_long:
            break
    return runs


def has_ellipsis(value):
    """Say whether there is a `...` in a result."""
    if isinstance(value, dict | tuple | list):
        return any(map(has_ellipsis, value.values() if isinstance(value, dict) else value))
    return value is ...


def waits(function):
    """Say whether a function's own code uses a `...`, as one does that is half filled in."""
    return Ellipsis in getattr(getattr(function, "__code__", None), "co_consts", ())


def does_nothing(function):
    """Say whether a function's body is empty, but for a docstring, `pass` or `...`."""
    return steps(function) == steps(lambda: None)


def steps(function):
    """Return the names of a function's instructions, or None for one that is not written in Python."""
    code = getattr(function, "__code__", None)
    return code and [step.opname for step in dis.get_instructions(code)]


def mapped(value, change):
    """Return a copy of nested tuples, lists and dicts with every NumPy array changed."""
    if isinstance(value, dict):
        return {key: mapped(item, change) for key, item in value.items()}
    if isinstance(value, tuple | list):
        parts = [mapped(item, change) for item in value]
        return value._make(parts) if hasattr(value, "_make") else type(value)(parts)
    return change(value) if isinstance(value, np.ndarray) else value


def names_torch(function):
    """Say whether a function's own code mentions torch."""
    return "torch" in getattr(getattr(function, "__code__", None), "co_names", ())


@contextlib.contextmanager
def time_limit(function):
    """Raise TookTooLong in a function whose own code runs on and on; a debugger gets its trace back."""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    end, before = time.monotonic() + SECONDS, sys.gettrace()

    def in_frame(frame, event, argument):
        if frame.f_code.co_filename != file:
            return None
        frame.f_trace_opcodes = True  # a loop that stays in its line makes no events of lines
        return in_code

    def in_code(frame, event, argument):
        if time.monotonic() > end:
            raise TookTooLong
        return in_code

    sys.settrace(in_frame)
    try:
        yield
    finally:
        sys.settrace(before)


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


def how_it_stopped(function, runs, parameters):
    """Return a sentence on the first error, with the line of the student's own code in which it arose, or ''."""
    run = next((run for run in runs if run.error), None)
    if run is None:
        return ""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    frames = [frame for frame in traceback.extract_tb(run.error.__traceback__) if frame.filename == file]
    line = f", `{frames[-1].line}`," if frames and frames[-1].line else ""
    place = f" in line {frames[-1].lineno}{line}" if frames else ""
    message = ": ".join(filter(None, (type(run.error).__name__, plainly(run.error))))
    return f"It stopped{place} with {message}.{in_words(parameters, run.args)}"


def plainly(error):
    """Return an error's message; NumPy's on matrix products in words that a beginner can read."""
    sizes = re.search(r"matmul: .*\(size (\d+) is different from (\d+)\)", str(error))
    if sizes:
        return f"a matrix product (a, b) @ (c, d) needs b = c, and here they are {sizes[2]} and {sizes[1]}"
    return str(error).strip().rstrip(".")


def alone(value):
    """Return the number in an array or a list of one number, and anything else as it is."""
    array = numbers(value)
    return array.item() if array is not None and array.ndim and array.size == 1 else value


def briefly(value):
    """Return a value as text, of 40 characters at most; numbers with four digits."""
    try:
        return f"{value:.4g}" if isinstance(value, float) else repr(value)[:40]
    except Exception:  # whatever a stranger's object does
        return f"a {type(value).__name__}"


def borrowed(function):
    """Return a sentence on numbers and arrays from outside that a function uses, or ''."""
    code, outside = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    names = [name for name in getattr(code, "co_names", ()) if numbers(outside.get(name)) is not None]
    return f" Your function uses {', '.join(names)} from outside, not from its arguments." if names else ""


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
    return f"{name} = {np.array2string(np.asarray(value), precision=4, separator=', ') if array.ndim else f'{array:g}'}"


def unchanged(before, after):
    """Say whether nested arrays are what they were; functions among them are left out."""
    if isinstance(before, dict | tuple | list):
        return keys_of(before) == keys_of(after) and all(
            unchanged(before[key], after[key]) for key in keys_of(before) if not callable(before[key]))
    return numbers(before) is None or is_close(after, before, rtol=1e-12)
