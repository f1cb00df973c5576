"""Pictures: functions that take arrays and return matplotlib `Axes`, one look for the whole lecture.

Blue is forward, orange is backward, black is the truth, purple and dashed is a mistake; a marker, a
line style or a label always says it a second time. Sizes are for the last row of a lecture hall.
"""

import io
import itertools
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, to_rgb
from matplotlib.ticker import MaxNLocator

FORWARD, BACKWARD, TRUTH, MISTAKE, QUIET = "#0072B2", "#D55E00", "#1A1A1A", "#AA3377", "#8A8A8A"
SERIES = [FORWARD, BACKWARD, TRUTH, MISTAKE, "#009E73", "#E69F00", "#56B4E9"]
LINES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1))]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*", "<", ">"]
CLASSES = ["#56B4E9", "#E69F00", "#009E73", "#CC79A7"]

STYLE = {
    "figure.dpi": 96, "savefig.dpi": 96, "figure.constrained_layout.use": True, "font.size": 13,
    "axes.titlesize": 14, "axes.labelsize": 13, "axes.spines.top": False, "axes.spines.right": False,
    "lines.linewidth": 2.2, "legend.frameon": False, "legend.fontsize": 12, "image.interpolation": "nearest",
}  # fmt: skip
plt.rcParams.update(STYLE)


def axes(columns=1, width=6.4, height=4.2, rows=1, **options):
    """Return one new Axes, or an array of them; `width` and `height` in inches are for each."""
    _, ax = plt.subplots(rows, columns, figsize=(width * columns, height * rows), **options)
    return ax


class Picture(NamedTuple):
    """A finished figure: a PNG, and the caption beneath it, which describes it to whoever cannot see it."""

    png: bytes
    alt: str

    def _ipython_display_(self):
        from IPython.display import display

        display({"image/png": self.png, "text/plain": self.alt}, raw=True, metadata={"image/png": {"alt": self.alt}})
        display({"text/markdown": f"*{self.alt}*", "text/plain": self.alt}, raw=True)

    def __repr__(self):
        return self.alt


def show(ax, caption):
    """Close the figure that `ax` belongs to and return it as a `Picture` with a caption of a sentence or two."""
    figure = np.ravel(ax)[0].figure
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    plt.close(figure)
    return Picture(buffer.getvalue(), caption)


class Table(NamedTuple):
    """A typeset table: Markdown with formulas for people, plain text for a terminal."""

    header: tuple
    rows: tuple

    def _repr_markdown_(self):
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return "\n".join("| " + " | ".join(str(c) for c in line) + " |" for line in lines)

    __repr__ = _repr_markdown_


def table(header, rows):
    """Return a `Table`; cells are text and may hold $formulas$ and `code`."""
    return Table(tuple(header), tuple(tuple(row) for row in rows))


# Curves -------------------------------------------------------------------------------------------


