"""A student's function as text: its tree, its lines as in the cell, what it uses, and what is still open in it."""

import ast
import builtins
import dis
import inspect
import types
from textwrap import dedent
from typing import NamedTuple

OUTSIDE = {"open", "exec", "eval", "compile", "input", "os", "sys", "subprocess", "shutil", "pathlib", "Path", "socket",
           "requests", "urllib", "pickle", "__import__", "globals", "exit", "quit", "display", "plt", "save", "savetxt",
           "savez", "multiprocessing"}


class Source(NamedTuple):
    """A function of somebody's own, and its definition as a tree, with the lines' numbers as in the cell."""

    function: types.FunctionType
    tree: ast.FunctionDef
    text: str

    def line(self, number):
        """Return a line of the cell."""
        lines = self.text.splitlines()
        at = number - self.function.__code__.co_firstlineno
        return lines[at].strip() if 0 <= at < len(lines) else ""

    def altered(self, tree):
        """Return the function that another tree defines, in the same surroundings."""
        module = ast.Module([tree], [])
        surroundings = {**self.function.__globals__}
        exec(compile(module, "<altered>", "exec"), surroundings)
        return surroundings[tree.name]


def source_of_function(function):
    """Return the `Source` of a function or a lambda, or None where there is none, or it is part of another one."""
    if not isinstance(function, types.FunctionType) or function.__code__.co_freevars:
        return None
    try:
        text = inspect.getsource(function)
        tree = ast.parse(dedent(text)).body[0]
    except (OSError, TypeError, SyntaxError, ValueError, IndexError):
        return None
    if not isinstance(tree, ast.FunctionDef):
        lambdas = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
        if len(lambdas) != 1:
            return None
        body = [ast.copy_location(ast.Return(lambdas[0].body), lambdas[0].body)]
        tree = ast.FunctionDef(name="answer", args=lambdas[0].args, body=body, decorator_list=[], lineno=1,
                               col_offset=0)
        ast.fix_missing_locations(tree)
    tree.decorator_list = []
    ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
    return Source(function, tree, text)


def without_docstring(tree):
    """Return the statements of a function, its docstring apart."""
    first = tree.body[0]
    constant = first.value if isinstance(first, ast.Expr) else None
    is_doc = isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    return tree.body[1:] if is_doc else tree.body


def same_code(some, other):
    """Say whether two functions do the same, step by step: comments, spaces, their names and docstrings apart."""
    steps = [[(step.opname.replace("METHOD", "ATTR"), step.argval) for step in dis.get_instructions(function)
              if step.opname.startswith(("LOAD", "STORE", "BINARY", "COMPARE", "UNARY", "RETURN", "FOR", "CALL"))]
             for function in (some, other) if hasattr(function, "__code__")]
    return len(steps) == 2 and steps[0] == steps[1]


def has_dots(function):
    """Say whether there is a `...` in a function's own code, of which no text need be known."""
    return ... in getattr(getattr(function, "__code__", None), "co_consts", ())


def dotted_lines(source):
    """Return the numbers of the lines in which a `...` stands for something that is still to be written."""
    if source is None:
        return []
    indices = {id(part) for node in ast.walk(source.tree) if isinstance(node, ast.Subscript)
               for part in ast.walk(node.slice)}
    return sorted({node.lineno for node in ast.walk(source.tree)
                   if isinstance(node, ast.Constant) and node.value is ... and id(node) not in indices})


def is_begun(source):
    """Say whether a function does something, beside its dots and what it returns."""
    dotted = dotted_lines(source)
    return any(not isinstance(step, ast.Return) and step.lineno not in dotted
               for step in without_docstring(source.tree))


def does_nothing(function):
    """Say whether a function's body is empty, but for a docstring, `pass`, `...` or a NotImplementedError."""
    empty = [step.opname for step in dis.get_instructions(lambda: None)]
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    steps = list(dis.get_instructions(code))
    raised = [step.argval for step in steps if step.opname == "LOAD_GLOBAL"] == ["NotImplementedError"] and any(
        step.opname == "RAISE_VARARGS" for step in steps) and not any(
        word in step.opname for step in steps for word in ("STORE", "JUMP", "COMPARE"))
    constants = [step.argval for step in steps if step.opname.endswith("_CONST")]  # in 3.12, RETURN_CONST
    return raised or ([step.opname for step in steps] == empty and constants[-1] in (..., None))


def unread(source, parameters):
    """Yield a sentence on each parameter that never appears, or is given another value before it is looked at."""
    for own, name in zip(inspect.signature(source.function).parameters, parameters, strict=False):
        uses = [node for node in ast.walk(source.tree) if isinstance(node, ast.Name) and node.id == own]
        uses.sort(key=lambda node: (node.lineno, node.col_offset))
        if not uses:
            yield name, f"The argument {own} is not used in your function."
            continue
        first = next((step for step in source.tree.body if any(use in ast.walk(step) for use in uses)), None)
        here = [use for use in uses if use in ast.walk(first)] if isinstance(first, ast.Assign) else []
        if here and all(isinstance(use.ctx, ast.Store) for use in here):
            line = first.lineno
            yield name, f"{own} gets another value in line {line}, `{source.line(line)}`, before it is looked at."


def reaches_outside(function):
    """Say whether a function may do what stays done: write, draw, ask. Such a one is not run more often than needed."""
    code = getattr(function, "__code__", None)
    return code is not None and bool({*code.co_names, *code.co_freevars} & OUTSIDE)


def outside_names(function):
    """Return the names of what a function takes from outside, as variables and not as attributes."""
    return sorted(name for name in _globals_of(getattr(function, "__code__", None))
                  if not hasattr(builtins, name) and name in function.__globals__)


def _globals_of(code):
    if code is None:
        return set()
    inner = [part for part in code.co_consts if isinstance(part, types.CodeType)]  # comprehensions, lambdas
    return {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}.union(
        *map(_globals_of, inner))


def with_outside(function, **values):
    """Return a function in other surroundings."""
    return types.FunctionType(function.__code__, {**function.__globals__, **values}, function.__name__,
                              function.__defaults__, function.__closure__)
