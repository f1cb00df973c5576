"""Exported pages: no network, formulas typeset, figures described, links that hold, widgets as pictures."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import ipywidgets as ipw
import nbformat
import pytest
from bs4 import BeautifulSoup
from lab import chromium, missing

from utils import widgets
from utils.publish import export

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "image": "href"}


@pytest.fixture(scope="module")
def pages():
    return {path.stem: export.page(path) for path in NOTEBOOKS}


each_page = pytest.mark.parametrize("name", [path.stem for path in NOTEBOOKS])


@each_page
def test_a_page_loads_nothing(pages, name):
    soup = BeautifulSoup(pages[name], "html.parser")
    assert soup.find_all("script") == []
    loaded = [element.get(attribute, "") for tag, attribute in LOADS.items() for element in soup.find_all(tag)]
    assert loaded and all(address.startswith("data:") for address in loaded)
    styles = " ".join(style.get_text() for style in soup.find_all("style"))
    assert not re.search(r"@import|url\(\s*['\"]?(?!data:|#)[a-z/]", styles)


@each_page
def test_formulas_are_typeset(pages, name):
    soup = BeautifulSoup(pages[name], "html.parser")
    assert len(soup.find_all("math")) >= 10
    for code in soup.find_all(["pre", "code", "math", "style", "svg"]):
        code.decompose()
    assert re.findall(r"\$[^$\s][^$]*\$", soup.get_text()) == []
    assert "\\frac" not in soup.get_text() and "\\partial" not in soup.get_text()


@each_page
def test_every_figure_keeps_its_description(pages, name):
    notebook = nbformat.read(next(p for p in NOTEBOOKS if p.stem == name), 4)
    alts = [output.metadata["image/png"]["alt"] for cell in notebook.cells for output in cell.get("outputs", [])
            if "image/png" in output.get("data", {})]
    soup = BeautifulSoup(pages[name], "html.parser")
    assert [picture["alt"] for picture in soup.select(".jp-RenderedImage img")] == alts and len(alts) >= 1


@each_page
def test_the_code_of_a_figure_is_folded_and_its_caption_is_seen(pages, name):
    notebook = nbformat.read(next(p for p in NOTEBOOKS if p.stem == name), 4)
    figures = [cell for cell in notebook.cells if "figure" in cell.metadata.get("tags", [])]
    soup = BeautifulSoup(pages[name], "html.parser")
    folded = soup.select("details.figure-code")
    assert len(folded) == len(figures) and all("open" not in details.attrs for details in folded)
    for details, cell in zip(folded, figures):
        assert details.summary.get_text() == "code of the figure"
        assert cell.source.split("\n")[0] in details.get_text()
        shown = details.find_next(class_="jp-RenderedMarkdown").get_text(strip=True)
        assert shown == details.find_next("img")["alt"]


def test_a_figure_without_a_description_lends_it_to_no_other(tmp_path):
    outputs = [nbformat.v4.new_output("display_data", {"image/png": "iVBORw0KGgo=", **more}, metadata=metadata)
               for more, metadata in [({}, {}), ({"text/html": "<p>no picture</p>"}, {"image/png": {"alt": "unseen"}}),
                                      ({}, {"image/png": {"alt": "a cat"}})]]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=outputs)])
    nbformat.write(notebook, tmp_path / "n.ipynb")
    soup = BeautifulSoup(export.page(tmp_path / "n.ipynb"), "html.parser")
    assert [picture["alt"] for picture in soup.select(".jp-RenderedImage img")] == ["", "a cat"]


@each_page
def test_links_lead_to_pages(pages, name):
    soup = BeautifulSoup(pages[name], "html.parser")
    links = [link["href"] for link in soup.find_all("a", href=True) if not link["href"].startswith("#")]
    assert not any(".ipynb" in link for link in links)
    assert [link for link in links if link.endswith(".html") and link[:-5] not in pages] == []
    assert soup.title.get_text() and soup.html["lang"] == "en"


@pytest.mark.parametrize("latex, words", [
    (r"\frac12", "<mfrac>"), (r"\mathbf x^\top", "𝐱"), (r"\mathbb R^{2}", "ℝ"), (r"\mathbf 1_N", "𝟏"),
    (r"a < b", "&lt;"), (r"\begin{bmatrix}1&2\\3&4\end{bmatrix}", "<mtable"), (r"\operatorname{diag}(a)", "diag"),
])
def test_latex_becomes_mathml(latex, words):
    made = export.mathml(latex)
    assert words in made and made.startswith("<math ") and "mathvariant=\"bold\"" not in made
    ET.fromstring(made)


def test_a_prime_stands_beside_its_letter_and_not_above_it():
    for latex in ("f'", r"\sigma'", "f''(x)"):
        made = export.mathml(latex)
        assert "msup" not in made and re.search("<mo[^>]*>&#x0203[23];</mo>", made)
    assert "msup" in export.mathml("x^2")


@pytest.mark.parametrize("latex", [r"\left(", r"\wobble x"])
def test_a_formula_that_cannot_be_typeset_is_named(latex):
    with pytest.raises(ValueError, match=re.escape(latex.strip())):
        export.mathml(latex)


def test_prices_and_code_are_not_formulas():
    soup = BeautifulSoup("<p>$a$ and \\$5</p><code>$b$</code><pre>$c$</pre>", "html.parser")
    export.typeset(soup)
    assert len(soup.find_all("math")) == 1 and soup.code.get_text() == "$b$" and soup.pre.get_text() == "$c$"


# Widgets --------------------------------------------------------------------------------------------


def saved(widget, tmp_path, state=True):
    """A notebook file with one widget's output, as JupyterLab saves it."""
    view = {"model_id": widget.model_id, "version_major": 2, "version_minor": 0}
    data = {"text/plain": "a widget", export.VIEW: view}
    output = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("w", outputs=[output], execution_count=1)])
    if state:
        kept = ipw.Widget.get_manager_state(drop_defaults=True)  # as JupyterLab does
        notebook.metadata["widgets"] = {export.STATE: json.loads(json.dumps(kept))}
    nbformat.write(notebook, tmp_path / "w.ipynb")
    return BeautifulSoup(export.page(tmp_path / "w.ipynb"), "html.parser")


