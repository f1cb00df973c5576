"""The lecture's launcher.

  python3 -m utils [options of JupyterLab]     open the lecture
  python3 -m utils present [NUMBER] [options]  give it: a notebook, one idea a screen, in large type
  python3 -m utils export [NUMBERS] [--to DIR] write it as HTML files that need no network
  python3 -m utils handout [--to DIR]          copy it twice: for the class, and with all exercises solved
  python3 -m utils portable [NUMBERS] [--to D] write it as one file that carries its code: for Colab, Kaggle, anywhere
  python3 -m utils tally FOLDER [NUMBERS]      show what the class stumbled on, from its records in a folder
  python3 -m utils check FOLDER [--to DIR]     check the exercises of notebooks that were handed in
  python3 -m utils hub --to DIR                prepare a folder for a class on one server
  python3 -m utils test [arguments of pytest]  run its tests

On Windows write "py" for "python3". The first run makes the folder .venv and installs what
requirements.txt lists; interrupted, it goes on where it stopped; complete, it is used as it is.
"""

# The standard library alone, in the syntax of Python 3.6: an old Python shall get far enough to say that it is too old.
import os
import sys
import tempfile
from pathlib import Path

if not __package__:  # started by its path, python3 SOMEWHERE/utils
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
try:
    from utils.lecture import arguments
    from utils.lecture.environment import ROOT, check_python, check_utils, environment, ready, refuse, run, say
except ImportError as other:  # somebody else's utils, by its path
    sys.exit(print(other, file=sys.stderr) or 2)

JUPYTER = ROOT / "utils" / "jupyter"
FIRST_NOTEBOOK = "notebooks/00_learning_a_function.ipynb"


def lab(python, url, options):
    """Start JupyterLab on one page, with the settings in utils/jupyter/, for this computer alone and with its token."""
    check_utils(python)
    say("Starting JupyterLab; Ctrl-C ends it.")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(  # the user's own paths stay
        filter(None, [str(JUPYTER), os.environ.get("JUPYTER_CONFIG_PATH")]))
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # as in most containers
    return run(python, "-m", "jupyterlab", "--ip=127.0.0.1", f"--ServerApp.root_dir={ROOT}",
               f"--LabApp.default_url={url}", *root, *options)


def lecture(python, options):
    """Open the first notebook."""
    return lab(python, f"/lab/tree/{FIRST_NOTEBOOK}", options)


def present(python, words):
    """Open one notebook in lecture mode."""
    path = arguments.parse("present", words).number[0]
    options = words[1:] if words and not words[0].startswith("-") else words
    return lab(python, f"/doc/workspaces/lecture-mode/tree/notebooks/{path.name}",
               [f"--LabApp.extra_labextensions_path={JUPYTER / 'labextensions'}", *options])


def module(name):
    """Return the command that runs one module of `utils` in the lecture's environment."""
    return lambda python, words: run(python, "-m", f"utils.{name}", *words)


def test(python, words):
    """Check style, code and notebooks, or run pytest as told; return the first status that is not 0."""
    suite = ["ruff check", "pytest tests notebooks --nbval -n 2 --dist loadscope --no-loadscope-reorder"]
    statuses = []
    os.environ["LECTURE_PROGRESS"] = tempfile.mkdtemp()  # what the reader has solved so far stays out of it
    for step in [["pytest", *words]] if words else [line.split() for line in suite]:
        say(f"Running {' '.join(step)}.")
        statuses.append(run(python, "-m", *step))
    return next(filter(None, statuses), 0)


COMMANDS = {"open": lecture, "present": present, "export": module("publish.export"),
            **{name: module(f"publish.{name}") for name in ("handout", "portable", "tally", "check", "hub")},
            "test": test}


def main(words):
    """Run one command, by default the one that opens the lecture, and return its exit status."""
    if not words or words[0].startswith("-"):
        words = ["open", *words]
    name, *rest = words
    if rest[:1] in (["-h"], ["--help"]) and name == "open":
        print(__doc__.strip())
        return 0
    if name not in COMMANDS:
        refuse(f"There is no command \"{name}\"; the commands are: {', '.join(COMMANDS)} (and --help).")
    try:
        check_python()
        python = ready()
        if name != "test" or not python:  # where pytest is at hand, it knows best
            arguments.parse(name, rest)
        return COMMANDS[name](python or environment(), rest)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        refuse(f"The set-up stopped ({error}); the same command goes on from here.", 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
