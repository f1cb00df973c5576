"""Every piece in a real JupyterLab: run all, drive every control by keyboard, see the picture follow."""

import pytest
from lab import WITH_TORCH, Lab, ask, missing, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(missing()), reason=missing())]
needs_torch = pytest.mark.skipif(not WITH_TORCH, reason="autograd is asked, and there is no PyTorch")

BROKEN = """from utils.widgets.piece import Piece, slider
from utils.widgets.slopes import tangent_scene, tangent_stages
def fragile(x):
    if x > 1:
        raise ArithmeticError("too far")
    return tangent_scene("x²", x, 1.0)
Piece(fragile, tangent_stages(), {"x": slider("x", 1, 0, 4, 1)})"""
PIECES = ["tangent_explorer", "gradient_explorer", "step_size_lab", "forward_explorer", "backward_stepper",
          "playground", "line_explorer"]
DOTS = {"line_explorer": "[0, 1, 2, 4], [1, 3, 6, 7]"}
CELLS = [*(f"from utils.widgets import {name}\n{name} = {name}({DOTS.get(name, '')})\n{name}" for name in PIECES),
         BROKEN]
CONTRAST = """() => {
  const light = colour => {
    const scale = colour.startsWith('color(') ? 1 : 255;
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(n => n / scale)
      .map(n => n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (colour !== 'rgba(0, 0, 0, 0)') return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('.lecture-readout td, .lecture-readout p, .lecture-piece .widget-label')]
    .map(e => [light(getComputedStyle(e).color), light(behind(e)), e.outerHTML, getComputedStyle(e).color, behind(e)])
    .map(([a, b, ...what]) => [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), ...what]);
}"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """One notebook with all pieces, run once."""
    folder = tmp_path_factory.mktemp("notebooks")
    write_notebook(folder / "pieces.ipynb", *CELLS)
    with Lab(folder) as lab, lab.open("pieces.ipynb") as notebook:
        notebook.run_all()
        notebook.page.wait_for_function(
            f"document.querySelectorAll('.lecture-piece .lecture-stage').length === {len(CELLS)}")
        yield notebook


@pytest.fixture
def notebook(opened):
    opened.page.evaluate("window.troubles = []")
    opened.console.clear()
    return opened


class Seen:
    """A piece in the page."""

    def __init__(self, notebook, name):
        self.notebook, self.page = notebook, notebook.page
        self.output = notebook.output(PIECES.index(name) if name in PIECES else len(PIECES))

    @property
    def picture(self):
        return self.output.locator(".lecture-stage")

    @property
    def words(self):
        return self.picture.get_attribute("aria-label")

    def press(self, control, key):
        """Press a key on a control; return whether the picture's description has changed within five seconds."""
        before = self.words
        control.focus()
        self.page.keyboard.press(key)
        for _ in range(100):
            self.page.wait_for_timeout(50)
            if self.words != before:
                return True
        return False

    def button(self, name):
        return self.output.get_by_role("button", name=name)


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_follows_the_keyboard(notebook, name):
    piece = Seen(notebook, name)
    handles = piece.output.locator(".noUi-handle:visible")
    assert handles.count() >= 1
    before = piece.picture.screenshot()
    assert piece.press(handles.first, "ArrowRight") and piece.picture.screenshot() != before
    for i in range(handles.count()):
        for key in ("Home", "End"):
            handles.nth(i).focus()
            notebook.page.keyboard.press(key)
    for box in piece.output.get_by_role("combobox").all():
        box.focus()
        before = box.input_value()
        notebook.page.keyboard.press("End")
        notebook.page.keyboard.press("ArrowUp")
        notebook.page.keyboard.press("ArrowDown")
        at_the_end = "box => box === document.activeElement && box.options.length - 1 === box.selectedIndex"
        assert any(box.evaluate(at_the_end) or notebook.page.wait_for_timeout(50) for _ in range(100))  # as in `press`
        box.select_option(before)
    for box in piece.output.get_by_role("checkbox").all():
        box.focus()
        notebook.page.keyboard.press("Space")
    notebook.page.wait_for_timeout(500)
    assert piece.output.get_by_role("alert").count() == 0
    assert notebook.errors() == [] and notebook.console == []


@pytest.mark.parametrize("name", PIECES)
def test_every_control_and_picture_has_an_accessible_name(notebook, name):
    tree = Seen(notebook, name).output.locator(".lecture-piece").aria_snapshot()
    kinds = ("- slider", "- combobox", "- checkbox", "- button", "- textbox")
    controls = [line.strip() for line in tree.splitlines() if line.strip().startswith(kinds)]
    assert len(controls) >= 2
    assert [line for line in controls if '"' not in line] == []
    assert 'img "' in tree or "'img \"" in tree


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_the_numbers_can_be_read_in_both_themes(notebook, theme):
    notebook.page.evaluate("t => window.jupyterapp.commands.execute('apputils:change-theme', {theme: t})", theme)
    notebook.page.wait_for_function(f"document.body.dataset.jpThemeName === '{theme}'")
    notebook.page.wait_for_timeout(500)
    contrast = notebook.page.evaluate(CONTRAST)
    assert len(contrast) > 50 and [what for what in contrast if what[0] < 4.5] == []


@needs_torch
def test_one_click_one_gradient_by_keyboard(notebook):
    piece = Seen(notebook, "backward_stepper")
    piece.output.locator(".noUi-handle").focus()
    notebook.page.keyboard.press("Home")
    piece.output.get_by_text("One click, one gradient: start at the loss").wait_for()
    for name in ("dA[3]", "dZ[3]", "dW[3]", "db[3]"):
        assert piece.press(piece.button("One gradient back"), "Enter")
        assert name in piece.words
    piece.output.get_by_role("checkbox", name="ask autograd").check()
    piece.output.get_by_text("Autograd agrees").wait_for()


@needs_torch
def test_the_playground_plays_stops_at_once_and_leaves_the_kernel_free(notebook):
    piece = Seen(notebook, "playground")
    ask(notebook.page, "playground.panel.state.value = type(playground.settings)().encode()")
    piece.output.get_by_text("✓ No step has been taken yet").wait_for()
    assert piece.press(piece.button("Play"), "Enter") and "epoch 0:" not in piece.words
    answer = ask(notebook.page, "print(6 * 7, playground.task is not None)")
    assert answer == "42 True"
    notebook.page.wait_for_timeout(1500)
    asked, answered = map(int, ask(notebook.page, "print(playground.page.asked, playground.page.answered)").split())
    assert 0 <= asked - answered <= 1 and answered > 2  # the page says how far it has come
    piece.button("Pause").click()
    piece.button("Play").wait_for()
    piece.output.get_by_text("✓ The ledger: all").wait_for(timeout=120_000)  # torch is loaded now
    stopped = piece.words
    notebook.page.wait_for_timeout(400)
    assert piece.words == stopped
    assert notebook.errors() == [] and notebook.console == []


def test_a_raising_callback_is_said_and_caught(notebook):
    piece = Seen(notebook, "broken")
    piece.output.locator(".noUi-handle").focus()
    notebook.page.keyboard.press("End")
    piece.output.get_by_role("alert").wait_for()
    assert "too far" in piece.output.get_by_role("alert").inner_text()
    notebook.page.wait_for_function("window.troubles.some(text => text.includes('too far'))")
