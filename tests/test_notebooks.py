"""The saved notebooks: restarted and run through, no error, described pictures, modest size, the parts all there."""

import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
NAMES = ["00_learning_a_function", "01_derivatives", "02_gradient_descent", "03_forward_pass", "04_backward_pass",
         "05_autograd_cross_check", "06_training", "07_beyond_one_machine"]  # fmt: skip

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind):
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == kind]


def outputs(path):
    return [output for cell in cells(path, "code") for output in cell["outputs"]]


def test_the_eight_notebooks_are_there():
    assert [path.stem for path in NOTEBOOKS] == NAMES


@each_notebook
def test_execution_counts_run_from_1_to_n(path):
    counts = [cell["execution_count"] for cell in cells(path, "code")]
    assert counts == list(range(1, len(counts) + 1))


@each_notebook
def test_no_error_and_no_standard_error_is_saved(path):
    assert not [o for o in outputs(path) if o["output_type"] == "error" or o.get("name") == "stderr"]


@each_notebook
def test_every_figure_has_an_alt_text_of_a_sentence(path):
    figures = [o for o in outputs(path) if "image/png" in o.get("data", {})]
    assert figures
    for figure in figures:
        alt = figure["metadata"]["image/png"]["alt"]
        assert len(alt) > 40 and alt.endswith(".")
        assert "".join(figure["data"]["text/plain"]) == alt


@each_notebook
def test_a_notebook_stays_under_one_megabyte(path):
    assert path.stat().st_size < 1_000_000


@each_notebook
def test_a_notebook_opens_and_closes_as_the_others_do(path):
    text = ["".join(cell["source"]) for cell in cells(path, "markdown")]
    assert all(part in text[0] for part in ("What you will be able to do", "What you need", "Time"))
    assert text[-2].startswith("## Recap") and text[-1].startswith("## On your own") and ".ipynb)" in text[-1]


@each_notebook
def test_a_notebook_asserts_what_it_claims(path):
    asserting = [cell for cell in cells(path, "code") if "assert " in "".join(cell["source"])]
    assert len(asserting) >= 8


@each_notebook
def test_no_cell_is_a_wall_of_code(path):
    assert max(len("".join(cell["source"]).splitlines()) for cell in cells(path, "code")) <= 27
