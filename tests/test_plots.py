import inspect
import io
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb

from utils import plots
from utils.descent import LECTURE, gradient_descent

RNG = np.random.default_rng


@pytest.fixture(autouse=True)
def no_figure_is_left():
    plt.close("all")
    yield
    plt.close("all")


def path():
    return gradient_descent(LECTURE.value, LECTURE.gradient, (3, 3), 0.1, max_steps=10)


def points():
    return RNG(0).normal(size=(30, 2)) * 3, np.arange(30) % 3


PICTURES = {  # one call of every function that draws
    "tangent": lambda ax=None: plots.tangent(np.sin, np.cos, 1.0, 0.5, ax=ax),
    "convergence": lambda ax=None: plots.convergence({"η = 0.1": path().values, "η = 0.2": [54, 20, 8]}, ax=ax),
    "level_curves": lambda ax=None: plots.level_curves(LECTURE.value, ax=ax),
    "gradient_field": lambda ax=None: plots.gradient_field(LECTURE.gradient, ax=ax),
    "arrow": lambda ax=None: plots.arrow((0, 0), (1, 2), ax or plots.axes(), r"$\nabla f$"),
    "descent_path": lambda ax=None: plots.descent_path(path().path, ax or plots.axes(), "run"),
    "decision_regions": lambda ax=None: plots.decision_regions(lambda x: (x[:, 0] > 0) * 1, *points(), ax=ax, n=20),
    "samples": lambda ax=None: plots.samples(*points(), ax=ax),
    "network": lambda ax=None: plots.network((5, 7, 4, 3), ax, ["$X$", "$A_1$", "$A_2$", "$A_3$"], ["σ", "σ", "s"]),
    "matrix": lambda ax=None: plots.matrix([[1, -2], [0, 0.5]], r"$W^{(1)}$", ax),
    "confusion": lambda ax=None: plots.confusion(np.array([0, 1, 1]), np.array([0, 1, 2]), 3, ax=ax),
}
each_picture = pytest.mark.parametrize("draw", list(PICTURES.values()), ids=list(PICTURES))


def test_every_public_function_is_drawn_here():
    public = {name for name, f in inspect.getmembers(plots, inspect.isfunction)
              if f.__module__ == plots.__name__ and not name.startswith("_")}
    assert public == {*PICTURES, "axes", "images", "ink", "show", "table"}


@each_picture
def test_a_picture_is_an_axes_that_can_be_shown(draw):
    ax = draw()
    assert isinstance(ax, Axes)
    assert plots.show(ax, "a picture").png


@each_picture
def test_a_picture_is_drawn_where_it_is_told_to(draw):
    left, right = plots.axes(2)
    assert draw(right) is right
    assert not left.has_data()
    assert len(plt.get_fignums()) == 1


@each_picture
def test_the_same_call_makes_the_same_picture(draw):
    assert plots.show(draw(), "").png == plots.show(draw(), "").png


# axes, show, table --------------------------------------------------------------------------------


def test_axes_makes_one_or_an_array():
    assert isinstance(plots.axes(), Axes)
    assert plots.axes(3).shape == (3,)
    assert plots.axes(3, rows=2).shape == (2, 3)


def test_width_and_height_are_for_each_axes():
    assert plots.axes(3, width=2, height=1, rows=2)[0, 0].figure.get_size_inches().tolist() == [6, 2]


@pytest.mark.parametrize("make", [plots.axes, lambda: plots.axes(2), lambda: plots.axes(2, rows=2)])
def test_show_returns_a_png_and_closes_the_figure(make):
    picture = plots.show(make(), "two lines that cross")
    assert plt.imread(io.BytesIO(picture.png)).ndim == 3
    assert plt.get_fignums() == []


def test_a_picture_is_shown_with_its_caption_which_describes_it_too(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: shown.append((data, options)))
    picture = plots.show(plots.axes(), "two lines that cross")
    picture._ipython_display_()
    (figure, described), (caption, _) = shown
    assert figure == {"image/png": picture.png, "text/plain": "two lines that cross"}
    assert described["metadata"] == {"image/png": {"alt": "two lines that cross"}}
    assert caption == {"text/markdown": "*two lines that cross*", "text/plain": "two lines that cross"}


def test_a_picture_does_not_tell_which_matplotlib_drew_it():
    assert b"Software" not in plots.show(plots.axes(), "").png


def test_a_table_is_markdown():
    table = plots.table(["η", "steps"], [[0.1, 37], ["$2/\\lambda$", "`20`"]])
    assert table._repr_markdown_().splitlines() == [
        "| η | steps |", "| --- | --- |", "| 0.1 | 37 |", "| $2/\\lambda$ | `20` |"]
    assert repr(table) == table._repr_markdown_()


def test_a_table_takes_rows_from_a_generator():
    assert plots.table("ab", (pair for pair in [(1, 2)])).rows == ((1, 2),)


# What is to be seen in them -----------------------------------------------------------------------


def test_the_tangents_legend_tells_both_answers_and_their_gap():
    """On x² from 1 by 0.5: Δy = 1.25, α Δx = 1, gap 0.25."""
    ax = plots.tangent(lambda x: x * x, lambda x: 2 * x, 1.0, 0.5)
    legend = " ".join(text.get_text() for text in ax.get_legend().get_texts())
    assert all(number in legend for number in ("2.00", "1.250", "1.000", "0.250"))


def test_convergence_draws_the_values_it_is_given():
    ax = plots.convergence({"one": [4, 2, 1], "two": [8, 4]})
    assert [line.get_ydata().tolist() for line in ax.lines] == [[4, 2, 1], [8, 4]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]
    assert ax.get_yscale() == "log"


