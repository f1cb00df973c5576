"""The rules of the house, read off the sources: who imports whom, what starts fast, how large a module may be."""

import ast
import json
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import utils

PACKAGE = Path(utils.__file__).parent
NOTEBOOKS = sorted((PACKAGE.parent / "notebooks").glob("*.ipynb"))

# The ground floor: a module imports only from those before it.
GROUND = ["arrays", "derivatives", "descent", "activations", "losses", "shapes", "mlp", "inplace", "training",
          "datasets", "checkpoints", "distributed", "differences", "ledger", "autograd", "plots", "diagrams",
          "__main__"]
# The wings, and what each may import besides itself; the launcher stands before its own wing, `lecture`.
WINGS = {"widgets": {*GROUND} - {"__main__"}, "checks": {"arrays"}, "exercises": {*GROUND, "checks"} - {"__main__"},
         "jupyter": set(), "publish": {"exercises", "checks", "lecture"}, "lecture": set()}
LAUNCHER = ["__init__", "__main__", *(f"lecture{module}" for module in ("", ".arguments", ".environment"))]
NAME_TORCH = {"arrays", "autograd", "datasets", "distributed"}
FOR_TESTS = {"sklearn", "scipy"}  # seconds and a hundred megabytes, for each student
LONGEST, LONGEST_CLASS, LONGEST_CATALOGUE = 250, 120, 600  # lines

SOURCES = {".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path.read_text("utf-8")
           for path in sorted(PACKAGE.rglob("*.py"))}  # "mlp", "exercises", "exercises.forward"
TREES = {name: ast.parse(source) for name, source in SOURCES.items()}
every_module = pytest.mark.parametrize("module", SOURCES)


def imported(tree):
    """Return the dotted names that a syntax tree imports, at any depth; `from a import b` counts as a.b as well."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(filter(None, ["utils" if node.level else "", node.module]))
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def at_import(tree):
    """Return the dotted names that are imported as soon as the module is, not only when a function is called."""
    class TopLevel(ast.NodeTransformer):
        def visit_FunctionDef(self, node):
            return None

        visit_AsyncFunctionDef = visit_FunctionDef

    return imported(TopLevel().visit(ast.parse(ast.unparse(tree))))


def packages(names):
    return {name.partition(".")[0] for name in names}


def rooms(tree):
    """Return the rooms of `utils` that a tree imports from: a module of the ground floor, or a wing."""
    return {name.split(".")[1] for name in imported(tree) if name.startswith("utils.")} & {*GROUND, *WINGS}


def room(module):
    """Return the room that a module stands in: its wing, or itself on the ground floor."""
    return module.partition(".")[0]


def siblings(module):
    """Return the modules of `utils` that a module imports as soon as it is imported itself, without its own package."""
    found = {name.removeprefix("utils.") for name in at_import(TREES[module]) if name.startswith("utils.")}
    return {name for name in found & {*SOURCES} if not module.startswith(f"{name}.")} - {module}


def public(tree):
    """Yield (name, node) of every public function, class, and method of a public class."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                yield from ((f"{node.name}.{name}", method) for name, method in public(node))


