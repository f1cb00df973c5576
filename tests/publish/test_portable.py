"""The notebooks that carry their code: what is in the files, and that they run where nothing else of the lecture is.

Whole notebooks run in processes of their own, in an empty folder. A shield keeps out every other `utils`, in those
processes and in the workers that they start, and every connection but those of the machine with itself.
"""

import ast
import base64
import inspect
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from utils.checks.text import sentence_of
from utils.exercises import lessons
from utils.publish import handout, portable, standin, unpack

ROOT = Path(__file__).parents[2]
LESSONS = lessons()
NAMES = [lesson.notebook for lesson in LESSONS]
each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
NOT_HERE = re.compile(r'"--ddp"|"--kill"|\bmeasured\b')  # more and longer trainings with workers; one is enough to see
SHIELD = """
import importlib.util, os, socket, sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", "")]
sys.path[:] = [place for place in sys.path if place and not os.path.exists(os.path.join(place, "utils"))
               or os.path.basename(place).startswith("lecture-")]
class Shut:
    def find_spec(self, name, path=None, target=None):
        if name in os.environ.get("SHUT", "").split():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Shut())
plain = socket.socket.connect
def connect(self, address):
    assert self.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1", "localhost"), f"a network: {address}"
    return plain(self, address)
socket.socket.connect = connect
"""
RUNNER = """
import contextlib, importlib.util, io, json, os, sys
from IPython.core.interactiveshell import InteractiveShell
other = importlib.util.find_spec("utils")
assert other is None or (other.origin or os.getcwd()).startswith(os.getcwd()), other
shell, printed = InteractiveShell.instance(colors="NoColor"), []
for source in json.loads(sys.stdin.read()):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        done = shell.run_cell(source, store_history=True)
    printed.append(out.getvalue())
    if not done.success:
        break
print(json.dumps([printed, done.success]))
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """All notebooks, written as one does it."""
    folder = tmp_path_factory.mktemp("portable") / "all"
    assert portable.main(["--to", str(folder)]) == 0
    return folder


@pytest.fixture
def alone(tmp_path):
    """Return a function that runs cells in a new process in an empty folder: what each has printed, and did all run?"""
    shield, folder = tmp_path / "shield", tmp_path / "an empty folder"
    for new in (shield, folder):
        new.mkdir()
    (shield / "sitecustomize.py").write_text(SHIELD)
    environment = {**os.environ, "PYTHONPATH": str(shield), "IPYTHONDIR": str(tmp_path), "MPLBACKEND": "agg",
                   "TMPDIR": str(shield), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    environment.pop("LECTURE_PROGRESS", None)

    def run(cells, shut=""):
        done = subprocess.run([sys.executable, "-c", RUNNER], cwd=folder, env={**environment, "SHUT": shut},
                              input=json.dumps(cells), capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    run.folder, run.shield = folder, shield
    return run


def book(files, number):
    """Return a portable notebook."""
    return nbformat.read(next(files.glob(f"{number}*.ipynb")), as_version=4)


def first_cell(files, number="00"):
    """Return the source of the cell that unpacks."""
    return next(cell.source for cell in book(files, number).cells if cell.cell_type == "code")


def archive(cell):
    """Return the zip that a cell carries."""
    return zipfile.ZipFile(io.BytesIO(base64.b64decode(cell.partition('unpack("""')[2].partition('"""')[0])))


# What is in them -----------------------------------------------------------------------------------


@each_lesson
def test_the_first_cell_of_code_is_folded_and_says_what_it_is(files, lesson):
    cells = book(files, lesson.notebook).cells
    assert cells[0].source.startswith(f"# {lesson.number} · ") and "folded" in cells[1].source
    assert cells[2].source.startswith("# @title ") and "temporary folder" in cells[2].source.splitlines()[1]
    assert cells[2].metadata == {"cellView": "form", "_kg_hide-input": True, "jupyter": {"source_hidden": True}}


@each_lesson
def test_the_rest_is_the_class_s_edition_without_outputs_and_without_links_to_other_files(files, lesson):
    original = nbformat.read(ROOT / "notebooks" / f"{lesson.notebook}.ipynb", as_version=4).cells
    cells = book(files, lesson.notebook).cells
    blanks = {f"exercise:{name}": exercise.blank() for name, exercise in lesson.exercises.items()}
    for before, after in zip(original, [cells[0], *cells[3:]], strict=True):
        tags = [tag for tag in before.metadata.get("tags", []) if tag in blanks]
        if before.cell_type == "code":
            assert after.source == (blanks.pop(tags[0]) if tags else before.source)
            assert after.outputs == [] and after.execution_count is None
        else:
            assert after.source == before.source or ".ipynb)" in before.source
            assert not re.search(r"\]\([^)]*ipynb", after.source)
    assert blanks == {}


def test_a_neighbour_is_named(files):
    last = book(files, "00").cells[-1].source
    assert "**Next** → 01 · Read a derivative as a multiplier (`01_derivatives.ipynb`): what happens" in last


def test_the_archive_holds_what_a_notebook_may_need_and_no_solution_that_can_be_read(files):
    sources = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "utils").rglob("*")
               if path.is_file() and path.suffix != ".pyc"}
    left_out = {name for name in sources if re.match(r"utils/(__main__|jupyter/|publish/(?!__init__|standin))", name)}
    with archive(first_cell(files)) as carried:
        assert {*carried.namelist()} == {"LICENSE", *sources} - left_out
        for name in carried.namelist():
            if not re.match(r"utils/exercises/(?!__init__)", name):
                assert carried.read(name) == (ROOT / name).read_bytes()
            else:
                assert "def " not in carried.read(name).decode()


def test_a_file_is_small_and_the_same_whenever_and_with_whatever_else_it_is_written(files, tmp_path, capsys):
    assert portable.main(["06", "00_l", "06", "--to", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00_learning_a_function.ipynb", "06_training.ipynb"]
    told = capsys.readouterr().out
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (files / path.name).read_bytes()
        assert f"{path}  {path.stat().st_size / 1e3:.0f} kB\n" in told
    assert max(path.stat().st_size for path in files.iterdir()) < 500_000


@pytest.mark.parametrize("source, found", [
    ("import os", {"Python"}),
    ("import matplotlib.pyplot as plt", {"Python", "matplotlib"}),
    ("from torch import nn", {"Python", "torch"}),
    ("from utils.arrays import library", {"Python", "numpy"}),
    ("from utils import autograd", {"Python", "numpy", "torch"}),
    ("from utils.widgets import playground", {"Python", "numpy", "matplotlib"}),
])
def test_what_code_needs_is_read_off_its_imports(source, found):
    assert portable.needed(source).keys() == found


@each_lesson
def test_a_notebook_asks_for_torch_only_where_it_is_needed(files, lesson):
    asked = ast.literal_eval(first_cell(files, lesson.notebook).rpartition('""", ')[2].removesuffix(")"))
    with_torch = {"torch"} if lesson.number in ("05", "07") else set()
    assert asked.keys() == {"Python", "numpy", "matplotlib"} | with_torch


