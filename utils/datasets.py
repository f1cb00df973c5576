"""What is learned from: the slides' own numbers, four toys, and real handwriting.

X         samples, one a row                    Y    targets, one-hot, one a row
labels    the classes as whole numbers, (N,)    n    how many samples     rng   a NumPy Generator
"""

from typing import NamedTuple

import numpy as np

from utils.activations import sigmoid, softmax
from utils.arrays import check_count
from utils.mlp import MLP, convert

LECTURE_X = [[-8, 1, -3, 5, 2], [-2, 2, -1, 5, 2], [7, 1, 9, -5, -2], [3, 1, 9, 5, 2]]
LECTURE_LABELS = [2, 0, 1, 2]


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


def digits(test_share=0.25, seed=0):
    """Return scikit-learn's 1,797 handwritten digits as a `Split`: 8 × 8 grey values, scaled to 0 … 1.

    X has shape (N, 64), labels run from 0 to 9. A share of each digit is kept back for the test;
    `seed` decides which. Scans of the UCI set "Optical Recognition of Handwritten Digits".
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    if not (np.isscalar(test_share) and not isinstance(test_share, str) and 0 < test_share < 1):
        raise ValueError(f"test_share is {test_share!r}, expected a number between 0 and 1")
    X, labels = load_digits(return_X_y=True)
    return Split(*train_test_split(X / 16, labels, test_size=test_share, random_state=seed, stratify=labels))
