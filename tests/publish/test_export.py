"""Exported pages: no network, formulas typeset, figures described, links that hold, room on a phone."""

import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from lab import chromium, missing

from utils.publish import export

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "image": "href"}
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
NUMBERS = ", ".join(map(str, range(200)))
WIDE = {"markdown": f"""# Wide

A formula $a = b$ and one that is too long for a line:

$$a = {" + ".join(f"x_{{{i}}}" for i in range(80))}$$

| {" | ".join(f"column{i}" for i in range(30))} |
|{"---|" * 30}
| {" | ".join(f"entry{i}" for i in range(30))} |

```
numbers = {NUMBERS}
```
""", "code": f"numbers = [{NUMBERS}]"}
STRAY = """() => [...document.querySelectorAll('body *')].filter(element => {
  const cut = getComputedStyle(element).overflowX === 'hidden' && element.scrollWidth > element.clientWidth + 1;
  let around = element.getBoundingClientRect().right > innerWidth + 1 ? element.parentElement : null;
  const beyond = Boolean(around);
  while (around && !['auto', 'scroll'].includes(getComputedStyle(around).overflowX)) around = around.parentElement;
  return cut && element.clientWidth > 1 || beyond && !around;
}).map(element => element.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def pages(series):
    return {path.stem: BeautifulSoup((series / f"{path.stem}.html").read_text("utf-8"), "html.parser")
            for path in NOTEBOOKS}


each_page = pytest.mark.parametrize("name", [path.stem for path in NOTEBOOKS])


def write(path, *cells):
    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    nbformat.write(nbformat.v4.new_notebook(cells=[make[kind](text) for kind, text in cells]), path)
    return path


@each_page
def test_a_page_loads_nothing(pages, name):
    soup = pages[name]
    assert soup.find_all("script") == []
    loaded = [element.get(attribute, "") for tag, attribute in LOADS.items() for element in soup.find_all(tag)]
    assert loaded and all(address.startswith("data:") for address in loaded)
    styles = " ".join(style.get_text() for style in soup.find_all("style"))
    assert not re.search(r"@import|url\(\s*['\"]?(?!data:|#)[a-z/]", styles)


@each_page
def test_formulas_are_typeset(pages, name):
    soup = BeautifulSoup(str(pages[name].main), "html.parser")
    assert len(soup.find_all("math")) >= 10
    for code in soup.find_all(["pre", "code", "math", "style", "svg"]):
        code.decompose()
    assert re.findall(r"\$[^$\s][^$]*\$|\\[a-z]+", soup.get_text()) == []


@each_page
def test_every_figure_keeps_its_description(pages, name):
    notebook = nbformat.read(next(p for p in NOTEBOOKS if p.stem == name), 4)
    alts = [output.metadata["image/png"]["alt"] for cell in notebook.cells for output in cell.get("outputs", [])
            if "image/png" in output.get("data", {})]
    assert [picture["alt"] for picture in pages[name].select("img")] == alts and len(alts) >= 1


@each_page
def test_the_code_of_a_figure_is_folded_and_its_caption_is_seen(pages, name):
    notebook = nbformat.read(next(p for p in NOTEBOOKS if p.stem == name), 4)
    figures = [cell for cell in notebook.cells if "figure" in cell.metadata.get("tags", [])]
    folded = pages[name].select("details.figure-code")
    assert len(folded) == len(figures) and all("open" not in details.attrs for details in folded)
    for details, cell in zip(folded, figures):
        assert details.summary.get_text() == "code of the figure"
        assert cell.source.split("\n")[0] in details.get_text()
        shown = details.find_next(class_="jp-RenderedMarkdown").get_text(strip=True)
        assert shown == details.find_next("img")["alt"]


def test_a_figure_without_a_description_lends_it_to_no_other(tmp_path):
    outputs = [nbformat.v4.new_output("display_data", {"image/png": DOT, **more}, metadata=metadata)
               for more, metadata in [({}, {}), ({"text/html": "<p>no picture</p>"}, {"image/png": {"alt": "unseen"}}),
                                      ({}, {"image/png": {"alt": "a cat"}})]]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=outputs)])
    nbformat.write(notebook, tmp_path / "n.ipynb")
    assert [picture["alt"] for picture in export.page(tmp_path / "n.ipynb").select("img")] == ["", "a cat"]


@each_page
def test_what_is_folded_in_the_notebook_is_folded_on_the_page(pages, name):
    cells = nbformat.read(next(path for path in NOTEBOOKS if path.stem == name), as_version=4).cells
    found = pages[name].select(".jp-MarkdownCell details")
    assert len(found) == sum(cell.source.count("</summary>") for cell in cells if cell.cell_type == "markdown") > 0
    for fold in found:
        assert len(fold.get_text()) > len(fold.summary.get_text()) + 20, fold.summary


def test_a_picture_beside_the_notebook_is_on_the_page(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "dot.png").write_bytes(b"dots")
    path = write(tmp_path / "here" / "n.ipynb", ("markdown", "![a dot](dot.png)"))
    monkeypatch.chdir(tmp_path)
    picture = export.page(path).img
    assert picture["src"].startswith("data:image/png;base64,") and picture["alt"] == "a dot"


@pytest.mark.parametrize("cells, title", [
    ([("markdown", "$\\newcommand{\\R}{r}$"), ("markdown", "words\n\n# On $x^2$ and *more*")], "On x^2 and more"),
    ([("markdown", "## Only a section")], "Only a section"), ([("code", "# no title")], "n"), ([], "n"),
])
def test_a_page_has_the_title_of_its_notebook(tmp_path, cells, title):
    assert export.page(write(tmp_path / "n.ipynb", *cells)).title.get_text() == title


# The command ----------------------------------------------------------------------------------------


def test_the_command_writes_what_it_is_asked_for(tmp_path, capsys):
    assert export.main(["05", "--to", str(tmp_path)]) == 0
    names = ["05_autograd_cross_check.html", "index.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert capsys.readouterr().out.split() == [str(tmp_path / name) for name in names]
    with pytest.raises(SystemExit) as stop:
        export.main(["99"])
    assert stop.value.code == 2 and "no notebook \"99\"" in capsys.readouterr().err


@pytest.mark.parametrize("text, words", [
    ("no notebook", "bad.ipynb is not a notebook."), ('{"a": 1}', "bad.ipynb is not a notebook."),
    (nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(r"$\wobble x$")])),
     r'bad.ipynb could not be exported: the formula "\wobble x" cannot be typeset.'),
])
def test_a_bad_file_is_refused_in_a_sentence_and_nothing_is_written(tmp_path, capsys, text, words):
    (tmp_path / "bad.ipynb").write_text(text)
    good = write(tmp_path / "good.ipynb", ("markdown", "# Good"))
    assert export.main([str(good), str(tmp_path / "bad.ipynb"), "--to", str(tmp_path / "html")]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1 and not (tmp_path / "html").exists()


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, capsys):
    path, html = write(tmp_path / "a.ipynb", ("markdown", "# Old")), tmp_path / "html"
    assert export.main([str(path), "--to", str(html)]) == 0
    before = {path.name: path.read_bytes() for path in html.iterdir()}
    write(path, ("markdown", "# New"))
    whole = Path.write_text

    def full(self, text, **options):
        if self.name.startswith("index"):
            raise OSError(28, "No space left on device")
        return whole(self, text, **options)

    monkeypatch.setattr(Path, "write_text", full)
    assert export.main([str(path), "--to", str(html)]) == 2
    assert "No space left on device" in (said := capsys.readouterr().err) and said.count("\n") == 1
    assert {path.name: path.read_bytes() for path in html.iterdir()} == before


@pytest.mark.parametrize("names", [("index.ipynb",), ("Index.ipynb",), ("a.ipynb", "other/a.ipynb")])
def test_two_pages_in_one_place_are_refused(tmp_path, capsys, names):
    (tmp_path / "other").mkdir()
    paths = [str(write(tmp_path / name, ("markdown", "# T"))) for name in names]
    assert export.main([*paths, "--to", str(tmp_path / "html")]) == 2
    said = capsys.readouterr().err
    assert "would take the place of" in said and said.count("\n") == 1 and not (tmp_path / "html").exists()


def test_a_notebook_named_twice_is_written_once(tmp_path, capsys):
    path = str(write(tmp_path / "a.ipynb", ("markdown", "# T")))
    assert export.main([path, path, "--to", str(tmp_path / "html")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_folder_that_cannot_be_is_refused_in_a_sentence(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert export.main(["05", "--to", str(tmp_path / "file")]) == 2
    assert "could not be written" in (said := capsys.readouterr().err) and said.count("\n") == 1


# In a browser ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    if missing():
        pytest.skip(missing())
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.mark.browser
def test_a_page_is_shown_without_a_network(series, browser):
    troubles, page = [], browser.new_page()
    page.on("console", lambda message: message.type == "error" and troubles.append(message.text))
    page.route(re.compile("^(?!file:|data:)"), lambda r: (troubles.append(r.request.url), r.abort()))
    page.goto((series / "04_backward_pass.html").as_uri())
    sizes = page.evaluate("[...document.querySelectorAll('math')].map(m => m.getBoundingClientRect().height)")
    borders = page.evaluate("[...document.querySelectorAll('menclose')].map(e => getComputedStyle(e).borderWidth)")
    widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    page.close()
    assert {*borders} == {"1px"}  # the boxed formulas keep their boxes
    assert troubles == [] and min(sizes) > 5 and max(sizes) > 100 and min(widths) > 100


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen_or_cut_off(series, browser, tmp_path, width):
    """Wide tables, code and formulas scroll inside themselves, on a phone too."""
    write(tmp_path / "wide.ipynb", *WIDE.items())
    assert export.main([str(tmp_path / "wide.ipynb"), "--to", str(tmp_path)]) == 0
    page = browser.new_page(viewport={"width": width, "height": 844})
    for path in [*sorted(series.glob("*.html")), tmp_path / "wide.html"]:
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
        assert page.evaluate(STRAY) == [], path.name
    for inside in (".formula", ".wide", ".jp-RenderedMarkdown pre", ".highlight pre"):
        scroll = f"(e => {{ e.scrollLeft = 50; return e.scrollLeft; }})(document.querySelector('main {inside}'))"
        assert page.evaluate(scroll) == 50, inside
    page.close()


@pytest.mark.browser
def test_text_and_outputs_stand_beneath_one_another(series, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 844})
    page.goto((series / "04_backward_pass.html").as_uri())
    left = "s => document.querySelector(s).getBoundingClientRect().left"
    places = [page.evaluate(left, where) for where in (
        ".jp-MarkdownCell p", ".jp-OutputArea .jp-RenderedMarkdown p", ".jp-OutputArea pre", ".jp-OutputArea img")]
    page.close()
    assert max(places) - min(places) <= 1
