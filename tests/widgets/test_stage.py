"""The stage: actors stand where matplotlib would put them, on linear and logarithmic axes, and nothing gets out."""

import base64
import io
import re
import xml.etree.ElementTree as ET

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from utils import plots
from utils.widgets.stage import Scene, Stage, arrow, blank, heat, path, points, text

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def stage():
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.03, 3.51))
    left.set(xlim=(-2, 2), ylim=(-1, 3))
    right.set(xlim=(1, 1000), ylim=(1e-3, 10), xscale="log", yscale="log")
    return Stage(figure, linear=left, log=right)


def elements(stage, *actors, alt="a picture"):
    root = ET.fromstring(stage.svg(Scene(actors, alt)))
    return root, [e for g in root.findall(SVG + "g") for e in g]


def pixels(stage, scene):
    return np.asarray(Image.open(io.BytesIO(stage.png(scene))).convert("RGB")).astype(int)


def numbers(d):
    return [float(n) for n in re.findall(r"-?\d+\.?\d*", d)]


@pytest.mark.parametrize("where, xy", [
    ("linear", (-1.5, 2.5)), ("linear", (0, 0)), ("log", (10, 0.01)), ("log", (900, 9))])
def test_an_actor_stands_where_matplotlib_puts_it(stage, where, xy):
    """The centre of matplotlib's own marker, found in its pixels, is the layer's coordinate to within a pixel."""
    marker = points(where, xy, "#FF0000", "s", 4, "#FF0000")
    empty, drawn = pixels(stage, Scene((), "")), pixels(stage, Scene((marker,), ""))
    rows, columns = np.nonzero(abs(drawn - empty).sum(-1) > 200)
    x, y = stage.place(where)(np.array([xy], dtype=float))[0]
    assert abs(columns.mean() + 0.5 - x) < 1
    assert abs(rows.mean() + 0.5 - y) < 1


def test_the_scenery_is_drawn_once_and_sharp(stage):
    image = Image.open(io.BytesIO(stage.scenery))
    assert image.size == (2 * stage.width, 2 * stage.height)
    small = np.asarray(image.convert("L").resize((stage.width, stage.height), Image.BOX)).astype(int)
    plain = pixels(stage, Scene((), "")).mean(-1)
    assert abs(small - plain).mean() < 4  # the same picture at two resolutions: the layer fits both


def test_showing_a_scene_swaps_only_the_layer(stage):
    style, layer = stage.widget.children
    before = style.value
    stage.show(Scene((points("linear", (0, 0)),), "one point"))
    first = layer.value
    stage.show(Scene((points("linear", (1, 1)),), "another point"))
    assert style.value == before and "base64" in before
    assert layer.value != first and "base64" not in layer.value


def test_the_static_picture_needs_nothing_else(stage):
    root, _ = elements(stage, points("linear", (0, 0)))
    assert root.get("viewBox") == f"0 0 {stage.width} {stage.height}"
    assert root.find(SVG + "image").get("href").startswith("data:image/png;base64,")
    assert "class" not in root.attrib


def test_the_alt_text_is_the_pictures_label(stage):
    root, _ = elements(stage, alt='f < 3 & "g"')
    assert (root.get("role"), root.get("aria-label")) == ("img", 'f < 3 & "g"')


def test_text_is_never_markup(stage):
    _, (element,) = elements(stage, text("linear", (0, 0), "<script>alert(1)</script> & $x$"))
    assert element.text == "<script>alert(1)</script> & $x$"


def test_a_point_that_is_not_finite_lifts_the_pen(stage):
    _, (element,) = elements(stage, path("linear", [[0, 0], [1, 1], [np.nan, 0], [0, 1], [np.inf, 2], [1, 2]]))
    assert element.get("d").count("M") == 3 and element.get("d").count("L") == 1


@pytest.mark.parametrize("xy", [[[0, 1], [-5, 1], [10, 1]], [[10, 0.0], [20, -1.0]]])
def test_a_logarithmic_axis_leaves_out_what_it_cannot_show(stage, xy):
    _, (line, marks) = elements(stage, path("log", xy), points("log", xy))
    assert all(np.isfinite(numbers(line.get("d") + marks.get("d"))))


