"""The lecture wherever it is read: in an environment of each Python that is found here, and in one like Colab's.

    python tests/places.py [--in FOLDER] [--only 3.13] [--quick]

Each place gets a virtual environment in FOLDER (build/places), and is asked to import everything, to start the
launcher, and to run all notebooks and all tests; --quick: one notebook, and no tests. A Python that is not here is no
fault. PyTorch is installed where its build for CPUs can be had, or there is no other; elsewhere what needs it is
skipped, since the other build takes gigabytes. What was said stands in a file beside each environment.
"""

import argparse
import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from utils.lecture.environment import CPU_INDEX, NEWEST, OLDEST, pins  # noqa: E402

TOOLS = ("latex2mathml", "pytest", "pytest-xdist", "nbval", "hypothesis")  # what the tests need and Colab has not
COLAB = {"ipywidgets": "7.7.1", "ipykernel": "6.17.1", "ipython": "7.34.0", "jupyter-core": "5.8.1", "numpy": "2.0.2",
         "matplotlib": "3.10.0", "scikit-learn": "1.6.1", "nbconvert": "7.16.6", "setuptools": "75.2.0"}
TORCH = ["--no-deps", "--only-binary", ":all:", "--retries", "0", "--timeout", "10", "--extra-index-url", CPU_INDEX,
         f"torch=={pins()['torch']}"]
NEED_TORCH = ("05", "07")  # notebooks
ONE_NOTEBOOK = "02"
WITHOUT_TORCH = ["-p", "without_torch", "-o", "truncation_limit_lines=0", "-o", "truncation_limit_chars=0"]
IMPORTS = """
import importlib, pkgutil, utils
names = [found.name for found in pkgutil.walk_packages(utils.__path__, "utils.") if not found.name.endswith("__main__")]
failed = {}
for name in names:
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed[name] = error.name or str(error)
without = {missing.partition(".")[0] for missing in failed.values()}
print(f"{len(names) - len(failed)} of {len(names)}" + (f", no {' or '.join(sorted(without))}" if failed else ""))
"""


class Place(NamedTuple):
    """An environment: its name, its Python, the versions that it has, and whether it is the one that is promised."""

    name: str
    python: str
    versions: dict
    promised: bool


def places():
    """Return every place, by its name."""
    promised = {name: version for name, version in pins().items() if name != "torch"}
    found = [Place(f"3.{minor}", f"3.{minor}", promised, True) for minor in range(OLDEST[1], NEWEST[1] + 1)]
    colab = Place("colab", "3.12", {**COLAB, **{name: pins()[name] for name in TOOLS}}, False)
    return {place.name: place for place in [*found, colab]}


# Finding and making -----------------------------------------------------------------------------------


def candidates(version):
    """Yield where a Python of this version may be: on the path, from pyenv, from uv, from the Windows launcher."""
    yield [f"python{version}"]
    for folder in sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{version}.*")), reverse=True):
        yield [f"{folder}/bin/python"]
    if shutil.which("uv"):
        done = subprocess.run(["uv", "python", "find", version], capture_output=True, text=True, check=False)
        yield [done.stdout.strip() or "no python"]
    yield ["py", f"-{version}"]


def find(version):
    """Return the path of a Python of this version that can make environments, or None."""
    code = "import sys, venv, ensurepip; print(sys.executable, '{}.{}'.format(*sys.version_info))"
    for command in candidates(version):
        if shutil.which(command[0]):
            done = subprocess.run([*command, "-c", code], capture_output=True, text=True, check=False)
            path, _, found = done.stdout.strip().rpartition(" ")
            if done.returncode == 0 and found == version:
                return path
    return None


def inside(folder):
    """Return the path of an environment's Python."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def torch_fits(python):
    """Say whether pip would install a PyTorch that takes no gigabytes."""
    done = subprocess.run([python, "-m", "pip", "install", *TORCH, "--dry-run", "--ignore-installed", "--quiet",
                           "--report", "-"], capture_output=True, text=True, check=False)
    if done.returncode:
        return False
    version = json.loads(done.stdout)["install"][0]["metadata"]["version"]
    return platform.system() != "Linux" or version.endswith("+cpu")


def make(place, python, folder, log):
    """Make or complete a place's environment; return its Python and whether it has PyTorch, or None if that failed."""
    stamp, inner = folder / "complete.json", inside(folder)
    wanted = [f"{name}=={version}" for name, version in place.versions.items()]
    if not stamp.exists() or json.loads(stamp.read_text())["wanted"] != wanted:
        if run(log, python, "-m", "venv", "--clear", folder)[0]:
            return None
        torch = torch_fits(inner)
        for names in [TORCH] * torch + [[*wanted, *["torch"] * torch], ["--no-deps", "-e", ROOT]]:
            if run(log, inner, "-m", "pip", "install", "--quiet", *names)[0]:
                return None
        stamp.write_text(json.dumps({"wanted": wanted, "torch": torch}))
    return inner, json.loads(stamp.read_text())["torch"]


# Asking -----------------------------------------------------------------------------------------------


