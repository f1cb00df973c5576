"""What a student has done so far, kept in a file beside the notebook.

A record is one JSON object: {exercise: {"verdict", "sentence", "tries", "answer", "mistakes"}}, where "mistakes" is
{the mistake's name: {"count", "first", "last"}}, with times in UTC, so that a lecturer can see what a class stumbled
on. Records from before there were such counts are read, too. A record is written anew as a whole, then put in place in
one move, so that a crash leaves the old one; where nothing can be written, it is kept in memory. Nothing here raises.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

FOLDER = "LECTURE_PROGRESS"  # an environment variable: where records are kept, if not beside the notebook
FIELDS = {"verdict": str, "sentence": str, "tries": int, "answer": str}
COUNTS = {"count": int, "first": str, "last": str}
UNWRITTEN = {}  # path: record, as long as it cannot be written


def path_of(notebook):
    """Return where the record of a notebook is kept, the kernel's folder being the notebook's own."""
    return Path(os.environ.get(FOLDER, ".")) / f"{notebook}.progress.json"


def read(notebook):
    """Return (record, remark): what is known, and a sentence if the file had to be set aside, else ''."""
    path = path_of(notebook)
    record, remark = _on_disk(path)
    return {**record, **UNWRITTEN.get(path, {})}, remark


def _on_disk(path):
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        return {}, f"Your progress in {path.name} cannot be read ({error.strerror})."
    except (ValueError, RecursionError):
        record = None
    if _is_record(record):
        return record, ""
    return {}, _set_aside(path)


def note(notebook, name, kind, sentence, answer, mistake=""):
    """Write down a verdict, and return a sentence if something is in the way, else ''.

    What was right once stays right, with the answer that was; the number of tries and of each mistake go on.
    """
    record, remark = read(notebook)
    before = record.get(name, {"verdict": "", "tries": 0})
    kept = before if before["verdict"] == "right" else {"verdict": kind, "sentence": sentence, "answer": answer}
    record[name] = {**kept, "tries": before["tries"] + 1, "mistakes": _counted(before.get("mistakes", {}), mistake)}
    path = path_of(notebook)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        if path.exists() and remark:  # could be neither read nor moved: better not to touch it
            raise OSError(remark)
        draft.write_text(json.dumps(record, ensure_ascii=False, indent=1), encoding="utf-8")
        draft.replace(path)
    except (OSError, ValueError) as error:
        UNWRITTEN[path] = {**UNWRITTEN.get(path, {}), name: record[name]}
        return remark or f"Your progress could not be saved ({getattr(error, 'strerror', None) or error})."
    UNWRITTEN.pop(path, None)
    return remark


def _counted(mistakes, name):
    """Return the counts with one more of a mistake, if it has a name."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    before = mistakes.get(name, {"count": 0, "first": now})
    return {**mistakes, name: {**before, "count": before["count"] + 1, "last": now}} if name else mistakes


def _is_record(record):
    return isinstance(record, dict) and all(
        _has(entry, FIELDS) and isinstance(entry.get("mistakes", {}), dict)
        and all(_has(counts, COUNTS) for counts in entry.get("mistakes", {}).values()) for entry in record.values())


def _has(entry, fields):
    return isinstance(entry, dict) and all(isinstance(entry.get(field), kind) for field, kind in fields.items())


def _set_aside(path):
    """Rename a file that is not a record, to a name that is free, so that nothing in it is lost."""
    numbers = (n for n in range(1, 1000) if not path.with_name(f"{path.name}.aside-{n}").exists())
    place = path.with_name(f"{path.name}.aside-{next(numbers, 1000)}")
    try:
        path.rename(place)
    except OSError as error:
        return f"{path.name} is not a record of exercises, and cannot be set aside ({error.strerror})."
    return f"{path.name} was not a record of exercises: it is set aside as {place.name}, and a new one begins."
