"""The scenes of notebooks 03 and 04b: the lecture's network, one array at a time, forwards and backwards.

Both are shown as a picture of the network, and as the matrices that the formula of the step combines.
"""

import itertools
from functools import cache

import numpy as np

from utils.datasets import lecture_example
from utils.losses import cross_entropy
from utils.mlp import backward, forward
from utils.plots import BACKWARD, FORWARD, QUIET, TRUTH
from utils.widgets.network import SIZES, lines, rings, unit, units
from utils.widgets.readout import fixed, formula, matrix_table, sentence, side_by_side, symbol
from utils.widgets.stage import Scene, path, points, text

ACTIVATIONS = {1: "σ", 2: "σ", 3: "softmax"}
BATCH = -1  # in the place of a sample's number: all of them


# 03, forwards -----------------------------------------------------------------------------------------

FORWARD_STEPS = ["X", "Z⁽¹⁾", "A⁽¹⁾", "Z⁽²⁾", "A⁽²⁾", "Z⁽³⁾", "A⁽³⁾", "L"]


def forward_scene(step, row, entry, column, value):
    """Step `step` of the forward pass; the entry (row, entry) with all it is made of; X[row, column] set to `value`.

    Rows, entries and columns count from 0, as in the code; an `entry` beyond the layer's width is its last.
    """
    X0, Y, net = lecture_example("numpy")
    X, r, c = X0.copy(), row, column
    X[r, c] = value
    before, after = forward(net, X0), forward(net, X)
    l, is_A = (step + 1) // 2, step % 2 == 0
    if step == 7:
        return _loss_scene(before.A[3], after.A[3], Y, r, c)
    now, old = (after.A[l], before.A[l]) if is_A else (after.Z[l], before.Z[l])
    j = min(entry, now.shape[1] - 1)
    actors = [*_forward_actors(net, after, l, is_A, r, j), _pencil(c)]
    result = matrix_table(now, symbol("A" if is_A else "Z", l), marks=[(r, j)])
    if step == 0:
        equation, tables = symbol("A", 0), [result]
        words = f"Row {row} of X is sample {row}; entry {j} is {now[r, j]:.2f}."
    elif is_A:
        g, whole = ACTIVATIONS[l], ACTIVATIONS[l] == "softmax"
        equation = f"{symbol('A', l)} = {g}({symbol('Z', l)})"
        tables = [matrix_table(after.Z[l], symbol("Z", l), marks=[(r, None if whole else j)]), result]
        words = (f"Softmax takes all of row {row}; its {now.shape[1]} results sum to {now[r].sum():.2f}." if whole else
                 f"{g}({after.Z[l][r, j]:.2f}) = {now[r, j]:.3f}: one number in, one number out.")
    else:
        equation = f"{symbol('Z', l)} = {symbol('A', l - 1)} {symbol('W', l)}<sup>⊤</sup> + {symbol('b', l)}"
        tables = [matrix_table(after.A[l - 1], symbol("A", l - 1), marks=[(r, None)]),
                  matrix_table(net.W[l], symbol("W", l), marks=[(j, None)]),
                  matrix_table(net.b[l], symbol("b", l), marks=[(0, j)]), result]
        n, m = net.W[l].shape[::-1]
        words = (f"Row {row} times row {j} of W, {n} products, plus b: {now[r, j]:.3f}. "
                 f"Shapes: (4, {n}) ({n}, {m}) + ({m},) = (4, {m}).")
    readout = formula(equation) + side_by_side(*tables) + sentence(words) + _moved(now, old, X, X0)
    lines = f"; {net.W[l].shape[1]} lines, as thick as their weights, run into unit {j}" if l else ""
    alt = f"The 5-7-4-3 network at {FORWARD_STEPS[step]}, sample {row}{lines}: entry {j} is {now[r, j]:.3f}."
    return Scene(tuple(actors), alt, readout)


def _forward_actors(net, trace, l, is_A, r, j):
    """Every unit up to layer l filled by row r; the lines into the selected one, as thick as their weights."""
    actors = []
    for k in range(l + 1):
        if k < l or is_A:
            actors += units(k, trace.A[k][r], FORWARD, max(abs(trace.A[k][r]).max(), 1e-12))
    if l:
        for i, w in enumerate(net.W[l][j]):
            actors.insert(0, path("network", [unit(l - 1, i), unit(l, j)], FORWARD, 1 + 5 * w))
    name, selected = ("a", trace.A[l]) if is_A else ("z", trace.Z[l])
    return [*actors, points("network", unit(l, j), "none", "o", 14, TRUTH),
            text("network", unit(l, j), f"{name} = {selected[r, j]:.2f}", size=15,
                 shift=(18, 5), weight="bold")]


