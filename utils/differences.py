"""A network's gradients by centred differences, each with its doubt: how far it may be from the truth.

Every entry x of every Z[l], A[l], W[l], b[l] is nudged up and down, and the network computed anew from there on; the
gradient is the slope between the two losses. Three things can spoil it. Rounding, where the nudge s is small: the
loss has about sixteen digits. Curvature, where s is large. And a kink, where there is no derivative: at z = 0 ReLU has
the slope 0 to the left and 1 to the right, and a centred difference says ½. A kink has the doubt ∞.
"""

from typing import NamedTuple

import numpy as np

from utils.arrays import Guard, double, holds_floats, numpy_array, wide
from utils.mlp import Gradients, convert, forward

NUDGE = 2e-5  # how far the next z moves: between rounding and curvature
SEEN = 1e-8  # the least share of the largest x that a nudge must be
LADDER = 10.0 ** -np.array([0, 1, 2, 4, 6])  # how much smaller, where that does not fit; larger, it might miss all
ENOUGH = 1e-7  # with a doubt of this share of the slope, no other nudge is tried
ROUNDING = 10 * np.finfo(np.float64).eps  # of the loss, times its size
STRAIGHT = 1e-3  # left and right slope of a smooth function differ by less than this share, over a nudge that fits
RADIUS = 2 * NUDGE  # how far from a unit's z a kink of its activation is looked for


class Differences(NamedTuple):
    """What centred differences find, and how far off each number may be, in the same places."""

    gradients: Gradients
    doubt: Gradients


def difference_gradients(net, X, Y, loss):
    """Return ∂L/∂Z, ∂L/∂A, ∂L/∂W, ∂L/∂b for every layer by centred differences, as `Gradients` (NumPy, float64)."""
    return differences(net, X, Y, loss).gradients


def differences(net, X, Y, loss, expected=None, noise=0.0):
    """Return the `Differences` of a network on a batch: NumPy arrays in float64, whatever came in.

    Where the first nudge does not say what is `expected`, `Gradients` of a referee, it is looked at more closely.
    `noise` is what rounding may add to the loss, beside the last digits of its own.
    """
    way = Way(*in_double(net, X, Y, loss), loss, noise)
    found = {kind: {} for kind in Gradients._fields}

    def look(kind, l, x, way_from, reach=1.0):
        found[kind][l] = way.slopes(x, lambda x: way_from(l, x), reach, getattr(expected, kind, {}).get(l))

    W, (Z, A) = way.net.W, way.trace
    for l in [0, *way.layers]:
        look("dA", l, A[l], way.from_A, _reach(W.get(l + 1)))
    for l in way.layers:
        look("dZ", l, Z[l], way.from_Z)
        look("dW", l, W[l], way.from_W, _reach(A[l - 1]))
        look("db", l, way.net.b[l], way.from_b)
    return Differences(*(Gradients(*({l: pair[i] for l, pair in found[kind].items()} for kind in Gradients._fields))
                         for i in (0, 1)))


def in_double(net, X, Y, loss):
    """Return the network, X and Y in float64; labels, for a loss of one's own, stay whole numbers."""
    net, X = convert(net, lambda v: double("a parameter", v)), double("X", X)
    labels = isinstance(loss.value, Guard) and not holds_floats(Y)
    return net, X, numpy_array(wide(Y)) if labels else double("Y", Y)


def _reach(factors):
    """Return how far z moves where x moves by 1, and is multiplied by the factors in its column; at least 1."""
    return 1.0 if factors is None else np.maximum(1, abs(factors).max(0))


