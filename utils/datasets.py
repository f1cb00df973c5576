"""What is learned from: the slides' own numbers, four toys, and real handwriting.

X         samples, one a row                    Y    targets, one-hot, one a row
labels    the classes as whole numbers, (N,)    n    how many samples     rng   a NumPy Generator
"""

import math
from numbers import Integral, Real
from pathlib import Path
from typing import NamedTuple

import numpy as np

from utils.activations import sigmoid, softmax
from utils.arrays import check_count
from utils.mlp import MLP, convert

LECTURE_X = [[-8, 1, -3, 5, 2], [-2, 2, -1, 5, 2], [7, 1, 9, -5, -2], [3, 1, 9, 5, 2]]
LECTURE_LABELS = [2, 0, 1, 2]
DIGITS = Path(__file__).with_name("data") / "digits.npz"


class Split(NamedTuple):
    """Samples to learn from, and samples kept back for an honest test."""

    X_train: np.ndarray
    X_test: np.ndarray
    labels_train: np.ndarray
    labels_test: np.ndarray


def torch_rand(seed):
    """Return rand(*shape), which draws what `torch.rand` draws after `torch.manual_seed(seed)`, without torch.

    Both libraries run the Mersenne Twister; torch keeps the lowest 24 bits of each draw.
    """
    twister = np.random.MT19937()
    twister._legacy_seeding(seed)
    return lambda *shape: (twister.random_raw(int(np.prod(shape))) % 2**24 / 2**24).reshape(shape)


def lecture_example(library="torch"):
    """Return X (4, 5), Y (4, 3) and the 5-7-4-3 network with the slides' own numbers (parts 8 to 13).

    "torch" gives float32 tensors, as on the slides; "numpy" the same numbers as float64 arrays.
    """
    if library not in ("torch", "numpy"):
        raise ValueError(f"library is {library!r}, expected 'torch' or 'numpy'")
    rand, W, b = torch_rand(0), {}, {}
    for l, (m, n) in enumerate([(7, 5), (4, 7), (3, 4)], 1):
        W[l], b[l] = rand(m, n), rand(m)
    X, Y = np.array(LECTURE_X, dtype=float), np.eye(3)[LECTURE_LABELS]
    net = MLP(W, b, {1: sigmoid, 2: sigmoid, 3: softmax})
    if library == "numpy":
        return X, Y, net
    import torch

    def tensor(x):
        return torch.from_numpy(x).float()

    return tensor(X), tensor(Y), convert(net, tensor)


# Toys: two classes in the square [−6, 6]², as in the Playground --------------------------------------


def circle(n, noise, rng):
    """Return X (n, 2) and labels (n,): a disc of class 1 inside a ring of class 0."""
    labels = _labels(n, noise, rng)
    radius = np.where(labels == 1, rng.uniform(0, 2.5, n), rng.uniform(3.5, 5, n))
    return _jitter(_polar(radius, rng.uniform(0, 2 * np.pi, n)), noise, rng), labels


def xor(n, noise, rng):
    """Return X (n, 2) and labels (n,): class 1 where x₁ and x₂ have the same sign."""
    _labels(n, noise, rng)
    X = rng.uniform(0.3, 5, (n, 2)) * rng.choice([-1, 1], (n, 2))
    return _jitter(X, noise, rng), (X[:, 0] * X[:, 1] > 0).astype(int)


def gauss(n, noise, rng):
    """Return X (n, 2) and labels (n,): two round clouds, class 1 about (2, 2) and class 0 about (−2, −2)."""
    labels = _labels(n, noise, rng)
    centre = np.where(labels == 1, 2.0, -2.0)[:, None]
    return _jitter(centre + rng.normal(size=(n, 2)), noise, rng), labels


def spiral(n, noise, rng):
    """Return X (n, 2) and labels (n,): two arms wound round each other, 1¾ turns each."""
    labels = _labels(n, noise, rng)
    t = rng.uniform(0.02, 1, n)
    return _jitter(_polar(5 * t, 1.75 * 2 * np.pi * t + np.pi * labels), noise, rng), labels


def _labels(n, noise, rng):
    check_count("n", n)
    if not np.isscalar(noise) or isinstance(noise, str) or not (np.isfinite(noise) and noise >= 0):
        raise ValueError(f"noise is {noise!r}, expected a finite number of at least 0")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is {rng!r}, expected a NumPy Generator: np.random.default_rng(seed)")
    return np.arange(n) % 2


def _polar(radius, angle):
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def _jitter(X, noise, rng):
    return X + noise * rng.normal(size=X.shape)


# Handwriting ----------------------------------------------------------------------------------------


def digits(test_share=0.25, seed=0):
    """Return 1,797 handwritten digits as a `Split`: 8 × 8 grey values, scaled to 0 … 1.

    X has shape (N, 64); labels, shape (N,), run from 0 to 9. `test_share` of each digit is kept back for the test;
    `seed` decides which, as in scikit-learn. With `seed=None` all stay in the file's order, one sheet of some 130
    digits after the other, and the last `test_share` of the rows are the test: other people's sheets, but for the one
    that the cut goes across. Raises ValueError if `test_share` would leave one part empty, or `seed` is no whole number
    below 2³².
    Scans of the UCI set "Optical Recognition of Handwritten Digits", see utils/data/README.md.
    """
    if not (isinstance(test_share, Real) and 0 < test_share < 1):
        raise ValueError(f"test_share is {test_share!r}, expected a number between 0 and 1")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed < 2**32):
        raise ValueError(f"seed is {seed!r}, expected a whole number from 0 to 2³² − 1, or None for the file's order")
    with np.load(DIGITS) as file:
        X, labels = file["X"] / 16, file["labels"].astype(np.int64)
    n_test = math.ceil(round(test_share * len(X), 6))
    if n_test in (0, len(X)):
        raise ValueError(f"test_share is {test_share!r}, which leaves {len(X) - n_test} samples to learn from and "
                         f"{n_test} for the test: expected at least one each")
    if seed is None:
        train, test = np.split(np.arange(len(X)), [len(X) - n_test])
    else:
        train, test = _share_of_each_digit(labels, n_test, np.random.RandomState(seed))
    return Split(X[train], X[test], labels[train], labels[test])


def _share_of_each_digit(labels, n_test, rng):
    """Return the numbers of the rows to learn from, and of those for the test, each in a random order.

    It draws what scikit-learn's `train_test_split(stratify=labels)` draws, so that scores can be compared with others'.
    """
    counts = np.bincount(labels)
    learned = _in_proportion(counts, len(labels) - n_test, rng)
    tested = _in_proportion(counts - learned, n_test, rng)
    train, test = [], []
    for digit, (n, m) in enumerate(zip(learned, tested, strict=True)):
        rows = np.flatnonzero(labels == digit)[rng.permutation(counts[digit])]
        train.extend(rows[:n])
        test.extend(rows[n : n + m])
    return rng.permutation(train), rng.permutation(test)


def _in_proportion(counts, total, rng):
    """Return how many of each class make up `total`: rounded down, and the largest remainders up; ties are drawn."""
    exact = counts / counts.sum() * total
    found = np.floor(exact).astype(int)
    rests = exact - found
    for rest in np.unique(rests)[::-1]:
        if (missing := total - found.sum()) == 0:
            break
        tied = np.flatnonzero(rests == rest)
        found[rng.choice(tied, min(len(tied), missing), replace=False)] += 1
    return found
