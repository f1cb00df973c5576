"""The first cell of a portable notebook: it checks what is there, and puts the lecture's package where imports find it.

`portable` copies this source into the cell, so it needs the standard library alone; where something is missing, or in
the way, the cell ends with one sentence.
"""

import atexit
import base64
import hashlib
import importlib
import importlib.machinery
import io
import os
import re
import shutil
import sys
import tempfile
import zipfile


class CannotRun(ImportError):
    """Why the notebook cannot run here: one sentence, which Jupyter shows without a traceback."""

    def _render_traceback_(self):
        return [str(self)]


def unpack(archive, needs):
    """Let `import utils` find the package in `archive`, base64 of a zip; raise CannotRun if that is not possible.

    `needs` is {library: the oldest version that will do, a tuple of numbers}. Done twice, it is done once; another
    edition takes the place of one that was unpacked before.
    """
    refuse(missing(needs))
    edition = hashlib.sha256(archive.encode()).hexdigest()
    there = sys.modules.get("utils")
    before = getattr(there, "unpacked", None)  # (edition, folder)
    if there and not before:
        where = getattr(there, "__file__", None) or "an unknown place"
        refuse(f"Another package is imported here as utils, from {where}: restart the kernel, and run this cell first.")
    if before and (before[0] != edition or not os.path.isdir(before[1])):
        forget(before[1])
        before = None
    if not before:
        refuse(in_the_way())
        install(archive, edition)
    print("The lecture's code is ready.")


def refuse(sentence):
    """Raise CannotRun with a sentence, if there is one."""
    if sentence:
        raise CannotRun(sentence)


def missing(needs):
    """Return a sentence that names what is missing or too old, or ''."""
    lacks = []
    for name, oldest in needs.items():
        here = version(name)
        wanted = f"{name} {'.'.join(map(str, oldest))} or newer" if oldest else name
        if not here:
            lacks.append(f"{wanted} (not installed here)")
        elif tuple(map(int, re.findall(r"\d+", here)))[: len(oldest)] < oldest:
            lacks.append(f"{wanted} (here is {here})")
    return f"This notebook needs {' and '.join(lacks)}." if lacks else ""


def version(name):
    """Return the version of Python or of a library, '' if there is none."""
    if name == "Python":
        return sys.version.split()[0]
    try:
        return importlib.import_module(name).__version__
    except ModuleNotFoundError as error:
        if error.name != name:  # it is there, and broken
            raise
        return ""


def in_the_way():
    """Return a sentence on a utils of somebody else's in this folder, or ''."""
    found = importlib.machinery.PathFinder.find_spec("utils", [os.getcwd()])
    if found is None or found.origin is None:  # nothing, or a folder without modules of its own
        return ""
    return (f"{found.origin} bears the name of the lecture's own package: move this notebook into a folder of its "
            "own, restart the kernel, and run this cell again.")


def install(archive, edition):
    """Unpack the archive into a new temporary folder, for this kernel and for the processes that it starts."""
    folder = tempfile.mkdtemp(prefix="lecture-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    zipfile.ZipFile(io.BytesIO(base64.b64decode(archive))).extractall(folder)
    sys.path.insert(0, folder)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
    importlib.invalidate_caches()
    importlib.import_module("utils").unpacked = edition, folder
    if not version("ipywidgets"):
        stand_still()


def stand_still():
    """Import the interactive pieces with what stands in for ipywidgets, which nobody else shall take for it."""
    sys.modules["ipywidgets"] = importlib.import_module("utils.publish.standin")
    try:
        importlib.import_module("utils.widgets")
    finally:
        del sys.modules["ipywidgets"]


def forget(folder):
    """Undo what `install` has done."""
    for name in [name for name in sys.modules if name == "utils" or name.startswith("utils.")]:
        del sys.modules[name]
    sys.path[:] = [place for place in sys.path if place != folder]
    places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(place for place in places if place != folder)
    shutil.rmtree(folder, ignore_errors=True)
