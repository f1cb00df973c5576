"""A notebook's code cells, run in one namespace, as they are or with a reader's change: for the proofs in `notebooks/`.

    book = run("02")
    assert book.names["steps"] == 37 and "✗" not in book.printed
    assert not run("00", {"N = 14": "N = 140"}).errors
"""

import ast
import contextlib
import io
import linecache
import os
import tempfile
import traceback
import warnings
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import matplotlib.pyplot as plt
import nbformat
import numpy as np

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


class Book(NamedTuple):
    """What has become of a run: the variables, what was printed, and the errors, one text each."""

    names: dict
    printed: str
    errors: list

    @property
    def broken(self):
        """The claims that do not hold."""
        return [line for line in self.printed.splitlines() if line.startswith("✗")]


def page(number, kinds=("code", "markdown")):
    """Return the cells of the notebook with this number, as texts."""
    book = nbformat.read(next(NOTEBOOKS.glob(f"{number}_*.ipynb")), as_version=4)
    return [cell.source for cell in book.cells if cell.cell_type in kinds]


def sources(number):
    """Return the code cells of the notebook with this number, as texts."""
    return page(number, ["code"])


@cache
def calls(number, function):
    """Return the arguments of every call of `function` in the notebook, as syntax trees."""
    tree = ast.parse("\n".join(sources(number)))
    return [node.args for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == function]


def value(node, names):
    """Return what an argument is worth where these names are known."""
    return eval(compile(ast.Expression(node), "<argument>", "eval"), names)


@cache
def captions(number):
    """Return what stands below the notebook's figures."""
    return [value(caption, run(number).names) for _, caption in calls(number, "show")]


@cache
def picture(number, words):
    """Draw the one figure of the notebook whose cell holds these words once more, and return its axes."""
    cell, = (source for source in sources(number) if words in source)
    kept = []
    exec(cell, {**run(number).names, "show": lambda ax, caption: kept.append(ax)})
    plt.close(np.ravel(kept[0])[0].figure)
    return kept[0]


def prose(number):
    """Return the notebook's text and captions, as one text."""
    return "\n".join(page(number, ["markdown"]) + captions(number))


def comes_before(number, *words):
    """Say whether the cells that hold these words, one each, stand in this order."""
    places = [[i for i, source in enumerate(page(number)) if part in source] for part in words]
    assert all(len(found) == 1 for found in places), places
    return places == sorted(places)


def run(number, changes=()):
    """Run a notebook as it is saved, or with `changes` {old text: new text}; each stands there exactly once."""
    return _run(number, tuple(dict(changes).items()))


@cache
def _run(number, changes):
    text = "\n# %%\n".join(sources(number))
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} stands in notebook {number} {text.count(old)} times, expected once"
        text = text.replace(old, new)
    names, printed, errors = {"__name__": "__main__"}, io.StringIO(), []
    with (tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(printed), warnings.catch_warnings(),
          mock.patch.dict(os.environ, {"LECTURE_PROGRESS": folder})):
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch")  # said to itself, in a kernel
        if changes:  # a warning stops no reader
            warnings.simplefilter("ignore")
        for i, source in enumerate(text.split("\n# %%\n")):
            try:
                exec(_compiled(source, f"<notebook {number}, cell {i}>"), names)
            except Exception:  # the next cells are run all the same, as after "Run All" by hand
                errors.append(traceback.format_exc())
            plt.close("all")
    return Book(names, printed.getvalue(), errors)


def _compiled(source, name):
    """Compile a cell so that its functions' sources can be read, as in a kernel."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    return compile(source, name, "exec")