def test_far_points_leave_the_picture_but_not_the_svg(stage):
    _, (line,) = elements(stage, path("linear", [[0, 0], [1e3, 1e3], [1e30, 0]]))
    assert max(map(abs, numbers(line.get("d")))) <= 1e6


def test_actors_are_cut_off_at_the_frame_of_their_axes(stage):
    root, _ = elements(stage, points("linear", (0, 0)), points("log", (10, 1)))
    clips = {clip.get("id"): clip[0].attrib for clip in root.iter(SVG + "clipPath")}
    groups = [g.get("clip-path")[5:-1] for g in root.findall(SVG + "g")]
    assert groups == [f"{stage.name}-linear", f"{stage.name}-log"] and set(groups) <= set(clips)
    frame = stage.axes["log"].get_window_extent()
    assert abs(float(clips[f"{stage.name}-log"]["x"]) - frame.x0) < 0.1


def test_a_heat_map_keeps_its_squares(stage):
    grid = np.array([[0, 0.25, 0.5], [0.75, 1, np.nan]])
    _, (image,) = elements(stage, heat("linear", grid, (-1, 1, 0, 2), "gray"))
    assert "pixelated" in image.get("style") and image.get("preserveAspectRatio") == "none"
    encoded = image.get("href").split(",")[1]
    found = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("L"))
    np.testing.assert_allclose(found / 255, [[0, 0.25, 0.5], [0.75, 1, 0]], atol=0.01)
    (x, y), (u, v) = stage.place("linear")(np.array([[-1, 2], [1, 0]], dtype=float))
    box = [float(image.get(k)) for k in ("x", "y", "width", "height")]
    np.testing.assert_allclose(box, [x, y, u - x, v - y], atol=0.11)


def test_an_arrow_ends_at_its_tip_and_a_short_one_is_left_out(stage):
    _, found = elements(stage, arrow("linear", (0, 0), (1, 1)), arrow("linear", (0, 0), (0, 0)))
    assert len(found) == 2  # a shaft and a head
    tip = numbers(found[1].get("points"))[:2]
    np.testing.assert_allclose(tip, stage.place("linear")(np.array([[1.0, 1.0]]))[0], atol=0.06)


ALL = [path("linear", [[0, 0], [1, 1]], dash="4 2"), points("linear", [[0, 1]], "none"),
       arrow("linear", (0, 0), (1, 1)), text("linear", (1, 1), "word $"), heat("linear", np.eye(3), (-1, 0, 0, 1))]


@pytest.mark.parametrize("actor", ALL, ids=lambda actor: type(actor).__name__)
def test_svg_and_matplotlib_draw_the_same_actors_and_leave_nothing_behind(stage, actor):
    empty = pixels(stage, Scene((), ""))
    assert (pixels(stage, Scene((actor,), "")) != empty).any()
    assert (pixels(stage, Scene((), "")) == empty).all()
    assert len(elements(stage, actor)[1]) >= 1


@pytest.mark.parametrize("make, words", [
    (lambda: points("linear", (0, 0), marker="q"), "marker is 'q'"),
    (lambda: path("linear", [[1, 2, 3]]), r"xy has shape \(1, 3\), expected \(n, 2\)"),
    (lambda: heat("linear", np.eye(2), (0, 1, 0, 1), low=1, high=1), "expected low < high"),
])
def test_a_wrong_actor_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_an_unknown_axes_is_named(stage):
    with pytest.raises(ValueError, match="no axes 'middle'.*linear, log"):
        stage.svg(Scene((points("middle", (0, 0)),), ""))


def test_axes_without_names_are_counted():
    assert list(Stage(plots.axes(2)[0].figure).axes) == ["0", "1"]


def test_a_blank_stage_has_no_frame():
    stage = Stage(blank(2, 1).figure)
    assert (pixels(stage, Scene((), "")) == 255).all()
    np.testing.assert_allclose(stage.place("0")(np.array([[0.0, 0.0], [1.0, 1.0]])), [[0, 96], [192, 0]], atol=0.5)
