"""How long a training step takes: `utils` against autograd, scikit-learn, bare calls and bare products, in one run.

    python tests/benchmarks/steps.py [--seconds 1] [--activation sigmoid] [--only 0 1 2] [--draw FILE.png]

A step is forward, the loss's gradient, backward, update, on the next of a few batches. Autograd and scikit-learn always
compute the loss's value, too, for they cannot do without; with --value all do, `utils` by a second forward pass.

utils        what utils.training.train does in a step: utils.inplace, softmax_cross_entropy on logits, on NumPy arrays
tensors      the same on torch tensors, without autograd
book         utils.training.step: the lecture's forward, gradient of the loss, backward, descend of utils.mlp
autograd     nn.Sequential, CrossEntropyLoss, optim.SGD
sklearn      MLPClassifier(solver="sgd") on the same batches, no momentum, no penalty
calls        the NumPy calls of a step in a row, each with a new array: no function, no dict, no check
products     the matrix products of a step alone

Each contender takes a pass over its batches in turn, again and again; a row gives the median time of a step in µs, its
quartiles, and how many times as fast as autograd in the same precision that is.
"""

import argparse
import platform
import sys
import time
import warnings
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import torch
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from utils.activations import ACTIVATIONS, identity
from utils.arrays import numpy_array
from utils.distributed import sequential
from utils.inplace import Workspace
from utils.losses import one_hot, softmax_cross_entropy
from utils.mlp import convert, initialize
from utils.training import batches, output, step

SHAPES = [((2, 4, 2), 10), ((2, 8, 8, 2), 10), ((5, 7, 4, 3), 4), ((64, 64, 10), 32), ((64, 256, 256, 10), 256),
          ((784, 512, 512, 10), 1024)]
