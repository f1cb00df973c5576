"""Lecture mode in a real JupyterLab: one idea a screen, large type, keys, live widgets, an untouched notebook."""

import shutil

import nbformat
import pytest
from lab import ROOT, Lab, ask, missing, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(missing()), reason=missing())]

CELLS = [
    ("markdown", "# First\n\nSome prose."), ("code", "x = 1"), ("code", "print('second code cell')"),
    ("markdown", "## Next\n\nMore prose."),
    ("code", "from ipywidgets import IntSlider\nslider = IntSlider(3, 0, 10, description='n')\nslider"),
    ("markdown", "A short remark on the slider."), ("markdown", ""),
    ("markdown", "## Last"),
]
FIRST, SECOND, THIRD, LAST = [0, 1], [2], [3, 4, 5], [7]  # the cell 6 is empty
SIZES = [
    ("markdown", "# A little too tall\n\n" + "\n\n".join("One more line." for _ in range(12))),
    ("markdown", "# Much too tall\n\n" + "\n\n".join("One more line." for _ in range(40))),
    ("code", "numbers = [" + ", ".join(map(str, range(100, 130))) + "]  # a line as long as they may be, and longer"),
    ("code", "x = 1"), ("markdown", "A remark."), ("markdown", "An idea of its own. " * 20),
    ("code", "x = 2"), ("code", "x = 3"), ("markdown", "Another remark."),
]
PICTURE = "from utils import plots\nplots.show(plots.axes(width=9, height=7), 'An empty figure.')"
FIGURES = [("markdown", "An idea.\n\n" + "\n\n".join("One more line." for _ in range(3))), ("code", PICTURE)]
WISHES = {7: "same", 8: "new"}
PRESENTED = "doc/workspaces/lecture-mode"  # the address that the launcher opens
AUTOSAVE = {"@jupyterlab/docmanager-extension:plugin": {"autosaveInterval": 1}}  # seconds
SHOWN = """() => [...document.querySelectorAll('.jp-Notebook .jp-Cell')]
  .map((cell, i) => cell.getBoundingClientRect().height > 0 ? i : -1).filter(i => i >= 0)"""
PAGE = ".jp-WindowedPanel-outer"


def write(path, cells, wishes=(), tags=()):
    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    made = [make[kind](text) for kind, text in cells]
    for i in wishes:
        made[i].metadata["lecture"] = wishes[i]
    for i in tags:
        made[i].metadata["tags"] = tags[i]
    write_notebook(path, *made)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lecture")
    write(folder / "talk.ipynb", CELLS)
    write(folder / "sizes.ipynb", SIZES, WISHES)
    write(folder / "figures.ipynb", FIGURES, tags={1: ["figure"]})
    for path in (ROOT / "notebooks").glob("0[24]*_*.ipynb"):
        shutil.copy(path, folder)
    with Lab(folder, settings=AUTOSAVE, extensions=ROOT / "utils" / "jupyter" / "labextensions") as lab:
        yield lab


@pytest.fixture(scope="module")
def lecture(lab):
    file = lab.folder / "talk.ipynb"
    before = file.read_bytes()
    with lab.open(file.name, mode=PRESENTED) as opened:
        opened.page.locator("#lecture-footer").wait_for()
        opened.page.wait_for_function("document.querySelectorAll('.widget-slider').length === 1")
        opened.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
        opened.file, opened.before = file, before
        yield opened


@pytest.fixture
def page(lecture):
    page = lecture.page
    page.evaluate("document.activeElement?.blur()")
    page.keyboard.press("Home")
    assert page.evaluate(SHOWN) == FIRST
    return page


def footer(page):
    return page.locator("#lecture-footer [role=status]").inner_text()


def test_one_idea_a_screen(page):
    seen = [page.evaluate(SHOWN)]
    for _ in range(5):  # one more than there are
        page.keyboard.press("ArrowRight")
        seen.append(page.evaluate(SHOWN))
    assert seen == [FIRST, SECOND, THIRD, LAST, LAST, LAST]
    assert footer(page) == "4 / 4"
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(SHOWN) == THIRD
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    assert page.evaluate(SHOWN) == SECOND
    page.keyboard.press("PageUp")
    assert page.evaluate(SHOWN) == FIRST
    page.keyboard.press("End")
    assert page.evaluate(SHOWN) == LAST


