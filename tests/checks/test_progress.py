"""What a student has done is kept, whatever happens to the file; nothing is lost and nothing raises."""

import json
import os
import subprocess
import sys
from datetime import datetime

import numpy as np
import pytest

from utils.checks import progress
from utils.checks.lesson import Lesson


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LECTURE_PROGRESS", str(tmp_path))
    monkeypatch.setattr(progress, "UNWRITTEN", {})
    return tmp_path


@pytest.fixture
def lesson():
    lesson = Lesson("99_trial")

    @lesson.exercise(samples=[(np.arange(3.0),)])
    def double(x):
        """Return 2x."""
        return 2 * x

    @double.mistake()
    def triple(x):
        """Three times is once too many."""
        return 3 * x

    @lesson.exercise()
    def answer():
        """a number"""
        return 42

    return lesson


def entry(folder, name="double"):
    return json.loads((folder / "99_trial.progress.json").read_text("utf-8"))[name]


def right(x):
    return x + x


def test_a_verdict_is_written_down_with_the_answer(lesson, folder):
    lesson.exercises["double"].check(lambda x: 3 * x)
    counted = entry(folder)["mistakes"].pop("triple")
    assert entry(folder) == {"verdict": "mistake", "sentence": "Three times is once too many.", "tries": 1,
                             "answer": "    lesson.exercises[\"double\"].check(lambda x: 3 * x)\n",
                             "mistakes": {"triple": counted}}
    assert counted["count"] == 1 and counted["first"] == counted["last"]
    lesson.exercises["double"].check(right)
    assert entry(folder)["verdict"] == "right" and entry(folder)["tries"] == 2
    assert entry(folder)["answer"] == "def right(x):\n    return x + x\n"


def test_what_was_right_once_stays_right_with_its_answer(lesson, folder):
    double = lesson.exercises["double"]
    double.check(right)
    double.check(lambda x: 3 * x)
    assert (entry(folder)["verdict"], entry(folder)["tries"]) == ("right", 2) and "x + x" in entry(folder)["answer"]


def test_each_mistake_is_counted_by_its_name_with_times(lesson, folder):
    double = lesson.exercises["double"]
    for answer in (lambda x: 3 * x, lambda x: 3 * x, lambda x: x[::-1] * 2, lambda x: -2 * x, right, lambda x: 3 * x):
        double.check(answer)
    mistakes = entry(folder)["mistakes"]
    assert {name: counts["count"] for name, counts in mistakes.items() if name in ("triple", "order of entries")} == {
        "triple": 3, "order of entries": 1}
    assert all(datetime.fromisoformat(counts[end]).tzinfo for counts in mistakes.values() for end in ("first", "last"))
    assert entry(folder)["verdict"] == "right" and entry(folder)["tries"] == 6


def test_a_record_from_before_there_were_counts_is_read_and_goes_on(lesson, folder):
    old = {"double": {"verdict": "wrong", "sentence": "No.", "tries": 3, "answer": "x"}}
    (folder / "99_trial.progress.json").write_text(json.dumps(old))
    lesson.exercises["double"].check(lambda x: 3 * x)
    assert entry(folder)["tries"] == 4 and list(entry(folder)["mistakes"]) == ["triple"]
    assert [path.name for path in folder.iterdir()] == ["99_trial.progress.json"]


def test_what_cannot_be_written_still_counts_and_is_written_later(lesson, folder, monkeypatch, capsys):
    def refused(self, *_, **__):
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_text", refused)
        assert lesson.exercises["double"].check(right)
        lesson.summary()
        out = capsys.readouterr().out
        assert "could not be saved (Read-only file system)" in out and "1 of 2 exercises done." in out
        assert list(folder.iterdir()) == []
    lesson.exercises["answer"].check(42)
    assert entry(folder)["verdict"] == entry(folder, "answer")["verdict"] == "right"


def test_half_done_is_written_down_as_open(lesson, folder, capsys):
    @lesson.exercise(samples=[(2.0,)], parts=("one", "two"))
    def both(x):
        """Return x and 2x."""
        return x, 2 * x

    both.check(lambda x: (x, ...))
    assert capsys.readouterr().out == "one is right; two is open.\n" and entry(folder, "both")["verdict"] == "open"


def test_a_blank_writes_nothing(lesson, folder):
    lesson.exercises["double"].check(None)
    lesson.exercises["double"].verdict(right)
    assert list(folder.iterdir()) == []


def test_the_summary_says_what_is_done_open_and_wrong(lesson, capsys):
    lesson.summary()
    lesson.exercises["double"].check(lambda x: 3 * x)
    lesson.exercises["answer"].check(42)
    capsys.readouterr()
    lesson.summary()
    assert capsys.readouterr().out.splitlines() == [
        "1 of 2 exercises done.", "  ✗ double  Three times is once too many.", "  ✓ answer  right"]