def test_the_stand_in_has_all_that_the_pieces_use_of_ipywidgets():
    used = {name for path in (ROOT / "utils" / "widgets").rglob("*.py")
            for name in re.findall(r"\b(?:ipw|ipywidgets)\.([A-Z]\w*)", path.read_text("utf-8"))}
    assert len(used) > 5 and used <= {*dir(standin)}


# They run ------------------------------------------------------------------------------------------


def with_answers(lesson, cells):
    """Yield the sources of the cells; each exercise is answered wrongly, if it can be, then rightly."""
    cells = iter(cells)
    for cell in cells:
        tags = [tag for tag in cell.metadata.get("tags", []) if tag.startswith("exercise:")]
        if not tags:
            yield cell.source
            continue
        exercise, check = lesson.exercises[tags[0].removeprefix("exercise:")], next(cells).source
        if exercise.mistakes:
            yield from (exercise.source(exercise.mistakes[0]), check)
        yield from (exercise.source(), check)


@each_lesson
def test_it_runs_alone_from_the_first_cell_to_the_last_and_its_exercises_answer(files, lesson, alone):
    cells = [cell for cell in book(files, lesson.notebook).cells
             if cell.cell_type == "code" and not NOT_HERE.search(cell.source)]
    where = "import utils.mlp; print(utils.__file__, utils.mlp.__file__)"
    printed, complete = alone([*with_answers(lesson, cells), where])
    assert complete, printed[-1]
    assert printed[0] == "The lecture's code is ready.\n"
    mistakes = [exercise.mistakes[0] for exercise in lesson.exercises.values() if exercise.mistakes]
    said = [line for text in printed for line in text.splitlines()]
    assert mistakes and [s for s in said if s in map(sentence_of, mistakes)] == [sentence_of(m) for m in mistakes]
    assert f"{len(lesson.exercises)} of {len(lesson.exercises)} exercises done." in said
    assert not [line for line in said if line.startswith("✗")]
    assert all(path.startswith(f"{alone.shield}{os.sep}lecture-") for path in printed[-1].split(".py ")), printed[-1]
    assert [path.name for path in alone.folder.iterdir()] == [f"{lesson.notebook}.progress.json"]
    assert not list(alone.shield.glob("lecture-*"))  # it is gone with the kernel


