"""How the cost of a step grows: against N, width and depth; and what a step of gradient descent costs beside its peers.

    python tests/benchmarks/growth.py [--seconds 0.2] [--draw FILE.png]

First a network that is made larger in one direction at a time, in float64 on one thread: the time of a training step,
and the slope of the straight line through its large half on logarithmic axes. A slope of 1 is proportional, 2 is
quadratic; small networks lie above the line, because a NumPy call costs about a microsecond whatever it does.

Then 100 steps on f(x₁, x₂) = x₁² + x₁x₂ + 4x₂² from (3, 3), per step: utils.descent.gradient_descent, SciPy's
minimize (its conjugate gradients: SciPy has no plain descent) with the gradient given, and torch.optim.SGD on autograd.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from utils.activations import identity, sigmoid
from utils.descent import LECTURE, gradient_descent
from utils.losses import one_hot, softmax_cross_entropy
from utils.mlp import initialize
from utils.plots import LINES, MARKERS, SERIES, axes
from utils.training import step

START, RATE, STEPS = np.array([3.0, 3.0]), 0.01, 100
GROWTH = {  # what grows, and (sizes, N) for each value of it
    "N, the batch": {n: ((64, 128, 10), n) for n in 2 ** np.arange(2, 15)},
    "width of two hidden layers": {d: ((64, d, d, 10), 64) for d in 2 ** np.arange(2, 12)},
    "depth, layers of 64": {k: ((64, *[64] * k, 10), 64) for k in (1, 2, 4, 8, 16, 32, 64)},
}


def median_time(run, seconds):
    """Return the median time of a call in seconds, of at least five."""
    run()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return np.median(times)


def training_step(sizes, N):
    """Return a training step to be timed."""
    rng = np.random.default_rng(0)
    net = initialize(sizes, [sigmoid] * (len(sizes) - 2) + [identity], rng)
    X, Y = rng.normal(size=(N, sizes[0])), one_hot(rng.integers(0, sizes[-1], N), sizes[-1])
    return lambda: step(net, X, Y, softmax_cross_entropy.unchecked, 0.01)


def slope(sizes, times):
    """Return the exponent of growth in the large half."""
    half = len(sizes) // 2
    return np.polyfit(np.log(sizes[half:]), np.log(times[half:]), 1)[0]


def ours():
    """100 steps of ours."""
    return gradient_descent(LECTURE.value, LECTURE.gradient, START, RATE, max_steps=STEPS).steps


def scipys():
    """SciPy's own way down, however many steps it takes."""
    return minimize(LECTURE.value, START, jac=LECTURE.gradient, method="CG").nit


def torchs():
    """100 steps of torch.optim.SGD."""
    x = torch.tensor(START, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        (x[0] ** 2 + x[0] * x[1] + 4 * x[1] ** 2).backward()
        optimizer.step()
    return STEPS


def draw(curves, path):
    """Draw the three curves side by side."""
    ax = axes(3, width=3.6, height=3.6)
    for i, (a, (name, (sizes, times))) in enumerate(zip(ax, curves.items())):
        a.plot(sizes, times * 1e6, color=SERIES[i], ls=LINES[i], marker=MARKERS[i])
        a.set(xscale="log", yscale="log", xlabel=name, ylabel="µs a step" if i == 0 else "",
              title=f"slope {slope(sizes, times):.2f} at the end")
    ax[0].figure.savefig(path, dpi=110, bbox_inches="tight")


def main(arguments):
    """Print both tables, and draw the growth if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=0.2, help="for each point")
    parser.add_argument("--draw", type=Path)
    options = parser.parse_args(arguments)
    curves = {}
    with threadpool_limits(1):
        for name, cases in GROWTH.items():
            sizes = np.array(list(cases))
            times = np.array([median_time(training_step(*case), options.seconds) for case in cases.values()])
            curves[name] = sizes, times
            print(f"{name}: slope {slope(sizes, times):.2f} at the end")
            print("   " + "  ".join(f"{n}: {1e6 * t:.0f} µs" for n, t in zip(sizes, times)))
        rounds = [[1e6 * median_time(run, options.seconds / 5) / run() for run in (ours, scipys, torchs)]
                  for _ in range(5)]
    mine, scipy, torch_ = np.median(rounds, axis=0)
    print(f"a step on the quadratic: gradient_descent {mine:.1f} µs, scipy.optimize.minimize {scipy:.1f} µs (× "
          f"{scipy / mine:.1f}), torch.optim.SGD {torch_:.1f} µs (× {torch_ / mine:.1f})")
    if options.draw:
        draw(curves, options.draw)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