def test_it_is_kept_across_kernels(folder):
    first = "from utils.exercises import descent as ex; ex.trap.check(1)"
    second = "from utils.exercises import descent as ex; ex.lesson.summary()"
    for code in (first, second):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8",
                              env={**os.environ, "PYTHONIOENCODING": "utf-8"})
    assert "1 of 11 exercises done." in done.stdout and "✓ trap" in done.stdout


BROKEN = {
    "cut off": '{"double": {"verdict": "right", ', "empty": "", "a list": "[1, 2]",
    "someone else's": '{"name": "package"}',
    "fields of the wrong kind": '{"double": {"verdict": "right", "sentence": 1, "tries": "2", "answer": null}}',
    "counts of the wrong kind": ('{"double": {"verdict": "right", "sentence": "", "tries": 2, "answer": "", '
                                 '"mistakes": {"triple": {"count": "many"}}}}'),
    "no text": b"\xff\xfe\x00", "too deep": "[" * 100_000, "not a number": "NaN",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=list(BROKEN))
def test_a_broken_or_foreign_file_is_set_aside_with_a_sentence(lesson, folder, content, capsys):
    path, content = folder / "99_trial.progress.json", content if isinstance(content, bytes) else content.encode()
    path.write_bytes(content)
    assert lesson.exercises["double"].check(right)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "Right." and "99_trial.progress.json.aside-1" in out[1] and len(out) == 2
    assert (folder / "99_trial.progress.json.aside-1").read_bytes() == content
    assert entry(folder)["verdict"] == "right"


def test_files_that_are_set_aside_do_not_take_one_another_s_place(lesson, folder):
    path = folder / "99_trial.progress.json"
    for text in ("first", "second", "third"):
        path.write_text(text)
        lesson.summary()
    assert [(folder / f"{path.name}.aside-{n}").read_text() for n in (1, 2, 3)] == ["first", "second", "third"]


def test_the_summary_sets_a_broken_file_aside_too(lesson, folder, capsys):
    (folder / "99_trial.progress.json").write_text("{")
    lesson.summary()
    assert "is set aside as 99_trial.progress.json.aside-1, and a new one begins." in capsys.readouterr().out


def test_where_nothing_can_be_written_the_check_still_answers(lesson, folder, monkeypatch, capsys):
    monkeypatch.setenv("LECTURE_PROGRESS", str(folder / "not" / "there"))
    assert lesson.exercises["double"].check(right)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "Right." and out[1].startswith("Your progress could not be saved")


def test_a_folder_in_the_file_s_place_is_left_alone(lesson, folder, capsys):
    (folder / "99_trial.progress.json").mkdir()
    assert lesson.exercises["double"].check(right)
    lesson.summary()
    assert "cannot be read" in capsys.readouterr().out and (folder / "99_trial.progress.json").is_dir()


def test_a_record_that_cannot_be_read_is_left_alone(lesson, folder, monkeypatch, capsys):
    lesson.exercises["double"].check(right)
    before = (folder / "99_trial.progress.json").read_bytes()

    def refused(self, *_, **__):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.read_text", refused)
        lesson.exercises["answer"].check(42)
        lesson.exercises["answer"].check(42)
    assert "cannot be read (Permission denied)" in capsys.readouterr().out
    assert (folder / "99_trial.progress.json").read_bytes() == before
    lesson.exercises["answer"].check(42)
    assert entry(folder)["verdict"] == entry(folder, "answer")["verdict"] == "right"  # nothing is lost


def test_a_broken_file_that_cannot_be_moved_is_left_alone(lesson, folder, monkeypatch, capsys):
    (folder / "99_trial.progress.json").write_text("{")

    def refused(self, *_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.rename", refused)
    assert lesson.exercises["double"].check(right)
    assert "cannot be set aside (Permission denied)" in capsys.readouterr().out
    assert (folder / "99_trial.progress.json").read_text() == "{"


def test_a_crash_while_writing_leaves_the_old_record(lesson, folder, monkeypatch):
    lesson.exercises["double"].check(right)
    before = (folder / "99_trial.progress.json").read_bytes()

    def crash(self, *_, **__):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", crash)
    lesson.exercises["answer"].check(42)
    assert (folder / "99_trial.progress.json").read_bytes() == before


def test_other_fields_and_exercises_are_kept(lesson, folder):
    old = {"gone": {"verdict": "right", "sentence": "Right.", "tries": 3, "answer": "x", "note": "mine"}}
    (folder / "99_trial.progress.json").write_text(json.dumps(old))
    lesson.exercises["double"].check(right)
    assert entry(folder, "gone") == old["gone"]


def test_without_the_variable_the_record_lies_in_the_kernel_s_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("LECTURE_PROGRESS")
    monkeypatch.chdir(tmp_path)
    assert progress.path_of("01_derivatives").resolve() == (tmp_path / "01_derivatives.progress.json").resolve()


def test_git_ignores_records():
    for name in ("01_derivatives.progress.json", "01_derivatives.progress.json.aside-2"):
        assert subprocess.run(["git", "check-ignore", "-q", f"notebooks/{name}"], check=False).returncode == 0
