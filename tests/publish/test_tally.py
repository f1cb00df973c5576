"""What the class stumbled on: counted exactly, shown in threes, and nothing that a student writes can get into it."""

import csv
import io
import itertools
import json
import os
import random
import re
import subprocess
import zipfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab import chromium, missing

from utils.checks import progress
from utils.checks.lesson import Lesson
from utils.checks.text import sentence_of
from utils.exercises import lessons
from utils.publish import counts, projection, records, tally
from utils.publish.counts import Counts, count, rounded, sheets
from utils.publish.records import Deed, Reading

LESSONS = {lesson.number: lesson for lesson in lessons()}
RECORD = "02_gradient_descent.progress.json"
posix = pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")


def entry(verdict="mistake", tries=2, **mistakes):
    """Return an entry of a record."""
    when = {"first": "2026-01-01T10:00:00+00:00", "last": "2026-01-01T10:00:00+00:00"}
    return {"verdict": verdict, "sentence": "Something.", "tries": tries, "answer": "x = 1",
            "mistakes": {name: {"count": number, **when} for name, number in mistakes.items()}}


def put(path, content):
    """Write a record, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def read(folder):
    """Return the exact counts of a folder, and what was left out of them."""
    reading = Reading(folder, lessons())
    return count(reading.work), +reading.left_out


def simulated(folder, students, rng, numbers=("02", "07")):
    """Let students work through notebooks, questions by the real check, and return what is to be counted."""
    expected = Counts(students, Counter(), Counter(), Counter())
    for student in range(students):
        own = folder / f"student{student:03}"
        own.mkdir(parents=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LECTURE_PROGRESS", str(own))
            patch.setattr("utils.checks.clock.TRIES", False)  # as for every test
            for lesson in (LESSONS[number] for number in numbers):
                for name in list(lesson.exercises)[:rng.randint(1, len(lesson.exercises))]:
                    verdicts = [answered(lesson.exercises[name], rng) for _ in range(rng.choice((1, 1, 2)))]
                    key = lesson.notebook, name
                    expected.tried[key] += 1
                    expected.done[key] += any(kind == "right" for kind, _ in verdicts)
                    expected.made.update((*key, mistake) for mistake in {mistake for _, mistake in verdicts if mistake})
    return expected


def answered(exercise, rng):
    """Answer an exercise, right or wrong, and return the verdict's kind and the mistake's name."""
    mistake = rng.choice([None, *exercise.mistakes, *exercise.mistakes[:1] * 3])
    if exercise.is_question:
        verdict = exercise.check((mistake or exercise.reference)())
        return verdict.kind, verdict.name
    kind, name = ("mistake", mistake.__name__) if mistake else ("right", "")
    progress.note(exercise.notebook, exercise.name, kind, sentence_of(mistake) if mistake else "Right.", "x = 1", name)
    return kind, name


@pytest.fixture(scope="module")
def of_200(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    return folder, simulated(folder, 200, random.Random(4))


@pytest.fixture
def folder(tmp_path):
    """Return a folder of five honest students, all stuck on one exercise with one mistake."""
    for student in range(5):
        put(tmp_path / "class" / f"s{student}" / RECORD, {"descend": entry(descend_uphill=1)})
    return tmp_path / "class"


def run(capsys, *arguments):
    """Run the command, and return its status, what it printed, and what it said beside that."""
    capsys.readouterr()
    try:
        status = tally.main([str(argument) for argument in arguments])
    except SystemExit as refused:  # by the parser
        status = refused.code
    return status, *capsys.readouterr()


# Exact counts -----------------------------------------------------------------------------------------


def test_200_students_are_counted_exactly(of_200):
    folder, expected = of_200
    found, left_out = read(folder)
    assert found.students == 200 and not left_out and len(expected.made) > 60
    assert (found.tried, found.done) == (expected.tried, +expected.done)
    known = {(lesson.notebook, name, mistake.__name__) for lesson in lessons()
             for name, exercise in lesson.exercises.items() for mistake in exercise.mistakes}
    assert found.made == Counter({key: n for key, n in expected.made.items() if key in known})


def test_the_table_names_the_three_most_frequent_mistakes_in_the_catalogue_s_order(of_200, capsys, tmp_path):
    folder, expected = of_200
    status, out, err = run(capsys, folder, "02", "--csv", tmp_path / "t.csv")
    assert status == 0 and err == "" and out.startswith("198 students have a record; counts go in steps of 3")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text("utf-8-sig"))))
    assert [row["exercise"] for row in rows] == list(LESSONS["02"].exercises)
    assert not any(None in row for row in rows)  # three mistakes, and no more columns
    for row in rows:
        key = (LESSONS["02"].notebook, row["exercise"])
        exercise = LESSONS["02"].exercises[row["exercise"]]
        often = sorted(((expected.made[(*key, m.__name__)] // 3 * 3, sentence_of(m)) for m in exercise.mistakes),
                       key=lambda pair: -pair[0])
        often = [(str(number), words) for number, words in often if number][:3]
        assert [(row[f"students {i}"], row[f"mistake {i}"]) for i in (1, 2, 3) if row[f"students {i}"]] == often
        assert row["right"] == (str(expected.done[key] // 3 * 3) if expected.done[key] > 2 else "<3")
        assert row["tried (in steps of 3)"] == str(expected.tried[key] // 3 * 3)
        line = next(line for line in out.splitlines() if line.startswith(f"{row['number']:>4}  {row['title']} "))
        assert line.split()[-2:] == [row["right"], row["tried (in steps of 3)"]]


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.notebook)
def test_numbers_and_titles_are_those_of_the_notebook(lesson):
    heading, titles = counts.headings(lesson)
    text = (counts.ROOT / "notebooks" / f"{lesson.notebook}.ipynb").read_text("utf-8")
    assert heading.startswith(f"{lesson.number} · ") and list(titles) == list(lesson.exercises)
    assert [number for number, _ in titles.values()] == list(range(1, len(titles) + 1))
    for number, title in titles.values():
        assert re.search(rf"✎ Exercise {number} · [^*]* · {re.escape(title)}\.?\*\*", text)


def test_without_the_notebooks_the_exercises_names_have_to_do(tmp_path):
    (tmp_path / "02_gradient_descent.ipynb").write_text("{}")
    heading, titles = counts.headings(LESSONS["02"], tmp_path)
    assert heading == "02_gradient_descent" and titles["hops"] == (2, "hops")


def test_a_student_counts_once_however_many_records_there_are(folder):
    put(folder / "s0" / "old" / "deeper" / RECORD, {"descend": entry("right", descend_without_start=1)})
    found, _ = read(folder)
    key = LESSONS["02"].notebook, "descend"
    assert (found.students, found.tried[key], found.done[key]) == (5, 5, 1)
    assert found.made == {(*key, "descend_uphill"): 5, (*key, "descend_without_start"): 1}


def test_records_that_lie_flat_are_told_apart_by_what_stands_before_the_notebook(tmp_path):
    for name in ("Anna_12_", "Anna_13_", "Bo_14_"):
        put(tmp_path / f"{name}{RECORD}", {"descend": entry()})
    put(tmp_path / "Anna_12 - 04_backward_pass.progress.json", {"sweep": entry("right")})
    assert read(tmp_path)[0].students == 3


def test_two_folders_are_two_students_however_alike_their_names(tmp_path):
    for name in ("anna", "_anna", "anna."):
        put(tmp_path / name / RECORD, {"descend": entry()})
    assert read(tmp_path)[0].students == 3


def test_a_zip_file_counts_like_a_folder_of_its_name(folder):
    with zipfile.ZipFile(folder / "s0.zip", "w") as archive:
        archive.writestr(f"notebooks/{RECORD}", json.dumps({"descend": entry("right")}))
        archive.writestr("notebooks/02_gradient_descent.ipynb", "{}")
    with zipfile.ZipFile(folder / "s9.zip", "w") as archive:
        archive.writestr(RECORD, json.dumps({"descend": entry("right")}))
    found, left_out = read(folder)
    assert (found.students, found.done.total(), left_out) == (6, 2, {})


def test_old_records_without_counts_and_other_files_are_no_trouble(folder):
    old = entry()
    del old["mistakes"]
    put(folder / "s9" / RECORD, {"descend": old})
    put(folder / "s9" / f"{RECORD}.aside-1", b"{")
    put(folder / "s9" / f"{RECORD}.4711", b"{")
    put(folder / "s9" / "99_other.progress.json", b"{")
    found, left_out = read(folder)
    assert (found.students, found.tried.total(), left_out) == (6, 6, {})


# Nobody can be told apart -----------------------------------------------------------------------------


@pytest.fixture
def published(monkeypatch, tmp_path):
    """Return a function that gives all that is published about some work, as one value."""
    files = {}
    monkeypatch.setattr(tally, "write", files.update)

    def publish(work, taught):
        reading = Reading(tmp_path, [])
        reading.work, reading.is_empty = work, False
        monkeypatch.setattr(tally, "Reading", lambda *_: reading)
        options = tally.options_of([str(tmp_path), "--every", "5", "--csv", "c", "--page", "p"])
        options.lessons = taught
        monkeypatch.setattr(tally.time, "strftime", lambda _: "10:00:00")
        return tally.publish(options), tuple(sorted(files.items()))

    return publish


@pytest.fixture(scope="module")
def trial():
    lesson = Lesson("99_trial")
    for name in ("one", "two"):
        def solution():
            """a number"""
            return 1

        solution.__name__ = name
        lesson.exercise()(solution)
        lesson.exercises[name].wrong_answers(first=(2, "The first."), second=(3, "The second."))
    return lesson


MADE = [frozenset(made) for made in ((), ("first",), ("second",), ("first", "second"))]
ONE = [{}, *({("99_trial", "one"): Deed(done, made)} for done in (False, True) for made in MADE)]
TWO = [{("99_trial", name): Deed(done, frozenset()) for name, done in zip(("one", "two"), both) if done is not None}
       for both in itertools.product((None, False, True), repeat=2)]
SOLVING = [{}, *({("99_trial", "one"): Deed(done, frozenset())} for done in (False, True))]
IN_TIME = [(SOLVING[before], SOLVING[after]) for before, after in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))]


def derived(see, states, sizes=(3, 4, 6)):
    """Return which groups of states are known to be 1 or 2 students, though all classes of these sizes are possible.

    `see` gives what is published about a class, a list of states; who looks at it knows the size of the class, too.
    """
    groups = np.array(list(itertools.product((0, 1), repeat=len(states))))
    found = []
    for size in sizes:
        known = defaultdict(lambda: True)
        for members in itertools.combinations_with_replacement(range(len(states)), size):
            sums = groups @ np.bincount(members, minlength=len(states))
            seen = see([states[i] for i in members])
            known[seen] = known[seen] & np.isin(sums, (1, 2))
        found += [(size, groups[i].tolist()) for few in known.values() for i in np.flatnonzero(few)]
    return found


def numbered(members):
    return dict(enumerate(members))


def hidden_below_three(exact):
    return Counts(exact.students, *({key: n for key, n in part.items() if n > 2} for part in exact[1:]))


@pytest.mark.parametrize("states", [ONE, TWO], ids=["an exercise with two mistakes", "two exercises"])
def test_no_group_of_one_or_two_can_be_derived_from_all_that_is_published(states, trial, published):
    assert derived(lambda members: published(numbered(members), [trial]), states) == []


def test_nor_from_two_successive_tables(trial, published):
    def see(members):
        return tuple(published(numbered(half), [trial]) for half in zip(*members))

    assert derived(see, IN_TIME) == []


@pytest.mark.parametrize("states", [ONE, TWO, IN_TIME], ids=["one", "two", "in time"])
def test_to_hide_small_counts_alone_would_not_be_enough(states, trial, published, monkeypatch):
    monkeypatch.setattr(tally, "rounded", hidden_below_three)

    def see(members):
        halves = zip(*members) if states is IN_TIME else [members]
        return tuple(published(numbered(half), [trial]) for half in halves)

    assert derived(see, states, sizes=(3, 4))


def in_threes(exact):
    """Return the work of a class in which every three students are equal, and whose counts are the rounded ones."""
    some = rounded(exact)
    work = {student: {} for student in range(some.students)}
    for key, tried in some.tried.items():
        for student in range(tried):
            made = frozenset(made[2] for made, number in some.made.items() if made[:2] == key and student < number)
            work[student][key] = Deed(student < some.done.get(key, 0), made)
    return work


@st.composite
def classes(draw):
    """Return the work of up to 40 students on the real notebook 02, drawn from a few kinds of student."""
    def deed(exercise):
        names = st.frozensets(st.sampled_from([mistake.__name__ for mistake in exercise.mistakes]))
        return st.none() | st.builds(Deed, st.booleans(), names)

    kind = st.fixed_dictionaries({(LESSONS["02"].notebook, name): deed(exercise)
                                  for name, exercise in LESSONS["02"].exercises.items()})
    kinds = draw(st.lists(kind, min_size=1, max_size=6))
    some = draw(st.lists(st.sampled_from(kinds), max_size=40))
    return numbered([{key: deed for key, deed in mine.items() if deed} for mine in some])


@settings(max_examples=50)
@given(work=classes())
def test_a_class_in_threes_would_look_just_so(work):
    def seen(some):
        shown = rounded(count(some))
        pages = sheets([LESSONS["02"]], shown)
        return tally.table(pages, shown.students), tally.spreadsheet(pages), projection.page(pages, shown.students, 5)

    threes = in_threes(count(work))
    assert all(n % 3 == 0 for part in count(threes)[1:] for n in part.values()) and len(threes) % 3 == 0
    assert seen(work) == seen(threes)


# Forged records, links, large files -------------------------------------------------------------------

EVIL = "<script>alert('Zoë Quill')</script>\x1b]0;owned\x07\x1b[2J=cmd|' /C calc'!A0"
BROKEN = {
    "cut off": b'{"descend": {"verdict": "right", ', "empty": b"", "no text": b"\xff\xfe\x00", "a list": b"[1, 2]",
    "deep": b"[" * 500_000, "deep objects": b'{"descend":' * 80_000, "not a number": b"NaN",
    "an entry that is none": {"descend": EVIL}, "a list of entries": {"descend": [entry()]},
    "an unknown verdict": {"descend": entry(EVIL)}, "a verdict that is a list": {"descend": entry(["right"])},
    "no tries": {"descend": entry(tries=0)}, "negative tries": {"descend": entry(tries=-3)},
    "tries that are true": {"descend": entry(tries=True)}, "half a try": {"descend": entry(tries=1.5)},
    "tries that are no number": {"descend": entry(tries=float("nan"))},
    "endless tries": {"descend": entry(tries=float("inf"))}, "absurd tries": {"descend": entry(tries=10**12)},
    "huge": b'{"descend": {"verdict": "right", "tries": ' + b"9" * 100_000 + b"}}",
    "mistakes in a list": {"descend": {**entry(), "mistakes": ["descend_uphill"]}},
    "mistakes that are nothing": {"descend": {**entry(), "mistakes": None}},
    "a mistake that is a number": {"descend": {**entry(), "mistakes": {"descend_uphill": 3}}},
    "a mistake made never": {"descend": entry(descend_uphill=0)},
    "less than never": {"descend": entry(descend_uphill=-1)},
    "more often than tried": {"descend": entry(descend_uphill=3)},
    "a count in words": {"descend": entry(descend_uphill=EVIL)},
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=list(BROKEN))
def test_a_broken_record_changes_nothing_and_is_counted(folder, content, capsys):
    before = read(folder)[0]
    put(folder / EVIL.replace("/", "_") / RECORD, content)
    found, left_out = read(folder)
    assert found == before and left_out == {"broken": 1}
    status, out, err = run(capsys, folder, "02")
    assert status == 0 and err == "Files and folders not read: 1 (broken).\n" and "<script" not in out


def test_what_a_student_writes_gets_nowhere(folder, capsys, tmp_path):
    mine = {**entry(EVIL, **{EVIL: 1, "descend_uphill": 1, "__class__": 1}), "verdict": "mistake", "sentence": EVIL,
            "answer": EVIL, EVIL: EVIL}
    put(folder / EVIL.replace("/", "_") / RECORD, {"descend": mine, EVIL: mine, "__doc__": mine, "lesson": EVIL})
    put(folder / "s9" / f"{EVIL.replace('/', '_')}{RECORD}", {"descend": {**mine, "mistakes": {EVIL: EVIL}}})
    status, out, err = run(capsys, folder, "--csv", tmp_path / "t.csv", "--page", tmp_path / "p.html")
    told = out + err + (tmp_path / "t.csv").read_text("utf-8") + (tmp_path / "p.html").read_text("utf-8")
    assert status == 0 and not re.search(r"script|Zoë|owned|cmd|\x1b|\x07|2026|Something", told)
    assert read(folder)[0].made == {(LESSONS["02"].notebook, "descend", "descend_uphill"): 6}


def test_a_student_counts_for_one_whatever_is_claimed(folder):
    put(folder / "s9" / RECORD, {"descend": entry("right", tries=10**6, descend_uphill=10**6)})
    found = read(folder)[0]
    assert {*found.tried.values(), *found.made.values()} == {6} and {*found.done.values()} == {1}


@posix
def test_links_are_not_followed_and_counted(folder, tmp_path, capsys):
    outside = put(tmp_path / "outside" / RECORD, {"descend": entry("right")})
    (folder / "s0" / "04_backward_pass.progress.json").symlink_to(outside)
    (folder / "s1" / "all").symlink_to(folder)
    (folder / "s7").symlink_to(outside.parent)
    (folder / "s2" / RECORD).unlink()
    (folder / "s2" / RECORD).symlink_to("/nowhere")
    found, left_out = read(folder)
    assert (found.students, found.tried.total(), found.done.total(), left_out) == (4, 4, 0, {"a link": 4})
    assert run(capsys, folder, "02")[2] == "Files and folders not read: 4 (a link).\n"


@posix
def test_a_pipe_does_not_keep_anybody_waiting(folder):
    os.mkfifo(folder / "s0" / "04_backward_pass.progress.json")
    os.mkfifo(folder / f"s9_{RECORD}")
    found, left_out = read(folder)
    assert (found.students, left_out) == (5, {})


@posix
def test_a_pipe_or_a_link_that_comes_between_does_not_either(folder, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(folder / "s0" / RECORD)
    assert records._content(tmp_path / "pipe", 100) == b""
    with pytest.raises(OSError):
        records._content(tmp_path / "link", 100)


def test_a_large_file_is_left_out_and_counted(folder):
    most = json.dumps({"descend": entry()}).encode()
    put(folder / "s8" / RECORD, most + b" " * (10**6 - len(most)))
    put(folder / "s9" / RECORD, most + b" " * (10**6 + 1 - len(most)))
    with (folder / "s9.zip").open("wb") as file:
        file.truncate(10**7 + 1)
    found, left_out = read(folder)
    assert found.students == 6 and left_out == {records.LARGE: 2}


def test_of_one_student_only_so_much_is_read(folder, monkeypatch):
    monkeypatch.setattr(records, "BYTES", 50_000)
    monkeypatch.setattr(records, "ENTRIES", 12)
    for i in range(8):
        put(folder / "s0" / f"{i}{RECORD}", {"hops": entry()})
    for i in range(20):
        put(folder / "s1" / f"{i}.txt", b"")
    found, left_out = read(folder)
    assert left_out == {records.MANY: 4 + 1} and found.tried["02_gradient_descent", "hops"] == 1


def test_a_bomb_in_a_zip_file_does_not_go_off(folder):
    with zipfile.ZipFile(folder / "s9.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(RECORD, b" " * 10**8)
        for i in range(30):
            archive.writestr(f"{i}/{RECORD}", b" " * 10**6)
    found, left_out = read(folder)
    assert found.students == 5 and left_out == {records.LARGE: 1, records.BROKEN: 19, records.MANY: 11}


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06" + b"\xff" * 18, b"\0" * 5000])
def test_a_broken_zip_file_is_counted(folder, content):
    put(folder / "s9.zip", content)
    assert read(folder)[1] == {"broken": 1}


def test_a_link_in_a_zip_file_is_none_here(folder):
    link = zipfile.ZipInfo(RECORD)
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(folder / "s9.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert read(folder)[1] == {"a link": 1}


def test_a_folder_that_cannot_be_opened_is_counted(folder, monkeypatch):
    real = os.scandir

    def closed(path):
        if Path(path).name == "s0":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", closed)
    found, left_out = read(folder)
    assert found.students == 4 and left_out == {records.CLOSED: 1}


@posix
def test_deep_folders_are_searched_to_the_end(folder):
    place = os.open(folder / "s0", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=place)
        place, before = os.open("d", os.O_RDONLY, dir_fd=place), place
        os.close(before)
    record = os.open("04_backward_pass.progress.json", os.O_WRONLY | os.O_CREAT, dir_fd=place)
    with open(record, "w") as file:
        json.dump({"sweep": entry()}, file)
    os.close(place)
    try:
        assert read(folder)[0].tried["04_backward_pass", "sweep"] == 1
    finally:
        subprocess.run(["rm", "-rf", str(folder / "s0" / "d")], check=True)  # pytest's own tidying does not go so deep


# The command ------------------------------------------------------------------------------------------


def test_nothing_that_is_shown_is_shown_below_three(folder, capsys):
    put(folder / "s0" / "04_backward_pass.progress.json", {"sweep": entry()})
    out = run(capsys, folder)[1]
    assert "Walk downhill" in out and "backwards" not in out and re.search(r"The walk +<3 +3\n", out)
    assert re.search(r"Backwards, in a loop +<3 +<3\n", run(capsys, folder, "04")[1])


def test_a_class_that_has_hardly_begun_is_told_so(tmp_path, capsys):
    put(tmp_path / "s0" / RECORD, {"descend": entry()})
    assert "No exercise has been tried by 3 or more yet." in run(capsys, tmp_path)[1]


BAD = {
    "no folder": ([], "the following arguments are required: folder"),
    "a folder that is not there": (["{}/none"], "There is no folder"),
    "an empty folder": (["{}/empty"], "There is no record of these notebooks"),
    "a folder without records": (["{}/bare"], "There is no record of these notebooks"),
    "an empty folder, again and again": (["{}/empty", "--every", "5"], "There is no record of these notebooks"),
    "a file": (["{}/file"], "is not a folder."),
    "a wrong number": (["{}/class", "02", "9"], "There is no notebook \"9\""),
    "no number": (["{}/class", ""], "There is no notebook \"\""),
    **{f"{text} seconds": (["{}/class", f"--every={text}"], f"\"{text}\" is not a number of seconds")
       for text in ("0", "-1", "nan", "inf", "1e9", "five", "")},
    "a page that is a folder": (["{}/class", "--page", "{}/bare"], "is a folder"),
    "a page without a name": (["{}/class", "--page", ""], "is a folder"),
    "a page in a folder that is not there": (["{}/class", "--page", "{}/none/p.html"], "No such file or directory"),
    "a page on a record": (["{}/class", "--page", "{}/class/s0/" + RECORD], "the name of a student's record"),
    "both in one file": (["{}/class", "--page", "{}/p", "--csv", "{}/bare/../p"], "into the same file"),
}


@pytest.mark.parametrize("arguments, sentence", BAD.values(), ids=list(BAD))
def test_what_cannot_be_done_is_refused_in_one_sentence(folder, capsys, arguments, sentence):
    (folder.parent / "empty").mkdir()
    (folder.parent / "bare" / "s0").mkdir(parents=True)
    (folder.parent / "file").touch()
    before = sorted(folder.parent.rglob("*"))
    status, out, err = run(capsys, *(argument.format(folder.parent) for argument in arguments))
    assert (status, out, err.count("\n")) == (2, "", 1) and sentence in err
    assert sorted(folder.parent.rglob("*")) == before


def test_a_folder_that_cannot_be_read_is_refused(folder, capsys, monkeypatch):
    def closed(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", closed)
    status, _, err = run(capsys, folder)
    assert status == 2 and err == f"{folder} cannot be read (Permission denied).\n"


@pytest.mark.parametrize("broken", ["open", "replace"])
def test_files_are_written_as_a_whole_or_not_at_all(folder, capsys, monkeypatch, tmp_path, broken):
    files = [tmp_path / "t.csv", tmp_path / "p.html"]
    for path in files:
        path.write_text("before")
    real = Path.open

    def full(path, *mode):
        file = real(path, *mode)
        if "p.html" in path.name:
            file.close()
            raise OSError(28, "No space left on device")
        return file

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(*((Path, "open", full) if broken == "open" else (os, "replace", denied)))
        status, out, err = run(capsys, folder, "--csv", files[0], "--page", files[1])
    assert (status, out, err.count("\n")) == (2, "", 1) and "cannot be written" in err
    assert [path.read_text() for path in files] == ["before"] * 2
    assert {path.name for path in tmp_path.iterdir()} == {"class", "t.csv", "p.html"}


@posix
def test_a_planted_link_is_not_written_through(folder, capsys, tmp_path):
    victim = put(tmp_path / "victim", b"mine")
    (folder / f".p.html.{os.getpid()}").symlink_to(victim)
    (folder / "p.html").symlink_to(victim)
    assert run(capsys, folder, "--page", folder / "p.html")[0] == 0
    assert victim.read_bytes() == b"mine" and (folder / "p.html").read_text("utf-8").startswith("<!DOCTYPE html>")


@posix
def test_nor_one_that_is_planted_while_it_writes(folder, capsys, tmp_path, monkeypatch):
    victim = put(tmp_path / "victim", b"mine")
    (folder / f".p.html.{os.getpid()}").symlink_to(victim)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    status, _, err = run(capsys, folder, "--page", folder / "p.html")
    assert (status, victim.read_bytes()) == (2, b"mine") and "cannot be written (File exists)" in err


def test_what_is_written_into_the_folder_is_not_read(folder, capsys):
    first = run(capsys, folder, "--csv", folder / "t.csv", "--page", folder / "s0" / "p.html")
    assert run(capsys, folder, "--csv", folder / "t.csv", "--page", folder / "s0" / "p.html") == first


@pytest.fixture
def rounds(monkeypatch):
    """Let the time between two tables be filled by what is given; after that comes Ctrl-C."""
    def fill(*actions):
        left, slept = list(actions), []

        def sleep(seconds):
            slept.append(seconds)
            if not left:
                raise KeyboardInterrupt
            left.pop(0)()

        monkeypatch.setattr(tally.time, "sleep", sleep)
        return slept

    return fill


def test_every_few_seconds_there_is_a_new_table_until_ctrl_c(folder, capsys, rounds, tmp_path):
    seen = []

    def work():
        seen.append((tmp_path / "p.html").read_text("utf-8"))
        put(folder / "s9" / RECORD, {"descend": entry("right")})

    slept = rounds(work, lambda: None)
    status, out, err = run(capsys, folder, "02", "--every", "2.5", "--page", tmp_path / "p.html")
    assert (status, err, slept) == (0, "", [2.5] * 3)
    assert out.count("students have a record") == 2  # the third table is the second one
    assert "3 students have a record" in out and "6 students have a record" in out
    assert "<p>3 students</p>" in seen[0] and "<p>6 students</p>" in (tmp_path / "p.html").read_text("utf-8")
    assert '<meta http-equiv="refresh" content="2">' in seen[0]


def test_a_folder_that_is_away_for_a_moment_does_not_end_it(folder, capsys, rounds):
    rounds(lambda: folder.rename(folder.with_name("away")), lambda: folder.with_name("away").rename(folder))
    status, _, err = run(capsys, folder, "--every", "1")
    assert (status, err) == (0, f"There is no folder {folder}.\n")


def test_before_the_first_record_it_waits(tmp_path, capsys, rounds):
    (tmp_path / "s0").mkdir()
    rounds(*(lambda i=i: put(tmp_path / f"s{i}" / RECORD, {"descend": entry()}) for i in range(3)))
    status, out, _ = run(capsys, tmp_path, "--every", "1")
    assert status == 0 and out.startswith("<3 students") and "3 students have a record" in out


# The page ---------------------------------------------------------------------------------------------


def fullest():
    """Return sheets as full as the catalogue can make them: of each notebook the two longest exercises stick out."""
    found = []
    for sheet in sheets(lessons(), Counts(999, {}, {}, {})):
        exercises = LESSONS[sheet.notebook.partition("_")[0]].exercises
        rows = [row._replace(tried=999, done=300, mistakes=sorted(
            ((300, sentence_of(mistake)) for mistake in exercises[row.name].mistakes), key=lambda p: -len(p[1]))[:3])
            for row in sheet.rows]
        longest = sorted(rows, key=lambda row: -sum(len(words) for _, words in row.mistakes))[:2]
        found.append(sheet._replace(rows=[row._replace(done=102) if row in longest else row for row in rows]))
    return found


def test_the_page_stands_alone_and_reloads_only_when_it_changes(of_200):
    some = rounded(read(of_200[0])[0])
    text = projection.page(sheets(lessons(), some), some.students)
    assert not re.search(r"<script|https?:|url\(|@import|<link|<img|refresh", text) and text.count("<section") == 11
    assert 'content="1"' in projection.page([], 0, 0.2)


def test_the_exercises_that_most_are_stuck_on_come_first():
    def row(name, tried, done, *mistakes):
        return counts.Row(1, name, name, tried, done, [(n, "So.") for n in mistakes])

    rows = [row("idle", 0, 0), row("solved", 30, 30), row("stuck", 30, 9, 3), row("frequent", 30, 30, 12),
            row("rare", 30, 30, 6)]
    assert [row.name for row in projection.worst_of(rows)] == ["stuck", "frequent"]
    assert [row.name for row in projection.worst_of(rows[:2])] == []


def test_sentences_are_typeset_and_signs_stay_signs():
    assert projection._typeset("Use `a * b < c` and *not* 2 * x * y.") == (
        "Use <code>a * b &lt; c</code> and <em>not</em> 2 * x * y.")


@pytest.mark.browser
@pytest.mark.skipif(bool(missing()), reason=missing())
def test_the_fullest_page_fits_the_screen_in_large_type_and_reloads_where_it_is(tmp_path):
    from playwright.sync_api import sync_playwright

    path = tmp_path / "p.html"
    path.write_text(projection.page(fullest(), 999, 4, "10:00:00"), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('section')[5].scrollIntoView()")
        hidden = page.evaluate("""[...document.querySelectorAll('section, section *')].filter(e =>
            e.scrollHeight > e.clientHeight + 1 && getComputedStyle(e).overflowY == 'hidden'
            || e.getBoundingClientRect().right > 1920).map(e => e.className)""")
        sizes = page.evaluate("""[...document.querySelectorAll('section *')].map(e =>
            parseFloat(getComputedStyle(e).fontSize))""")
        beyond = page.evaluate("""[...document.querySelectorAll('section')].filter(s => [...s.querySelectorAll('*')]
            .some(e => e.getBoundingClientRect().bottom > s.getBoundingClientRect().bottom + 1)).length""")
        path.write_text(projection.page(fullest(), 996, 4, "10:00:01"), encoding="utf-8")
        page.wait_for_function("""(sixth => sixth.querySelector('p').innerText == '996 students'
            && Math.abs(sixth.getBoundingClientRect().top) < 1)(document.querySelectorAll('section')[5])""")
        browser.close()
    assert (hidden, beyond) == ([], 0) and min(sizes) >= 24
