"""The catalogue of exercises: a module for each notebook, with a `lesson` and the exercises by their names.

Two notebooks have many; those of their first half stand in a module of their own: `walks`, `loops`.

A solution is what `.solution()` prints. It may use what its notebook has imported, and nothing else, and so may the
mistakes: a notebook can be filled in with either. A mistake's docstring is what the student who makes it reads.
"""

from importlib import import_module

MODULES = ("learning", "derivatives", "descent", "forward", "units", "rows", "backward", "downhill", "autograd",
           "training", "machines")


def lessons():
    """Return the lessons of the series, in the order of the notebooks."""
    return [import_module(f"{__name__}.{name}").lesson for name in MODULES]