def test_a_piece_becomes_a_picture_of_its_last_state(tmp_path):
    piece = widgets.step_size_lab()
    piece.controls["rate"].value = 0.25
    soup = saved(piece, tmp_path)
    picture = soup.select_one("svg.lecture-stage")
    assert "η = 0.250" in picture["aria-label"] and "it diverges" in picture["aria-label"]
    words = soup.get_text(" ", strip=True)
    assert "Rule 1 is fooled" in words and "η: 0.25" in words.replace(" :", ":") and "rule: fixed" in words
    stage = piece.stages[""]
    assert picture.find_parent(class_=stage.name) and stage.name in str(soup.find_all("style"))


def test_without_a_saved_state_the_cells_picture_stays(tmp_path):
    soup = saved(widgets.tangent_explorer(), tmp_path, state=False)
    assert "a widget" in soup.get_text() and not soup.select("svg.lecture-stage")


def test_simple_controls_are_told_in_words(tmp_path):
    box = ipw.VBox([ipw.IntSlider(7, description="n"), ipw.Checkbox(True, description="on"),
                    ipw.Button(description="go"), ipw.IntProgress(3, 0, 5), ipw.Text("<b>", description="t"),
                    ipw.Dropdown(options=[("one", 1), ("two", 2)], value=2, description="which"),
                    ipw.SelectMultiple(options="abc", value=("a", "c"), description="many"),
                    ipw.IntRangeSlider(value=(2, 5), description="from"), ipw.FloatText(0.1 + 0.2, description="f"),
                    ipw.Text("unseen", layout=ipw.Layout(display="none")),
                    ipw.VBox([ipw.Label("nor this")], layout=ipw.Layout(display="none"))])
    soup = saved(box, tmp_path)
    told = [line.get_text() for line in soup.select(".static-widget > div")]
    assert told == ["n: 7", "on: yes", "t: <b>", "which: two", "many: a, c", "from: 2 – 5", "f: 0.3"]
    assert soup.progress["value"] == "3" and soup.progress["max"] == "5"


def test_what_stands_on_its_default_is_told_too(tmp_path):
    box = ipw.VBox([ipw.IntSlider(description="n"), ipw.FloatText(description="f"), ipw.Checkbox(description="on"),
                    ipw.IntProgress(), ipw.HTML(), ipw.HBox(), ipw.Label("words alone"), ipw.Output(), ipw.Text()])
    soup = saved(box, tmp_path)
    told = [line.get_text() for line in soup.select(".static-widget.column > div:not(.static-widget)")]
    assert told == ["n: 0", "f: 0", "on: no", "words alone"]
    assert soup.progress["value"] == "0" and soup.progress["max"] == "100" and soup.progress["aria-label"]


# The command ----------------------------------------------------------------------------------------


def test_the_command_writes_what_it_is_asked_for(tmp_path, capsys):
    assert export.main(["05", "--to", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["05_autograd_cross_check.html"]
    with pytest.raises(SystemExit) as stop:
        export.main(["99"])
    assert stop.value.code == 2 and "no notebook \"99\"" in capsys.readouterr().err


@pytest.mark.parametrize("text, words", [
    ("no notebook", "bad.ipynb is not a notebook."), ('{"a": 1}', "bad.ipynb is not a notebook."),
    (nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(r"$\wobble x$")])),
     r'bad.ipynb could not be exported: the formula "\wobble x" cannot be typeset.'),
])
def test_a_bad_file_is_refused_in_a_sentence(tmp_path, capsys, text, words):
    (tmp_path / "bad.ipynb").write_text(text)
    assert export.main([str(tmp_path / "bad.ipynb"), "--to", str(tmp_path / "html")]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1


def test_a_folder_that_cannot_be_is_refused_in_a_sentence(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert export.main(["05", "--to", str(tmp_path / "file")]) == 2
    assert "could not be exported" in (said := capsys.readouterr().err) and said.count("\n") == 1


@pytest.mark.browser
@pytest.mark.skipif(bool(missing()), reason=missing())
def test_a_page_is_shown_without_a_network(pages, tmp_path):
    from playwright.sync_api import sync_playwright

    (tmp_path / "page.html").write_text(pages["04_backward_pass"], encoding="utf-8")
    troubles = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("console", lambda message: message.type == "error" and troubles.append(message.text))
        page.route(re.compile("^(?!file:|data:)"), lambda r: (troubles.append(r.request.url), r.abort()))
        page.goto((tmp_path / "page.html").as_uri())
        sizes = page.evaluate("[...document.querySelectorAll('math')].map(m => m.getBoundingClientRect().height)")
        borders = page.evaluate("[...document.querySelectorAll('menclose')].map(e => getComputedStyle(e).borderWidth)")
        widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
        browser.close()
    assert {*borders} == {"1px"}  # the boxed formulas keep their boxes
    assert troubles == [] and min(sizes) > 5 and max(sizes) > 30 and min(widths) > 100
