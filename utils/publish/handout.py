"""Two copies of the series: the class's, exercises open and solutions sealed, and the teacher's, solved.

    python3 -m utils handout [--to FOLDER]

Both hold all that `python3 -m utils` needs, and no outputs. In the class's copy the checks work as ever, but the code
that they compare with can no longer be read at a glance: sealed, not locked.
"""

import ast
import base64
import shutil
import signal
import sys
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat

from utils.exercises import lessons
from utils.lecture.arguments import parse
from utils.lecture.environment import ROOT
from utils.publish import TAG, refused

FILES = ("requirements.txt", "environment.yml", "pyproject.toml", "setup.py", "LICENSE")
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


def refuse_sealed():
    """Raise ValueError in the class's edition, which has no solutions to hand out or to seal."""
    try:
        next(iter(lessons()[0].exercises.values())).source()
    except OSError:
        raise ValueError("This is the class's edition, whose solutions are sealed: it can only be handed out from the "
                         "series that it was made from, or by copying it as it is.") from None


def read(name):
    """Return a notebook of the series; raise ValueError, with a sentence, for a file that is none."""
    try:
        return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError):
        raise ValueError(f"{name}.ipynb is not a notebook.") from None


def fill(folder, edition):
    """Write one edition into a folder that is empty."""
    answers = {"class": blanks, "teacher": solutions}[edition]
    shutil.copytree(ROOT / "utils", folder / "utils", ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    (folder / "README.md").write_text(README.format(edition=EDITIONS[edition]), encoding="utf-8")
    (folder / "notebooks").mkdir()
    for lesson in lessons():
        notebook = filled(read(lesson.notebook), answers(lesson))
        nbformat.write(notebook, folder / "notebooks" / f"{lesson.notebook}.ipynb")
    catalogue = (folder / "utils" / "exercises").glob("*.py") if edition == "class" else ()
    for path in (path for path in catalogue if path.stem != "__init__"):
        path.write_text(sealed(path.read_text(encoding="utf-8")), encoding="utf-8")


def write(folder, edition):
    """Write one edition, "class" or "teacher", into a folder that is new, all of it or nothing.

    Raises OSError where the folder cannot be written or has something in it, and ValueError where there is no edition
    to write: in the class's edition, or with a notebook that cannot be read.
    """
    refuse_sealed()
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        folder.rmdir()  # an empty one; any other raises
    with TemporaryDirectory(prefix=".unfinished-", dir=folder.parent) as place:
        draft = Path(place) / folder.name
        draft.mkdir()
        fill(draft, edition)
        draft.rename(folder)


def main(words):
    """Write both editions, and print where they are; return the exit status."""
    target = parse("handout", words).to
    taken = [target / edition for edition in EDITIONS if (target / edition).exists()]
    if taken:
        return refused(f"{taken[0]} is there already: move it away, or choose another folder with --to.")
    try:
        refuse_sealed()
        target.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".unfinished-", dir=target) as place:
            for edition in EDITIONS:
                write(Path(place) / edition, edition)
            for edition in EDITIONS:
                (Path(place) / edition).rename(target / edition)
    except ValueError as error:
        return refused(error)
    except OSError as error:
        return refused(f"{target} could not be written: {error}.")
    print(*(target / edition for edition in EDITIONS), sep="\n")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ended by the launcher's Ctrl-C: tidy up as well
    sys.exit(main(sys.argv[1:]))
