"""What a piece leaves behind: in its cell run again, in a file opened again, after an interrupt, without a kernel."""

import importlib.util
import subprocess
import sys

import pytest
from lab import Lab, ask, missing, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(missing()), reason=missing())]

CELLS = ["from utils.widgets import playground, tangent_explorer\nimport ipywidgets",
         "piece = playground()\npiece", "tangent_explorer()"]
RUN = """async index => {
  const panel = window.jupyterapp.shell.currentWidget;
  panel.content.activeCellIndex = index;
  await window.jupyterapp.commands.execute('notebook:run-cell');
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab on a folder of its own."""
    with Lab(tmp_path_factory.mktemp("notebooks")) as lab:
        yield lab


def written(lab, name):
    """Write the notebook anew, under this name."""
    return write_notebook(lab.folder / name, *CELLS)


def visible(opened, selector):
    """Return how many elements of the page are to be seen."""
    return opened.page.locator(f"{selector}:visible").count()


@pytest.mark.parametrize("mode", ["doc", pytest.param("notebooks", marks=pytest.mark.skipif(
    not importlib.util.find_spec("notebook"), reason="Notebook 7 is not installed"))])
def test_opened_again_without_a_kernel_a_piece_is_its_picture_and_its_description(lab, mode):
    name = written(lab, f"again in {mode}.ipynb")
    with lab.open(name, mode=mode) as opened:
        opened.run_all()
        opened.page.wait_for_function("document.querySelectorAll('.lecture-stage').length === 2")
        assert visible(opened, ".lecture-piece") == 2
        assert visible(opened, ".lecture-saved") == visible(opened, ".jp-RenderedImage img") == 0
        opened.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        opened.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    with lab.open(name, mode=mode) as opened:
        opened.page.locator(".lecture-saved").first.wait_for()
        opened.page.wait_for_timeout(1500)  # a dead view takes a moment to say so
        assert visible(opened, ".lecture-saved") == visible(opened, ".jp-RenderedImage img") == 2
        assert visible(opened, ".jupyter-widgets") == visible(opened, ".lecture-piece") == 0
        assert "model not found" not in opened.page.locator(".jp-Notebook").inner_text()
        assert "A 2-4-2 network on circle, epoch 0" in opened.output(1).inner_text()
        opened.run_all()
        opened.page.wait_for_function("document.querySelectorAll('.lecture-stage').length === 2")
        assert visible(opened, ".lecture-saved") == visible(opened, ".jp-RenderedImage img") == 0
    page = subprocess.run([sys.executable, "-m", "nbconvert", "--to", "html", "--stdout", str(lab.folder / name)],
                          capture_output=True, text=True, check=True).stdout
    assert page.count("<img") == 2 and "A 2-4-2 network on circle, epoch 0" in page


def test_a_page_that_is_loaded_again_finds_its_living_pieces(lab):
    name = written(lab, "reload.ipynb")
    with lab.open(name) as opened:
        opened.run_all()
        opened.page.wait_for_function("document.querySelectorAll('.lecture-stage').length === 2")
        opened.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    with lab.open(name) as opened:
        opened.page.wait_for_function("document.querySelectorAll('.lecture-stage').length === 2")
        assert visible(opened, ".lecture-piece") == 2 and visible(opened, ".lecture-saved") == 0


def test_a_cell_that_runs_again_closes_what_it_showed(lab):
    with lab.open(written(lab, "rerun.ipynb")) as opened:
        opened.run_all()
        count = "print(len(ipywidgets.Widget._instances if hasattr(ipywidgets.Widget, '_instances') else " \
                "ipywidgets.widgets.widget._instances))"
        before = int(ask(opened.page, count))
        ask(opened.page, "first = piece")
        opened.output(1).get_by_role("button", name="Play").click()
        opened.output(1).get_by_role("button", name="Pause").wait_for()
        for _ in range(4):
            opened.page.evaluate(RUN, 1)
        assert int(ask(opened.page, count)) == before
        assert ask(opened.page, "print(first.task, first.comm, piece.comm is None)") == "None None False"
        assert visible(opened, ".lecture-piece") == 2 and opened.errors() == []
        opened.page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets[1].model.sharedModel"
                             ".setSource('6 * 7')")
        opened.page.evaluate(RUN, 1)
        assert ask(opened.page, "print(piece.comm)") == "None"
        assert visible(opened, ".lecture-piece") == 1


def test_an_interrupt_and_close_stop_the_training(lab):
    with lab.open(written(lab, "stop.ipynb")) as opened:
        opened.run_all()
        play = opened.output(1).get_by_role("button", name="Play")
        pause = opened.output(1).get_by_role("button", name="Pause")
        for code in ("", "import time; time.sleep(30)"):  # between two cells, and in the middle of one
            play.click()
            pause.wait_for()
            opened.page.wait_for_timeout(500)
            if code:
                opened.page.evaluate("code => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
                                     ".requestExecute({code}); }", code)
                opened.page.wait_for_timeout(500)
            opened.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
            play.wait_for()
            assert ask(opened.page, "print(piece.task)") == "None"
        play.click()
        pause.wait_for()
        epoch = ask(opened.page, "piece.close(); print(piece.learner.epoch)")
        opened.page.wait_for_timeout(300)
        assert ask(opened.page, "print(piece.learner.epoch)") == epoch
        opened.output(1).locator(".lecture-saved").wait_for()
        assert visible(opened, ".lecture-piece") == 1