def test_running_the_cells_again_moves_no_screen(page):
    page.keyboard.press("End")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert page.evaluate(SHOWN) == LAST and footer(page) == "4 / 4"
    page.wait_for_function("document.querySelectorAll('.widget-slider').length === 1")


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


def test_the_keys_are_told_when_asked(page):
    keys = page.locator("#lecture-footer .keys")
    page.keyboard.press("ArrowRight")
    assert not keys.is_visible()
    page.keyboard.press("?")
    assert keys.is_visible() and "turn the page" in keys.inner_text()
    page.keyboard.press("?")
    assert not keys.is_visible()


def value_of_slider(page):
    return ask(page, "print(slider.value)")


def slider_becomes(page, value):
    """Say whether the kernel's slider has this value within five seconds: the page is ahead of the kernel."""
    return any(value_of_slider(page) == value or page.wait_for_timeout(100) for _ in range(50))


def test_a_live_widget_keeps_its_keys(page):
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    handle = page.locator(".noUi-handle")
    handle.focus()
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('.widget-readout').textContent === '0'")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(SHOWN) == THIRD
    page.wait_for_function("document.querySelector('.widget-readout').textContent === '1'")
    assert slider_becomes(page, "1")
    page.keyboard.press("PageDown")
    assert page.evaluate(SHOWN) == THIRD  # the slider's own key, too
    handle.blur()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(SHOWN) == LAST