def _pencil(c):
    """A pencil beside the input that can be edited."""
    return text("network", unit(0, c), "✎", TRUTH, 20, "end", (-14, 7))


def _moved(now, old, X, X0):
    if (X0 == X).all():
        return sentence("Edit an input: what moves here?", "backward")
    moved = ~np.isclose(now, old, rtol=0, atol=5e-3)
    rows = sorted({int(i) for i in np.argwhere(moved)[:, 0]})
    where = f", all in row {rows[0]}" if len(rows) == 1 else ""
    words = f"The edited input moves {moved.sum()} of these {moved.size} numbers by 0.005 or more{where}."
    return sentence(words, "backward")


def _loss_scene(before, after, Y, r, c):
    L_p, old = -(Y * np.log(after)).sum(1), cross_entropy(before, Y)
    right = int(Y[r].argmax())
    tables = [matrix_table(Y, "Y", marks=[(r, right)], digits=0),
              matrix_table(after, symbol("A", 3), marks=[(r, right)]),
              matrix_table(L_p[:, None], "L<sub>p</sub>", marks=[(r, 0)], digits=4)]
    words = (f"Sample {r}: the right class is {right}, its probability {after[r, right]:.4f}, so its loss is "
             f"−log {after[r, right]:.4f} = {L_p[r]:.4f}. The mean of the four is L = {L_p.mean():.4f}.")
    moved = sentence(f"Before the edit, L was {old:.4f}." if abs(L_p.mean() - old) > 5e-5 else
                     "Edit an input: what moves here?", "backward")
    actors = [a for k in (0, 3) for a in units(k, after[r] if k else [0] * 5, FORWARD, 1)]
    actors += [points("network", unit(3, right), "none", "o", 14, TRUTH), _pencil(c)]
    return Scene(tuple(actors), f"The loss: the mean of the four samples' losses is {L_p.mean():.4f}.",
                 formula("L = −1/N Σ<sub>p</sub> Y[p,:] · log A<sup>(3)</sup>[p,:]") + side_by_side(*tables) +
                 sentence(words) + moved)


# 04b, backwards ---------------------------------------------------------------------------------------

BACKWARD_STEPS = [(kind, l) for l in (3, 2, 1) for kind in ("dA", "dZ", "dW", "db")]


@cache
def _backward_pass(sample):
    """The trace and gradients of the whole batch (sample BATCH) or of one sample alone."""
    X, Y, net = lecture_example("numpy")
    if sample != BATCH:
        X, Y = X[[sample]], Y[[sample]]
    trace = forward(net, X)
    return X, Y, net, trace, backward(net, trace, cross_entropy.gradient(trace.A[3], Y))


@cache
def _referee(sample):
    from utils.autograd import autograd_gradients  # torch is loaded when somebody asks, not before

    X, Y, net, *_ = _backward_pass(sample)
    return autograd_gradients(net, X, Y, cross_entropy)


def backward_scene(step, sample, referee=False):
    """Step 0 is the loss; each further step is one gradient, from dA[3] to db[1].

    `sample` is the number of a sample, which is then alone, or BATCH for all of them; `referee` asks autograd.
    """
    X, Y, net, trace, gradients = _backward_pass(sample)
    N, A = len(X), trace.A
    if step == 0:
        L = float(cross_entropy(A[3], Y))
        tables = side_by_side(matrix_table(Y, "Y", digits=0), matrix_table(A[3], symbol("A", 3)))
        words = sentence("One click, one gradient: start at the loss.", "backward")
        alt = f"The network with its three outputs alone filled: the loss is {L:.4f}, and nothing has gone back yet."
        return Scene(tuple(units(3, A[3].mean(0), FORWARD, 1)), alt,
                     formula(f"L = {L:.4f}") + tables + words)
    kind, l = BACKWARD_STEPS[step - 1]
    found = getattr(gradients, kind)[l]
    equation, operands, words = _derivation(kind, l, N, Y, net, A, gradients)
    shown = [matrix_table(*operand) for operand in operands]
    shown.append(matrix_table(found, symbol(kind[1], l, d=True), BACKWARD, digits=4))
    readout = formula(f"{symbol(kind[1], l, d=True)} = {equation}") + side_by_side(*shown) + sentence(words)
    readout += _word_of_autograd(kind, l, sample, found) if referee else ""
    whom = "the whole batch" if sample == BATCH else f"sample {sample}"
    sums = ", summed over the samples," if sample == BATCH and kind != "db" else ""
    numbers = (f"its largest entry {abs(found).max():.4f}" if kind == "dW" else
               f"unit by unit{sums} {', '.join(map(_four_digits, _on_units(found)))}")
    alt = (f"Step {step} of {len(BACKWARD_STEPS)} backwards, for {whom}: {kind}[{l}] of shape {tuple(found.shape)}, "
           f"{numbers}.")
    return Scene(tuple(_backward_actors(kind, l, gradients)), alt, readout)


