"""Handed-in notebooks, in the folders that nbgrader, otter and Moodle leave, get the verdicts that they have earned."""

import csv
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest

from utils.checks.runs import runs_of
from utils.checks.text import sentence_of
from utils.exercises import lessons
from utils.publish import handed_in as finder
from utils.publish import isolated
from utils.publish.answers import answer_to, cell_of, needed
from utils.publish.check import NO_ANSWER, NOT_CONFIRMED, confirmed, from_plain, main, marked
from utils.publish.examiner import plain_data
from utils.publish.handed_in import handed_in
from utils.publish.handout import blanks, filled, solutions
from utils.publish.marks import Mark, Marked, write

ROOT = Path(__file__).parents[2]
LESSON = lessons()[1]  # 01_derivatives
EXERCISES = LESSON.exercises
TWO = ("gradient", "steepest")
WRONG = "def my_gradient(X):\n    return X"
linux_alone = pytest.mark.skipif(sys.platform != "linux", reason="the system has no such limits")


def notebook(answers, lesson=LESSON, tags=True, first=""):
    """Return a lesson's notebook with these answers, and the solutions for all others, as text."""
    book = nbformat.read(ROOT / "notebooks" / f"{lesson.notebook}.ipynb", as_version=4)
    book = filled(book, {**solutions(lesson), **answers})
    for cell in book.cells:
        if not tags:
            cell.metadata.pop("tags", None)
    if first:
        book.cells.insert(0, nbformat.v4.new_code_cell(first))
    return nbformat.writes(book)


