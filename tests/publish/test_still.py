"""Widgets that stand still: their last state in words and pictures, or the picture that the cell left."""

import base64
import json

import ipywidgets as ipw
import nbformat
import pytest
from bs4 import BeautifulSoup
from lab import Lab, missing, write_notebook

from utils import widgets
from utils.publish import export
from utils.publish.still import STATE, VIEW, static_widget, with_static_widgets

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
HELD = f"""
import base64
import sys
from IPython.display import HTML, Image, Markdown, display
from ipywidgets import HTML as Words, Image as Picture, IntSlider, Output, Tab, VBox
dot = base64.b64decode("{DOT}")
output = Output()
picture = Picture(value=dot, format="png", width="40", tooltip="a point")
display(VBox([output, picture, Tab([Words("in it")], titles=["One"])]))
with output:
    print("printed <b>")
    print("warned", file=sys.stderr)
    display(HTML("<i>leaning</i>"), Markdown("*read* $x^2$"), Image(data=dot, format="png", alt="a dot"))
    display(IntSlider(5, description="inner"))
    1 / 0
"""


def notebook(outputs, models=None):
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("w", outputs=outputs, execution_count=1)])
    if models is not None:
        made.metadata["widgets"] = {STATE: {"state": models}}
    return made


def view(identifier, kind="display_data", **more):
    shown = {"model_id": identifier, "version_major": 2, "version_minor": 0}
    return nbformat.v4.new_output(kind, data={VIEW: shown, **more})


def state():
    """Return the state of all widgets, as JupyterLab saves it."""
    return json.loads(json.dumps(ipw.Widget.get_manager_state(drop_defaults=True)))["state"]


def page(made, tmp_path):
    nbformat.write(made, tmp_path / "w.ipynb")
    return export.page(tmp_path / "w.ipynb")


def still(widget):
    return BeautifulSoup(static_widget(state(), widget.model_id), "html.parser")


def test_a_piece_becomes_a_picture_of_its_last_state(tmp_path):
    piece = widgets.step_size_lab()
    piece.controls["rate"].value = 0.25
    soup = page(notebook([view(piece.model_id)], state()), tmp_path)
    picture = soup.select_one("svg.lecture-stage")
    assert "η = 0.250" in picture["aria-label"] and "it diverges" in picture["aria-label"]
    words = soup.get_text(" ", strip=True)
    assert "Rule 1 is fooled" in words and "η: 0.25" in words.replace(" :", ":") and "rule: fixed" in words
    stage = piece.stages[""]
    assert picture.find_parent(class_=stage.name) and stage.name in str(soup.find_all("style"))


@pytest.mark.parametrize("kinds, kept", [
    ({VIEW: {"model_id": "m"}, "image/png": DOT, "text/plain": "a widget"}, "image/png"),
    ({VIEW: {"model_id": "m"}, "text/plain": "a widget"}, "text/plain"),
])
def test_without_a_saved_state_the_cells_picture_stays(kinds, kept):
    made = with_static_widgets(notebook([nbformat.v4.new_output("display_data", data=kinds)]))
    assert [kept in output["data"] and VIEW not in output["data"] for output in made.cells[0].outputs] == [True]


def saved_piece():
    """Return a piece as it is saved in three outputs: its picture, a caption, and itself."""
    marked, caption = {"lecture": "saved"}, '<p class="lecture-saved">saved</p>'
    return [nbformat.v4.new_output("display_data", data={"image/png": DOT, "text/plain": "p"},
                                   metadata={**marked, "image/png": {"alt": "a saved picture"}}),
            nbformat.v4.new_output("display_data", data={"text/html": caption}, metadata=marked),
            view("m", **{"text/plain": "a widget"}), nbformat.v4.new_output("stream", text="printed\n")]


