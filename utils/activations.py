"""Activations: a function and its pullback.

Z     what a layer computes before its activation, rows are samples, shape (N, d)
A     what it passes on, A = f(Z), shape (N, d)
dA    ∂L/∂A, shape (N, d); the pullback turns it into ∂L/∂Z, shape (N, d)

A pullback takes (dA, A): all five derivatives can be written with the output A alone, so that
softmax, where every output depends on every input of its row, is no special case.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from utils.arrays import Door, QuietDoor, check_finite, check_same, floats, formula, guarded, is_plain, library, shape


class _Activation(NamedTuple):
    name: str
    apply: Callable
    pullback: Callable


class Activation(_Activation):
    """A function with its derivative: `apply(Z)` → A and `pullback(dA, A)` → dZ.

    A new activation is one line: `Activation("name", apply, pullback)`. Functions of your own may work in place, for
    they are given copies; ValueError or TypeError is raised if one does not return an array of Z's shape. The five
    below also take whole numbers and truth values, as floats, and refuse what is no array of numbers, with a TypeError
    or ValueError.
    """

    __slots__ = ()

    def __new__(cls, name, apply, pullback):
        """Make an activation; functions that are no doors get a guard."""
        return super().__new__(cls, name, *(guarded(f, _check_own(name, V))
                                            for f, V in ((apply, "Z"), (pullback, "dA"))))

    def __call__(self, Z):
        """Return A = f(Z), so that `f[l](Z)` reads as on the slides."""
        return self.apply(Z)

    @property
    def unchecked(self):
        """The same activation, its formulas alone: the caller silences NumPy's overflow for σ and softmax."""
        return self._replace(apply=formula(self.apply), pullback=formula(self.pullback))


# The formulas -------------------------------------------------------------------------------------


def _sigmoid(Z):
    """σ(z) = 1 / (1 + e⁻ᶻ). Where e⁻ᶻ is too large for a float, 1 / (1 + ∞) = 0 is the right answer."""
    return 1 / (1 + np.exp(-Z)) if library(Z) is np else Z.sigmoid()


def _sigmoid_pullback(dA, A):
    """dA · a (1 − a), multiplied up in one array: on a large batch, memory for another costs more than its numbers."""
    dZ = 1 - A
    dZ *= A
    dZ *= dA
    return dZ


def _tanh(Z):
    return library(Z).tanh(Z)


def _relu(Z):
    return np.maximum(Z, 0) if library(Z) is np else Z.relu()


def _softmax(Z):
    """e^z over the row's sum; subtracting the row's largest z changes nothing but avoids overflow.

    A difference too large for a float is −∞, and e to the −∞ is 0, as it should be.
    """
    if library(Z) is not np:
        return Z.softmax(-1)
    E = np.exp(Z - Z.max(-1, keepdims=True))
    return E / E.sum(-1, keepdims=True)


def _check_own(name, V):
    """Return the check of what an own function makes of V."""
    def check(result, *args):
        if getattr(result, "shape", None) != args[0].shape:
            has = f"shape {shape(result)}" if hasattr(result, "shape") else f"a {type(result).__name__}"
            raise ValueError(f"{name} makes {has} of a {V} of shape {shape(args[0])}, expected the same shape")
        return result

    return check


# The doors ----------------------------------------------------------------------------------------


def _check_Z(Z):
    return (Z if is_plain(Z) else floats("Z", Z),)


def _check_row(Z):
    Z = floats("Z", Z)
    if not shape(Z)[-1:] > (0,):
        raise ValueError(f"Z has shape {shape(Z)}, expected at least one number a row")
    return (Z,)


def _check_pull(dA, A):
    if not (is_plain(dA) and is_plain(A) and dA.shape == A.shape and dA.dtype is A.dtype):
        dA, A = floats("dA", dA), floats("A", A)
        check_same("A", A, "dA", dA)
        if library(A) is np:  # where they differ, the more precise of the two
            dA, A = (x.astype(np.result_type(dA, A), copy=False) for x in (dA, A))
    return dA, A


def _pull(pullback):
    return Door(pullback, _check_pull)


identity = Activation("identity", Door(lambda Z: Z, _check_Z), _pull(lambda dA, A: dA))
sigmoid = Activation("sigmoid", QuietDoor(_sigmoid, _check_Z), _pull(_sigmoid_pullback))
tanh = Activation("tanh", Door(_tanh, _check_Z), _pull(lambda dA, A: dA * (1 - A * A)))
# A > 0 exactly where Z > 0. At Z = 0, where relu has no derivative, its slope here is 0, as in torch.
relu = Activation("relu", Door(_relu, _check_Z), _pull(lambda dA, A: dA * (A > 0)))
softmax = Activation("softmax", QuietDoor(_softmax, _check_row),
                     _pull(lambda dA, A: A * (dA - (dA * A).sum(-1, keepdims=True))))

ACTIVATIONS = {f.name: f for f in (identity, sigmoid, tanh, relu, softmax)}


def softmax_jacobian(a):
    """Return ∂a/∂z = diag(a) − a aᵀ for one softmax output `a` of shape (d,); the result is (d, d).

    Entry (i, j) says how output i moves with input j (slides, part 10). The matrix is symmetric and
    each row sums to 0. Raises ValueError if `a` is not one row of finite numbers.
    """
    a, xp = floats("a", a), library(a)
    if len(a.shape) != 1 or a.shape[0] == 0:
        raise ValueError(f"a has shape {shape(a)}, expected one row of probabilities, shape (d,)")
    check_finite("a", a)
    return xp.diag(a) - xp.outer(a, a)
