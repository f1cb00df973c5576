"""The teacher's copy runs through, solved: every solution is right in the notebook that it belongs to."""

import pytest
from copies import kernel, notebook, run

from utils.exercises import lessons
from utils.publish.handout import write


@pytest.fixture(scope="module")
def teachers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    write(folder, "teacher")
    with kernel(folder) as manager:
        yield folder, manager


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.notebook)
def test_the_teacher_s_copy_runs_through_with_every_exercise_right(teachers, lesson):
    folder, manager = teachers
    said = run(notebook(folder, lesson), manager)
    assert sum(text.startswith("Right") for text in said) == len(lesson.exercises)
    n = len(lesson.exercises)
    assert f"{n} of {n} exercises done." in said[-1]