class Way:
    """The rest of the way to the loss, from any layer on, for a batch that has gone through once.

    A way returns (loss, whether a unit that sits at a kink has moved).
    """

    def __init__(self, net, X, Y, loss, noise=0.0):
        self.net, self.Y, self.value, self.layers, self.noise = net, Y, loss.unchecked.value, list(net.W), noise
        self.trace = forward(net, X)
        self.here = float(self.value(self.trace.A[len(net.W)], Y))
        self.bends = {l: kinks(net.f[l], self.trace.Z[l]) for l in self.layers}

    def from_A(self, l, A):
        """Layer l has put out A."""
        if l == len(self.layers):
            return float(self.value(A, self.Y)), False
        return self.from_Z(l + 1, A @ self.net.W[l + 1].T + self.net.b[l + 1])

    def from_Z(self, l, Z):
        """Layer l has computed Z."""
        moved = (self.trace.Z[l] != Z)[self.bends[l]].any()
        loss, further = self.from_A(l, self.net.f[l](Z))
        return loss, moved or further

    def from_W(self, l, W):
        """Layer l has the weights W."""
        return self.from_Z(l, self.trace.A[l - 1] @ W.T + self.net.b[l])

    def from_b(self, l, b):
        """Layer l has the biases b."""
        return self.from_Z(l, self.trace.A[l - 1] @ self.net.W[l].T + b)

    def slopes(self, x, way, reach=1.0, expected=None):
        """Return the slopes of a way at every entry of x, and the doubts."""
        slopes, doubts = np.zeros_like(x), np.zeros_like(x)
        nudges = np.broadcast_to(np.maximum(NUDGE / reach, SEEN * abs(x).max()), x.shape)
        allowed = np.inf if expected is None else ENOUGH * abs(expected).max()
        with np.errstate(all="ignore"):
            for i in np.ndindex(*x.shape):
                look = self.look(way, x, i, nudges[i])
                if look.at_kink:
                    slopes[i], doubts[i] = look.slope, np.inf
                elif look.fits() and (expected is None or abs(look.slope - expected[i]) <= allowed + look.noise):
                    slopes[i], doubts[i] = look.slope, look.noise
                else:
                    slopes[i], doubts[i] = self.closer_look(way, x, i)
        return slopes, doubts

    def look(self, way, x, i, s):
        """Return the `Look` at entry i of x with a nudge of s."""
        above, below = x.copy(), x.copy()
        above[i] += s
        below[i] -= s
        (up, moved), (down, moved_too) = way(above), way(below)
        right, left = (up - self.here) / (above[i] - x[i]), (self.here - down) / (x[i] - below[i])
        noise = (ROUNDING * max(abs(up), abs(down)) + self.noise) / s
        return Look((up - down) / (above[i] - below[i]), abs(right - left), noise, moved or moved_too)

    def closer_look(self, way, x, i):
        """Return slope and doubt of entry i by the nudge that tells most: a half and a quarter must say the same."""
        best, least, kink = np.nan, np.inf, False
        for s in NUDGE * np.outer([1.0, abs(x[i]) or 1.0], LADDER).ravel():
            if (ROUNDING * abs(self.here) + self.noise) / s >= least:  # rounding alone would be more
                continue
            wide, half, near = (self.look(way, x, i, share * s) for share in (1, 0.5, 0.25))
            bent = near.bend if near.bend > 0.55 * half.bend else 0.0  # of a curve, it would be half of the wider one
            doubt = 2 * max(abs(near.slope - half.slope), abs(half.slope - wide.slope) / 2) + bent + near.noise
            if doubt < least:
                best, least, kink = near.slope, doubt, near.is_kink_beside(half)
            if least <= ENOUGH * abs(best):
                break
        return best, np.inf if np.isnan(best) or kink else least


class Look(NamedTuple):
    """One centred difference: its slope, by how much right and left slope differ, what rounding adds to either."""

    slope: float
    bend: float
    noise: float
    at_kink: bool  # a unit that sits at a kink has moved

    def fits(self):
        """Say whether the nudge is small enough to see no curve, and large enough to see a slope."""
        return not self.at_kink and self.bend <= STRAIGHT * abs(self.slope) + self.noise

    def is_kink_beside(self, wider):
        """Say whether right and left slope differ as much as over twice the nudge; a curve would halve that."""
        return self.bend > 0.75 * wider.bend and self.bend > STRAIGHT * abs(self.slope) + 10 * self.noise


def kinks(f, Z):
    """Return where the activation f has a kink within RADIUS of Z, truth values of Z's shape.

    There the left and the right slope of an output differ, and by no less over a quarter of the way.
    """
    found = np.zeros(Z.shape, bool)
    with np.errstate(all="ignore"):
        A = f(Z)
        for j in range(Z.shape[1]):
            far, near = (_bend(f, Z, A, j, share) for share in (1, 0.25))
            found[:, j] = ((near > 0.5 * far) & (near > 1e-6 * np.maximum(1, abs(A)))).any(1)
    return found


def _bend(f, Z, A, j, share):
    """Return by how much right and left slope of each output differ where z[:, j] moves by a share of RADIUS."""
    s = np.zeros_like(Z)
    s[:, j] = share * np.maximum(RADIUS, 1e-9 * abs(Z[:, j]))
    return abs(f(Z + s) - 2 * A + f(Z - s)) / s[:, [j]]
