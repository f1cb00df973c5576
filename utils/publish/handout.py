"""Two copies of the series: the class's, exercises open and solutions sealed, and the teacher's, solved.

    python3 -m utils handout [--to FOLDER]

Both hold all that `python3 -m utils` needs, and no outputs. In the class's copy the checks work as ever, but the code
that they compare with can no longer be read at a glance: sealed, not locked.
"""

import argparse
import ast
import base64
import shutil
import sys
import zlib
from pathlib import Path
from textwrap import dedent

import nbformat

from utils.exercises import lessons

ROOT = Path(__file__).resolve().parents[2]
FILES = ("requirements.txt", "environment.yml", "pyproject.toml", "setup.py", "LICENSE")
TAG = "exercise:"
README = """# Backpropagation: a lecture in notebooks

{edition}

With Python 3.11, 3.12, 3.13 or 3.14, in the folder that this file lies in: `python3 -m utils` (on Windows,
`py -m utils`). The first time, this installs what the lecture stands on, and then it opens the first notebook.
"""
EDITIONS = {
    "class": "For the class: the exercises are open, and each has a check that answers, and hints. What you have done\n"
             "so far is kept beside the notebook, in a file that ends in `.progress.json`.",
    "teacher": "For the teacher: every exercise is filled in with its solution.",
}
SEALED = '''\
{docstring}

import base64
import zlib

SEAL = """
{seal}
"""
exec(compile(zlib.decompress(base64.b85decode("".join(SEAL.split()))), "<sealed>", "exec"))
'''


def filled(notebook, answers):
    """Return the notebook with its exercises' cells replaced, {exercise: source}, and all outputs gone."""
    notebook = nbformat.from_dict(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        for tag in cell.metadata.get("tags", []):
            if tag.startswith(TAG):
                cell.source = answers[tag.removeprefix(TAG)]
    return notebook


def blanks(lesson):
    """Return what a lesson's cells hold for the class, {exercise: source}."""
    return {name: exercise.blank() for name, exercise in lesson.exercises.items()}


def solutions(lesson):
    """Return what they hold for the teacher."""
    return {name: exercise.source() for name, exercise in lesson.exercises.items()}


def sealed(source):
    """Return a module's source, unreadable but for its docstring, that does the same."""
    text = base64.b85encode(zlib.compress(source.encode(), 9)).decode()
    lines = "\n".join(text[i : i + 110] for i in range(0, len(text), 110))
    return SEALED.format(docstring=f'"""{ast.get_docstring(ast.parse(source))}"""', seal=lines)


def write(folder, edition):
    """Write one edition, "class" or "teacher", into a folder that is new or held such a copy before."""
    answers = {"class": blanks, "teacher": solutions}[edition]
    shutil.copytree(ROOT / "utils", folder / "utils", ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    (folder / "README.md").write_text(README.format(edition=EDITIONS[edition]), encoding="utf-8")
    (folder / "notebooks").mkdir()
    for lesson in lessons():
        notebook = nbformat.read(ROOT / "notebooks" / f"{lesson.notebook}.ipynb", as_version=4)
        nbformat.write(filled(notebook, answers(lesson)), folder / "notebooks" / f"{lesson.notebook}.ipynb")
    catalogue = (folder / "utils" / "exercises").glob("*.py") if edition == "class" else ()
    for path in (path for path in catalogue if path.stem != "__init__"):
        path.write_text(sealed(path.read_text(encoding="utf-8")), encoding="utf-8")


def main(arguments):
    """Write both editions, and print where they are."""
    parser = argparse.ArgumentParser(prog="python3 -m utils handout", description=dedent(__doc__.partition("\n\n")[0]))
    parser.add_argument("--to", default=str(ROOT / "build" / "handout"),
                        help="the folder to write into (build/handout)")
    target = Path(parser.parse_args(arguments).to)
    for edition in EDITIONS:
        folder = target / edition
        if folder.exists():
            print(f"{folder} is there already: move it away, or choose another folder with --to.", file=sys.stderr)
            return 2
        try:
            write(folder, edition)
        except OSError as error:
            print(f"{folder} could not be written: {error}.", file=sys.stderr)
            return 2
        print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