def short(gradient, steepest=EXERCISES["steepest"].source(), first="import numpy as np"):
    """Return a notebook with two of the exercises, as text."""
    sources = [first, "from utils.exercises import derivatives as ex", gradient, "ex.gradient.check(my_gradient)",
               steepest, "ex.steepest.check(my_steepest)"]
    return nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources]))


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def zipped(path, **files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def table(folder):
    """Return the rows of the table in a folder, {(student, exercise): (verdict, sentence)}."""
    with open(folder / "marks.csv", encoding="utf-8-sig", newline="") as file:
        return {(row["student"], row["exercise"]): (row["verdict"], row["sentence"]) for row in csv.DictReader(file)}


def one(folder, text, seconds=120):
    """Return the marks of the two exercises of a short notebook, and its remarks."""
    put(folder / "ada" / "x.ipynb", text)
    found = marked(handed_in(folder)[0], seconds)
    return {mark.exercise: mark for mark in found.marks if mark.exercise in TWO}, found.remarks


# The three layouts ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def layouts(tmp_path_factory):
    """Return the tables of three classes: one with nbgrader, one with otter, one with Moodle."""
    folder = tmp_path_factory.mktemp("handed in")
    mistakes = {name: exercise.source(exercise.mistakes[0]) for name, exercise in EXERCISES.items()}
    put(folder / "nbgrader" / "submitted" / "ada" / "ps1" / "01_derivatives.ipynb", notebook({}))
    put(folder / "nbgrader" / "submitted" / "ada" / "ps1" / "timestamp.txt", "2026-11-25")
    put(folder / "nbgrader" / "release" / "ps1" / "01_derivatives.ipynb", notebook(blanks(LESSON)))
    put(folder / "otter" / "bob_01_derivatives.ipynb", notebook(mistakes))
    zipped(folder / "otter" / "cyd_01_derivatives_2026_11_25T10_00_00.zip",
           **{"01_derivatives.ipynb": notebook(blanks(LESSON)), "__zip_filename__": "x"})
    moodle = folder / "moodle" / "Curie Marie_1234567_assignsubmission_file_"
    put(moodle / "Kopie von 01.ipynb", notebook({}, tags=False))
    for beside in ("numpy.py", "sitecustomize.py", "conftest.py", "utils/__init__.py"):
        put(moodle / beside, "raise SystemExit('this was taken from beside the notebook')")
    zipped(folder / "moodle" / "Noether Emmy_1234568_assignsubmission_file_" / "all.zip",
           **{"mine/x.ipynb": short(WRONG), "__MACOSX/._x.ipynb": "", ".ipynb_checkpoints/x.ipynb": short(WRONG)})
    for name in ("nbgrader", "otter", "moodle"):
        assert main([str(folder / name), "--to", str(folder / "marks" / name)]) == 0
    return {name: table(folder / "marks" / name) for name in ("nbgrader", "otter", "moodle")}


def test_every_solution_is_right(layouts):
    assert {key: verdict for key, (verdict, _) in layouts["nbgrader"].items()} == {
        ("ada", name): "right" for name in EXERCISES}


def test_a_mistake_gets_the_sentence_that_its_student_read(layouts):
    for name, exercise in EXERCISES.items():
        assert layouts["otter"]["bob", name] == ("not yet", sentence_of(exercise.mistakes[0]))


def test_a_blank_is_not_tried_in_the_engine_s_own_words(layouts):
    for name, exercise in EXERCISES.items():
        assert layouts["otter"]["cyd", name] == ("not tried", exercise.verdict(None).sentence)


def test_tags_may_be_lost_and_files_renamed_and_what_lies_beside_is_not_imported(layouts):
    assert {verdict for (student, _), (verdict, _) in layouts["moodle"].items()
            if student == "Curie Marie (1234567)"} == {"right"}


def test_a_zip_in_a_student_s_folder_is_read_and_missing_answers_are_said(layouts):
    found = {name: layouts["moodle"]["Noether Emmy (1234568)", name] for name in EXERCISES}
    assert [name for name in EXERCISES if found[name][0] == "right"] == ["steepest"]
    assert found["gradient"][0] == "not yet"
    assert {found[name] for name in EXERCISES if name not in TWO} == {("not tried", NO_ANSWER)}


# Who goes wrong, and who goes too far -----------------------------------------------------------------


@pytest.mark.parametrize("gradient, verdict, sentence", [
    ("def my_gradient(X)\n    return X", "could not run", "Code cell 3 stopped: SyntaxError"),
    ("import nothing\ndef my_gradient(X): ...", "could not run", "Code cell 3 stopped: ModuleNotFoundError"),
    ("import sys\nsys.exit(0)\n" + WRONG, "could not run", "Code cell 3 stopped: SystemExit: 0"),
    ("# to be done", "not tried", NO_ANSWER),
    ("def my_gradient(X):\n    while True: pass", "could not run", "Stopped after 2 seconds of computing"),
    (EXERCISES["gradient"].source() + "\nimport os\nsolved = my_gradient\n"
     "def my_gradient(X):\n    os.write(1, b'Right')\n    return solved(X)", "right", "Right"),
    ("import os\nos._exit(0)\n" + WRONG, "could not run", "Code cell 3 ended the process in which it ran."),
    ("import os\ndef my_gradient(X):\n    os._exit(0)", "could not run", "The check of gradient ended the process"),
    ("def my_gradient(X):\n    raise KeyboardInterrupt", "could not run", "The check stopped: KeyboardInterrupt."),
    pytest.param("big = bytearray(20 * 2**30)\n" + WRONG, "could not run", "Code cell 3 stopped: MemoryError",
                 marks=linux_alone),
    ("%matplotlib inline\n!rm -r *\n" + EXERCISES["gradient"].source(), "right", "Right"),
    ("%%time\n" + EXERCISES["gradient"].source(), "right", "Right"),
    ("import shutil, os\nshutil.rmtree(os.environ['HOME'])\n" + EXERCISES["gradient"].source(), "right", "Right"),
])
def test_what_stops_is_noted_and_the_next_goes_on(tmp_path, gradient, verdict, sentence):
    found, remarks = one(tmp_path, short(gradient))
    assert found["gradient"].verdict == verdict and found["gradient"].sentence.startswith(sentence)
    assert found["steepest"].verdict == "right"
    assert list(remarks) == ([found["gradient"].sentence] if "Code cell 3" in sentence else [])


@pytest.mark.parametrize("gradient", [
    "my_gradient = ex.gradient.use(None)",
    "def my_gradient(X):\n    return ex.gradient.reference(X)",
    "from utils.exercises.derivatives import lesson\nmy_gradient = lesson.exercises['gradient'].use(None)",
    WRONG + "\nex.gradient.check = lambda *a: print('Right, in all 3 tests.')\nex.gradient.check(my_gradient)",
    "from utils.checks import exercise, verdict\n"
    "exercise.judge = lambda *a: verdict.Verdict('right', 'Right.')\n" + WRONG,
    "def my_gradient(X):\n    import utils.checks.results as r, utils.checks.case as c, utils.checks.verdict as v\n"
    "    for module in (r, c, v):\n        module.same = lambda *a, **k: True\n    return X",
    "import gc\nfrom utils.publish import examiner\nfor found in gc.get_objects():\n"
    "    if isinstance(found, examiner.Examiner):\n"
    "        found.say(exercise='gradient', kind='right', sentence='Right.', results=[1])\n" + WRONG,
    "import json, os\nsaid = json.dumps({'exercise': 'gradient', 'kind': 'right', 'sentence': 'Right.'}) + '\\n'\n"
    "for way in range(1, 20):\n    try: os.write(way, said.encode())\n    except OSError: pass\n" + WRONG,
], ids=["use", "reference", "lesson", "check", "judge", "same", "say", "stdout"])
def test_nobody_is_right_who_only_says_so(tmp_path, gradient):
    found, _ = one(tmp_path, short(gradient))
    assert found["gradient"].verdict in ("not yet", "not tried")
    assert not found["gradient"].sentence.startswith("Right")


def test_what_is_not_confirmed_says_so(tmp_path):
    judge = "exercise.judge = lambda *a: verdict.Verdict('right', 'Right.')\n"
    found, _ = one(tmp_path, short(f"from utils.checks import exercise, verdict\n{judge}{WRONG}"))
    assert found["gradient"].sentence == NOT_CONFIRMED and "judge" in found["gradient"].source


def test_a_loop_is_ended_with_all_that_it_has_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(isolated, "SOON", 4)
    mark = f"98765.{os.getpid()}"
    loop = (f"import itertools, subprocess\nsubprocess.Popen(['sleep', '{mark}'], start_new_session=True)\n"
            f"subprocess.Popen('sleep {mark} & sleep {mark}', shell=True)\nsum(itertools.count())\n")
    found, remarks = one(tmp_path, short(loop + WRONG), seconds=16)
    assert found["gradient"].verdict == "could not run"
    assert found["gradient"].sentence.startswith("Code cell 3 was ended after") and found["steepest"].verdict == "right"
    assert remarks == (found["gradient"].sentence,)
    assert not [p for p in psutil.process_iter(["cmdline"]) if mark in " ".join(p.info["cmdline"] or [])]


def test_when_the_seconds_are_over_the_rest_is_not_reached(tmp_path):
    found, _ = one(tmp_path, short("while True: pass\n" + WRONG), seconds=3)
    assert found["gradient"].verdict == found["steepest"].verdict == "could not run"
    assert found["steepest"].sentence.startswith("It was not reached. Code cell 3 was ended after")


def test_the_process_knows_nothing_of_its_owner(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "of the lecturer")
    asks = ("import os, sys\nsaid = (os.environ.get('SECRET_TOKEN'), os.environ['HOME'], os.getcwd(), "
            "os.environ['https_proxy'], os.environ['OMP_NUM_THREADS'], os.listdir('.'))\nraise ValueError(said)\n")
    _, remarks = one(tmp_path, short(asks + WRONG))
    secret, home, here, proxy, threads, files = eval(remarks[0].partition("ValueError: ")[2].rstrip("."))
    assert (secret, files, threads, proxy) == (None, [], "1", "http://127.0.0.1:9")
    assert home == here != os.environ.get("HOME") and not Path(home).exists()


# Results on their way ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.notebook)
def test_the_solutions_are_confirmed_and_no_mistake_is(lesson):
    def sent(exercise, function):
        results = [function()] if exercise.is_question else [run.result for run in runs_of(function, exercise.samples)]
        return json.loads(json.dumps([plain_data(result) for result in results]))

    for exercise in lesson.exercises.values():
        assert confirmed(exercise, sent(exercise, exercise.reference)), exercise.name
        for mistake in exercise.mistakes:
            wrong = exercise.verdict(mistake() if exercise.is_question else mistake)
            assert wrong.name == "arguments changed" or not confirmed(exercise, sent(exercise, mistake)), mistake


@pytest.mark.parametrize("results", [None, [], 7, "right", [1, 2], [None] * 3, [{"array": [1], "shape": [9]}] * 3,
                                     [{"pairs": 1}] * 3, [{}] * 3])
def test_rubbish_is_not_confirmed(results):
    assert not confirmed(EXERCISES["gradient"], results)


@pytest.mark.parametrize("value", [1, 0.5, True, None, "a", [1, "b", [2.5]], {1: [1.0], "a": {2: 3}}, float("inf")])
def test_plain_data_comes_back(value):
    assert from_plain(json.loads(json.dumps(plain_data(value)))) == value


def test_arrays_come_back_and_strange_things_do_not():
    array = np.arange(6).reshape(2, 3) / 7
    assert np.array_equal(from_plain(json.loads(json.dumps(plain_data(array)))), array)
    assert plain_data(object()) is None and plain_data(range(10**7)) is None and plain_data(1j) is None


# Which cells an answer needs --------------------------------------------------------------------------


def needs(*sources):
    cells = [cell_of(source) for source in sources]
    return needed(answer_to("gradient", cells), cells)


@pytest.mark.parametrize("sources, found", [
    (["import numpy as np", "x = 1", "def my_gradient(X): return np.sin(X)"], {0, 2}),
    (["def helper(): return k", "k = 3", "print(k)", "def my_gradient(X): return helper()"], {0, 1, 3}),
    (["W = {}", "W[1] = 2", "U = W[1]", "def my_gradient(X): return W"], {0, 1, 3}),
    (["rows = []", "for i in range(3):\n    rows.append(i)", "my_gradient = rows"], {0, 1, 2}),
    (["np.random.seed(0)", "import numpy as np", "def my_gradient(X): return np.random.rand()"], {0, 1, 2}),
    (["from numpy import *", "def my_gradient(X): return sin(X)"], {0, 1}),
    (["def set():\n    global k\n    k = 1", "set()", "def my_gradient(X): return k"], {0, 1, 2}),
    (["X = 5", "def my_gradient(X): return X"], {1}),
    (["def mine(X): return X", "ex.gradient.check(mine)", "def mine(X): return 0"], {0}),
    (["def my_gradient(X): return 1", "def my_gradient(X): return 2"], {0, 1}),
    (["k = 1", "def my_gradient(X) return k"], {1}),
])
def test_an_answer_needs_what_makes_and_changes_its_names(sources, found):
    assert needs(*sources) - {1 if "ex." in sources[1] else -1} == found


def test_figures_and_trainings_are_nobody_s_answer():
    for lesson in lessons():
        book = nbformat.reads(notebook({}, lesson), as_version=4)
        cells = [cell_of(cell.source) for cell in book.cells if cell.cell_type == "code"]
        for name in lesson.exercises:
            assert len(needed(answer_to(name, cells), cells)) < len(cells) / 3, name


def test_the_last_check_says_what_is_handed_in():
    cells = [cell_of(source) for source in ("def first(X): ...", "ex.gradient.check(first)", "def second(X): ...",
                                            "ex.gradient.check(second)", "ex.steepest.check(first)")]
    assert answer_to("gradient", cells)[1:] == ("second", 3, 2)
    assert answer_to("partials", cells) is None


# What lies in a folder --------------------------------------------------------------------------------


def problems(folder):
    return {found.path: found.problem for found in handed_in(folder)}


def test_the_students_names_are_found(tmp_path):
    for name in ("ps1_hacker_attempt_2026-11-25-10-00-00_problem1.ipynb", "ada_lovelace_01_derivatives.ipynb",
                 "bob_homework.ipynb", "Weil André_77_assignsubmission_file_x.ipynb", "01_derivatives.ipynb"):
        put(tmp_path / "here" / name, short(WRONG))
    put(tmp_path / "here" / "eve" / "deep" / "er" / "x.ipynb", short(WRONG))
    assert {found.student for found in handed_in(tmp_path / "here")} == {
        "hacker", "ada_lovelace", "bob", "Weil André (77)", "here", "eve"}


def test_a_whole_download_is_a_zip(tmp_path):
    inner = tmp_path / "inner.zip"
    zipped(inner, **{"x.ipynb": short(WRONG)})
    zipped(tmp_path / "all.zip", **{"A B_1_assignsubmission_file_/x.ipynb": short(WRONG),
                                    "C D_2_assignsubmission_file_/y.zip": inner.read_bytes()})
    assert [(found.student, found.lecture, found.problem) for found in handed_in(tmp_path / "all.zip")] == [
        ("A B (1)", "01_derivatives", ""), ("C D (2)", "01_derivatives", "")]


def test_of_several_notebooks_the_last_by_name_counts_and_that_is_said(tmp_path):
    put(tmp_path / "ada" / "attempt 1" / "x.ipynb", short(WRONG))
    put(tmp_path / "ada" / "attempt 2" / "x.ipynb", short(EXERCISES["gradient"].source()))
    found, = handed_in(tmp_path)
    assert found.path == "ada/attempt 2/x.ipynb" and found.remark.startswith("2 notebooks of this lecture")
    put(tmp_path / "ada" / "attempt 1" / "x.ipynb", short(EXERCISES["gradient"].source()))
    assert not handed_in(tmp_path)[0].remark


def test_each_lecture_is_told_with_tags_and_without(tmp_path):
    for lesson in lessons():
        put(tmp_path / "ada" / "tags" / f"{lesson.number}.ipynb", notebook(blanks(lesson), lesson))
        put(tmp_path / "bob" / "none" / f"{lesson.number}.ipynb", notebook({}, lesson, tags=False))
    assert [(found.student, found.lecture) for found in handed_in(tmp_path)] == [
        (student, lesson.notebook) for student in ("ada", "bob") for lesson in lessons()]


@pytest.mark.parametrize("text, sentence", [
    ("{", "This is not a notebook (JSONDecodeError"), ("", "This is not a notebook"), ("[]", "This is not a notebook"),
    ("[" * 100_000, "This is not a notebook"), ('{"cells": [{"cell_type": "code"}]}', "This is not a notebook"),
    ('{"cells": []}', "Which lecture this is cannot be told"),
    ("\ud800".encode("utf-8", "surrogatepass"), "This is not a notebook (UnicodeDecodeError"),
])
def test_what_is_no_notebook_says_so_and_the_others_are_read(tmp_path, text, sentence):
    put(tmp_path / "bob" / "x.ipynb", short(WRONG))
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "x.ipynb").write_bytes(text if isinstance(text, bytes) else text.encode())
    found = problems(tmp_path)
    assert found["ada/x.ipynb"].startswith(sentence) and found["bob/x.ipynb"] == ""


