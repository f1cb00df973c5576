"""Diagrams: what stands in them, and where."""

import inspect
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from utils import diagrams, plots
from utils.plots import BACKWARD, FORWARD

FACTORS, RESULT = [("X", 6, 5), ("Wᵀ", 5, 7)], ("Z", 6, 7)
NODES = {"w": ((0, 1), "2", "6"), "x": ((0, -1), "3", "4"), "p": ((2, 0), "6", "2")}
EDGES = [("w", "p", "times x"), ("x", "p", "times w")]
DIAGRAMS = {
    "layer": lambda ax=None: diagrams.layer(["a", "b"], "z", "W, c", "dW", "dc", ["s", "W"], ["(2,)"] * 3, ax),
    "lecture_network": lambda ax=None: diagrams.lecture_network(ax),
    "shapes": lambda ax=None: diagrams.shapes(FACTORS, RESULT, ax),
    "chain": lambda ax=None: diagrams.chain(["x", "a", "L"], [2, 3, 9], [0.5, -4], {1: "w"}, ax),
    "graph": lambda ax=None: diagrams.graph(NODES, EDGES, ax),
    "paths": lambda ax=None: diagrams.paths("a", ["z", "y"], [0.25, -1], [2, 3], ax),
    "ring": lambda ax=None: diagrams.ring(["s0", "s1", "s2"], ax, "round 0"),
}
each_diagram = pytest.mark.parametrize("draw", DIAGRAMS.values(), ids=list(DIAGRAMS))


@pytest.fixture(autouse=True)
def no_figure_is_left():
    yield
    plt.close("all")


def texts(ax):
    """Return the texts of a diagram, {text: its artist}."""
    return {text.get_text(): text for text in ax.texts if text.get_text()}


def test_every_public_function_is_drawn_here():
    assert {name for name, f in inspect.getmembers(diagrams, inspect.isfunction)
            if f.__module__ == diagrams.__name__ and not name.startswith("_")} == {*DIAGRAMS}


@each_diagram
def test_a_diagram_is_an_axes_without_frame_that_can_be_shown(draw):
    ax = draw()
    assert isinstance(ax, Axes) and not ax.axison
    assert plots.show(ax, "a diagram").png


@each_diagram
def test_a_diagram_is_drawn_into_the_axes_that_it_is_given(draw):
    ax = plots.axes()
    assert draw(ax) is ax


@each_diagram
def test_everything_lies_inside(draw):
    ax = draw()
    ax.figure.canvas.draw()
    frame = ax.get_window_extent()
    for text in texts(ax).values():
        box = text.get_window_extent()
        assert frame.x0 - 1 <= box.x0 and box.x1 <= frame.x1 + 1, text.get_text()


def test_boxes_are_to_scale_and_the_inner_sizes_stand_beside_one_another():
    ax = diagrams.shapes(FACTORS, RESULT)
    assert [(p.get_height(), p.get_width()) for p in ax.patches] == [(6, 5), (5, 7), (6, 7)]
    assert [t.get_text() for t in ax.texts] == ["X", "5", "6", "Wᵀ", "7", "5", "Z", "7", "6", "·", "="]


def test_a_chain_has_values_in_blue_above_and_gradients_by_the_chain_rule_in_orange_beneath():
    drawn = texts(diagrams.chain(["x", "a", "b", "L"], [2, 3, 1 / 3, 9], [0.5, -4, 1 / 8]))
    for value in ("2", "3", "0.333", "9"):
        assert drawn[value].get_position()[1] > 0 and to_hex(drawn[value].get_color()) == FORWARD.lower()
    for gradient in ("$\\mathrm{d}x$\n−0.25", "$\\mathrm{d}a$\n−0.5", "$\\mathrm{d}b$\n0.125", "$\\mathrm{d}L$\n1"):
        assert drawn[gradient].get_position()[1] < 0 and to_hex(drawn[gradient].get_color()) == BACKWARD.lower()
    assert {"× 0.5", "× −4", "× 0.125"} < set(drawn)


def test_a_weight_of_a_chain_stands_above_its_arrow_and_its_gradient_beneath_is_dz_times_the_value_before():
    drawn = texts(diagrams.chain(["x", "z", "L"], [3, 1, 2], [0.5, -4], {1: "w"}))
    assert {"$\\mathrm{d}z$\n−4", "$\\mathrm{d}x$\n−2"} < set(drawn)
    weight, gradient = drawn["$w$ = 0.5"], drawn["$\\mathrm{d}w$\n−12"]
    assert weight.get_position()[0] == gradient.get_position()[0] == 1  # between x at 0 and z at 2
    assert weight.get_position()[1] > 0 > gradient.get_position()[1]
    assert [to_hex(text.get_color()) for text in (weight, gradient)] == [FORWARD.lower(), BACKWARD.lower()]