# The first cell ------------------------------------------------------------------------------------


def edition(text):
    """Return the cell of another edition, in which `utils` says `text`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("utils/__init__.py", f"SAID = {text!r}")
        file.writestr("utils/part.py", f"SAID = {text!r}")
    source = inspect.getsource(unpack)
    return f'{source}\nunpack("""{base64.b64encode(buffer.getvalue()).decode()}""", {{}})'


STATE = """import os, sys, utils.part
folder = os.path.dirname(os.path.dirname(utils.part.__file__))
every = [*sys.path, *os.environ["PYTHONPATH"].split(os.pathsep)]
paths = [p for p in every if os.path.basename(p).startswith("lecture-")]
unpacked = [name for name in os.listdir(os.environ["TMPDIR"]) if name.startswith("lecture-")]
print(utils.SAID, utils.part.SAID, paths == [folder] * 2, unpacked == [os.path.basename(folder)])"""


def test_done_twice_it_is_done_once(alone):
    again = "assert utils.part is sys.modules['utils.part'] and utils.part.mine"
    printed, complete = alone([edition("a"), f"{STATE}\nutils.part.mine = True", edition("a"), again, STATE])
    assert complete and printed[1] == printed[4] == "a a True True\n", printed


def test_another_edition_takes_the_place_of_an_older_one(alone):
    printed, complete = alone([edition("old"), STATE, edition("new"), STATE])
    assert complete and printed[1::2] == ["old old True True\n", "new new True True\n"]


def test_a_folder_that_somebody_has_cleaned_away_is_put_back(alone):
    away = "import shutil, utils; shutil.rmtree(utils.unpacked[1])"
    printed, complete = alone([edition("a"), away, edition("a"), STATE])
    assert complete and printed[3] == "a a True True\n"


@pytest.mark.parametrize("name", ["utils.py", "utils/__init__.py"])
def test_a_utils_beside_the_notebook_is_told_before_anything_is_unpacked(alone, name):
    (alone.folder / name).parent.mkdir(exist_ok=True)
    (alone.folder / name).write_text("")
    printed, complete = alone([edition("a")])
    assert not complete
    assert printed == [f"{alone.folder / name} bears the name of the lecture's own package: move this notebook into a "
                       "folder of its own, restart the kernel, and run this cell again.\n"]
    assert not list(alone.shield.glob("lecture-*"))


def test_a_folder_of_that_name_without_modules_is_in_nobody_s_way(alone):
    (alone.folder / "utils").mkdir()
    assert alone([edition("a"), STATE])[1]


def test_a_utils_that_is_installed_somewhere_is_left_aside(alone):
    (alone.folder / "elsewhere").mkdir()
    (alone.folder / "elsewhere" / "utils.py").write_text("SAID = 'another'")
    printed, complete = alone(["import sys; sys.path.append('elsewhere')", edition("a"), STATE])
    assert complete and printed[2] == "a a True True\n"


def test_a_utils_that_is_imported_already_is_told_and_stays(alone):
    other = "import sys, types\nsys.modules['utils'] = mine = types.ModuleType('utils')\nmine.__file__ = '/x/utils.py'"
    printed, complete = alone([other, edition("a")])
    assert not complete
    assert printed[1] == ("Another package is imported here as utils, from /x/utils.py: restart the kernel, and run "
                          "this cell first.\n")


def test_without_torch_one_sentence_says_so(files, alone):
    printed, complete = alone([first_cell(files, "05")], shut="torch")
    assert not complete and printed == ["This notebook needs torch (not installed here).\n"]
    assert alone([first_cell(files, "04")], shut="torch")[1]


def test_what_is_too_old_is_named_with_what_is_there(files, alone):
    old = "import numpy, matplotlib; numpy.__version__, matplotlib.__version__ = '1.26.4', '3.7.2'"
    printed, complete = alone([old, first_cell(files)])
    assert not complete and printed[1] == ("This notebook needs numpy 2.0 or newer (here is 1.26.4) and matplotlib 3.8 "
                                           "or newer (here is 3.7.2).\n")


@pytest.mark.parametrize("here, oldest, fits", [
    ("2.0.2", (2, 0), True), ("2.9.1+cu126", (), True), ("3.10.0rc1", (3, 9), True), ("3.9", (3, 10), False),
    ("10.1", (9, 5), True), ("2", (2, 1), False)])
def test_versions_are_compared_as_numbers(monkeypatch, here, oldest, fits):
    monkeypatch.setattr(unpack, "version", lambda name: here)
    assert (unpack.missing({"it": oldest}) == "") is fits


def test_a_library_that_is_there_and_broken_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "broken_library.py").write_text("import no_such_part")
    monkeypatch.syspath_prepend(tmp_path)
    assert unpack.version("no_such_library") == ""
    with pytest.raises(ModuleNotFoundError, match="no_such_part"):
        unpack.version("broken_library")


def test_without_ipywidgets_each_piece_shows_its_picture_and_one_sentence(files, alone):
    pieces = """import sys
