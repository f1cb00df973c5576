"""The playground's picture: the network with what each neuron sees, the plane, the losses, this step's gradients."""

from functools import cache
from html import escape

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, to_hex

from utils import plots
from utils.mlp import forward
from utils.plots import BACKWARD, CLASSES, FORWARD, MARKERS, QUIET, TRUTH
from utils.widgets.playground.settings import FEATURES, inputs
from utils.widgets.readout import number, sentence, shade, table
from utils.widgets.stage import Scene, Stage, heat, path, points, text

WIDTH, HEIGHT, CELL = 560, 400, 46  # pixels: the network's part of the board, and a neuron's square
GRID = 40  # the plane is asked at GRID × GRID points
SPAN = 6.0  # it is shown from −SPAN to SPAN
SIGNED = LinearSegmentedColormap.from_list("signed", [QUIET, "white", FORWARD])
GRADIENT = LinearSegmentedColormap.from_list("gradient", [QUIET, "white", BACKWARD])
TEN = [*CLASSES, "#F0E442", "#0072B2", "#D55E00", "#999999", "#8C564B", "#882255"]
TWO = LinearSegmentedColormap.from_list("two", [CLASSES[0], "white", CLASSES[1]])
MANY = ListedColormap(np.repeat([plots.plt.matplotlib.colors.to_rgb(c) for c in TEN], 26, axis=0)[:256])
AXIS = SPAN * ((2 * np.arange(GRID) + 1) / GRID - 1)  # the middles of GRID squares
PLANE = np.stack(np.meshgrid(AXIS, AXIS[::-1]), -1).reshape(-1, 2)  # row 0 on top, as in a picture
FINER = np.array([np.interp(np.arange(4 * GRID) / 4 - 0.375, np.arange(GRID), row) for row in np.eye(GRID)]).T
EDGE_WIDTHS = (0.5, 1.2, 2.2, 3.6, 5.4)


@cache
def stages():
    """Return one stage with the axes "net", "gradients" (in pixels), "plane" and "losses" (logarithmic)."""
    figure = plots.plt.figure(figsize=(10.2, 5.2), layout="none")
    places = {"net": (0, 0.27, WIDTH / 979, 0.73), "gradients": (0, 0, WIDTH / 979, 0.26),
              "plane": (0.625, 0.40, 0.33, 0.57), "losses": (0.645, 0.095, 0.335, 0.20)}
    axes = {name: figure.add_axes(place) for name, place in places.items()}
    axes["net"].set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    axes["gradients"].set(xlim=(0, WIDTH), ylim=(0, 140))
    for name in ("net", "gradients"):
        axes[name].axis("off")
    axes["gradients"].text(4, 122, "this step's gradients", color=BACKWARD, fontsize=12, weight="bold")
    axes["plane"].set(xlim=(-SPAN, SPAN), ylim=(-SPAN, SPAN), aspect="equal", xticks=(-5, 0, 5), yticks=(-5, 0, 5))
    axes["losses"].set(xlim=(1, 1e6), ylim=(1e-4, 10), xscale="log", yscale="log", yticks=(1e-4, 1e-2, 1))
    axes["losses"].set_title("loss: training −, test - -", fontsize=11)
    axes["losses"].set_xlabel("epoch", fontsize=11, labelpad=0)
    for name in ("plane", "losses"):
        axes[name].tick_params(labelsize=10)
    return {"": Stage(figure, **axes)}


def scene(learner, opinion=(True, "")):
    """Return what is to be seen of a `Learner` now, and its `verdict`, (agree, sentence)."""
    with np.errstate(all="ignore"):
        A = forward(learner.net, inputs(learner.settings, PLANE)).A
    losses = learner.losses()
    actors = [*_plane(learner, A), *_network(learner, A), *_losses([*learner.history, (learner.epoch, *losses)]),
              *_gradients(learner)]
    agree, words = opinion
    train, test = map(number, losses)
    facts = [("epoch", f"{learner.epoch:,}"), ("training loss", train), ("test loss", test)]
    if learner.settings.changes:
        facts += [(f"{name} now", f"{value:g}") for name, value in learner.course.now.items()]
    if learner.diverged:
        words = f"Diverged in epoch {learner.epoch}: lower the learning rate, then reset."
    verdict = sentence(words, "truth" if agree and not learner.diverged else "mistake") if words else ""
    remark = sentence(learner.data.remark, "backward") if learner.data.remark else ""
    sizes = "-".join(str(A[l].shape[1]) for l in A)
    alt = (f"A {sizes} network on {learner.settings.data}, epoch {learner.epoch}: training loss {train}, "
           f"test loss {test}. {words}").rstrip()
    beside = verdict + remark + _names(learner)
    return Scene(tuple(actors), alt, f"<div class='side'>{table(*facts)}<div>{beside}</div></div>")


def _names(learner):
    """What the classes of somebody's own data are called, each in its colour."""
    if not learner.data.names:
        return ""
    words = (f"<span style='{shade(1, color)};padding:1px 7px'>{escape(name)}</span>"
             for name, color in zip(learner.data.names, TEN))
    return f"<p class='lecture-backward'>classes: {' '.join(words)}</p>"


