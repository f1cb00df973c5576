"""Lecture mode in a real JupyterLab: one idea a screen, large type, keys, live widgets, an untouched notebook."""

import nbformat
import pytest
from lab import ROOT, Lab, missing

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(missing()), reason=missing())]

CELLS = [
    ("markdown", "# First\n\nSome prose."), ("code", "x = 1"), ("code", "print('second code cell')"),
    ("markdown", "## Next\n\nMore prose."),
    ("code", "from ipywidgets import IntSlider\nslider = IntSlider(3, 0, 10, description='n')\nslider"),
    ("markdown", "## Last"),
]
SHOWN = """() => [...document.querySelectorAll('.jp-Notebook .jp-Cell')]
  .map((cell, i) => cell.getBoundingClientRect().height > 0 ? i : -1).filter(i => i >= 0)"""


@pytest.fixture(scope="module")
def lecture(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lecture")
    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    notebook = nbformat.v4.new_notebook(cells=[make[kind](text) for kind, text in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "talk.ipynb")
    with Lab(folder, extensions=ROOT / "utils" / "labextensions") as lab, lab.open("talk.ipynb") as opened:
        opened.page.locator("#lecture-footer").wait_for()
        opened.page.wait_for_function("document.querySelectorAll('.widget-slider').length === 1")
        opened.file = folder / "talk.ipynb"
        yield opened


@pytest.fixture
def page(lecture):
    page = lecture.page
    page.evaluate("document.activeElement?.blur()")
    page.keyboard.press("Home")
    assert page.evaluate(SHOWN) == [0, 1]
    return page


def test_one_idea_a_screen(page):
    seen = [page.evaluate(SHOWN)]
    for _ in range(5):  # one more than there are
        page.keyboard.press("ArrowRight")
        seen.append(page.evaluate(SHOWN))
    assert seen == [[0, 1], [2], [3, 4], [5], [5], [5]]
    assert page.locator("#lecture-footer").inner_text() == "4 / 4"
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(SHOWN) == [3, 4]
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    assert page.evaluate(SHOWN) == [2]
    page.keyboard.press("PageUp")
    page.keyboard.press("End")
    assert page.evaluate(SHOWN) == [5]


def test_the_type_is_large(page):
    size = "s => parseFloat(getComputedStyle(document.querySelector(s)).fontSize)"
    assert page.evaluate(size, ".jp-RenderedMarkdown p") >= 20
    assert page.evaluate(size, ".jp-CodeCell .cm-content") >= 18
    page.set_viewport_size({"width": 1920, "height": 1080})
    assert page.evaluate(size, ".jp-RenderedMarkdown p") >= 28
    page.set_viewport_size({"width": 1280, "height": 800})


def test_nothing_but_the_notebook_is_seen(page):
    for what in ("#jp-top-panel", "#jp-menu-panel", ".jp-SideBar", ".jp-NotebookPanel-toolbar", "#jp-main-statusbar"):
        assert not page.locator(what).first.is_visible()


def test_code_is_hidden_and_shown_at_a_key(page):
    code = page.locator(".jp-CodeCell .jp-InputArea").first
    assert code.is_visible()
    page.keyboard.press("c")
    assert not code.is_visible()
    page.keyboard.press("c")
    assert code.is_visible()


def test_a_live_widget_keeps_its_keys(page):
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    handle = page.locator(".noUi-handle")
    handle.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(SHOWN) == [3, 4]
    page.wait_for_function("document.querySelector('.widget-readout').textContent === '4'")
    value = page.evaluate("""async () => {
      const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
      const future = kernel.requestExecute({code: 'print(slider.value)'});
      let text = '';
      future.onIOPub = message => { text += message.content.text || ''; };
      await future.done;
      return text.trim();
    }""")
    assert value == "4"
    page.keyboard.press("PageDown")
    assert page.evaluate(SHOWN) == [3, 4]  # the slider's own key, too
    handle.blur()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(SHOWN) == [5]


def test_keys_are_letters_while_writing_code(page):
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("End")
    page.keyboard.type("  # c")
    assert page.evaluate(SHOWN) == [0, 1]
    assert page.locator(".jp-CodeCell .cm-content").first.inner_text() == "x = 1  # c"
    for _ in range(5):
        page.keyboard.press("Backspace")


def test_escape_leaves_and_comes_back(page):
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    assert page.evaluate(SHOWN) == list(range(6))
    assert page.locator("#jp-main-statusbar").is_visible() and not page.locator("#lecture-footer").is_visible()
    page.keyboard.press("ArrowRight")  # turns no page now
    page.keyboard.press("Escape")
    assert page.evaluate(SHOWN) == [2]


def test_the_notebook_is_not_changed_and_nothing_complains(lecture):
    saved = nbformat.read(lecture.file, 4)
    assert [(cell.cell_type, cell.source) for cell in saved.cells] == CELLS
    assert all(not cell.metadata for cell in saved.cells)
    assert lecture.errors() == [] and lecture.console == []
