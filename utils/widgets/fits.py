"""The scene of notebook 00: a straight line among dots, its misses, and its error."""

import numpy as np

from utils import plots
from utils.arrays import check_finite, reals
from utils.plots import BACKWARD, FORWARD, QUIET, TRUTH
from utils.widgets.readout import sentence, table
from utils.widgets.stage import Scene, Stage, path, points

SHOWN = 200  # of more dots than this, evenly chosen ones are drawn; the error is that of all


def check_dots(X, Y):
    """Return dots as two arrays of shape (N,); each of X and Y may be (N,) or (N, 1).

    Raises ValueError unless both are finite, equally long, and X holds two different numbers.
    """
    X, Y = (np.squeeze(reals(name, value), axis=1) if np.ndim(value) == 2 and np.shape(value)[1] == 1
            else reals(name, value) for name, value in (("X", X), ("Y", Y)))
    if X.ndim != 1 or X.shape != Y.shape or not X.size:
        raise ValueError(f"X has shape {X.shape} and Y {Y.shape}, expected both (N,) or (N, 1), with the same N")
    check_finite("X", X)
    check_finite("Y", Y)
    if X.min() == X.max():
        raise ValueError(f"every x is {X[0]:g}, expected at least two different ones: a line needs them")
    return X, Y


def error(X, Y, w0, w1):
    """Return half the mean square of the misses of the line w0 + w1 x."""
    return float(0.5 * np.mean((w0 + w1 * X - Y) ** 2))


def best_line(X, Y):
    """Return (w0, w1) of the line with the smallest error."""
    return np.linalg.lstsq(np.column_stack([np.ones_like(X), X]), Y, rcond=None)[0]


def line_stages(X, Y):
    """Return one stage with the axes "plane", the dots drawn, and "error", a scale with the smallest error marked."""
    least, most = error(X, Y, *best_line(X, Y)), error(X, Y, 0, 0)
    figure, axes = plots.plt.subplot_mosaic([["plane"], ["error"]], figsize=(6.6, 4.8), height_ratios=(9, 1))
    margin = 0.35 * np.ptp(Y) or 1.0
    every = _some(X)
    axes["plane"].plot(X[every], Y[every], "o", color=BACKWARD, ms=8)
    axes["plane"].set(xlabel="$x$", ylabel="$y$", xlim=(X.min() - 0.05 * np.ptp(X), X.max() + 0.05 * np.ptp(X)),
                      ylim=(Y.min() - margin, Y.max() + margin))
    axes["error"].set(xlim=(0, max(1.5 * most, 2 * least, 1e-9)), ylim=(0, 1), yticks=[],
                      xlabel=f"Err (dotted: {least:.3g}, the smallest that a straight line can have)")
    axes["error"].axvline(least, color=TRUTH, ls=":", lw=3)
    return {"": Stage(figure, **axes)}


def line_scene(X, Y, w0, w1):
    """The line w0 + w1 x, the miss at each dot as a bar, and Err as a bar on its scale."""
    err, least = error(X, Y, w0, w1), error(X, Y, *best_line(X, Y))
    ends = np.array([X.min(), X.max()]) + np.array([-1, 1]) * np.ptp(X)
    at = w0 + w1 * X
    actors = [path("plane", [[X[i], Y[i]], [X[i], at[i]]], QUIET, 2.5) for i in _some(X)]
    actors += [path("plane", np.column_stack([ends, w0 + w1 * ends]), FORWARD, 3),
               path("error", [[err, 0], [err, 1]], BACKWARD, 6), points("error", [err, 0.5], BACKWARD, "D", 6)]
    close = err <= 1.005 * least + 1e-12
    words = ("This is as good as a straight line gets here." if close else
             f"Err is {err / least:.3g} times the smallest that a line can reach." if least > 1e-12 else
             "There is a line through all the dots.")
    readout = table(("Err", f"{err:.4f}")) + sentence(words, "truth" if close else "backward")
    alt = f"The line {w0:g} + {w1:g} x among {len(X)} dots, with a bar for each miss: Err is {err:.4f}. {words}"
    return Scene(tuple(actors), alt, readout)


def _some(X):
    return np.unique(np.linspace(0, len(X) - 1, min(len(X), SHOWN)).astype(int))
