"""The teacher's copy runs through, solved: every solution is right in the notebook that it belongs to."""

import pytest
from copies import notebook, run

from utils.exercises import lessons
from utils.publish.handout import write


@pytest.fixture(scope="module")
def teachers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    write(folder, "teacher")
    return folder


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.notebook)
def test_the_teacher_s_copy_runs_through_with_every_exercise_right(teachers, lesson, monkeypatch):
    said = run(notebook(teachers, lesson), teachers, monkeypatch)
    assert sum(text.startswith("Right") for text in said) == len(lesson.exercises)
    n = len(lesson.exercises)
    assert f"{n} of {n} exercises done." in said[-1]
