"""The playground's settings and its data: all that a run depends on, in one short string."""

from typing import NamedTuple

import numpy as np

from utils import datasets

N = 500  # samples drawn from a toy set, to be shared between training and test
FEATURES = {  # name → what the network is given; the squares are scaled to the range of x
    "x₁": lambda x: x[:, 0],
    "x₂": lambda x: x[:, 1],
    "x₁²": lambda x: x[:, 0] ** 2 / 5,
    "x₂²": lambda x: x[:, 1] ** 2 / 5,
    "x₁x₂": lambda x: x[:, 0] * x[:, 1] / 5,
    "sin x₁": lambda x: np.sin(x[:, 0]),
    "sin x₂": lambda x: np.sin(x[:, 1]),
}
TOYS = {"circle": datasets.circle, "xor": datasets.xor, "gauss": datasets.gauss, "spiral": datasets.spiral}
DATA = [*TOYS, "digits", "own"]
HIDDEN = ["tanh", "relu", "sigmoid", "identity"]
TASKS = ["classification", "regression"]
DEEPEST, WIDEST = 6, 8


class Settings(NamedTuple):
    """Everything that a run depends on."""

    data: str = "circle"
    noise: float = 0.1
    share: float = 0.5  #          of the samples, for training; the rest is for the test
    features: str = "1100000"  #   which of FEATURES, as ones and zeros
    hidden: tuple = (4,)  #        the hidden layers' widths
    activation: str = "tanh"
    rate: float = 0.1
    batch: int = 10
    l2: float = 0.0  #             λ of the penalty λ/2 Σ w², biases left out
    task: str = "classification"
    seed: int = 0

    def encode(self):
        """Return the settings as a short string, which `decode` reads."""
        layers = "x".join(map(str, self.hidden)) or "0"
        return (f"{self.data}/{self.noise:g}/{self.share:g}/{self.features}/{layers}/{self.activation}/"
                f"{self.rate:g}/{self.batch}/{self.l2:g}/{self.task}/{self.seed}")


def decode(words):
    """Return the `Settings` that a string of `encode` stands for; raise ValueError with the field that does not fit."""
    fields = words.strip().split("/")
    if len(fields) != len(Settings._fields):
        raise ValueError(f"a state has {len(Settings._fields)} parts between slashes, this one has {len(fields)}")
    made = {}
    for name, word in zip(Settings._fields, fields, strict=True):
        try:
            made[name] = _READ[name](word)
        except ValueError:
            raise ValueError(f"{name} is {word!r}, which does not fit") from None
    return Settings(**made)


def _one_of(options):
    def read(word):
        if word not in options:
            raise ValueError
        return word

    return read


def _number(low, high, kind=float):
    def read(word):
        number = kind(word)
        if not low <= number <= high:
            raise ValueError
        return number

    return read


def _bits(word):
    if len(word) != len(FEATURES) or set(word) - {"0", "1"} or "1" not in word:
        raise ValueError
    return word


def _layers(word):
    layers = tuple(int(part) for part in word.split("x")) if word != "0" else ()
    if len(layers) > DEEPEST or any(not 1 <= width <= WIDEST for width in layers):
        raise ValueError
    return layers


_READ = {
    "data": _one_of(DATA), "noise": _number(0, 1), "share": _number(0.1, 0.9), "features": _bits, "hidden": _layers,
    "activation": _one_of(HIDDEN), "rate": _number(1e-5, 100), "batch": _number(1, N, int), "l2": _number(0, 10),
    "task": _one_of(TASKS), "seed": _number(0, 10**6, int),
}  # fmt: skip


# Data -------------------------------------------------------------------------------------------------


def samples(settings, own=None):
    """Return X (n, 2) and labels (n,) for the settings; `own` is (X, labels) for "own"."""
    if settings.data == "own":
        if own is None:
            raise ValueError("there are no points of your own yet: playground(points=X, labels=labels)")
        return own
    if settings.data == "digits":
        return _digits()
    return TOYS[settings.data](N, settings.noise, np.random.default_rng(settings.seed))


def check_points(points, labels):
    """Return a reader's own points and labels as arrays, moved into the square [−5, 5]².

    Raises ValueError unless `points` is (n, 2) and finite, and `labels` n whole numbers from 0 to 9, not all alike.
    """
    X, labels = np.asarray(points, dtype=float), np.asarray(labels)
    if X.ndim != 2 or X.shape[1] != 2 or len(X) < 4:
        raise ValueError(f"points has shape {X.shape}, expected (n, 2) with at least 4 rows: one point a row")
    if not np.isfinite(X).all():
        raise ValueError("points holds nan or an infinity, expected finite numbers only")
    if labels.shape != (len(X),) or labels.dtype.kind not in "iu":
        raise ValueError(f"labels has shape {labels.shape} and holds {labels.dtype}, expected {len(X)} whole numbers")
    if labels.min() < 0 or labels.max() > 9 or len(np.unique(labels)) < 2:
        raise ValueError("labels must be two or more classes, numbered from 0 to 9")
    return _fit(X), labels


def _fit(X):
    """Move points into the square [−5, 5]², a column at a time."""
    low, high = X.min(0), X.max(0)
    return 10 * (X - low) / np.where(high > low, high - low, 1) - 5


def _digits():
    """The handwritten digits' first two principal components: 64 numbers a scan, seen along two directions."""
    data = datasets.digits()
    X = np.vstack([data.X_train, data.X_test])
    X = X - X.mean(0)
    return _fit(X @ np.linalg.svd(X, full_matrices=False)[2][:2].T), np.append(data.labels_train, data.labels_test)


def inputs(settings, X):
    """Return the chosen features of the points X (n, 2), one a column."""
    chosen = [f for f, bit in zip(FEATURES.values(), settings.features, strict=True) if bit == "1"]
    return np.column_stack([f(X) for f in chosen])