TARGETS = {"autograd": (7, 7, 7, 4, 1, 1), "sklearn": (2, 2, 2, 1.6, 1, 1), "calls": (1 / 2,) * 3 + (1 / 1.3,) * 3}
RATE = 0.01
BARE = {  # f, and its pullback
    "sigmoid": (lambda Z: 1 / (1 + np.exp(-Z)), lambda dA, A: dA * A * (1 - A)),
    "tanh": (np.tanh, lambda dA, A: dA * (1 - A * A)),
    "relu": (lambda Z: np.maximum(Z, 0), lambda dA, A: dA * (A > 0)),
}
MODULES = {"sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}


class Problem:
    """Random samples for a few batches, and the network that all contenders begin with."""

    def __init__(self, sizes, N, dtype, activation, value):
        rng = np.random.default_rng(0)
        self.sizes, self.N, self.activation, self.value = sizes, N, activation, value
        self.count = max(2, min(50, 20_000 // (N * max(sizes))))  # batches in a pass
        self.X = rng.normal(size=(self.count * N, sizes[0])).astype(dtype)
        self.labels = rng.integers(0, sizes[-1], len(self.X))
        self.Y = one_hot(self.labels, sizes[-1]).astype(dtype)
        f = [ACTIVATIONS[activation]] * (len(sizes) - 2) + [identity]
        self.net = convert(initialize(sizes, f, rng), lambda v: v.astype(dtype))


def utils(problem, change=lambda v: v):
    """A pass in a utils.inplace.Workspace."""
    X, Y = change(problem.X), change(problem.Y)
    workspace = Workspace(convert(problem.net, change), X[: problem.N], softmax_cross_entropy)

    def run():
        with np.errstate(over="ignore", invalid="ignore"):
            for X_batch, Y_batch in batches(X, Y, problem.N):
                if problem.value:
                    workspace.loss.value(output(workspace.net, X_batch), Y_batch)
                workspace.step(X_batch, Y_batch, RATE)

    run.weights = lambda: [numpy_array(W).copy() for W in workspace.net.W.values()]
    return run


def tensors(problem):
    """The same on torch tensors."""
    return utils(problem, torch.from_numpy)


def book(problem):
    """A pass with utils.training.step."""
    net, loss = problem.net, softmax_cross_entropy.unchecked

    def run():
        nonlocal net
        for X_batch, Y_batch in batches(problem.X, problem.Y, problem.N):
            if problem.value:
                loss.value(output(net, X_batch), Y_batch)
            net = step(net, X_batch, Y_batch, loss, RATE)

    run.weights = lambda: list(net.W.values())
    return run


def autograd(problem):
    """A pass as PyTorch's own tutorials write it."""
    X, labels = torch.from_numpy(problem.X), torch.from_numpy(problem.labels)
    model = sequential(convert(problem.net, torch.from_numpy), MODULES[problem.activation])
    loss = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)

    def run():
        for X_batch, Y_batch in batches(X, labels, problem.N):
            optimizer.zero_grad()
            loss(model(X_batch), Y_batch).backward()
            optimizer.step()

    run.weights = lambda: [layer.weight.detach().numpy() for layer in model[::2]]
    return run


def sklearn(problem):
    """A pass is an epoch of one long fit: what fit does before its first epoch is spread over twenty of them."""
    epochs = 20 if problem.count > 10 else 4
    model = MLPClassifier(problem.sizes[1:-1], solver="sgd", batch_size=problem.N, learning_rate_init=RATE, momentum=0,
                          nesterovs_momentum=False, alpha=0, shuffle=False, max_iter=epochs, tol=0,
                          n_iter_no_change=epochs + 1,
                          activation={"sigmoid": "logistic"}.get(problem.activation, problem.activation))

    def run():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            model.fit(problem.X, problem.labels)

    run.passes = epochs
    return run


def calls(problem):
    """The NumPy calls alone; np.dot starts faster than @, and a row of ones times dZ is faster than dZ.sum(0)."""
    f, pullback = BARE[problem.activation]
    ones = np.ones((1, problem.N), problem.X.dtype)
    W, b, L = list(problem.net.W.values()), list(problem.net.b.values()), len(problem.sizes) - 1

    def run():
        for X, Y in batches(problem.X, problem.Y, problem.N):
            A = [X]
            for l in range(L - 1):
                A.append(f(np.dot(A[l], W[l].T) + b[l]))
            Z = np.dot(A[-1], W[-1].T) + b[-1]
            Z = Z - Z.max(1, keepdims=True)
            E = np.exp(Z)
            S = E.sum(1, keepdims=True)
            if problem.value:
                (np.log(S).sum() - (Y * Z).sum()) / len(Y)
            dZ = (E / S - Y) / len(Y)
            for l in range(L - 1, -1, -1):
                dW, db = np.dot(dZ.T, A[l]), np.dot(ones, dZ)[0]
                if l:
                    dZ = pullback(np.dot(dZ, W[l]), A[l])
                W[l], b[l] = W[l] - RATE * dW, b[l] - RATE * db

    run.weights = lambda: W
    return run


def products(problem):
    """The matrix products alone."""
    W, L = list(problem.net.W.values()), len(problem.sizes) - 1
    A = [np.ones((problem.N, d), problem.X.dtype) for d in problem.sizes]

    def run():
        for _ in range(problem.count):
            for l in range(L):
                A[l] @ W[l].T
                A[l + 1].T @ A[l]
                if l:
                    A[l + 1] @ W[l]

    return run


CONTENDERS = [utils, tensors, book, autograd, sklearn, calls, products]


@contextmanager
def threads(number):
    """Let BLAS and torch use this many threads; None leaves the default."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    with threadpool_limits(number):
        yield
    torch.set_num_threads(before)


def measure(problem, seconds, pause=0.0):
    """Return {contender: quartiles of a step in µs}; before each pass there is a pause, in seconds."""
    runs = {contender.__name__: contender(problem) for contender in CONTENDERS}
    times = {name: [] for name in runs}
    for run in runs.values():
        run()  # warm
    end, order = time.perf_counter() + seconds * len(runs), np.random.default_rng(0)
    while time.perf_counter() < end or len(times["utils"]) < 5:
        for name in order.permutation(list(runs)):
            time.sleep(pause)
            run, start = runs[name], time.perf_counter()
            run()
            passes = getattr(run, "passes", 1)
            times[name].append((time.perf_counter() - start) / passes / problem.count * 1e6)
    return {name: np.percentile(found, (25, 50, 75)) for name, found in times.items()}


def name_of(sizes, N):
    """Return "2-4-2:10" and the like."""
    return f"{'-'.join(map(str, sizes))}:{N}"


def draw(rows, path):
    """Draw how many times as fast as autograd each contender is, in float64 on one thread."""
    from utils.plots import LINES, MARKERS, SERIES, axes

    ax = axes(width=9, height=4.2)
    shapes = list(dict.fromkeys(shape for shape, *_ in rows))
    for i, name in enumerate(("utils", "tensors", "book", "sklearn", "calls")):
        ratios = [times["autograd"][1] / times[name][1] for _, dtype, number, times in rows
                  if dtype == "float64" and number == 1]
        ax.plot(shapes, ratios, color=SERIES[i], ls=LINES[i], marker=MARKERS[i], label=name)
    ax.axhline(1, color="0.4", lw=1)
    ax.set(yscale="log", ylabel="times as fast as autograd", xlabel="sizes : batch")
    ax.set_yticks([0.5, 1, 2, 4, 8], ["½", "1", "2", "4", "8"])
    ax.minorticks_off()
    ax.tick_params("x", rotation=15)
    ax.legend()
    ax.figure.savefig(path, dpi=110, bbox_inches="tight")


def main(arguments):
    """Print the table, and draw it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each contender and row")
    parser.add_argument("--activation", choices=BARE, default="sigmoid")
    parser.add_argument("--only", type=int, nargs="*", default=range(len(SHAPES)), help="numbers of shapes, from 0")
    parser.add_argument("--value", action="store_true", help="the loss's value in each step")
    parser.add_argument("--draw", type=Path)
    options = parser.parse_args(arguments)
    print(f"{date.today():%d %B %Y}, {platform.machine()}, {torch.get_num_threads()} threads by default, Python "
          f"{platform.python_version()}, NumPy {np.__version__}, torch {torch.__version__}, {options.activation}")
    names, rows = [contender.__name__ for contender in CONTENDERS], []
    print(f"{'sizes:batch':<22}{'dtype':<9}{'threads':<9}" + "".join(f"{name:>24}" for name in names))
    for number in (1, None):
        for dtype in ("float64", "float32"):
            for i in options.only:
                problem = Problem(*SHAPES[i], dtype, options.activation, options.value)
                with threads(number):
                    # BLAS's threads spin for a while after their work, and would slow down torch's, and vice versa.
                    several = number is None and max(problem.sizes) > 100
                    times = measure(problem, options.seconds, pause=0.1 * several)
                cells = [f"{m:.1f} ({low:.1f}–{high:.1f})" for low, m, high in (times[name] for name in names)]
                head = f"{name_of(*SHAPES[i]):<22}{dtype:<9}{number or 'default':<9}"
                print(head + "".join(f"{cell:>24}" for cell in cells))
                ratios = {peer: times[peer][1] / times["utils"][1] for peer in TARGETS}
                ratios["book"] = times["book"][1] / times["utils"][1]
                ratios["products"] = times["products"][1] / times["utils"][1]
                ratios["autograd, on tensors"] = times["autograd"][1] / times["tensors"][1]
                print(" " * 22 + "utils is as fast as  " + "   ".join(
                    f"{peer} × {ratio:.2f}" + (f" (aim {TARGETS[peer][i]:.2g})" if peer in TARGETS else "")
                    for peer, ratio in ratios.items()), flush=True)
                rows.append((name_of(*SHAPES[i]), dtype, number, times))
    if options.draw:
        draw(rows, options.draw)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