def test_a_number_is_typed_beside_the_slider(page):
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.locator(".widget-readout").click()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(SHOWN) == THIRD
    for key in ("Home", "Delete", "Delete", "8"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.noUi-handle').getAttribute('aria-valuetext') === '8'")
    assert slider_becomes(page, "8")


def test_keys_are_letters_while_writing_code(page):
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("End")
    page.keyboard.type("  # c")
    assert page.evaluate(SHOWN) == FIRST
    assert page.locator(".jp-CodeCell .cm-content").first.inner_text() == "x = 1  # c"
    for _ in range(5):
        page.keyboard.press("Backspace")


def test_a_slip_of_the_finger_changes_nothing(page):
    widgets = "window.jupyterapp.shell.currentWidget.content.widgets"
    cells = f"{widgets}.map(cell => [cell.model.type, cell.model.sharedModel.getSource()])"
    page.locator(".jp-Notebook").first.focus()
    for key in ("d", "d", "x", "a", "b", "y", "m", "r", "v", "z", "Enter", "M"):
        page.keyboard.press(key)
    page.locator(".jp-RenderedMarkdown p").first.dblclick()
    assert page.evaluate(cells) == [list(cell) for cell in CELLS]
    assert page.evaluate(SHOWN) == FIRST and page.locator(".jp-MarkdownCell .cm-content:visible").count() == 0


def test_escape_leaves_and_comes_back(page):
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    assert page.evaluate(SHOWN) == list(range(len(CELLS)))
    assert page.locator("#jp-main-statusbar").is_visible() and not page.locator("#lecture-footer").is_visible()
    page.keyboard.press("ArrowRight")  # turns no page now
    page.keyboard.press("Escape")
    assert page.evaluate(SHOWN) == SECOND


def test_the_notebook_is_not_saved_by_itself_and_nothing_complains(lecture):
    dirty = "window.jupyterapp.shell.currentWidget.context.model.dirty"
    lecture.page.wait_for_timeout(1500)  # its own run is over
    lecture.page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    lecture.page.wait_for_function(dirty)
    lecture.page.wait_for_timeout(4000)  # time for four autosaves
    assert lecture.page.evaluate(dirty) and lecture.file.read_bytes() == lecture.before
    assert lecture.errors() == [] and lecture.console == []


# Screens of all sizes -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sizes(lab):
    with lab.open("sizes.ipynb", mode=PRESENTED) as opened:
        opened.page.locator("#lecture-footer").wait_for()
        opened.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
        yield opened


def overflow(page):
    return page.evaluate(f"(p => p.scrollHeight - p.clientHeight)(document.querySelector('{PAGE}'))")


def test_what_is_a_little_too_tall_is_scaled_and_what_is_much_too_tall_scrolls(sizes):
    page, fit = sizes.page, "+getComputedStyle(document.body).getPropertyValue('--lecture-fit')"
    page.keyboard.press("Home")
    assert 0.85 <= page.evaluate(fit) < 1 and overflow(page) <= 4 and "↓" not in footer(page)
    page.keyboard.press("ArrowRight")
    assert page.evaluate(fit) == 1 and overflow(page) > 100 and footer(page).endswith("↓")
    pages = 0
    while page.evaluate(SHOWN)[0] == 1 and pages < 20:
        page.keyboard.press("PageDown")
        page.wait_for_timeout(50)
        pages += 1
    assert 2 <= pages <= 6 and page.evaluate(SHOWN)[0] == 3
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("PageDown")
    page.keyboard.press("PageUp")
    assert page.evaluate(SHOWN)[0] == 1 and page.evaluate(f"document.querySelector('{PAGE}').scrollTop") < 5


def test_no_line_of_code_is_cut_off(sizes):
    sizes.page.keyboard.press("Home")
    sizes.page.keyboard.press("ArrowRight")
    code = ".jp-CodeCell:not(.lecture-away) .cm-scroller"
    assert sizes.page.evaluate(f"(s => s.scrollWidth - s.clientWidth)(document.querySelector('{code}'))") <= 1


def test_a_remark_stays_and_a_wish_is_heeded(sizes):
    page, seen = sizes.page, []
    page.keyboard.press("Home")
    for _ in range(6):
        seen.append(page.evaluate(SHOWN))
        page.keyboard.press("ArrowRight")
    assert seen == [[0], [1, 2], [3, 4], [5, 6, 7], [8], [8]]


# Figures --------------------------------------------------------------------------------------------

PICTURES = f"""async screens => {{
  const seen = [], page = document.querySelector('{PAGE}');
  for (let screen = 1; screen <= screens; screen++) {{
    for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
    if (document.querySelector('.jp-Cell:not(.lecture-away) :is(.jp-RenderedImage, .lecture-piece)'))
      seen.push([screen, page.scrollHeight - page.clientHeight]);
    document.body.dispatchEvent(new KeyboardEvent('keydown', {{key: 'ArrowRight', bubbles: true}}));
  }}
  return seen;
}}"""

def test_an_idea_and_its_figure_fit_one_screen_and_the_code_of_the_figure_is_folded(lab):
    with lab.open("figures.ipynb", width=1920, height=1080, mode=PRESENTED) as opened:
        page = opened.page
        page.locator("#lecture-footer").wait_for()
        page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
        page.wait_for_function("document.querySelector('.jp-RenderedImage img')?.complete")
        page.keyboard.press("Home")
        page.wait_for_timeout(300)
        assert page.evaluate(SHOWN) == [0, 1] and overflow(page) <= 4
        assert not page.locator(".jp-CodeCell .jp-Cell-inputWrapper").first.is_visible()
        page.keyboard.press("Escape")
        assert page.locator(".jp-CodeCell .jp-Cell-inputWrapper").first.is_visible()


@pytest.mark.parametrize(("number", "pictures"), [("02", 9), ("04", 3), ("04b", 5), ("04c", 2), ("04d", 4)])
def test_every_figure_and_every_piece_of_a_lesson_fits_its_screen(lab, number, pictures):
    """At the size of a projector, after all cells have run."""
    name = next(lab.folder.glob(f"{number}_*.ipynb")).name
    with lab.open(name, width=1920, height=1080, mode=PRESENTED) as opened:
        page = opened.page
        page.locator("#lecture-footer").wait_for()
        page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty", timeout=120_000)
        seen = page.evaluate(PICTURES, int(footer(page).split()[2]))
        assert len(seen) >= pictures and [screen for screen, overflow in seen if overflow > 4] == []


# Saving ---------------------------------------------------------------------------------------------

MODEL = "window.jupyterapp.shell.currentWidget.context.model"
TYPE = """text => {
  const cells = window.jupyterapp.shell.currentWidget.content.model.cells;
  cells.get(cells.length - 1).sharedModel.setSource(text);
}"""


@pytest.fixture
def copies(lab):
    """Return a function that makes a fresh notebook in the folder."""
    made = []

    def make(name):
        write(lab.folder / name, [("markdown", "# Copy"), ("code", "print('run')"), ("code", "'last'")])
        made.append(lab.folder / name)
        return made[-1]

    yield make
    for path in made:
        path.unlink()


def is_saved(page, path, text):
    """Say whether the file holds this text within a minute, which a busy machine may need."""
    return any(text in path.read_text("utf-8") or page.wait_for_timeout(100) for _ in range(600))


@pytest.mark.parametrize("mode", ["lab", "doc", "doc/workspaces/other", "lab/workspaces/lecture-mode"])
def test_installed_for_everybody_it_leaves_everybody_alone(lab, copies, mode):
    path = copies(f"own-{mode.replace('/', '-')}.ipynb")
    with lab.open(path.name, mode=mode) as opened:
        page = opened.page
        page.wait_for_timeout(1000)
        assert page.locator("#lecture-footer").count() == 0 and not page.evaluate("document.body.matches('.lecture')")
        page.keyboard.press("Escape")
        assert not page.evaluate("document.body.matches('.lecture')")
        page.evaluate(TYPE, "saved by itself")
        assert is_saved(page, path, "saved by itself")
        assert "'run'" in path.read_text("utf-8") and '"text"' not in path.read_text("utf-8")  # nor has it run anything
        page.evaluate(TYPE, "saved on purpose")
        page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        assert is_saved(page, path, "saved on purpose")


def is_ready(page):
    """Wait until the lecture has begun and all its cells have run."""
    page.locator("#lecture-footer").wait_for()
    page.wait_for_function("window.jupyterapp.shell.currentWidget.content.widgets[1].model.executionCount > 0")
    page.wait_for_function(f"!{MODEL}.dirty", timeout=60_000)
    page.wait_for_timeout(1500)


def test_the_presented_file_is_kept_until_esc_and_what_is_typed_then_is_saved(lab, copies):
    path = copies("presented.ipynb")
    before = path.read_bytes()
    with lab.open(path.name, mode=PRESENTED) as opened:
        page = opened.page
        is_ready(page)
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        page.wait_for_function(f"{MODEL}.dirty")
        page.wait_for_timeout(3000)  # time for three autosaves
        assert path.read_bytes() == before
        page.keyboard.press("Escape")
        page.wait_for_timeout(3000)  # to have been run is no change, here either
        assert path.read_bytes() == before and not page.evaluate(f"{MODEL}.dirty")
        page.evaluate(TYPE, "typed after Esc")
        assert is_saved(page, path, "typed after Esc")
        page.wait_for_function(f"!{MODEL}.dirty")
        page.keyboard.press("Escape")  # and back
        page.evaluate(TYPE, "typed in the lecture")
        page.wait_for_timeout(3000)
        assert "typed in the lecture" not in path.read_text("utf-8")
        page.keyboard.press("Escape")  # what was typed is a change
        assert is_saved(page, path, "typed in the lecture")


def test_esc_in_the_first_run_saves_none_of_its_outputs(lab, copies):
    path = copies("slow.ipynb")
    write(path, [("code", "import time\nprint('begun', flush=True)\ntime.sleep(5)"), ("code", "'last'")])
    before = path.read_bytes()
    with lab.open(path.name, mode=PRESENTED) as opened:
        page = opened.page
        page.get_by_text("begun", exact=True).wait_for()
        page.keyboard.press("Escape")
        page.wait_for_function("window.jupyterapp.shell.currentWidget.content.widgets[1].model.executionCount > 0")
        page.wait_for_function(f"!{MODEL}.dirty")
        page.wait_for_timeout(2000)
        assert path.read_bytes() == before
        page.evaluate(TYPE, "and then")
        assert is_saved(page, path, "and then")


def test_what_the_lecturer_saves_on_purpose_is_saved(lab, copies):
    path = copies("purpose.ipynb")
    with lab.open(path.name, mode=PRESENTED) as opened:
        is_ready(opened.page)
        opened.page.evaluate(TYPE, "worth keeping")
        opened.page.keyboard.press("Control+s")
        assert is_saved(opened.page, path, "worth keeping")


def test_a_second_notebook_beside_the_presented_one_saves_as_ever(lab, copies):
    path, other = copies("first.ipynb"), copies("second.ipynb")
    before = path.read_bytes()
    with lab.open(path.name, mode=PRESENTED) as opened:
        page = opened.page
        is_ready(page)
        page.evaluate("name => window.jupyterapp.commands.execute('docmanager:open', {path: name})", other.name)
        page.wait_for_function("window.jupyterapp.shell.currentWidget.context.path === 'second.ipynb'")
        page.evaluate("window.jupyterapp.shell.currentWidget.context.ready")
        assert not page.evaluate("document.body.matches('.lecture')")  # this one is not presented
        page.keyboard.press("Escape")
        assert not page.evaluate("document.body.matches('.lecture')")
        page.evaluate(TYPE, "in the second")
        assert is_saved(page, other, "in the second") and path.read_bytes() == before
