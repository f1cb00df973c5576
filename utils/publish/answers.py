"""What a notebook answers to each exercise, and which of its cells an answer needs; found by reading, nothing is run.

An answer is what the last `ex.NAME.check(…)` takes, or `my_NAME`. It needs the cells, up to its check, that make or
change the names in it, and those that these need in turn: figures and trainings are left out, and whatever else is
nobody's answer.
"""

import ast
import re
import symtable
from typing import NamedTuple

from IPython.core.inputtransformer2 import TransformerManager

SHOWS = {"agree", "check", "claim", "display", "hint", "print", "show", "summary", "table"}  # and changes nothing
TIMED = re.compile(r"\A\s*%%(time|timeit|capture|prun)\b")  # above a cell of Python
HEAD = re.compile(r"^(?:async +def +|def +|class +)?(\w+)\s*[=(:]", re.MULTILINE)


class Cell(NamedTuple):
    """A cell as Python, its tree (None, where it is no Python), the names that it makes or changes, and that it uses.

    `makes_any` is whether it may make names that are not in its text: `from numpy import *`.
    """

    source: str
    tree: ast.Module | None
    makes: frozenset
    uses: frozenset
    makes_any: bool = False


class Answer(NamedTuple):
    """An answer to an exercise: an expression, the number of the cell after which it counts, that of its own cell."""

    exercise: str
    expression: str
    at: int
    cell: int


def cell_of(source):
    """Return the `Cell` of what stands in a notebook; `%magic` and `!commands` become calls of `get_ipython`."""
    try:
        source = TransformerManager().transform_cell(TIMED.sub("#", source))
        tree, table = ast.parse(source), symtable.symtable(source, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Cell(source, None, frozenset(HEAD.findall(source)), frozenset())
    makes = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    inner = [symbol for part in _tables(table) for symbol in part.get_symbols()]
    uses = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    uses |= {symbol.get_name() for symbol in inner if symbol.is_referenced() and symbol.is_global()}
    given = {symbol.get_name() for symbol in inner if symbol.is_declared_global() and symbol.is_assigned()}
    uses |= makes if given else set()  # whoever calls a function with a `global` in it makes that name
    star = any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree))
    return Cell(source, tree, frozenset(makes | given | _changed(tree)), frozenset(uses), star)


def _tables(table):
    yield table
    for inner in table.get_children():
        yield from _tables(inner)


def _changed(tree):
    """Return the names whose parts are given another value, or that take part in a call whose result nobody keeps."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            names.add(_root(node))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            function = node.value.func
            if getattr(function, "attr", getattr(function, "id", "")) not in SHOWS:
                names |= {_root(function), *(part.id for part in node.value.args if isinstance(part, ast.Name))}
    return names - {""}


def _root(node):
    """Return the name that `name.part[…].part` begins with, or ''."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def answer_to(exercise, cells):
    """Return the `Answer` to an exercise that is in these cells, or None."""
    expression, at = f"my_{exercise}", -1
    for number, cell in enumerate(cells):
        for found in _checks(cell, exercise):
            expression, at = found, number
    makers = [number for number, cell in enumerate(cells) if cell.makes & _names(expression)]
    if not makers and expression.isidentifier():
        return None
    at = makers[-1] if at == -1 else max([at, *makers[:1]])
    return Answer(exercise, expression, at, max((number for number in makers if number <= at), default=at))


def _checks(cell, exercise):
    """Yield the argument of each check of an exercise in a cell: `ex.NAME.check(argument)`, `NAME.check(argument)`."""
    for node in ast.walk(cell.tree) if cell.tree and ".check(" in cell.source else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "check":
            name = node.func.value
            if exercise in (getattr(name, "attr", ""), getattr(name, "id", "")) and node.args:
                yield ast.unparse(node.args[0])


def _names(expression):
    return {node.id for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Name)}


def needed(answer, cells):
    """Return the numbers of the cells that an answer needs."""
    found, names = set(), _names(answer.expression)
    while True:
        more = {number for number, cell in enumerate(cells[:answer.at + 1])
                if number not in found and (cell.makes & names or cell.makes_any)}
        if not more:
            return found
        found |= more
        names = names.union(*(cells[number].uses for number in more))
