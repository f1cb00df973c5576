"""How long a whole epoch takes: `train`, a plain torch loop and scikit-learn's partial_fit, interleaved in one run.

    python tests/benchmarks/epochs.py [--seconds 2] [--activation sigmoid] [--only 0 1 2]

Each contender trains for four epochs on shuffled mini-batches, again and again; nobody asks for an epoch's loss. A row
gives the median time of an epoch in ms, its quartiles, and how many times as fast as its peers `train` is.

train        utils.training.train, softmax_cross_entropy on logits, on NumPy arrays
tensors      the same on torch tensors, without autograd
torch        nn.Sequential, CrossEntropyLoss, optim.SGD
sklearn      MLPClassifier(solver="sgd").partial_fit, no momentum, no penalty
"""

import argparse
import platform
import sys
import time
import warnings
from datetime import date

import numpy as np
import torch
from sklearn.neural_network import MLPClassifier
from steps import BARE, MODULES, RATE, SHAPES, Problem, name_of, threads

from utils.distributed import sequential
from utils.losses import softmax_cross_entropy
from utils.mlp import convert
from utils.training import train

EPOCHS = 4
TARGETS = {"torch": (7, 7, 7, 4, 1, 0.9), "sklearn": (2, 2, 2, 1.6, 1, None)}


def ours(problem, change=lambda v: v):
    """Four epochs of train; to ask for an epoch is not to ask for its loss."""
    net, X, Y, rng = convert(problem.net, change), change(problem.X), change(problem.Y), np.random.default_rng(0)

    def run():
        nonlocal net
        for epoch in train(net, X, Y, softmax_cross_entropy, RATE, EPOCHS, problem.N, rng):
            net = epoch.net

    run.weights = lambda: [np.asarray(W) for W in net.W.values()]
    return run


def tensors(problem):
    """The same on torch tensors."""
    return ours(problem, torch.from_numpy)


def torchs(problem):
    """Four epochs as PyTorch's own tutorials write them, with NumPy's shuffle."""
    X, labels, rng = torch.from_numpy(problem.X), torch.from_numpy(problem.labels), np.random.default_rng(0)
    model = sequential(convert(problem.net, torch.from_numpy), MODULES[problem.activation])
    loss, optimizer = torch.nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=RATE)

    def run():
        for _ in range(EPOCHS):
            order = torch.from_numpy(rng.permutation(len(X)))
            X_shuffled, shuffled = X[order], labels[order]
            for first in range(0, len(X), problem.N):
                optimizer.zero_grad()
                loss(model(X_shuffled[first : first + problem.N]), shuffled[first : first + problem.N]).backward()
                optimizer.step()

    run.weights = lambda: [layer.weight.detach().numpy() for layer in model[::2]]
    return run


def sklearn(problem):
    """Four calls of partial_fit, each of which is an epoch."""
    model = MLPClassifier(problem.sizes[1:-1], solver="sgd", batch_size=problem.N, learning_rate_init=RATE, momentum=0,
                          nesterovs_momentum=False, alpha=0, shuffle=True, random_state=0,
                          activation={"sigmoid": "logistic"}.get(problem.activation, problem.activation))
    classes = np.arange(problem.sizes[-1])

    def run():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(EPOCHS):
                model.partial_fit(problem.X, problem.labels, classes=classes)

    return run


CONTENDERS = {"train": ours, "tensors": tensors, "torch": torchs, "sklearn": sklearn}


def measure(problem, seconds, pause=0.0):
    """Return {contender: quartiles of an epoch in ms}; before each turn there is a pause, in seconds."""
    runs = {name: contender(problem) for name, contender in CONTENDERS.items()}
    times = {name: [] for name in runs}
    for run in runs.values():
        run()  # warm
    end, order = time.perf_counter() + seconds * len(runs), np.random.default_rng(0)
    while time.perf_counter() < end or len(times["train"]) < 3:
        for name in order.permutation(list(runs)):
            time.sleep(pause)
            start = time.perf_counter()
            runs[name]()
            times[name].append((time.perf_counter() - start) / EPOCHS * 1e3)
    return {name: np.percentile(found, (25, 50, 75)) for name, found in times.items()}


def main(arguments):
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each contender and row")
    parser.add_argument("--activation", choices=BARE, default="sigmoid")
    parser.add_argument("--only", type=int, nargs="*", default=range(len(SHAPES)), help="numbers of shapes, from 0")
    options = parser.parse_args(arguments)
    print(f"{date.today():%d %B %Y}, {platform.machine()}, {torch.get_num_threads()} threads by default, Python "
          f"{platform.python_version()}, NumPy {np.__version__}, torch {torch.__version__}, {options.activation}")
    print(f"{'sizes:batch':<22}{'dtype':<9}{'threads':<9}" + "".join(f"{name:>24}" for name in CONTENDERS))
    for number in (1, None):
        for dtype in ("float64", "float32"):
            for i in options.only:
                problem = Problem(*SHAPES[i], dtype, options.activation, value=False)
                with threads(number):
                    several = number is None and max(problem.sizes) > 100
                    times = measure(problem, options.seconds, pause=0.1 * several)
                cells = [f"{m:.2f} ({low:.2f}–{high:.2f})" for low, m, high in times.values()]
                head = f"{name_of(*SHAPES[i]):<22}{dtype:<9}{number or 'default':<9}"
                print(head + "".join(f"{cell:>24}" for cell in cells))
                aims = {peer: aims[i] for peer, aims in TARGETS.items()}
                ratios = [f"{peer} × {times[peer][1] / times['train'][1]:.2f}" + (f" (aim {aim:.2g})" if aim else "")
                          for peer, aim in aims.items()]
                ratios.append(f"torch, on tensors × {times['torch'][1] / times['tensors'][1]:.2f}")
                print(" " * 22 + "train is as fast as  " + "   ".join(ratios), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
