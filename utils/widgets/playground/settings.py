"""The playground's settings and its data: all that a run depends on, in one short string."""

from typing import NamedTuple

import numpy as np

from utils import datasets
from utils.widgets.playground import schedule
from utils.widgets.playground.own import Samples, components, fit

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
    changes: tuple = ()  #         what becomes of rate, batch and l2 on the way, as `Change`s

    def encode(self):
        """Return the settings as a short string, which `decode` reads back without loss."""
        hidden = "x".join(map(str, self.hidden)) or "0"
        fields = [schedule.shortest(field) for field in self._replace(hidden=hidden)[:-1]]
        return "/".join([*fields, schedule.written(self.changes)] if self.changes else fields)


def decode(words):
    """Return the `Settings` that a string of `encode` stands for; raise ValueError with the field that does not fit."""
    fields = words.strip().split("/")
    least = len(Settings._fields) - 1
    if not least <= len(fields) <= least + 1:
        raise ValueError(f"a state has {least} parts between slashes, or {least + 1}; this one has {len(fields)}")
    made = {}
    for name, word in zip(Settings._fields, fields):
        try:
            made[name] = _READ[name](word)
        except ValueError as error:
            because = f": {error}" if name == "changes" else ", which does not fit"
            raise ValueError(f"{name} is {word!r}{because}") from None
    return Settings(**made)


def _one_of(options):
    def read(word):
        if word not in options:
            raise ValueError
        return word

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
    "data": _one_of(DATA), "noise": schedule.number(0, 1), "share": schedule.number(0.1, 0.9), "features": _bits,
    "hidden": _layers, "activation": _one_of(HIDDEN), **schedule.TUNED, "task": _one_of(TASKS),
    "seed": schedule.number(0, 10**6, int), "changes": schedule.read,
}  # fmt: skip


# Data -------------------------------------------------------------------------------------------------


def samples(settings, own=None):
    """Return the `Samples` for the settings; `own` are those of "own"."""
    if settings.data == "own":
        if own is None:
            raise ValueError("there are no points of your own yet: playground(points=X, labels=labels)")
        return own
    if settings.data == "digits":
        return _digits()
    return Samples(*TOYS[settings.data](N, settings.noise, np.random.default_rng(settings.seed)))


def _digits():
    """The handwritten digits' first two principal components: 64 numbers a scan, seen along two directions."""
    data = datasets.digits()
    X = np.vstack([data.X_train, data.X_test])
    return Samples(fit(components(X)[0]), np.append(data.labels_train, data.labels_test))


def inputs(settings, X):
    """Return the chosen features of the points X (n, 2), one a column."""
    chosen = [f for f, bit in zip(FEATURES.values(), settings.features, strict=True) if bit == "1"]
    return np.column_stack([f(X) for f in chosen])
