"""Diagrams: shapes as boxes, a chain or a graph of steps, the paths that lead back to a unit, a ring.

Like `plots` they take plain data and return matplotlib `Axes`: blue is forward, orange is backward.
"""

import itertools

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from utils.plots import BACKWARD, FORWARD, TRUTH, axes, network


def _bare(ax, width, height, x, y):
    """Return an Axes without frame, on which a unit is equally long in both directions."""
    ax = ax or axes(width=width, height=height)
    ax.set(xlim=x, ylim=y, aspect="equal")
    ax.axis("off")
    return ax


def lecture_network(ax=None, paths_of=None, names=("X", "A^{(1)}", "A^{(2)}", "A^{(3)}")):
    """Draw the lecture's 5-7-4-3 network with the `names` of its layers, and the shapes of W and b beneath.

    `paths_of` (l, j, i): all paths from the weight W[l][j, i] to the outputs are orange, and the units are numbered.
    """
    sizes, marked = (5, 7, 4, 3), set()
    if paths_of:
        l, j, i = paths_of
        marked, reached = {(l - 1, i, j)}, [j]
        for column in range(l, len(sizes) - 1):
            marked |= {*itertools.product([column], reached, range(sizes[column + 1]))}
            reached = range(sizes[column + 1])
    ax = network(sizes, ax or axes(width=8, height=4.6), [f"${name}$" for name in names],
                 ["$\\sigma$", "$\\sigma$", "softmax"], marked)
    for l, d in enumerate(sizes if paths_of else ()):
        color = FORWARD if l else TRUTH
        for i in range(d):
            ax.text(2 * l, (d - 1) / 2 - i, i, ha="center", va="center_baseline", color=color, fontsize=11)
    for l, (n, m) in enumerate(itertools.pairwise(sizes), 1):
        ax.text(2 * l - 1, -4.4, f"$W^{{({l})}}$ ({m}, {n})\n$b^{{({l})}}$ ({m},)", ha="center", va="top", fontsize=12)
    ax.set_ylim(-6, 4.6)
    return ax


def shapes(factors, result, ax=None):
    """Draw a product of matrices as boxes to scale; `factors` are (name, rows, columns), and so is `result`.

    Sizes that have to be equal stand beside one another: the columns of a factor, the rows of the next.
    """
    width, places, signs = 0.0, [], ["·"] * (len(factors) - 1) + ["="]
    for _, rows, columns in [*factors, result]:
        places.append((width, rows, columns))
        width += columns + 3.4
    tall = max(rows for _, rows, _ in places)
    ax = _bare(ax, 0.34 * width, 0.34 * (tall + 2), (-1.4, width - 2.8), (-tall / 2 - 0.5, tall / 2 + 1.3))
    for (x, rows, columns), (name, _, _) in zip(places, [*factors, result]):
        color = TRUTH if (name, rows, columns) == result else FORWARD
        ax.add_patch(Rectangle((x, -rows / 2), columns, rows, fc=(*to_rgb(color), 0.15), ec=color, lw=2))
        ax.text(x + columns / 2, 0, name, ha="center", va="center", fontsize=13, color=color)
        ax.text(x + columns / 2, rows / 2 + 0.2, columns, ha="center", va="bottom", fontsize=12)
        ax.text(x - 0.25, 0, rows, ha="right", va="center", fontsize=12)
    for (x, _, columns), sign in zip(places, signs):
        ax.text(x + columns + 1.1, 0, sign, ha="center", va="center", fontsize=18)
    return ax


