"""The two copies of the series; the class's runs through, with mistakes in it. The teacher's: test_solutions."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from copies import code, kernel, notebook, run

from utils.checks.text import sentence_of
from utils.exercises import lessons
from utils.publish.handout import EDITIONS, FILES, fill, filled, main, sealed, write

ROOT = Path(__file__).parents[2]
each_lesson = pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.notebook)


@pytest.fixture(scope="module")
def handout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hand out")
    assert main(["--to", str(folder)]) == 0
    return folder


# What is in them -----------------------------------------------------------------------------------


@each_lesson
def test_neither_copy_holds_outputs(handout, lesson):
    for edition in ("class", "teacher"):
        cells = code(notebook(handout / edition, lesson))
        assert all(not cell.outputs and cell.execution_count is None for cell in cells)


@each_lesson
def test_the_class_gets_blanks_and_the_teacher_solutions(handout, lesson):
    def answers(edition):
        return {tag.removeprefix("exercise:"): cell.source for cell in code(notebook(handout / edition, lesson))
                for tag in cell.metadata.get("tags", []) if tag.startswith("exercise:")}

    assert answers("class") == {name: e.blank() for name, e in lesson.exercises.items()}
    assert answers("teacher") == {name: e.source() for name, e in lesson.exercises.items()}


def test_a_teacher_who_has_solved_the_exercises_does_not_hand_the_solutions_out(tmp_path, monkeypatch):
    copy = tmp_path / "series"
    for name in ("utils", "notebooks"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, copy)
    for lesson in lessons():
        nbformat.write(filled(notebook(copy, lesson), {n: e.source() for n, e in lesson.exercises.items()}),
                       copy / "notebooks" / f"{lesson.notebook}.ipynb")
    (copy / "notebooks" / "00_learning_a_function.progress.json").write_text("{}")
    subprocess.run([sys.executable, "-m", "utils.publish.handout"], cwd=copy, check=True, capture_output=True,
                   env={**os.environ, "PYTHONPATH": str(copy)})
    for lesson in lessons():
        cells = code(notebook(copy / "build" / "handout" / "class", lesson))
        answers = [c.source for c in cells if any(tag.startswith("exercise:") for tag in c.metadata.get("tags", []))]
        assert answers == [e.blank() for e in lesson.exercises.values()]
    assert not list((copy / "build").rglob("*.progress.json*"))


def test_everything_that_the_launcher_needs_is_there(handout):
    for edition in ("class", "teacher"):
        assert {path.name for path in (handout / edition).iterdir()} == {
            "utils", "notebooks", "requirements.txt", "environment.yml", "pyproject.toml", "setup.py", "LICENSE",
            "README.md"}
        assert not list((handout / edition).rglob("__pycache__"))
        assert EDITIONS[edition] in (handout / edition / "README.md").read_text("utf-8")
        done = subprocess.run([sys.executable, "-m", "utils", "--help"], cwd=handout / edition, capture_output=True,
                              text=True, check=True, env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"})
        assert "python3 -m utils" in done.stdout


def test_both_copies_carry_the_digits(handout):
    program = "from utils import datasets; print(datasets.DIGITS, len(datasets.digits().X_test))"
    for edition in ("class", "teacher"):
        done = subprocess.run([sys.executable, "-c", program], cwd=handout / edition, capture_output=True, text=True,
                              check=True, env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"})
        assert done.stdout == f"{handout / edition / 'utils' / 'data' / 'digits.npz'} 450\n"
        assert "CC BY 4.0" in (handout / edition / "utils" / "data" / "README.md").read_text("utf-8")


def test_the_class_cannot_read_the_solutions_and_its_checks_work(handout):
    for path in (handout / "class" / "utils" / "exercises").glob("*.py"):
        if path.stem != "__init__":
            assert "def " not in path.read_text() and "softmax" not in path.read_text().partition('"""\n')[2]
    program = """
from utils.checks.text import sentence_of
from utils.exercises import lessons
for lesson in lessons():
    for e in lesson.exercises.values():
        e.notebook = None
        answer = (lambda f: f()) if e.is_question else (lambda f: f)
        assert e.verdict(answer(e.reference)).kind == "right"
        assert [e.verdict(answer(m)).sentence for m in e.mistakes] == [sentence_of(m) for m in e.mistakes]
        e.solution()
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=handout / "class", capture_output=True, text=True,
                          check=True)
    assert set(done.stdout.splitlines()) == {"In this edition, the solutions are with your teacher."}


def test_the_teacher_can_read_them(handout):
    for path in (ROOT / "utils" / "exercises").glob("*.py"):
        assert (handout / "teacher" / "utils" / "exercises" / path.name).read_bytes() == path.read_bytes()


def test_a_seal_keeps_the_docstring_and_does_the_same():
    names = {}
    exec(sealed('"""What it is."""\nx = [n**2 for n in range(4)]\n'), names)
    assert names["x"] == [0, 1, 4, 9] and names["__doc__"] == "What it is."


def test_what_is_there_already_is_not_touched(handout, capsys):
    before = (handout / "class" / "README.md").stat().st_mtime_ns
    assert main(["--to", str(handout)]) == 2
    assert "is there already: move it away" in capsys.readouterr().err
    assert (handout / "class" / "README.md").stat().st_mtime_ns == before


def test_a_folder_that_cannot_be_written_is_said(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["--to", str(tmp_path / "file")]) == 2
    assert "could not be written" in capsys.readouterr().err


def left(folder):
    """Return the names of all that is in a folder, hidden or not."""
    return [path.name for path in folder.iterdir()]


def test_the_class_s_edition_hands_nothing_out(handout, tmp_path):
    target = tmp_path / "target"
    done = subprocess.run([sys.executable, "-m", "utils.publish.handout", "--to", str(target)], cwd=handout / "class",
                          capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(handout / "class")})
    assert done.returncode == 2 and not target.exists() and done.stdout == ""
    assert done.stderr.startswith("This is the class's edition, whose solutions are sealed")
    assert done.stderr.count("\n") == 1


def test_the_teacher_s_edition_can_be_handed_out(handout, tmp_path):
    subprocess.run([sys.executable, "-m", "utils.publish.handout", "--to", str(tmp_path)], cwd=handout / "teacher",
                   check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(handout / "teacher")})
    for edition in EDITIONS:
        for path in (path for path in (handout / edition).rglob("*") if path.is_file()):
            if not {"__pycache__", ".ipynb_checkpoints"} & {*path.parts} and ".progress." not in path.name:
                assert (tmp_path / edition / path.relative_to(handout / edition)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("no")])
def test_a_failure_in_the_middle_leaves_nothing(tmp_path, monkeypatch, edition, error):
    notebooks = iter(range(5))

    def full(*_):
        if next(notebooks, None) is None:
            raise error

    monkeypatch.setattr(nbformat, "write", full)
    for folder in (tmp_path / "new", tmp_path / "deep" / "new"):
        with pytest.raises(type(error)):
            write(folder, edition)
        assert left(folder.parent) in ([], ["deep"])


@pytest.mark.parametrize("edition", EDITIONS)
def test_neither_copy_is_left_where_one_of_them_fails(tmp_path, monkeypatch, capsys, edition):
    def fails(folder, name):
        if name == edition:
            raise OSError(28, "No space left on device")
        fill(folder, name)

    monkeypatch.setattr("utils.publish.handout.fill", fails)
    assert main(["--to", str(tmp_path)]) == 2
    assert left(tmp_path) == [] and "No space left on device" in (said := capsys.readouterr().err)
    assert said.count("\n") == 1


def test_nothing_is_written_where_the_second_copy_is_there_already(tmp_path, capsys):
    (tmp_path / "teacher").mkdir()
    assert main(["--to", str(tmp_path)]) == 2
    assert left(tmp_path) == ["teacher"] and "teacher is there already" in capsys.readouterr().err


def test_a_folder_with_something_in_it_is_not_touched(tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(OSError):
        write(tmp_path, "class")
    assert left(tmp_path) == ["mine.txt"]


def test_a_notebook_that_is_none_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(nbformat, "read", lambda path, as_version: nbformat.reads("no notebook", as_version))
    assert main(["--to", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "00_learning_a_function.ipynb is not a notebook.\n" and left(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="no signals of this kind")
def test_ended_by_the_launcher_it_tidies_up(tmp_path):
    slow = "import runpy, time, nbformat; nbformat.write = lambda *_: time.sleep(60); "
    with subprocess.Popen([sys.executable, "-c", slow + "import sys; sys.argv[1:] = ['--to', sys.argv[1]]; "
                           "runpy.run_module('utils.publish.handout', run_name='__main__')", str(tmp_path)]) as process:
        while not list(tmp_path.glob(".unfinished-*/.unfinished-*/class/notebooks")):
            assert process.poll() is None
        process.terminate()
    assert process.returncode == 143 and left(tmp_path) == []


def test_the_copies_can_be_read_by_whoever_may_read_new_files(handout, tmp_path):
    (tmp_path / "new").mkdir()
    for edition in EDITIONS:
        assert (handout / edition).stat().st_mode == (tmp_path / "new").stat().st_mode


@pytest.fixture(scope="module")
def class_kernel(handout):
    with kernel(handout / "class") as manager:
        yield manager


# They run ------------------------------------------------------------------------------------------


@each_lesson
def test_the_class_s_copy_runs_through_with_mistakes_and_names_each(handout, lesson, class_kernel):
    """Every mistake of every exercise is filled in, one after the other; the last one stays while the rest runs."""
    book, expected = notebook(handout / "class", lesson), []
    cells = iter(book.cells)
    book.cells = []
    for cell in cells:
        tags = [tag for tag in cell.metadata.get("tags", []) if tag.startswith("exercise:")]
        if not tags:
            book.cells.append(cell)
            continue
        exercise, check = lesson.exercises[tags[0].removeprefix("exercise:")], next(cells)
        for mistake in exercise.mistakes:
            book.cells += [nbformat.v4.new_code_cell(exercise.source(mistake)), nbformat.v4.new_code_cell(check.source)]
            expected.append(sentence_of(mistake))
    said = run(book, class_kernel)
    assert [text.rstrip("\n") for text in said if text.rstrip("\n") in expected] == expected
    assert f"0 of {len(lesson.exercises)} exercises done." in said[-1] and said[-1].count("✗") == len(lesson.exercises)
    record = json.loads((handout / "class" / "notebooks" / f"{lesson.notebook}.progress.json").read_text("utf-8"))
    assert [entry["tries"] for entry in record.values()] == [len(e.mistakes) for e in lesson.exercises.values()]
