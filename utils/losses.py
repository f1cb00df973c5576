"""Losses: one number for a whole batch, and its gradient. The 1/N lives here and nowhere else.

A    the network's output, rows are samples, shape (N, d)
Z    logits: an output before softmax, shape (N, d)
Y    the targets, shape (N, d); for the cross-entropies each row is one-hot, or at least sums to 1
L    the loss, the mean over the rows' losses L₁ … L_N
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from utils.activations import softmax
from utils.arrays import (
    Door,
    QuietDoor,
    check_count,
    check_finite,
    check_library,
    check_matrix,
    check_same,
    check_unmasked,
    formula,
    guarded,
    is_plain,
    library,
    numpy_array,
    shape,
    wide,
)


class _Loss(NamedTuple):
    name: str
    value: Callable
    gradient: Callable


class Loss(_Loss):
    """A loss with its derivative: `value(A, Y)` → L and `gradient(A, Y)` → ∂L/∂A, of A's shape.

    A new loss is one line: `Loss("name", value, gradient)`. Functions of your own may work in place, for they are
    given copies; ValueError is raised if `value` does not return one number. Value and gradient of the three below
    are doors: they check what they are given, and take whole numbers and truth values as floats. `unchecked` holds the
    formulas alone, for a loop that has checked once and silences NumPy's overflow.
    """

    __slots__ = ()

    def __new__(cls, name, value, gradient):
        """Make a loss; functions that are no doors get a guard, and whole numbers in Y as int64."""
        return super().__new__(cls, name, guarded(value, _check_number), guarded(gradient, lambda dA, A, Y: dA))

    def __call__(self, A, Y):
        """Return the value, so that `cross_entropy(A, Y)` reads as a formula."""
        return self.value(A, Y)

    @property
    def unchecked(self):
        """The same loss without checks; the caller silences NumPy's overflow, which does no harm in softmax."""
        return self._replace(value=formula(self.value), gradient=formula(self.gradient))

    def checked(self, A, Y):
        """Return A and Y as the formulas want them, or raise; a loss of one's own takes all Y, labels, too."""
        return self.value.check(A, Y) if isinstance(self.value, Door) else (A, wide(Y))


# The formulas -------------------------------------------------------------------------------------

_softmax = formula(softmax.apply)  # the doors below ask NumPy for silence once, for all of the formula


def _squared_error(A, Y):
    return ((A - Y) ** 2).sum() / (2 * len(Y))


def _squared_error_gradient(A, Y):
    return (A - Y) / len(Y)


def _cross_entropy(A, Y):
    """−1/N Σ y log a. Where y is 0 its term is 0 whatever a is: a + 1 keeps that logarithm finite."""
    with np.errstate(divide="ignore"):
        return 0 - (Y * library(A).log(A + (Y == 0))).sum() / len(Y)  # and not −0.0


def _cross_entropy_gradient(A, Y):
    with np.errstate(divide="ignore", over="ignore"):
        return -Y / (A + (Y == 0)) / len(Y)


def _softmax_cross_entropy(Z, Y):
    """Σ y · (log Σ e^z − z) over a row, with the row's largest z subtracted first: no overflow, no log 0.

    A difference too large for a float becomes the largest float, not −∞: for 0 · ∞ is no number.
    """
    xp = library(Z)
    Z = xp.clip(Z - xp.amax(Z, -1, keepdims=True), xp.finfo(Z.dtype).min, None)
    return (xp.log(xp.exp(Z).sum(-1)) - (Y * Z).sum(-1)).sum() / len(Y)


def _softmax_gradient(Z, Y):
    return (_softmax(Z) - Y) / len(Y)


def _check_number(value, A, Y):
    if np.size(numpy_array(value)) != 1:
        raise ValueError(f"the loss is of shape {np.shape(numpy_array(value))}, expected one number for the batch")
    return value


# The doors ----------------------------------------------------------------------------------------


def _check_numbers(A, Y):
    check_library("A", A, "Y", Y)
    A = check_matrix("A", A)
    Y = check_matrix("Y", Y, like=A)
    check_same("A", A, "Y", Y)
    check_finite("A", A)
    check_finite("Y", Y)
    return A, Y


def _check_targets(A, Y):
    A, Y = _check_numbers(A, Y)
    shares = numpy_array(Y)
    if (shares < 0).any():
        raise ValueError(f"Y has the negative entry {shares.min():.4g}, expected probabilities")
    sums = shares.sum(1)
    allowed = 1e-4 if is_plain(Y) else max(1e-4, 4 * float(library(Y).finfo(Y.dtype).eps))  # bfloat16: 0.03
    wrong = np.flatnonzero(abs(sums - 1) > allowed)
    if wrong.size:
        wish = "a column for each class, one_hot(labels, 2)" if shares.shape[1] == 1 else "one-hot or a share-out"
        raise ValueError(f"Y[{wrong[0]}] sums to {sums[wrong[0]]:.4g}, expected 1: each row is {wish}")
    return A, Y


def _check_probabilities(A, Y):
    A, Y = _check_targets(A, Y)
    a, y = numpy_array(A), numpy_array(Y)
    if (a < -1e-3).any() or (a > 1 + 1e-3).any() or (a[y > 0] < 0).any():
        raise ValueError(
            f"A runs from {a.min():.4g} to {a.max():.4g}, expected probabilities between 0 and 1; "
            "for logits use softmax_cross_entropy"
        )
    if (a[y > 0] == 0).any():
        row = int(np.argwhere((y > 0) & (a == 0))[0][0])
        warnings.warn(
            f"A[{row}] gives its right class the probability 0, so the cross-entropy is infinite; "
            "softmax_cross_entropy, on the logits, stays finite",
            RuntimeWarning,
            stacklevel=4,
        )
    return A, Y


squared_error = Loss(
    "squared error", Door(_squared_error, _check_numbers), Door(_squared_error_gradient, _check_numbers)
)
cross_entropy = Loss(
    "cross-entropy", Door(_cross_entropy, _check_probabilities), Door(_cross_entropy_gradient, _check_probabilities)
)
softmax_cross_entropy = Loss(
    "softmax + cross-entropy",
    QuietDoor(_softmax_cross_entropy, _check_targets),
    QuietDoor(_softmax_gradient, _check_targets),
)


def one_hot(labels, classes):
    """Return Y of shape (N, classes): row i has its 1 in column labels[i] (slides, part 9).

    `labels` is a list, array or tensor of N whole numbers from 0 to classes − 1. A tensor gives a
    float32 tensor, anything else a float64 array: each row is picked out of the identity matrix.
    Raises TypeError for labels that are not whole numbers, ValueError for one out of range.
    """
    classes = check_count("classes", classes)
    check_unmasked("labels", labels)
    is_tensor = hasattr(labels, "detach")
    numbers = numpy_array(labels)
    if numbers.ndim != 1 or numbers.size == 0:
        raise ValueError(f"labels has shape {shape(numbers)}, expected one label per sample, shape (N,)")
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"labels holds {numbers.dtype}, expected whole numbers from 0 to {classes - 1}")
    wrong = np.flatnonzero((numbers < 0) | (numbers >= classes))
    if wrong.size:
        raise ValueError(f"labels[{wrong[0]}] is {numbers[wrong[0]]}, expected a class from 0 to {classes - 1}")
    if is_tensor:
        return library(labels).eye(classes, device=labels.device)[labels.long()]
    return np.eye(classes)[numbers]
