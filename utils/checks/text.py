"""An exercise as text: what a student finds in its cell, and what the solution looks like there."""

import inspect
import re
from textwrap import dedent


def source_of(exercise, function):
    """Return the source of a function as a student would write it: my_… = … for a question, or def my_…

    Raises OSError where there is no source, as in a sealed edition.
    """
    if exercise.is_question and function is not exercise.reference:
        return f"my_{exercise.name} = {function()!r}"
    lines = inspect.getsource(function)
    text = dedent(lines[re.search(r"^ *def ", lines, re.MULTILINE).start():]).rstrip()
    if exercise.is_question:
        return f"my_{exercise.name} = {text.rpartition('return ')[2]}"
    return text.replace(f"def {function.__name__}(", f"def my_{exercise.name}(", 1)


def blank_of(exercise):
    """Return what a student finds in the cell: the code that is given, or a head and dots for an answer."""
    if exercise.given:
        return source_of(exercise, exercise.given)
    doc = inspect.getdoc(exercise.reference)
    if exercise.is_question:
        return f"my_{exercise.name} = ...     # {doc}"
    head = f'def my_{exercise.name}({", ".join(exercise.parameters)}):\n    """{doc}"""\n'
    parts = exercise.parts
    if not parts or set(parts) & set(exercise.parameters):
        return head + "    ..."
    return head + "".join(f"    {part} = ...\n" for part in parts) + f"    return {', '.join(parts)}"


def sentence_of(mistake):
    """Return a mistake's docstring as one line: what the student who makes it reads."""
    return " ".join(inspect.getdoc(mistake).split())


def say(*lines):
    """Print the lines that are not empty, on a terminal, too, that knows few letters."""
    text = "\n".join(filter(None, lines)).encode(errors="replace").decode()
    try:
        print(text)
    except UnicodeEncodeError:
        print(text.encode("ascii", "replace").decode())