def chain(names, values, slopes, weights=None, ax=None):
    """Draw the steps of a calculation in a row, each `names` with its `values` above it in blue.

    `slopes` stand on the arrows, one fewer than there are names: how each step reacts to the one on its left. From them
    come the gradients beneath, in orange: 1 at the end, and each is the one to its right, times the slope between them.
    `weights` {i: name} enter at step i, multiplied by the value of step i − 1: each stands above the arrow that leads
    there, and its gradient beneath it.
    """
    n, gradients, weights = len(names), [*np.cumprod(slopes[::-1])[::-1], 1], weights or {}
    ax = _bare(ax, 2.1 * n, 2.6, (-0.6, 2 * n - 1.4), (-1.45, 1.15))
    for i, (name, value, gradient) in enumerate(zip(names, values, gradients)):
        beneath = f"$\\mathrm{{d}}{name}$\n{_short(gradient)}"
        _node(ax, (2 * i, 0), f"${name}$", _short(value), beneath, gap=0.52, pad=0.45)
    for i, slope in enumerate(slopes):
        _arrow(ax, (2 * i + 0.45, 0.1), (2 * i + 1.55, 0.1), FORWARD)
        _arrow(ax, (2 * i + 1.55, -0.1), (2 * i + 0.45, -0.1), BACKWARD)
        ax.text(2 * i + 1, -0.2, f"× {_short(slope)}", ha="center", va="top", color=BACKWARD, fontsize=12)
    for i, name in weights.items():
        value = f"${name}$ = {_short(slopes[i - 1])}"
        ax.text(2 * i - 1, 0.2, value, ha="center", va="bottom", color=FORWARD, fontsize=12)
        words = f"$\\mathrm{{d}}{name}$\n{_short(gradients[i] * values[i - 1])}"
        ax.text(2 * i - 1, -0.62, words, ha="center", va="top", color=BACKWARD, fontsize=12, weight="bold")
    return ax


def layer(a, z, W, dW, db, rules, shapes=("", "", ""), ax=None):
    """Draw one layer with its way forward, in blue, and the four steps of its way back, in orange.

    `a` are the names of what comes in and of what goes out, `z` that of the sum between them, `shapes` theirs from left
    to right; `W` names the parameters; `dW` and `db` is what to write for their gradients, and `rules` on the two other
    steps, from the output to z and from z to the input.
    """
    ax = _bare(ax, 8.6, 3.5, (-1.3, 9.3), (-2.75, 1.1))
    for x, name, shape in zip((0, 4, 8), (a[0], z, a[1]), shapes):
        _node(ax, (x, 0), f"${name}$", shape, f"$\\mathrm{{d}}{name}$", gap=0.55, pad=0.45)
    for x, forwards, back in ((0, f"${W}$", f"④  {rules[1]}"), (4, "$\\sigma$", f"①  {rules[0]}")):
        _arrow(ax, (x + 0.75, 0.12), (x + 3.3, 0.12), FORWARD)
        _arrow(ax, (x + 3.3, -0.12), (x + 0.75, -0.12), BACKWARD)
        ax.text(x + 2, 0.3, forwards, ha="center", va="bottom", color=FORWARD, fontsize=14)
        ax.text(x + 2, -0.3, back, ha="center", va="top", color=BACKWARD, fontsize=13)
    _arrow(ax, (0.62, -0.35), (1.6, -2.1), FORWARD)
    ax.text(1.3, -1.25, f"${a[0]}$", ha="left", va="center", color=FORWARD, fontsize=13)
    for x, words in ((2.2, f"②  {dW}"), (5.8, f"③  {db}")):
        _arrow(ax, (4 + 0.25 * (x - 4), -1.1), (x, -2.1), BACKWARD)
        ax.text(x, -2.2, words, ha="center", va="top", color=BACKWARD, fontsize=13)
    return ax


def graph(nodes, edges, ax=None):
    """Draw a computational graph: `nodes` are {name: (place, value, gradient)}, `edges` (from, to, rule).

    As in `chain`, values stand above their node in blue, gradients beneath it in orange, rules on the way back.
    """
    places = np.array([place for place, _, _ in nodes.values()])
    margin = np.array([0.8, 0.95])
    low, high = places.min(0) - margin, places.max(0) + margin
    ax = _bare(ax, *(0.95 * (high - low)), (low[0], high[0]), (low[1], high[1]))
    for start, end, rule in edges:
        a, b = (np.array(nodes[name][0], float) for name in (start, end))
        along = (b - a) / np.linalg.norm(b - a)
        aside = 0.1 * np.array([-along[1], along[0]])
        _arrow(ax, a + 0.5 * along + aside, b - 0.75 * along + aside, FORWARD)
        _arrow(ax, b - 0.75 * along - aside, a + 0.5 * along - aside, BACKWARD)
        ax.text(*((a + b) / 2 - 1.8 * aside), rule, color=BACKWARD, fontsize=12, va="top",
                ha="center" if along[1] == 0 else "left" if along[1] > 0 else "right")
    for name, (place, value, gradient) in nodes.items():
        _node(ax, place, f"${name}$", value, gradient, gap=0.42, pad=0.4)
    return ax


