"""Notebooks in a copy of the series, run with the copy's own `utils`."""

import nbformat
from nbclient import NotebookClient


def notebook(folder, lesson):
    return nbformat.read(folder / "notebooks" / f"{lesson.notebook}.ipynb", as_version=4)


def run(book, folder, monkeypatch):
    """Run a notebook in a copy, with the copy's own utils, and return the texts that its cells print."""
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.delenv("LECTURE_PROGRESS", raising=False)
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(folder / "notebooks")}}).execute()
    return ["".join(o.text for o in cell.outputs if o.output_type == "stream") for cell in book.cells
            if cell.cell_type == "code"]


def code(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]