def test_a_piece_in_three_outputs_is_shown_once(tmp_path):
    model = {"model_module": "@jupyter-widgets/controls", "model_name": "HTMLModel", "state": {"value": "<b>alive</b>"}}
    alive = page(notebook(saved_piece(), {"m": model}), tmp_path)
    assert alive.main.find("b").get_text() == "alive" and alive.select("img, .lecture-saved") == []
    absent = page(notebook(saved_piece()), tmp_path)
    assert [picture["alt"] for picture in absent.select("img")] == ["a saved picture"]
    assert absent.select_one(".lecture-saved") and "a widget" not in absent.get_text()
    assert "printed" in alive.get_text() and "printed" in absent.get_text()


def test_an_output_without_a_mark_stays_beside_a_living_widget():
    model = {"model_module": "@jupyter-widgets/controls", "model_name": "HTMLModel", "state": {"value": "alive"}}
    plain = nbformat.v4.new_output("display_data", data={"image/png": DOT})
    made = with_static_widgets(notebook([plain, view("m")], {"m": model}))
    assert [list(output["data"]) for output in made.cells[0].outputs] == [["image/png"], ["text/html"]]


def test_a_widget_of_an_unknown_kind_leaves_what_else_its_cell_holds():
    model = {"model_module": "jupyter-leaflet", "model_name": "LeafletMapModel", "state": {"zoom": 3}}
    made = with_static_widgets(notebook([view("m", **{"image/png": DOT})], {"m": model}))
    assert list(made.cells[0].outputs[0]["data"]) == ["image/png"]


def test_simple_controls_are_told_in_words():
    soup = still(ipw.VBox([
        ipw.IntSlider(7, description="n"), ipw.Checkbox(True, description="on"),
        ipw.Button(description="go"), ipw.IntProgress(3, 0, 5), ipw.Text("<b>", description="t"),
        ipw.Dropdown(options=[("one", 1), ("two", 2)], value=2, description="which"),
        ipw.SelectMultiple(options="abc", value=("a", "c"), description="many"),
        ipw.IntRangeSlider(value=(2, 5), description="from"), ipw.FloatText(0.1 + 0.2, description="f"),
        ipw.Text("unseen", layout=ipw.Layout(display="none")),
        ipw.VBox([ipw.Label("nor this")], layout=ipw.Layout(display="none"))]))
    told = [line.get_text() for line in soup.select(".static-widget > div")]
    assert told == ["n: 7", "on: yes", "t: <b>", "which: two", "many: a, c", "from: 2 – 5", "f: 0.3"]
    assert soup.progress["value"] == "3" and soup.progress["max"] == "5"


def test_what_stands_on_its_default_is_told_too():
    soup = still(ipw.VBox([
        ipw.IntSlider(description="n"), ipw.FloatText(description="f"), ipw.Checkbox(description="on"),
        ipw.IntProgress(), ipw.HTML(), ipw.HBox(), ipw.Label("words alone"), ipw.Output(), ipw.Image(), ipw.Text()]))
    told = [line.get_text() for line in soup.select(".static-widget.column > div:not(.static-widget)")]
    assert told == ["n: 0", "f: 0", "on: no", "words alone"]
    assert soup.progress["value"] == "0" and soup.progress["max"] == "100" and soup.progress["aria-label"]


def test_tabs_and_accordions_are_opened_under_their_titles():
    for kind in (ipw.Tab, ipw.Accordion):
        box = kind([ipw.Label("one"), ipw.Label("two"), ipw.Label("three")])
        box.set_title(0, "A <b>")
        box.set_title(1, "B")
        assert still(box).get_text("|") == "A <b>|one|B|two|three"


def test_the_titles_that_an_older_ipywidgets_has_saved_are_read():
    tab = {"children": ["IPY_MODEL_a", "IPY_MODEL_b"], "_titles": {"1": "B"}}
    models = {"t": {"model_name": "TabModel", "state": tab},
              "a": {"model_name": "LabelModel", "state": {"value": "one"}},
              "b": {"model_name": "LabelModel", "state": {"value": "two"}}}
    assert BeautifulSoup(static_widget(models, "t"), "html.parser").get_text("|") == "one|B|two"


