"""Each notebook as one file that carries the code it needs and runs alone: in Colab, in Kaggle, in any Jupyter.

    python3 -m utils portable [NUMBERS] [--to FOLDER]

Its first cell unpacks `utils` into a temporary folder, for modules read files that lie beside them, and the workers of
notebook 07 are new processes that import it again. Like the class's copy it has open exercises, sealed solutions and no
outputs, which would tell the answers before they are asked for. The same notebook always makes the same file.
"""

import ast
import base64
import io
import re
import sys
import zipfile

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from utils.exercises import lessons
from utils.lecture.arguments import parse
from utils.lecture.environment import ROOT
from utils.publish import refused
from utils.publish.handout import blanks, filled, read, sealed

WIDTH = 4000  # letters in a line of the archive: where a cell cannot be folded, few lines are the next best thing
KINDS = (".py", ".js", ".npz", ".md")
LEFT_OUT, KEPT = ("__main__.py", "jupyter", "publish"), ("publish/__init__.py", "publish/standin.py")
OLDEST = {"Python": (3, 11), "numpy": (2, 0), "matplotlib": (3, 8), "torch": ()}
LINK = re.compile(r"\[([^]]+)\]\((\d\d\w?_\w+\.ipynb)\)")
NOTE = ("*This file is complete: the cell below, folded, holds the lecture's own code. Run it first. "
        "Nothing is installed, and nothing is fetched.*")
CELL = '''\
# @title The lecture's own code: run this cell first
# It unpacks the Python package `utils`, which the cells below import, into a temporary folder of this computer.
# Licence: MIT; the scans of digits in it, CC BY 4.0 (both are in the archive).
{source}

unpack("""
{archive}
""", {needs})'''
FOLDED = {"cellView": "form", "_kg_hide-input": True, "jupyter": {"source_hidden": True}}  # Colab, Kaggle, JupyterLab


def package():
    """Return all of `utils` that a notebook may need, as a zip in base64: no letter of it means anything to IPython."""
    paths = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "utils").rglob("*") if path.suffix in KINDS}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, path in [("LICENSE", ROOT / "LICENSE"), *sorted(paths.items())]:
            inside = name.removeprefix("utils/")
            if inside in KEPT or inside.partition("/")[0] not in LEFT_OUT:
                entry = zipfile.ZipInfo(name)  # of 1 January 1980
                file.writestr(entry, _content(path), zipfile.ZIP_DEFLATED, compresslevel=9)
    text = base64.b64encode(buffer.getvalue()).decode()
    return "\n".join(text[i : i + WIDTH] for i in range(0, len(text), WIDTH))


def _content(path):
    if path.parent.name == "exercises" and path.name != "__init__.py":
        return sealed(path.read_text(encoding="utf-8"))
    return path.read_bytes()


def needed(source):
    """Return what of OLDEST some code needs as soon as it is imported, by itself or through `utils`, with versions."""
    seen, todo = {"Python"}, [source]
    while todo:
        new = set(_imports(todo.pop())) - seen
        seen |= new
        for name in new:
            place = ROOT / name.replace(".", "/")
            todo += [path.read_text(encoding="utf-8") for path in (place.with_suffix(".py"), place / "__init__.py")
                     if name.startswith("utils.") and path.is_file()]
    return {name: oldest for name, oldest in OLDEST.items() if name in seen}


def _imports(source):
    """Yield the names that lines at the left margin import; `from a import b` may mean a.b as well."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            yield from (part for alias in node.names for part in (alias.name, alias.name.partition(".")[0]))
        elif isinstance(node, ast.ImportFrom):
            yield from (node.module, node.module.partition(".")[0])
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def portable(lesson, archive):
    """Return a lesson's notebook as the text of a file that stands alone: its neighbours are named, and not linked."""
    book = filled(read(lesson.notebook), blanks(lesson))
    for cell in book.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(r"\1 (`\2`)", cell.source)
    needs = needed("\n".join(cell.source for cell in book.cells if cell.cell_type == "code"))
    source = (ROOT / "utils" / "publish" / "unpack.py").read_text(encoding="utf-8").split('"""\n\n', 1)[1]
    cell = CELL.format(source=source.rstrip(), needs=needs, archive=archive)
    book.cells[1:1] = [new_markdown_cell(NOTE, id="portable-note"),
                       new_code_cell(cell, id="portable-code", metadata=FOLDED)]
    return nbformat.writes(book) + "\n"


def write(folder, files):
    """Write {name: text} into a folder, all of them or none."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for name, text in files.items():
            (folder / name).write_bytes(text.encode())
    except OSError:
        for name in files:
            (folder / name).unlink(missing_ok=True)
        raise


def main(words):
    """Write the notebooks named, or all, and print where they are and how large; return the exit status."""
    options = parse("portable", words)
    target, named = options.to, {path.stem for paths in options.numbers for path in paths}
    chosen = [lesson for lesson in lessons() if not named or lesson.notebook in named]
    try:
        if target.exists() and any(target.iterdir()):
            return refused(f"{target} is there already: move it away, or choose another folder with --to.")
        archive = package()
        files = {f"{lesson.notebook}.ipynb": portable(lesson, archive) for lesson in chosen}
        write(target, files)
    except ValueError as error:
        return refused(error)
    except OSError as error:
        return refused(f"{target} could not be written: {error}.")
    for name, text in files.items():
        print(f"{target / name}  {len(text.encode()) / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
