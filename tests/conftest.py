"""No test opens a window, and none depends on how fast, or how lucky, this machine is today."""

import os

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "agg")  # matplotlib draws into memory
settings.register_profile("lecture", deadline=None, derandomize=True, database=None)
settings.load_profile("lecture")

# The longest first, so that at the end no processor waits for another.
LONGEST = (
    "test_hub.py", "test_handout.py", "test_portable.py", "test_present.py", "test_check.py",
    "test_mutated_solutions.py", "test_benchmarks.py", "test_distributed.py", "test_exercises.py",
    "test_solutions.py", "test_browser.py", "07_beyond_one_machine.ipynb", "test_export.py", "test_changes.py",
    "test_scenes.py", "test_differences.py", "06_training.ipynb", "test_clock.py", "test_lecture_00.py",
    "02_gradient_descent.ipynb", "test_backward_properties.py")


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Let checks try answers here and not in a copy of the process, which a thousand of them would cost minutes."""
    monkeypatch.setattr("utils.checks.clock.TRIES", False)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))
