"""Notebooks in a copy of the series, run with the copy's own `utils`, one after the other in one kernel."""

import contextlib
import os
import re

import nbformat
from jupyter_client.manager import start_new_kernel


def notebook(folder, lesson):
    """Return a notebook of a copy, without the cells that start or time workers: those are in test_lecture_07."""
    book = nbformat.read(folder / "notebooks" / f"{lesson.notebook}.ipynb", as_version=4)
    book.cells = [cell for cell in book.cells if not re.search(r"= torchrun\(|\bmeasured\b", cell.source)]
    return book


@contextlib.contextmanager
def kernel(folder):
    """Start a kernel in a copy's folder, and yield its client; that each notebook runs alone is nbval's to show."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    environment.pop("LECTURE_PROGRESS", None)
    manager, client = start_new_kernel(cwd=str(folder / "notebooks"), env=environment)
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def run(book, client):
    """Run a notebook from an empty namespace, and return what each of its cells prints."""
    return [_printed("%reset -f", client), *(_printed(cell.source, client) for cell in code(book))][1:]


def _printed(source, client):
    texts = []

    def listen(message):
        if message["msg_type"] == "stream":
            texts.append(message["content"]["text"])

    answer = client.execute_interactive(source, timeout=300, output_hook=listen, allow_stdin=False)["content"]
    assert answer["status"] == "ok", "\n".join([source, *answer["traceback"]])
    return "".join(texts)


def code(book):
    """Return the cells of code."""
    return [cell for cell in book.cells if cell.cell_type == "code"]
