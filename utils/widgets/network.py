"""The lecture's 5-7-4-3 network as a picture: its units, the lines between them, and the stage for both."""

from functools import cache

import numpy as np

from utils import plots
from utils.plots import QUIET, TRUTH
from utils.widgets.readout import tint
from utils.widgets.stage import Stage, path, points

SIZES = (5, 7, 4, 3)


def unit(l, j):
    """Return where unit j of layer l (0 for the inputs) stands in the picture."""
    return np.array([2.0 * l, (SIZES[l] - 1) / 2 - j])


@cache
def network_stages():
    """Return one stage with the axes "network": the lecture's 5-7-4-3 network."""
    ax = plots.network(SIZES, plots.axes(width=5.6, height=3.2), ["$X$", "$A^{(1)}$", "$A^{(2)}$", "$A^{(3)}$"],
                       ["σ", "σ", "softmax"])
    ax.set_xlim(-0.9, 7.5)  # room for a number to the right of the last layer
    return {"": Stage(ax.figure, network=ax)}


def units(l, values, color, scale):
    """Discs in layer l, filled by their values."""
    for j, v in enumerate(values):
        yield points("network", unit(l, j), tint(v / scale, color), "o", 10, TRUTH)


def lines(l, colors, widths, opacity=1.0):
    """The lines into layer l, in the order of the entries of W; a grey one is dashed."""
    for (j, i), color, width in zip(np.ndindex(SIZES[l], SIZES[l - 1]), colors, widths):
        yield path("network", [unit(l - 1, i), unit(l, j)], color, width, "5 4" if color == QUIET else "", opacity)


def rings(l, color):
    """Empty units of layer l."""
    yield points("network", [unit(l, j) for j in range(SIZES[l])], "white", "o", 11, color)
