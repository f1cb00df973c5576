"""The exercises of handed-in notebooks, checked: a table of verdicts, and a page for each student.

    python3 -m utils check FOLDER [--to FOLDER] [--seconds N]

FOLDER is what nbgrader, otter or Moodle leave: `submitted/STUDENT/ASSIGNMENT/NOTEBOOK.ipynb`, `STUDENT_….ipynb`,
`Surname Firstname_1234567_assignsubmission_file_/…`, with zips as they are. What was handed in runs with your rights.
"""

import argparse
import json
import math
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from utils.checks.case import Case
from utils.checks.text import say
from utils.exercises import lessons
from utils.publish.handed_in import handed_in
from utils.publish.marks import Mark, Marked, write

ROOT = Path(__file__).resolve().parents[2]
START = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from utils.publish.examiner import main; main()"
SAID = 64 * 2**20  # bytes that are read of what a process says
OFFLINE = dict.fromkeys(("http_proxy", "https_proxy", "ftp_proxy", "all_proxy"), "http://127.0.0.1:9")
ALONE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")
KEPT = ("PATH", "SYSTEMROOT", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
STOPPED = {"cannot be run", "no end", "waits"}  # the engine's names for answers that do not come to an end
NO_ANSWER = "There is no answer to it in this notebook."
NOT_CONFIRMED = ("Its own process calls this right, and its results are not the solution's: something in this notebook "
                 "speaks for the check. Look at it yourself.")


class Sent(NamedTuple):
    """A result that an examiner has sent, in place of a `Run`."""

    result: object
    error: None = None


def marked(handed, seconds):
    """Return a handed-in notebook with its marks; a process of its own runs it, for so many seconds at most."""
    if handed.problem:
        return Marked(handed.student, handed.lecture, handed.path, remarks=(handed.problem,))
    lesson = next(lesson for lesson in lessons() if lesson.notebook == handed.lecture)
    said, fate = examined(handed, seconds)
    verdicts = {}
    for message in said:
        verdicts.setdefault(str(message.get("exercise")), message)
    stopped = [str(message["stopped"])[:300] for message in said if "stopped" in message]
    marks = [_mark(exercise, verdicts.get(name), handed.cells, fate) for name, exercise in lesson.exercises.items()]
    return Marked(handed.student, handed.lecture, handed.path, tuple(marks), (*filter(None, [handed.remark]), *stopped))


def _mark(exercise, message, cells, fate):
    if message is None:
        return Mark(exercise.name, "could not run" if fate else "not tried", fate or NO_ANSWER)
    kind, name, sentence = (str(message.get(field))[:1000] for field in ("kind", "name", "sentence"))
    cell = message.get("cell")
    source = cells[cell] if type(cell) is int and 0 <= cell < len(cells) else ""
    if kind == "right" and not confirmed(exercise, message.get("results")):
        return Mark(exercise.name, "not yet", NOT_CONFIRMED, source)
    verdict = "could not run" if name in STOPPED else {
        "right": "right", "blank": "not tried", "stopped": "could not run"}.get(kind, "not yet")
    return Mark(exercise.name, verdict, sentence, source)


def confirmed(exercise, results):
    """Say whether these results are right, by the solution in this process, which runs nothing that was handed in."""
    try:
        results = [from_plain(result) for result in results]
        if exercise.is_question:
            return bool(exercise.verdict(results[0]))
        case = Case(exercise, None, [Sent(result) for result in results])
        return len(results) == len(exercise.samples) and case.are_right(case.mine)
    except Exception:  # whatever a stranger sends
        return False


def from_plain(data):
    """Return what `examiner.plain_data` has made into JSON."""
    if isinstance(data, list):
        return [from_plain(item) for item in data]
    if isinstance(data, dict) and "pairs" in data:
        return {from_plain(key): from_plain(item) for key, item in data["pairs"]}
    return np.array(data["array"], dtype=float).reshape(data["shape"]) if isinstance(data, dict) else data


# The process ------------------------------------------------------------------------------------------


def examined(handed, seconds):
    """Return what the examiner of a notebook says, a list of dicts, and a sentence if it has not come to its end."""
    token, home = secrets.token_hex(16), tempfile.mkdtemp(prefix="lecture-check-")
    task = {"lecture": handed.lecture, "cells": handed.cells, "seconds": seconds, "token": token}
    try:
        with tempfile.TemporaryFile() as file:
            process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-c", START], stdin=subprocess.PIPE, stdout=file,
                stderr=subprocess.DEVNULL, cwd=home, env=environment(home), start_new_session=True)
            late = False
            try:
                process.communicate(json.dumps(task).encode(), timeout=seconds)
            except subprocess.TimeoutExpired:
                late = True
            finally:
                end(process, home)
            file.seek(0)
            said = list(_messages(file.read(SAID), token.encode()))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if any(message.get("end") for message in said):
        return said, ""
    at = next((str(message["at"])[:100] for message in reversed(said) if "at" in message), "its beginning")
    how = f"The notebook was ended after {seconds:g} seconds" if late else "The notebook ended its own process"
    return said, f"{how}, in {at}."


