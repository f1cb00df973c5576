"""A playground that has been on for a long time, and a cell that was run again and again.

    python tests/benchmarks/soak.py [EPOCHS] [RUNS]

First, without a browser: what a picture takes, and what is in memory, after 1,000, 10,000, … EPOCHS of the default
problem (a million are an hour at 300 a second). Then, in a real JupyterLab: how many widgets there are after a cell
that shows a playground, which plays, has been run once, and RUNS times.
"""

import statistics
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from lab import Lab, ask, missing, write_notebook
from playing import PLAYGROUND

from utils.widgets import playground

COUNT = "import ipywidgets.widgets.widget as w; print(len(w._instances))"
RUN = "window.jupyterapp.commands.execute('notebook:run-all-cells')"


def picture(piece, times=40):
    """Return the milliseconds of one picture, drawn as while it plays: the median of some."""
    piece.task, found = True, []  # not at rest: autograd is asked twice a second
    for _ in range(times):
        start = time.perf_counter()
        piece.update()
        found.append(1e3 * (time.perf_counter() - start))
    piece.task = None
    return statistics.median(found)


def grow_old(epochs):
    """Print what a picture costs, as the run grows older."""
    piece = playground()
    piece.one_epoch()
    picture(piece)
    print(f"{'epochs':>10}{'ms a picture':>14}{'rows kept':>11}{'kB in memory':>14}")
    age = 1000
    while piece.learner.epoch < epochs:
        while piece.learner.epoch < min(age, epochs):
            piece.learner.run_epoch()
        tracemalloc.start()
        kept = [tuple(map(float, row)) for row in piece.learner.history]
        size = tracemalloc.get_traced_memory()[0] / 1e3
        tracemalloc.stop()
        print(f"{piece.learner.epoch:>10,}{picture(piece):>14.1f}{len(kept):>11}{size:>14.0f}", flush=True)
        age *= 10


def run_again(times):
    """Print how many widgets there are after one run of a cell, and after several."""
    with tempfile.TemporaryDirectory() as folder:
        write_notebook(Path(folder) / "soak.ipynb", PLAYGROUND)
        with Lab(folder) as lab, lab.open("soak.ipynb") as opened:
            counts = []
            for _ in range(times):
                opened.page.evaluate(RUN)
                opened.page.get_by_role("button", name="Play").click()
                opened.page.get_by_role("button", name="Pause").wait_for()
                counts.append(ask(opened.page, COUNT))
    print(f"widgets after one run of the cell: {counts[0]}, after {times}: {counts[-1]}")


def main(epochs=200_000, runs=20):
    """Print both."""
    grow_old(epochs)
    if missing():
        print(missing())
        return 1
    run_again(runs)
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])))