def test_a_huge_notebook_is_not_read(tmp_path):
    with open(tmp_path / "ada_x.ipynb", "wb") as file:
        file.truncate(200 * 10**6)
    assert problems(tmp_path) == {"ada_x.ipynb": "It has 200 MB and is not read: at most 50 MB are."}


def test_links_and_pipes_are_skipped_and_said(tmp_path):
    put(tmp_path / "far" / "x.ipynb", short(WRONG))
    (tmp_path / "in").mkdir()
    os.symlink(tmp_path / "far" / "x.ipynb", tmp_path / "in" / "ada_x.ipynb")
    os.symlink(tmp_path / "far", tmp_path / "in" / "bob")
    os.mkfifo(tmp_path / "in" / "cyd_x.ipynb")
    link = "This is a link, and links are not followed."
    assert problems(tmp_path / "in") == {"ada_x.ipynb": link, "bob": link, "cyd_x.ipynb": "This is not a plain file."}


@pytest.mark.parametrize("name", ["../../x.ipynb", "/etc/x.ipynb", "a/../../x.txt", "..\\x.ipynb", "C:/x.ipynb"])
def test_a_zip_that_leads_out_is_not_read(tmp_path, name):
    zipped(tmp_path / "ada_x.zip", **{"x.ipynb": short(WRONG), name: short(WRONG)})
    assert list(problems(tmp_path)) == ["ada_x.zip"]
    assert "leads out of it; none of it is read." in problems(tmp_path)["ada_x.zip"]


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    zipped(tmp_path / "ada_x.zip", **{"x.ipynb": " " * 3 * 10**6})
    monkeypatch.setattr(finder, "LARGEST", 2 * 10**6)
    assert problems(tmp_path)["ada_x.zip/x.ipynb"] == "It has 3 MB and is not read: at most 2 MB are."
    monkeypatch.setattr(finder, "LARGEST_ZIP", 10**6)
    monkeypatch.setattr(zipfile.ZipFile, "read", None)
    assert problems(tmp_path)["ada_x.zip"] == "Unpacked, this zip has 3 MB and is not read: at most 1 MB are."