def _word_of_autograd(kind, l, sample, found):
    """Return what autograd finds in the same place, and whether that is the same, as HTML."""
    try:
        other = getattr(_referee(sample), kind)[l]
    except ModuleNotFoundError:
        return sentence("Autograd cannot be asked: PyTorch is not installed here.", "backward")
    gap = float(abs(found - other).max())
    table = side_by_side(matrix_table(other, "autograd's " + symbol(kind[1], l, d=True), BACKWARD, digits=4))
    return table + (sentence("Autograd agrees, to within 1e-12.") if gap < 1e-12 else
                    sentence(f"Autograd disagrees by {gap:.2g}.", "mistake"))


def _derivation(kind, l, N, Y, net, A, g):
    """Return the right-hand side in HTML, the operands as arguments of `matrix_table`, and a sentence."""
    dZ, dA = symbol("Z", l, d=True), symbol("A", l, d=True)
    if kind == "dA" and l == 3:
        return (f"−1/N · Y ÷ {symbol('A', 3)}", [(Y, "Y", FORWARD, (), 0), (A[3], symbol("A", 3))],
                f"The loss is −log a of the right class, so its slope is −1/a; 1/N = 1/{N} enters here.")
    if kind == "dA":
        up = symbol("Z", l + 1, d=True)
        return (f"{up} · {symbol('W', l + 1)}",
                [(g.dZ[l + 1], up, BACKWARD, (), 4), (net.W[l + 1], symbol("W", l + 1))],
                f"Forward took Wᵀ, backward takes W: ({N}, {SIZES[l + 1]}) ({SIZES[l + 1]}, {SIZES[l]}).")
    if kind == "dZ" and l == 3:
        return (f"1/N ({symbol('A', 3)} − Y)", [(A[3], symbol("A", 3)), (Y, "Y", FORWARD, (), 0)],
                "The softmax Jacobian collapses: what the network said, minus what it should have said.")
    if kind == "dZ":
        a = symbol("A", l)
        return (f"{dA} ⊙ {a} ⊙ (1 − {a})", [(g.dA[l], dA, BACKWARD, (), 4), (A[l], a)],
                "Entry by entry: a sigmoid near 0 or 1 hands back hardly anything.")
    if kind == "dW":
        return (f"({dZ})<sup>⊤</sup> {symbol('A', l - 1)}",
                [(g.dZ[l], dZ, BACKWARD, (), 4), (A[l - 1], symbol("A", l - 1))],
                f"What came back to the output times what came in, summed over {N} rows: W's shape, {net.W[l].shape}.")
    return (f"1<sub>N</sub><sup>⊤</sup> {dZ}", [(g.dZ[l], dZ, BACKWARD, (), 4)],
            "The bias went to every row, so every row sends something back to it: a sum over the rows.")


def _backward_actors(kind, l, gradients):
    """The gradient on the units of layer l, or on the lines that lead into it; behind it the way come so far."""
    for k in reversed(range(l + 1, len(SIZES))):
        yield from lines(k, [BACKWARD] * SIZES[k] * SIZES[k - 1], itertools.repeat(1), opacity=0.5)
        yield from rings(k, BACKWARD)
    found = getattr(gradients, kind)[l]
    if kind == "dW":
        widths = 0.5 + 5 * abs(found).ravel() / max(abs(found).max(), 1e-12)
        yield from lines(l, [BACKWARD if v > 0 else QUIET for v in found.ravel()], widths)
        yield from (*rings(l - 1, FORWARD if l > 1 else TRUTH), *rings(l, FORWARD))
        place, anchor = (2 * l - 1, 3.8), "middle"
    else:
        numbers = _on_units(found)
        yield from units(l, numbers, BACKWARD, max(abs(numbers).max(), 1e-12))
        for j, number in enumerate(numbers):
            yield text("network", unit(l, j), _four_digits(number), BACKWARD, 12, shift=(14, 4), weight="bold")
        place, anchor = (2 * l - 0.7, 3.8), "end"  # left of the name of the layer
    yield text("network", place, f"{kind}[{l}]", BACKWARD, 18, anchor, weight="bold")


def _on_units(found):
    """Return a number for each unit: of dA and dZ the sum over the samples, in which the 1/N is already."""
    return found.sum(0) if found.ndim == 2 else found


def _four_digits(number):
    return fixed(number, 4).replace("-", "−")