# Pictures and outputs ---------------------------------------------------------------------------------


def test_a_picture_is_shown_from_the_buffer_beside_its_state():
    image = still(ipw.Image(value=base64.b64decode(DOT), format="png", width="40", tooltip='a "point"')).img
    assert image["src"] == f"data:image/png;base64,{DOT}" and image["width"] == "40"
    if hasattr(ipw.Image, "tooltip"):  # an older ipywidgets has none
        assert image["alt"] == 'a "point"'
    model = {"model_name": "ImageModel", "state": {"format": "svg+xml"},
             "buffers": [{"path": ["value"], "encoding": "hex", "data": b"<svg/>".hex()}]}
    soup = BeautifulSoup(static_widget({"m": model}, "m"), "html.parser")
    assert soup.img["src"] == "data:image/svg+xml;base64," + base64.b64encode(b"<svg/>").decode()


def test_a_picture_from_the_network_is_a_link():
    soup = still(ipw.Image(value=b"https://example.org/a.png?b&c", format="url"))
    assert soup.img is None and soup.a["href"] == "https://example.org/a.png?b&c"


def test_sound_and_film_can_be_played():
    assert still(ipw.Audio(value=b"abc", format="wav")).audio["src"] == "data:audio/wav;base64,YWJj"
    assert still(ipw.Video(value=b"abc", format="mp4", width="80")).video["width"] == "80"


def test_an_output_widget_shows_what_it_holds():
    output = ipw.Output(outputs=(
        {"output_type": "stream", "name": "stdout", "text": "printed <b>\n"},
        {"output_type": "execute_result", "execution_count": 3, "metadata": {}, "data": {"text/plain": "42"}},
        {"output_type": "display_data", "data": {"image/png": DOT}, "metadata": {"image/png": {"alt": "a dot"}}},
        {"output_type": "display_data", "data": {"text/markdown": "*read*"}, "metadata": {}},
        {"output_type": "error", "ename": "ZeroDivisionError", "evalue": "", "traceback": ["\x1b[31mdivided\x1b[39m"]}))
    soup = still(ipw.VBox([output]))
    assert "printed <b>" in soup.get_text() and "42" in soup.get_text() and soup.em.get_text() == "read"
    assert soup.img["alt"] == "a dot" and soup.select_one(".ansi-red-fg").get_text() == "divided"


def test_an_output_widget_that_holds_a_widget_or_itself():
    output, slider = ipw.Output(), ipw.IntSlider(5, description="inner")
    output.outputs = tuple(view(model.model_id, **{"text/plain": "a widget"}) for model in (slider, output))
    assert still(output).get_text(" ", strip=True) == "inner: 5 a widget"


@pytest.mark.browser
@pytest.mark.skipif(bool(missing()), reason=missing())
def test_what_jupyterlab_saves_is_all_there(tmp_path):
    write_notebook(tmp_path / "held.ipynb", HELD)
    settings = {"@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True}}
    with Lab(tmp_path, settings=settings) as lab, lab.open("held.ipynb") as opened:
        opened.run_all()
        opened.page.get_by_text("division by zero").first.wait_for()
        opened.page.locator(".noUi-handle").wait_for()
        opened.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        opened.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    soup = export.page(tmp_path / "held.ipynb")
    words = soup.select_one(".static-widget").get_text(" ", strip=True)
    for told in ("printed <b>", "warned", "leaning", "read", "inner: 5", "ZeroDivisionError", "One", "in it"):
        assert told in words
    assert [picture["alt"] for picture in soup.select(".static-widget img")] == ["a dot", "a point"]
    assert {picture["src"] for picture in soup.select(".static-widget img")} == {f"data:image/png;base64,{DOT}"}
    assert soup.select_one(".static-widget math") and soup.find_all("script") == []