def test_zips_that_cannot_be_read_say_so(tmp_path):
    (tmp_path / "ada_x.zip").write_text("PK, but no zip")
    inner = b"PK"
    for number in (1, 2, 3):
        zipped(tmp_path / "bob_x.zip", **{f"{number}.zip": inner})
        inner = (tmp_path / "bob_x.zip").read_bytes()
    found = problems(tmp_path)
    assert found["ada_x.zip"].startswith("This zip cannot be read (")
    assert "This is a zip in a zip in a zip, and is not looked into." in found.values()


# What is written --------------------------------------------------------------------------------------


def test_no_cell_of_the_table_is_a_formula(tmp_path):
    for name in ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", " =1", "plain"):
        write_to = tmp_path / str(len(list(tmp_path.iterdir())))
        write_to.mkdir()
        write(write_to, [Marked(name, "", "x", (Mark("gradient", "not yet", name),))])
        (student, _), (_, sentence) = next(iter(table(write_to).items()))
        assert student == sentence == (name if name == "plain" else f"'{name}")


def test_pages_have_safe_names_and_show_text_as_text(tmp_path):
    students = ["../../etc/passwd", "a/b", "A?B", "a*b", "CON", "ä" * 300, "<script>x</script>", "\ud800", "", "名前"]
    write(tmp_path, [Marked(student, "", student, (Mark("e", "not yet", "<img src=x onerror=x>", "</pre><script>"),))
                     for student in students])
    pages = sorted(path.name for path in tmp_path.iterdir())
    assert len(pages) == len(students) + 2 and max(map(len, pages)) < 80
    assert all(name in ("marks.csv", "index.html") or name[:4].rstrip("_").isdigit() for name in pages)
    for path in tmp_path.glob("*.html"):
        text = path.read_text("utf-8")
        assert "<script" not in text and "<img" not in text and "http" not in text