def _plane(learner, A):
    """The network's decision on every point of the plane, the training samples filled, the test samples hollow."""
    extent, L = (-SPAN, SPAN, -SPAN, SPAN), len(learner.net.W)
    if learner.settings.task == "regression":
        yield heat("plane", A[L].reshape(GRID, GRID), extent, TWO, -1, 1, 0.9, smooth=True)
    elif learner.classes == 2:
        yield heat("plane", learner.answers(A)[:, 1].reshape(GRID, GRID), extent, TWO, 0, 1, 0.9, smooth=True)
    else:
        logits = FINER @ A[L].T.reshape(-1, GRID, GRID) @ FINER.T
        yield heat("plane", logits.argmax(0) + 0.5, extent, MANY, 0, 256 / 26, 0.55, smooth=True)
    for part, hollow in ((learner.test, True), (learner.train, False)):
        X, labels = learner.data.X[part], learner.data.labels[part]
        for group, color, shape in _groups(learner, labels):
            yield points("plane", X[group], "white" if hollow else color, shape, 2.6, color if hollow else TRUTH)


def _groups(learner, labels):
    """Yield (which samples, their colour, their shape): those of each class, or those in each ninth of real targets."""
    if learner.data.real:
        ninth = np.clip(np.floor((labels + 1) / 2 * 9), 0, 8)
        found = [(ninth == k, to_hex(TWO((k + 0.5) / 9)), "o") for k in range(9)]
    else:
        shapes = [m if m in "os^D" else "o" for m in MARKERS]
        found = [(labels == c, TEN[c], shapes[c]) for c in range(learner.classes)]
    return [group for group in found if group[0].any()]


def _network(learner, A):
    """Every neuron as a small picture of the plane as it sees it; lines as thick as the weights, dashed below 0."""
    net, layers = learner.net, len(A)
    columns = np.linspace(56 + CELL / 2, WIDTH - 30 - CELL / 2, layers)
    rows = [_rows(A[l].shape[1]) for l in range(layers)]
    for l, W in net.W.items():
        yield from _lines(W, columns[l - 1] + CELL / 2, rows[l - 1], columns[l] - CELL / 2, rows[l])
    names = [name for name, bit in zip(FEATURES, learner.settings.features, strict=True) if bit == "1"]
    for l in range(layers):
        for j, y in enumerate(rows[l]):
            seen = A[l][:, j].reshape(GRID, GRID)
            half, x = _half(len(rows[l])), columns[l]
            scale = _largest(seen)
            yield heat("net", seen, (x - half, x + half, y - half, y + half), SIGNED, -scale, scale, smooth=True)
            if l == 0:
                yield text("net", (x - half, y), names[j], TRUTH, 13, "end", (-5, 5))
    for l in range(layers):
        name = "X" if l == 0 else f"A({l})"
        yield text("net", (columns[l], HEIGHT - 17), name, TRUTH if l == 0 else FORWARD, 14, "middle", weight="bold")


def _largest(values):
    """The scale of a picture: the largest finite size, kept away from 0 and from overflow."""
    sizes = abs(values[np.isfinite(values)])
    return float(np.clip(sizes.max(initial=0.0), 1e-100, 1e100))


def _rows(width):
    """The heights of a layer's units, from top to bottom."""
    return HEIGHT / 2 - 12 - (np.arange(width) - (width - 1) / 2) * min(CELL + 14, (HEIGHT - 40) / width)


def _half(width):
    return min(CELL, (HEIGHT - 40) / width - 10) / 2


def _lines(W, left, left_rows, right, right_rows):
    """The weights of one layer as lines, gathered into a few paths: one for each sign and each of five widths."""
    with np.errstate(all="ignore"):
        level = np.nan_to_num(np.minimum(abs(W) / 1.0, 4)).astype(int)
    lift = [np.nan, np.nan]
    for positive in (True, False):
        for k, width in enumerate(EDGE_WIDTHS):
            chosen = np.argwhere(((W > 0) == positive) & (level == k))
            line = [p for j, i in chosen for p in ([left, left_rows[i]], [right, right_rows[j]], lift)]
            if line:
                yield path("net", line, FORWARD if positive else QUIET, width, "" if positive else "5 3", 0.75)


def _losses(history):
    """Both losses, of (epoch, training loss, test loss) rows."""
    epochs, *losses = np.nan_to_num(np.array(history), nan=10, posinf=10).T
    for loss, color, dash in zip(losses, (FORWARD, BACKWARD), ("", "6 4")):
        yield path("losses", np.column_stack([np.maximum(epochs, 1), np.clip(loss, 1e-4, 10)]), color, 2, dash)


def _gradients(learner):
    """∂L/∂W and ∂L/∂b of the last step, each matrix by its own largest entry, which stands below it."""
    if learner.last is None:
        yield text("gradients", (10, 70), "take a step to see them", QUIET, 13)
        return
    found = learner.last.gradients
    slot, L = (WIDTH - 20) / len(found.dW), len(found.dW)
    for l in range(1, L + 1):
        dW, db = found.dW[l], found.db[l][:, None]
        largest, bias = _largest(dW), _largest(db)
        cell = min(16.0, (slot - 16) / (dW.shape[1] + 2), 72 / dW.shape[0])
        x, top = 10 + (l - 1) * slot, 108
        height = cell * dW.shape[0]
        yield heat("gradients", dW, (x, x + cell * dW.shape[1], top - height, top), GRADIENT, -largest, largest)
        x_b = x + cell * (dW.shape[1] + 1)
        yield heat("gradients", db, (x_b, x_b + cell, top - height, top), GRADIENT, -bias, bias)
        yield text("gradients", (x, 17), f"dW[{l}], db", BACKWARD, 11, weight="bold")
        yield text("gradients", (x, 4), f"{largest:.1e}", TRUTH, 11)