def environment(home):
    """Return the environment variables for a process that is at home in a folder, alone, and without a network."""
    here = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "LECTURE_PROGRESS", "MPLCONFIGDIR"), home)
    offline = {**OFFLINE, **{name.upper(): value for name, value in OFFLINE.items()}, "PIP_NO_INDEX": "1"}
    return {**{name: os.environ[name] for name in KEPT if name in os.environ}, **here, **offline, **ALONE,
            "MPLBACKEND": "agg"}


def end(process, home):
    """End a process, and whatever it has begun that is still at home in its folder."""
    with suppress(OSError, AttributeError):  # no groups on Windows
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    for _ in range(10):  # one that is ended may just have begun another
        left = [other for other in psutil.process_iter() if _home_of(other) == home]
        for other in left:
            with suppress(psutil.Error):
                other.kill()
        if not left:
            return


def _home_of(process):
    with suppress(psutil.Error, OSError):
        return process.environ().get("LECTURE_PROGRESS")
    return None


def _messages(text, token):
    for line in text.split(b"\n"):
        if line.startswith(token):
            with suppress(ValueError, RecursionError):
                message = json.loads(line[len(token):])
                if isinstance(message, dict):
                    yield message


# The command ------------------------------------------------------------------------------------------


def main(arguments):
    """Check what lies in a folder, write the marks, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m utils check", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", help="what was handed in: a folder of nbgrader, otter or Moodle, or its zip")
    parser.add_argument("--to", default="build/check", help="the folder to write into (build/check)")
    parser.add_argument("--seconds", default="120", help="how long a notebook may take (120)")
    options = parser.parse_args(arguments)
    seconds, folder = _seconds(options.seconds), Path(options.to)
    if seconds is None:
        return _refuse(f"--seconds {options.seconds} is no number of seconds: expected is one from 1 to 86400.")
    try:
        handed = handed_in(options.folder)
        folder.mkdir(parents=True)
    except ValueError as error:
        return _refuse(str(error))
    except FileExistsError:
        return _refuse(f"{folder} is there already: move it away, or choose another folder with --to.")
    except OSError as error:
        return _refuse(f"{folder} could not be written: {error}.")
    try:
        found = []
        for one in handed:
            found.append(marked(one, seconds))
            say(f"{one.student}: {one.lecture or one.path}: {found[-1].summary()}")
        write(folder, found)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)  # nothing half-written
        if isinstance(error, OSError):
            return _refuse(f"{folder} could not be written: {error}.")
        raise
    print(folder / "index.html")
    return 0


def _seconds(text):
    with suppress(ValueError):
        return float(text) if math.isfinite(float(text)) and 1 <= float(text) <= 86400 else None
    return None


def _refuse(sentence):
    print(sentence, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