def test_the_index_counts_and_gives_no_grade(tmp_path):
    marks = (Mark("a", "right", "Right."), Mark("b", "not yet", "No."), Mark("c", "right", "Right."))
    write(tmp_path, [Marked("ada", "01_derivatives", "x", marks), Marked("bob", "", "y.ipynb", (), ("No notebook.",))])
    text = (tmp_path / "index.html").read_text("utf-8")
    assert '<a href="001_ada.html">ada</a></td><td>01_derivatives</td><td class="number">2</td>' in text
    assert "y.ipynb" in text and "No notebook." in text
    assert table(tmp_path)["bob", ""] == ("could not run", "No notebook.")


# The command ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments, sentence", [
    (["nowhere"], "There is no folder nowhere"), (["empty"], "There is no notebook in empty"),
    (["file.txt"], "There is no folder file.txt"), (["in", "--to", "in"], "in is there already: move it away"),
    (["in", "--to", "file.txt/x"], "could not be written"), ([], "arguments are required: folder"),
    *((["in", "--seconds", text], f"\"{text}\" is not a number of seconds") for text in ("soon", "0", "nan")),
])
def test_what_cannot_be_done_is_one_sentence(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("utils.publish.check.marked", None)  # nothing is run
    put(tmp_path / "in" / "ada_x.ipynb", short(WRONG))
    put(tmp_path / "file.txt", "")
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    try:
        assert main(arguments) == 2
    except SystemExit as refused:  # by the parser
        assert refused.code == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_an_interrupted_run_leaves_nothing_half_written(tmp_path, monkeypatch):
    put(tmp_path / "in" / "ada_x.ipynb", short(WRONG))
    monkeypatch.setattr("utils.publish.check.marked", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        main([str(tmp_path / "in"), "--to", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_the_command_is_run_as_a_module(tmp_path):
    done = subprocess.run([sys.executable, "-m", "utils.publish.check", str(tmp_path)], cwd=ROOT, capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 2 and done.stderr.startswith("There is no notebook in")