def run(log, *command, path=""):
    """Run a command in the project's folder, add what it says to a file; return its status and that."""
    progress = log.with_suffix(".progress")  # what the reader has solved so far stays out of it
    progress.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(path), "LECTURE_PROGRESS": str(progress)}
    done = subprocess.run(list(map(str, command)), cwd=ROOT, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace", check=False)
    with open(log, "a", encoding="utf-8") as file:
        print("$", *command, "\n", done.stdout, file=file)
    return done.returncode, done.stdout


def imports(python, log):
    """Return how many modules can be imported, and what the others lack."""
    status, said = run(log, python, "-c", IMPORTS)
    return said.splitlines()[-1] if status == 0 else "failed"


def launcher(python, log):
    """Return "starts" if the launcher gives help, and refuses a notebook that there is not, in one sentence."""
    help_, refusal = (run(log, python, "-m", "utils", *words) for words in (["--help"], ["export", "99"]))
    right = help_[0] == 0 and refusal[0] == 2 and "no notebook" in refusal[1] and refusal[1].count("\n") == 1
    return "starts" if right else "failed"


def notebooks(place, python, log, torch, quick):
    """Return what becomes of the notebooks: compared to the last digit where the versions are the pinned ones."""
    paths = [path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
             if (path.name.startswith(ONE_NOTEBOOK) if quick else torch or not path.name.startswith(NEED_TORCH))]
    return pytest(log, python, *paths, "--nbval" if place.promised else "--nbval-lax")


def tests(place, python, log, torch):
    """Return what becomes of the tests; what needs PyTorch is skipped where it is not.

    With other versions than the promised ones, a warning of somebody else's package is no fault.
    """
    return pytest(log, python, "tests", "-n", "2", "--dist", "loadscope", "--no-loadscope-reorder",
                  *([] if place.promised else ["-W", "default"]), *([] if torch else WITHOUT_TORCH))


def pytest(log, python, *words):
    """Run pytest; return its last line without its frame, and with the names of what failed in lines of their own."""
    _, said = run(log, python, "-m", "pytest", "-q", "-o", f"cache_dir={log.with_suffix('.cache')}", *words,
                  path=ROOT / "tests")
    counts = r"(\d+ [a-z]+(?:, \d+ (?!warning)[a-z]+)*)(?:, \d+ warnings?)?"
    last = re.findall(rf"^(?:=+ )?{counts} in [\d.]+s.*$", said, flags=re.MULTILINE)
    failed = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", said, flags=re.MULTILINE)
    return "\n".join([last[-1] if last else "did not start", *failed])


def ask(place, folder, quick):
    """Make a place and ask it everything; return {column: answer}, or a sentence on why it could not be made."""
    python = find(place.python)
    if not python:
        return f"{place.name}: there is no Python {place.python} here that can make environments."
    folder.mkdir(parents=True, exist_ok=True)
    log, start = folder / f"{place.name}.log", time.monotonic()
    log.write_text("")
    made = make(place, python, folder / place.name, log)
    if not made:
        return f"{place.name}: could not be installed; {log} says why."
    inner, torch = made
    _, version = run(log, inner, "-c", "import platform; print(platform.python_version())")
    answers = {"place": place.name, "Python": version.strip(), "torch": "yes" if torch else "no",
               "imports": imports(inner, log), "launcher": launcher(inner, log),
               "notebooks": notebooks(place, inner, log, torch, quick),
               "tests": "not asked" if quick else tests(place, inner, log, torch)}
    return {**answers, "minutes": f"{(time.monotonic() - start) / 60:.1f}"}


# Telling ----------------------------------------------------------------------------------------------


def table(rows):
    """Return the answers as a table."""
    heads = list(rows[0])
    lines = [heads, ["-"] * len(heads), *([row[head].splitlines()[0] for head in heads] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join("| " + " | ".join(cell.ljust(width, "-" if cell == "-" else " ")
                                       for cell, width in zip(line, widths)) + " |" for line in lines)


def is_well(row):
    """Say whether a place gave no answer that speaks of a failure."""
    words = " ".join(row.values())
    return not re.search(r"failed|error|did not start", words) and "passed" in row["notebooks"]


def main(words):
    """Ask the places, print a table, then what failed; return 1 if anything did."""
    every = places()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--in", dest="folder", type=Path, default=ROOT / "build" / "places", metavar="FOLDER",
                        help="where the environments go (build/places)")
    parser.add_argument("--only", action="append", choices=list(every), help="ask this place alone; may be repeated")
    parser.add_argument("--quick", action="store_true", help="imports, launcher, one notebook")
    options = parser.parse_args(words)
    rows = []
    for name in options.only or every:
        print(f"Asking {name} …", file=sys.stderr, flush=True)
        answer = ask(every[name], options.folder.resolve(), options.quick)
        rows += [answer] if isinstance(answer, dict) else print(answer) or []
    if rows:
        print(table(rows))
    for row in rows:
        if row["torch"] == "no":
            print(f"{row['place']}: no build of PyTorch for CPUs alone can be had here; notebooks "
                  f"{' and '.join(NEED_TORCH)}, and the tests that need it, were skipped.")
        for answer in row.values():
            for line in answer.splitlines()[1:]:
                print(f"{row['place']}: {line}")
    return int(not all(map(is_well, rows)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