def test_a_layer_has_its_shapes_above_and_four_numbered_steps_back_and_its_input_enters_the_second():
    shapes = ["(2,)", "(3,)", "(4,)"]
    ax = diagrams.layer(["a", "b"], "z", "W, c", "dW = dz a", "dc = dz", ["times s", "times W"], shapes)
    drawn = texts(ax)
    assert {"$a$", "$z$", "$b$", *shapes, "$W, c$", "$\\sigma$"} < set(drawn)
    assert {"①  times s", "②  dW = dz a", "③  dc = dz", "④  times W"} < set(drawn)
    boxes = {text.get_text(): text.get_position()[0] for text in reversed(ax.texts)}  # the input is named twice
    for name in "azb":
        assert drawn[f"$\\mathrm{{d}}{name}$"].get_position()[0] == boxes[f"${name}$"]
    arrows = [t for t in ax.texts if getattr(t, "arrow_patch", None)]
    back, forth = ([(t.xyann, t.xy) for t in arrows if to_hex(t.arrow_patch.get_edgecolor()) == color.lower()]
                   for color in (BACKWARD, FORWARD))
    assert len(back) == 4 and len(forth) == 3
    assert sum(start[0] > end[0] and start[1] == end[1] for start, end in back) == 2  # to the left, along the layer
    assert sum(start[1] > end[1] for start, end in back) == 2 and sum(start[1] > end[1] for start, end in forth) == 1


def test_in_the_network_all_paths_from_a_weight_are_orange_and_the_units_are_numbered():
    for weight, lines in ((None, 0), ((1, 2, 1), 1 + 4 + 12), ((2, 0, 6), 1 + 3), ((3, 1, 3), 1)):
        ax = diagrams.lecture_network(paths_of=weight)
        orange = [line for line in ax.lines if to_hex(line.get_color()) == BACKWARD.lower()]
        assert len(orange) == lines, weight
        if weight:
            l, j, i = weight
            (x0, x1), (y0, y1) = (orange[0].get_xdata(), orange[0].get_ydata())
            places = [[(d - 1) / 2 - k for k in range(d)] for d in (5, 7, 4, 3)]
            assert (x0, x1) == (2 * l - 2, 2 * l) and (y0, y1) == (places[l - 1][i], places[l][j])
            assert {line.get_xdata()[1] for line in orange} == {2 * m for m in range(l, 4)}
            assert {line.get_ydata()[0] for line in orange if line.get_xdata()[0] == 2 * l} <= {places[l][j]}
        numbered = [text.get_text() for text in ax.texts if text.get_text().isdigit()]  # each layer from the top
        assert numbered == [str(k) for d in (5, 7, 4, 3) for k in range(d) if weight]


def test_a_graph_has_values_above_its_nodes_gradients_beneath_and_an_arrow_each_way_for_each_edge():
    ax = diagrams.graph(NODES, EDGES)
    drawn = [(t.get_text(), t.get_position(), to_hex(t.get_color())) for t in ax.texts if t.get_text()]
    for (x, y), value, gradient in NODES.values():
        assert any(t == value and p[0] == x and p[1] > y and c == FORWARD.lower() for t, p, c in drawn)
        assert any(t == gradient and p[0] == x and p[1] < y and c == BACKWARD.lower() for t, p, c in drawn)
    colors = [to_hex(t.arrow_patch.get_edgecolor()) for t in ax.texts if getattr(t, "arrow_patch", None)]
    assert sorted(colors) == sorted([FORWARD.lower(), BACKWARD.lower()] * len(EDGES))


@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_in_a_ring_everybody_sends_to_the_next_and_the_last_to_the_first(n):
    ax = diagrams.ring([f"s{r}" for r in range(n)], title="round 1")
    places = {t.get_text(): np.array(t.get_position()) for t in ax.texts if t.get_text()}
    arrows = [(np.array(t.xyann), np.array(t.xy)) for t in ax.texts if getattr(t, "arrow_patch", None)]
    assert len(arrows) == n and "round 1" in places
    for r, (start, end) in enumerate(arrows):
        here, there = places[str(r)], places[str((r + 1) % n)]
        assert np.linalg.norm(start - here) < np.linalg.norm(start - there)
        assert np.linalg.norm(end - there) < np.linalg.norm(end - here)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_every_path_comes_back_to_the_unit_and_has_its_weight_on_it_its_gradient_at_its_end_and_their_sum(n):
    weights, gradients = np.arange(n) + 10.0, -np.arange(n) - 20.5
    ax = diagrams.paths("a", [f"z{i}" for i in range(n)], weights, gradients)
    drawn = texts(ax)
    ends = [text.xy for text in ax.texts if text.get_text() == "" and hasattr(text, "xy")]
    assert len(ends) == n and all(abs(x - 0.5) < 1e-9 and abs(y) < 1 for x, y in ends)
    for i in range(n):
        weight, target, gradient = (drawn[words].get_position() for words in (
            f"−{20.5 + i} · {10 + i} = −{(10 + i) * (20.5 + i):g}", f"$z{i}$", f"$\\mathrm{{d}}z{i}$ = −{20.5 + i}"))
        assert (weight[1] > 0) == (target[1] >= 0) or n % 2
        assert gradient[1] == target[1] and gradient[0] > target[0] > weight[0]
    assert f"$\\mathrm{{d}}a$ = −{sum((10 + i) * (20.5 + i) for i in range(n)):g}" in drawn


def test_the_lecture_s_network_shows_the_shapes_of_its_89_parameters():
    shapes = " ".join(texts(diagrams.lecture_network()))
    pairs = re.findall(r"\((\d), (\d)\)", shapes)
    assert [tuple(map(int, pair)) for pair in pairs] == [(7, 5), (4, 7), (3, 4)]
    assert sum(int(m) * int(n) + int(m) for m, n in pairs) == 89