def test_seven_histories_differ_in_more_than_colour():
    ax = plots.convergence({str(i): [1, 2] for i in range(7)})
    looks = [(str(line._unscaled_dash_pattern), line.get_marker()) for line in ax.lines]
    assert len(set(looks)) == 7


def test_the_gradient_field_points_downhill():
    quiver = plots.gradient_field(LECTURE.gradient, n=5).collections[0]
    downhill = np.stack([quiver.U, quiver.V], -1).reshape(-1, 2)
    np.testing.assert_allclose(downhill, -LECTURE.gradient(quiver.XY), atol=1e-12)


def test_level_curves_are_drawn_with_equal_axes_unless_told_otherwise():
    assert plots.level_curves(LECTURE.value).get_aspect() == 1
    assert plots.level_curves(LECTURE.value, equal=False).get_aspect() == "auto"


def test_a_descent_path_has_every_point_of_the_run():
    run = path()
    np.testing.assert_array_equal(plots.descent_path(run.path, plots.axes()).lines[0].get_xydata(), run.path)


def test_decision_regions_stand_where_predict_puts_them():
    """Class 1 where x₂ > 0: the upper rows of the picture, whose first row is the lowest."""
    X, labels = np.array([[-1.0, -2], [1, 2]]), np.array([0, 1])
    picture = plots.decision_regions(lambda x: (x[:, 1] > 0) * 1, X, labels, n=20)
    classes = picture.images[0].get_array()
    assert not classes[:10].any()
    assert classes[10:].all()
    assert picture.images[0].origin == "lower"


def test_samples_have_a_colour_and_a_marker_for_each_class():
    X, labels = points()
    lines = plots.samples(X, labels).lines
    assert len({line.get_marker() for line in lines}) == len({line.get_color() for line in lines}) == 3
    for c, line in enumerate(lines):
        np.testing.assert_array_equal(line.get_xydata(), X[labels == c])


def test_a_network_has_a_circle_for_each_neuron_and_a_line_for_each_weight():
    ax = plots.network((5, 7, 4, 3))
    assert [len(column.get_offsets()) for column in ax.collections] == [5, 7, 4, 3]
    assert len(ax.lines) == 5 * 7 + 7 * 4 + 4 * 3


def test_a_matrix_shows_its_numbers_at_their_places():
    ax = plots.matrix([[1.234, -2], [0, -1e-9]], digits=2)
    assert {text.get_position(): text.get_text() for text in ax.texts} == {
        (0, 0): "1.23", (1, 0): "-2.00", (0, 1): "0.00", (1, 1): "0.00"}  # no minus before a rounded zero


def test_a_row_is_drawn_as_a_matrix_of_one_row():
    assert plots.matrix([1.0, 2.0]).images[0].get_array().shape == (1, 2)


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 8)), (8, (1, 8)), (9, (2, 8))])
def test_images_stand_in_rows_of_eight(count, shape):
    X = RNG(0).random((count, 64))
    grid = plots.images(X, [str(i) for i in range(count)])
    assert grid.shape == shape
    drawn = [ax for ax in grid.ravel() if ax.images]
    assert [ax.get_title() for ax in drawn] == [str(i) for i in range(count)]
    np.testing.assert_array_equal(drawn[-1].images[0].get_array(), X[-1].reshape(8, 8))


def test_confusion_counts_true_classes_in_rows():
    ax = plots.confusion(np.array([0, 0, 0, 1]), np.array([0, 2, 2, 1]), 3)
    assert {text.get_position(): text.get_text() for text in ax.texts} == {(0, 0): "1", (2, 0): "2", (1, 1): "1"}


# The palette --------------------------------------------------------------------------------------

COLOURS = {name: getattr(plots, name) for name in ("FORWARD", "BACKWARD", "TRUTH", "MISTAKE")}
VISION = {  # Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB
    "normal": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear_rgb(colour):
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def luminance(colour):
    return linear_rgb(colour) @ [0.2126, 0.7152, 0.0722]


def lab(linear):
    """CIE L*a*b* of a linear RGB colour, white point D65."""
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    t = np.array(to_xyz) @ linear / [0.95047, 1, 1.08883]
    x, y, z = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(one, other, vision):
    seen = [lab(np.clip(np.array(VISION[vision]) @ linear_rgb(c), 0, 1)) for c in (one, other)]
    return np.linalg.norm(seen[0] - seen[1])


def test_the_yardstick_knows_what_a_colour_blind_person_confuses():
    """A red and a green that are far apart for most people come close together for a deuteranope."""
    red, green = "#C05040", "#777F00"
    assert distance(red, green, "normal") > 50
    assert distance(red, green, "deuteranopia") < distance(red, green, "normal") / 3


@pytest.mark.parametrize("colour", [*COLOURS.values(), plots.QUIET], ids=[*COLOURS, "QUIET"])
def test_a_colour_stands_out_against_white(colour):
    assert 1.05 / (luminance(colour) + 0.05) >= 3


@pytest.mark.parametrize("color", [plots.FORWARD, plots.BACKWARD, plots.TRUTH])
def test_the_numbers_of_a_matrix_stand_out_against_their_cells_whatever_their_value(color):
    ax = plots.matrix(np.linspace(-1, 1, 81).reshape(9, 9), color=color)
    for (i, j), value in np.ndenumerate(ax.images[0].get_array()):
        drawn = (ax.images[0].to_rgba(value), ax.texts[9 * i + j].get_color())
        cell, ink = (luminance(to_hex(color)) for color in drawn)
        assert (max(cell, ink) + 0.05) / (min(cell, ink) + 0.05) >= 4.5


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("pair", list(itertools.combinations(COLOURS, 2)), ids=" and ".join)
def test_any_two_colours_can_be_told_apart(pair, vision):
    assert distance(*(COLOURS[name] for name in pair), vision) > 15
