"""The saved notebooks: restarted and run through, no error, described pictures, modest size, the parts all there."""

import json
import re
from html import escape
from pathlib import Path
from statistics import median

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
NAMES = ["00_learning_a_function", "01_derivatives", "02_gradient_descent", "03_forward_pass", "04_backward_pass",
         "04b_one_sample", "04c_whole_batch", "04d_downhill", "05_autograd_cross_check", "06_training",
         "07_beyond_one_machine"]  # fmt: skip

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind):
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == kind]


def outputs(path):
    return [output for cell in cells(path, "code") for output in cell["outputs"]]


def test_the_eleven_notebooks_are_there():
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
def test_the_first_cell_names_somebody_else_s_utils_before_it_imports_ours(path):
    lines = [line for line in "".join(cells(path, "code")[0]["source"]).splitlines() if "utils" in line]
    assert lines[0].startswith("from utils import lecture  #")


@each_notebook
def test_a_notebook_stays_under_one_megabyte(path):
    assert path.stat().st_size < 1_000_000


@each_notebook
def test_a_notebook_opens_and_closes_as_the_others_do(path):
    text = ["".join(cell["source"]) for cell in cells(path, "markdown")]
    assert all(part in text[0] for part in ("What you will be able to do", "What you need", "Time"))
    sections = [part.partition("\n")[0] for part in text if part.startswith("## ")]
    assert "## Recap" in sections[-3:-1] and sections[-1] == "## On your own" and ".ipynb)" in text[-1]


def test_each_notebook_has_links_to_the_one_before_and_the_next_one_by_their_titles():
    titles = {path.name: "".join(cells(path, "markdown")[0]["source"]).splitlines()[0].removeprefix("# ")
              for path in NOTEBOOKS}
    link = {name: f"[{title}]({name})" for name, title in titles.items()}
    for path, before, following in zip(NOTEBOOKS, [None, *NOTEBOOKS], [*NOTEBOOKS[1:], NOTEBOOKS[0]]):
        end = "".join(cells(path, "markdown")[-1]["source"])
        assert "→ " + link[following.name] in end
        assert before is None or f"**Previous** ← {link[before.name]}" in end


def has_tag(cell, tag):
    return any(name.startswith(tag) for name in cell["metadata"].get("tags", []))


def lines(cell):
    return len("".join(cell["source"]).splitlines())


@each_notebook
def test_at_most_a_dozen_checks_are_seen_and_none_of_them_raises(path):
    text = "\n".join("".join(cell["source"]) for cell in cells(path, "code"))
    assert "assert " not in text
    assert 6 <= len(re.findall(r"\b(?:claim|agree)\(", text)) <= 12


@each_notebook
def test_code_cells_are_short(path):
    code = cells(path, "code")
    assert median(map(lines, code)) <= 5
    assert max(lines(cell) for cell in code if not has_tag(cell, "exercise:")) <= 12


@each_notebook
def test_a_figure_is_one_call_or_folded_away(path):
    for cell in cells(path, "code"):
        text = "".join(cell["source"])
        assert has_tag(cell, "figure") == bool(re.search(r"^(ax|_) = |\bshow\(", text, flags=re.MULTILINE))
        assert cell["metadata"].get("jupyter", {}).get("source_hidden", False) == has_tag(cell, "figure")


@each_notebook
def test_every_figure_has_a_visible_caption(path):
    for cell in cells(path, "code"):
        shown = [output.get("data", {}) for output in cell["outputs"]]
        for i in (i for i, data in enumerate(shown) if "image/png" in data):
            alt, caption = "".join(shown[i]["text/plain"]), shown[i + 1]
            if "lecture" in cell["outputs"][i]["metadata"]:  # a piece: the picture it leaves, its caption, its view
                assert f"<p class='lecture-saved'><em>{escape(alt)}</em>" in "".join(caption["text/html"])
                assert list(shown[i + 2]) == ["application/vnd.jupyter.widget-view+json"]
            else:
                assert caption["text/markdown"] == [f"*{alt}*"]


@each_notebook
def test_the_stated_minutes_are_honest(path):
    """100 words a minute, a minute for each cell that teaches, and each exercise's own minutes; to a fifth."""
    prose = "\n".join("".join(cell["source"]) for cell in cells(path, "markdown"))
    teaching = [cell for cell in cells(path, "code")
                if not "".join(cell["source"]).startswith(("ex.", "my_", "def my_"))]
    exercises = sum(map(int, re.findall(r"✎ Exercise \d+ · \S+ (\d+) min", prose)))
    honest = len(prose.split()) / 100 + len(teaching) + exercises
    stated = int(re.search(r"\*\*Time\*\* about (\d+) minutes", prose)[1])
    assert abs(stated - honest) < 0.2 * honest, honest
    assert stated <= 75 or re.search(r"^> \*\*(So far|Half-way)", prose, flags=re.MULTILINE)