def paths(unit, targets, weights, gradients, ax=None):
    """Draw the paths from several units back to one that feeds them: the gradients come back times the weights.

    `gradients` stand beside their targets, the products with the `weights` on the lines, their sum beneath the unit.
    """
    heights = 1.5 * (np.arange(len(targets))[::-1] - (len(targets) - 1) / 2)
    ax = _bare(ax, 8.6, 0.75 * len(targets) + 1.2, (-1.2, 8.6), (heights[-1] - 0.7, heights[0] + 0.7))
    for y, target, weight, gradient in zip(heights, targets, weights, gradients):
        _arrow(ax, (5.2, 0.94 * y), (0.5, 0.14 * y), BACKWARD)
        words = " · ".join(_short(factor, 4) for factor in (gradient, weight)) + f" = {_short(weight * gradient, 4)}"
        ax.text(2.9, 0.55 * y + 0.14, words, ha="center", va="bottom", color=BACKWARD, fontsize=13,
                rotation=np.degrees(np.arctan2(0.8 * y, 4.7)), rotation_mode="anchor",
                transform_rotates_text=True)
        _circle(ax, (5.7, y), f"${target}$", TRUTH)
        ax.text(6.25, y, f"$\\mathrm{{d}}{target}$ = {_short(gradient, 4)}", ha="left", va="center", color=BACKWARD,
                fontsize=13)
    _circle(ax, (0, 0), f"${unit}$", BACKWARD)
    total = f"$\\mathrm{{d}}{unit}$ = {_short(np.dot(weights, gradients), 4)}"
    ax.text(0, -0.75, total, ha="center", va="top", color=BACKWARD, fontsize=13)
    return ax


def ring(sent, ax=None, title=""):
    """Draw workers in a ring, each of which sends something to the next: `sent` are the words on the arrows."""
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(sent)) / len(sent)
    places = np.column_stack([np.cos(angles), np.sin(angles)])
    ax = _bare(ax, 3.4, 3.7, (-1.6, 1.6), (-1.4, 2.0))
    for r, words in enumerate(sent):
        here, there = places[r], places[(r + 1) % len(sent)]
        way = there - here
        _arrow(ax, here + 0.26 * way, there - 0.26 * way, BACKWARD)
        ax.text(*(0.78 * (here + there)), words, ha="center", va="center", color=BACKWARD, fontsize=11,
                bbox={"fc": "white", "ec": "none", "pad": 1})
        _circle(ax, here, r, FORWARD, size=750)
    ax.text(0, 1.8, title, ha="center", va="center", fontsize=14)
    return ax


def _short(number, digits=3):
    """Return a number to so many digits behind the point, fewer if that is all of it, with a proper minus sign."""
    exact = f"{number:g}"
    return (exact if float(exact) == number and len(exact.partition(".")[2]) <= digits
            else f"{number:.{digits}f}").replace("-", "−")


def _arrow(ax, start, end, color):
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "lw": 2, "color": color, "shrinkA": 0, "shrinkB": 0})


def _node(ax, place, name, value, gradient, gap, pad):
    """Draw a name in a box, its value above it in blue and its gradient beneath it in orange, `gap` from its middle."""
    x, y = place
    ax.text(x, y, name, ha="center", va="center", fontsize=15,
            bbox={"boxstyle": f"round,pad={pad}", "fc": "white", "ec": TRUTH, "lw": 1.8})
    ax.text(x, y + gap, value, ha="center", va="bottom", color=FORWARD, fontsize=14)
    ax.text(x, y - gap, gradient, ha="center", va="top", color=BACKWARD, fontsize=14, weight="bold")


def _circle(ax, place, text, color, size=1500):
    ax.scatter(*place, s=size, color="white", edgecolor=color, lw=2.2, zorder=2)
    ax.text(*place, text, ha="center", va="center", fontsize=14, color=color, zorder=3)