def test_the_ground_floor_is_the_mathematics_and_every_folder_is_a_wing_but_the_data():
    assert {room(module) for module in SOURCES} - {"__init__"} == {*GROUND, *WINGS}
    assert {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {"__pycache__"} == {*WINGS, "data"}
    assert {path.name for path in (PACKAGE / "data").iterdir()} == {"digits.npz", "README.md"}


def test_the_readme_shows_every_room():
    text = (PACKAGE.parent / "README.md").read_text("utf-8").partition("## What is in `utils`")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([\w/]+)` \|", text, flags=re.MULTILINE) == [*GROUND[:-1], "__main__",
                                                                       *(f"{wing}/" for wing in WINGS)]


@every_module
def test_a_module_imports_only_from_the_rooms_that_are_open_to_it(module):
    own = room(module)
    if own in WINGS:
        assert rooms(TREES[module]) <= WINGS[own] | {own}
    elif own == "__main__":
        assert rooms(TREES[module]) == {"lecture"}
    else:
        assert rooms(TREES[module]) <= set(GROUND[: GROUND.index(own)] if own in GROUND else [])


def test_no_two_modules_need_one_another():
    assert list(TopologicalSorter({module: siblings(module) for module in SOURCES}).static_order())


@every_module
def test_torch_is_named_only_where_a_tensor_is_needed(module):
    if module not in NAME_TORCH:
        assert "torch" not in packages(imported(TREES[module]))


def test_arrays_never_imports_torch():
    assert "torch" not in packages(imported(TREES["arrays"]))


def test_datasets_imports_torch_only_when_asked_for_tensors():
    assert "torch" in packages(imported(TREES["datasets"]))
    assert "torch" not in packages(at_import(TREES["datasets"]))


@every_module
def test_what_the_tests_compare_with_is_imported_nowhere_else(module):
    assert not packages(imported(TREES[module])) & FOR_TESTS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nor_does_a_notebook_import_it(path):
    assert not re.search(rf"\b(import|from)\s+({'|'.join(FOR_TESTS)})\b", path.read_text("utf-8"))


def test_the_digits_are_read_without_it():
    code = "import sys; from utils.datasets import digits; digits(); digits(seed=None); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, timeout=60,
                          check=True)
    assert not packages(done.stdout.split()) & {*FOR_TESTS, "torch"}


def test_the_launcher_needs_the_standard_library_alone():
    assert {module for module in SOURCES if room(module) in ("__init__", "__main__", "lecture")} == {*LAUNCHER}
    for module in LAUNCHER:
        assert packages(imported(TREES[module])) <= sys.stdlib_module_names | {"utils"}
        assert rooms(TREES[module]) <= {"lecture"}


def test_the_package_itself_imports_nothing():
    assert imported(TREES["__init__"]) == set()


@every_module
def test_a_module_and_its_classes_are_small(module):
    longest = LONGEST_CATALOGUE if room(module) == "exercises" else LONGEST
    assert len(SOURCES[module].splitlines()) <= longest
    classes = [node for node in ast.walk(TREES[module]) if isinstance(node, ast.ClassDef)]
    assert [c.name for c in classes if c.end_lineno - c.lineno + 1 > LONGEST_CLASS] == []


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_no_script_hides_in_an_attribute(path):
    assert not re.search(r"\bon(error|load|click)=", path.read_text("utf-8"))


@every_module
def test_everything_public_says_what_it_does(module):
    assert ast.get_docstring(TREES[module])
    assert [name for name, node in public(TREES[module]) if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("module", ["arrays", "derivatives", "descent", "activations", "losses", "mlp", "inplace",
                                    "training", "datasets", "differences", "ledger"])
def test_the_numpy_half_starts_without_the_large_libraries(module):
    code = f"import json, sys, utils.{module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stderr
    assert not packages(json.loads(done.stdout)) & {*FOR_TESTS, "torch", "matplotlib", "ipywidgets"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_import_from_modules_that_exist(path):
    lines = [line for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"
             for line in "".join(cell["source"]).splitlines() if line.startswith(("from utils", "import utils"))]
    wanted = {line.split()[1].removeprefix("utils.") for line in lines if "." in line.split()[1]}
    assert wanted <= set(SOURCES)


# The tests' own eyes ------------------------------------------------------------------------------


@pytest.mark.parametrize("source, found", [
    ("import torch.nn", "torch.nn"),
    ("def f():\n    import torch", "torch"),
    ("try:\n    import torch\nexcept ImportError:\n    pass", "torch"),
    ("from utils import widgets", "utils.widgets"),
    ("from utils.widgets import playground", "utils.widgets"),
    ("from . import widgets", "utils.widgets"),
    ("from .widgets import playground", "utils.widgets"),
])
def test_an_import_is_seen_in_every_disguise(source, found):
    assert found in imported(ast.parse(source))


def test_an_import_inside_a_function_waits_for_its_call():
    assert at_import(ast.parse("import a\ndef f():\n    import b\nclass C:\n    import c\n")) == {"a", "c"}


def test_something_public_without_a_docstring_is_seen():
    source = "def f(): pass\ndef _g(): pass\nclass C:\n    'said'\n    def m(self): pass\n    def _n(self): pass"
    tree = ast.parse(source)
    assert [name for name, node in public(tree) if not ast.get_docstring(node)] == ["f", "C.m"]


def test_a_circle_is_seen():
    with pytest.raises(CycleError):
        list(TopologicalSorter({"a": {"b"}, "b": {"a"}}).static_order())


def test_playground_is_the_piece_whatever_is_imported_first():
    code = "import utils.widgets.playground.{}; from utils.widgets import playground; print(callable(playground))"
    for first in ("settings", "board", "player"):
        done = subprocess.run([sys.executable, "-c", code.format(first)], cwd=PACKAGE.parent, capture_output=True,
                              text=True, timeout=60, check=True)
        assert done.stdout == "True\n"
