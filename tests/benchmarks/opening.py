"""How long it takes until a notebook can be read: the imports of each, and a module of its own for comparison.

    python tests/benchmarks/opening.py [--tests]

Each is run in a fresh Python, three times: the median time in seconds, the memory that the process then holds, and
which of the large libraries it has loaded. With --tests, the whole of `python3 -m utils test` is timed as well.
"""

import argparse
import ast
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LARGE = ("numpy", "matplotlib", "torch", "sklearn", "scipy", "ipywidgets")
PROBE = """
import json, sys, time
start = time.perf_counter()
exec(sys.stdin.read())
seconds = time.perf_counter() - start
try:
    import resource
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
except ImportError:  # Windows
    memory = float("nan")
print(json.dumps([seconds, memory, [name for name in sys.argv[1:] if name in sys.modules]]))
"""


def imports():
    """Yield (name, source) of all that a notebook imports, in its order."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        tree = ast.parse("\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"))
        lines = [line for line in tree.body if isinstance(line, ast.Import | ast.ImportFrom)]
        yield path.stem, "\n".join(map(ast.unparse, lines))


def opened(source):
    """Return seconds, megabytes and large libraries after a piece of code."""
    command = [sys.executable, "-c", PROBE, *LARGE]
    runs = [json.loads(subprocess.run(command, input=source, capture_output=True, text=True, check=True,
                                      cwd=ROOT / "notebooks").stdout.splitlines()[-1]) for _ in range(3)]
    return statistics.median(seconds for seconds, *_ in runs), runs[0][1], runs[0][2]


def main(arguments):
    """Print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--tests", action="store_true", help="time the tests, too")
    options = parser.parse_args(arguments)
    cases = {"nothing": "pass", "import numpy": "import numpy", "import utils.mlp": "import utils.mlp",
             "import torch": "import torch", **dict(imports())}
    print(f"{'':<28}{'seconds':>8}{'MB':>7}  with")
    for name, source in cases.items():
        seconds, memory, large = opened(source)
        print(f"{name:<28}{seconds:>8.2f}{memory:>7.0f}  {', '.join(large)}", flush=True)
    if options.tests:
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "utils", "test"], cwd=ROOT, capture_output=True, check=False)
        seconds = time.perf_counter() - start
        print(f"{'python3 -m utils test':<28}{seconds:>8.0f}         exit status {done.returncode}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
