"""What happened in a run, in words: where it stopped, with which arguments."""

import traceback

import numpy as np

from utils.checks.results import numbers


def how_it_stopped(function, run):
    """Return a sentence on a run's error, with the line of the student's own code in which it arose."""
    frame = place_of(function, run.error)
    line = f", `{frame.line}`," if frame and frame.line else ""
    place = f" in line {frame.lineno}{line}" if frame else ""
    message = ": ".join(filter(None, (type(run.error).__name__, run.message)))
    return f"It stopped{place} with {message}."


def place_of(function, error):
    """Return where in the student's own code an error arose, with its `lineno` and `line`, or None."""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return frames[-1] if frames else None


def variables_of(function, error):
    """Return the variables of a student's function where it stopped with an error, {} if that is not known."""
    code, found = getattr(function, "__code__", None), {}
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code is code:
            found = dict(frame.f_locals)
    return found


def briefly(value):
    """Return a value as text, of 40 characters at most; numbers with four digits."""
    try:
        value = tuple(value) if isinstance(value, tuple) else value  # one with names, too
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
    text = np.array2string(np.asarray(value), separator=", ", formatter={"float_kind": "{:.4g}".format})
    return f"{name} = {' '.join(text.split()) if array.ndim else f'{array:g}'}"