import numpy as np
from utils import widgets
from utils.widgets import saved
X = np.arange(5.0)
pieces = [widgets.tangent_explorer(), widgets.gradient_explorer(), widgets.step_size_lab(), widgets.forward_explorer(),
          widgets.backward_stepper(3), widgets.line_explorer(X, 2 * X), widgets.playground()]
for piece in pieces:
    shown = []
    saved.display = lambda data, raw, metadata: shown.append((data, metadata))
    piece._ipython_display_()
    (picture, aside), (caption, _) = shown
    said = aside["image/png"]["alt"] == picture["text/plain"] == repr(piece) != ""
    print(picture["image/png"][:4] == b"\\x89PNG", said, saved.WHY in caption["text/html"])
print("ipywidgets" in sys.modules, saved.WHY)"""
    printed, complete = alone([first_cell(files), pieces], shut="ipywidgets anywidget")
    assert complete, printed[-1]
    assert printed[1] == "True True True\n" * 7 + f"False {standin.WHY}\n"


# What cannot be done -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["09", "", "utils", "00_learning_a_function.ipynb.txt"])
def test_an_unknown_number_is_refused_before_anything_is_written(tmp_path, capsys, name):
    with pytest.raises(SystemExit, match="2"):
        portable.main(["01", name, "--to", str(tmp_path / "new")])
    assert capsys.readouterr().err == f"There is no notebook \"{name}\"; there are {', '.join(NAMES)}.\n"
    assert not list(tmp_path.iterdir())


def test_a_notebook_that_is_none_is_named_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / f"{NAMES[1]}.ipynb").write_text("no notebook")
    monkeypatch.setattr(handout, "ROOT", tmp_path)
    assert portable.main(["01", "--to", str(tmp_path / "new")]) == 2
    assert capsys.readouterr().err == f"{NAMES[1]}.ipynb is not a notebook.\n"
    assert not (tmp_path / "new").exists()


def test_a_folder_with_anything_in_it_is_not_touched(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert portable.main(["01", "--to", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"{tmp_path} is there already: move it away, or choose another folder")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file", tmp_path / "file" / "folder"):
        assert portable.main(["01", "--to", str(target)]) == 2
        assert "could not be written" in capsys.readouterr().err


def test_a_disk_that_gets_full_leaves_nothing_half_written(tmp_path, capsys, monkeypatch):
    plain = Path.write_bytes

    def full(path, data):
        plain(path, data[:10])
        if path.name.startswith("02"):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert portable.main(["--to", str(tmp_path / "new")]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.ipynb"))
