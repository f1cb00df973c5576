"""Copies of the mathematics with a bug in them: one snippet of a module's source replaced by another."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import utils

MODULES = ["arrays", "derivatives", "descent", "activations", "losses", "shapes", "mlp", "inplace", "training",
           "differences", "ledger", "autograd"]  # in the order of their imports


def code(module=None, replace=None):
    """Return fresh copies of the modules, importing from one another, with the replacements made in one of them.

    A snippet must stand there exactly once, so that a mutant cannot rot unseen.
    """
    copies = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in MODULES:
            path = Path(utils.__file__).with_name(f"{name}.py")
            source = path.read_text(encoding="utf-8")
            for old, new in (replace or {}).items() if name == module else ():
                assert source.count(old) == 1, f"{path.name} holds {source.count(old)} times: {old}"
                source = source.replace(old, new)
            copies[name] = ModuleType(f"utils.{name}")
            exec(compile(source, f"<mutant of {path.name}>", "exec"), copies[name].__dict__)
            patch.setitem(sys.modules, f"utils.{name}", copies[name])
    return SimpleNamespace(**copies)
