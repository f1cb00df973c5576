"""Make the README's pictures, as a reader sees them: a piece, a ledger, and a check that names a mistake.

    python tests/pictures.py

Each is what a cell shows that runs in a real JupyterLab; they are written into `.github/pictures`.
"""

import sys
import tempfile
from pathlib import Path

from lab import ROOT, Lab, missing, write_notebook

FOLDER = ROOT / ".github" / "pictures"
PIECE = "from utils.widgets import step_size_lab\nstep_size_lab(rate=0.23, start=(3.0, -1.0))"
LEDGER = """from utils.autograd import gradient_ledger
from utils.datasets import lecture_example
from utils.losses import cross_entropy
from utils.mlp import backward, forward
X, Y, net = lecture_example("numpy")
trace = forward(net, X)
mine = backward(net, trace, cross_entropy.gradient(trace.A[3], Y))
mine.dW[2] = mine.dW[2] * 4
gradient_ledger(net, X, Y, cross_entropy, mine)"""
CHECK = """from utils.activations import softmax
from utils.exercises import backward as ex
def my_error_signal(Z3, Y):
    return (Y - softmax(Z3)) / len(Y)
ex.error_signal.check(my_error_signal)"""
PICTURES = {"piece": PIECE, "ledger": LEDGER, "check": CHECK}


def main():
    """Write the pictures; return the exit status."""
    if missing():
        print(missing())
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        write_notebook(Path(folder) / "pictures.ipynb", *PICTURES.values())
        with Lab(folder) as lab, lab.open("pictures.ipynb", width=1200, height=2400) as opened:
            opened.run_all()
            opened.page.wait_for_timeout(2000)
            for i, name in enumerate(PICTURES):
                cell = opened.page.locator(".jp-CodeCell").nth(i)
                part = cell if name == "check" else cell.locator(".jp-OutputArea-output:visible").last
                part.screenshot(path=FOLDER / f"{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