def tangent(f, slope, x, dx, span=(-3, 3), ax=None):
    """Draw the curve y = f(x), its tangent at `x` with slope α, and both answers to a step `dx`: Δy and α Δx."""
    ax = ax or axes()
    grid = np.linspace(*span, 400)
    y, alpha = f(x), slope(x)
    ax.plot(grid, f(grid), color=TRUTH, label="$y = f(x)$")
    ax.plot(grid, y + alpha * (grid - x), "--", color=FORWARD, label=rf"slope $\alpha$ = {alpha:.2f}")
    true, linear = f(x + dx) - y, alpha * dx
    ax.plot([x, x + dx], [y, y], color=QUIET, lw=1.5)
    ax.plot([x + dx] * 2, [y, y + true], color=TRUTH, lw=4, label=rf"true $\Delta y$ = {true:.3f}")
    ax.plot([x + dx] * 2, [y + true, y + linear], ":", color=BACKWARD, lw=4, label=f"gap = {true - linear:.3f}")
    ax.plot(x, y, "o", ms=9, color=FORWARD)
    ax.plot(x + dx, y + linear, "s", ms=8, color=FORWARD, mfc="white", label=rf"$\alpha\,\Delta x$ = {linear:.3f}")
    low, high = min(f(grid).min(), y + linear), max(f(grid).max(), y + linear)
    ax.set(xlabel="$x$", ylabel="$y$", ylim=(low - 0.1 * (high - low), high + 0.1 * (high - low)))
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def convergence(histories, ax=None, log=True, xlabel="step $k$", ylabel="$f$", x=None, markers=True):
    """Draw one line per history, a dict label → values, against the step number or against `x`."""
    ax = ax or axes()
    for i, (label, values) in enumerate(histories.items()):
        every = max(1, len(values) // 8)
        ax.plot(np.arange(len(values)) if x is None else x, values, color=SERIES[i % 7], ls=LINES[i % 7], label=label,
                marker=MARKERS[i % 10] if markers else None, markevery=(i * every // 3, every), ms=7)
    if log:
        ax.set_yscale("log")
    if x is None:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if len(histories) > 1:
        ax.legend()
    return ax


# The plane ----------------------------------------------------------------------------------------


def level_curves(f, ax=None, x1=(-4, 4), x2=(-4, 4), levels=(0.5, 2, 5, 10, 20, 35, 54, 80, 110), equal=True):
    """Draw the level curves of `f`, a function of points of shape (..., 2), labelled with their values."""
    ax = ax or axes(width=5.6, height=5)
    points = np.stack(np.meshgrid(np.linspace(*x1, 200), np.linspace(*x2, 200)), -1)
    lines = ax.contour(points[..., 0], points[..., 1], f(points), levels, colors=QUIET, linewidths=1.1)
    ax.clabel(lines, fontsize=10, fmt="%g")
    ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal" if equal else "auto")
    return ax


def gradient_field(gradient, ax=None, x1=(-4, 4), x2=(-4, 4), n=9):
    """Draw −∇f on an n × n grid as arrows: the way down, longer where it is steeper."""
    ax = ax or axes(width=5.6, height=5)
    points = np.stack(np.meshgrid(np.linspace(*x1, n), np.linspace(*x2, n)), -1)
    downhill = -gradient(points)
    ax.quiver(points[..., 0], points[..., 1], downhill[..., 0], downhill[..., 1], color=BACKWARD, width=0.005,
              angles="xy", alpha=0.8)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    return ax


def arrow(start, vector, ax, label, color=BACKWARD, style="-"):
    """Draw `vector` as an arrow from `start`, both of shape (2,), with a label at its tip."""
    start, vector = np.asarray(start, float), np.asarray(vector, float)
    ax.annotate("", start + vector, start, arrowprops={"arrowstyle": "-|>", "lw": 2.6, "color": color,
                                                       "ls": style, "shrinkA": 0, "shrinkB": 0})
    ax.annotate(label, start + vector, (6, 6), textcoords="offset points", color=color, weight="bold")
    return ax


def descent_path(path, ax, label=None, color=FORWARD, marker="o", style="-"):
    """Draw the points of a run of shape (k + 1, 2), joined; the start is a large ring."""
    ax.plot(path[:, 0], path[:, 1], color=color, marker=marker, ms=5, lw=1.8, ls=style, label=label)
    ax.plot(*path[0], "o", ms=12, mfc="none", mec=TRUTH, mew=2)
    return ax


def decision_regions(predict, X, labels, ax=None, n=120, margin=0.5):
    """Colour the plane by `predict`, a function of points (n², 2) ↦ classes, and draw the samples on it."""
    ax = ax or axes(width=4.6, height=4.4)
    low, high = X.min(0) - margin, X.max(0) + margin
    points = np.stack(np.meshgrid(np.linspace(low[0], high[0], n), np.linspace(low[1], high[1], n)), -1)
    ax.imshow(predict(points.reshape(-1, 2)).reshape(n, n), extent=(low[0], high[0], low[1], high[1]),
              origin="lower", cmap=ListedColormap(CLASSES), vmin=-0.5, vmax=3.5, alpha=0.45, aspect="auto")
    return samples(X, labels, ax)


def samples(X, labels, ax=None):
    """Draw the samples X (N, 2), a colour and a marker for each class."""
    ax = ax or axes(width=4.6, height=4.4)
    for c in np.unique(labels):
        ax.plot(*X[labels == c].T, MARKERS[c], color=CLASSES[c % 4], mec=TRUTH, mew=0.7, ms=6, label=f"class {c}")
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    return ax


# Networks and matrices ----------------------------------------------------------------------------


def network(sizes, ax=None, names=None, activations=None, marked=()):
    """Draw a layered network as columns of circles; `names` label the columns, `activations` the gaps' right ends.

    The lines `marked`, (column, place there, place in the next column), all from 0, are orange.
    """
    ax = ax or axes(width=1.8 * len(sizes) + 1.2, height=4.2)
    height = max(sizes)
    places = [[(2.0 * l, (d - 1) / 2 - i) for i in range(d)] for l, d in enumerate(sizes)]
    for l, (left, right) in enumerate(itertools.pairwise(places)):
        for (i, a), (j, b) in itertools.product(enumerate(left), enumerate(right)):
            look = {"color": BACKWARD, "lw": 2.2} if (l, i, j) in marked else {"color": QUIET, "lw": 0.7, "alpha": 0.7}
            ax.plot(*zip(a, b, strict=True), zorder=1, **look)
    for l, column in enumerate(places):
        color = TRUTH if l == 0 else FORWARD
        ax.scatter(*zip(*column, strict=True), s=260, color="white", edgecolor=color, lw=2.2, zorder=2)
        ax.text(2.0 * l, height / 2 + 0.25, (names or sizes)[l], ha="center", va="bottom", color=color, fontsize=13)
        if l and activations:
            ax.text(2.0 * l, -height / 2 - 0.25, activations[l - 1], ha="center", va="top", fontsize=12)
    ax.set(xlim=(-0.8, 2.0 * len(sizes) - 1.2), ylim=(-height / 2 - 0.9, height / 2 + 1.1))
    ax.axis("off")
    return ax


def ink(color):
    """Return white or black, whichever has the greater contrast on this colour (WCAG 2.2, relative luminance)."""
    red, green, blue = ((np.array(to_rgb(color)) + 0.055) / 1.055) ** 2.4
    return "#FFF" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.18 else "#000"


def matrix(M, title="", ax=None, color=FORWARD, digits=2, scale=None, rows="row", columns=None):
    """Draw a matrix (m, n) as a heat map with its numbers, counted from 0; grey is negative, `color` positive."""
    M = np.atleast_2d(np.asarray(M, dtype=float))
    ax = ax or axes(width=0.75 * M.shape[1] + 1.6, height=0.55 * M.shape[0] + 1.2)
    scale = scale or max(abs(M).max(), 1e-12)
    image = ax.imshow(M, cmap=LinearSegmentedColormap.from_list("signed", [QUIET, "white", color]), vmin=-scale,
                      vmax=scale, aspect="auto")
    for (i, j), value in np.ndenumerate(M):
        ax.text(j, i, f"{round(value, digits) + 0:.{digits}f}", ha="center", va="center", fontsize=11,
                color=ink(image.to_rgba(value)))
    ax.set_title(title)
    ax.set_xticks(range(M.shape[1]), columns or range(M.shape[1]))
    ax.set_yticks(range(M.shape[0]), [f"{rows} {i}" for i in range(M.shape[0])] if isinstance(rows, str) else rows)
    ax.tick_params(length=0, labelsize=11)
    ax.spines[:].set_visible(False)
    return ax


def images(X, titles, columns=8, size=1.25):
    """Draw the rows of X (N, 64) as 8 × 8 pictures, a title above each; returns the Axes as an array."""
    rows = -(-len(X) // columns)
    grid = np.atleast_2d(axes(columns, width=size, height=size + 0.3, rows=rows))
    for ax in grid.ravel():
        ax.axis("off")
    for ax, x, title in zip(grid.ravel(), X, titles, strict=False):
        ax.imshow(x.reshape(8, 8), cmap="gray_r")
        ax.set_title(title, fontsize=11)
    return grid


def confusion(labels, predicted, classes, ax=None):
    """Draw how often each true class (row) was taken for each class (column); zeros stay blank."""
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (labels, predicted), 1)
    ax = ax or axes(width=6, height=5.4)
    ax.imshow(np.sqrt(counts), cmap=LinearSegmentedColormap.from_list("counts", ["white", FORWARD]))
    for i, j in np.argwhere(counts):
        ax.text(j, i, counts[i, j], ha="center", va="center", color="white" if i == j else BACKWARD,
                weight="normal" if i == j else "bold")
    ax.set(xticks=range(classes), yticks=range(classes), xlabel="predicted", ylabel="true")
    return ax
