"""What the class got wrong: for each exercise how many have tried and done it, and the most frequent mistakes.

    python3 -m utils tally FOLDER [NUMBERS] [--every SECONDS] [--csv FILE] [--page FILE]

FOLDER holds a folder for each student with the records that the checks keep (….progress.json); numbers choose
notebooks. Only how many students is told, in steps of three; no name, no answer, no time. A record can be forged by
the student whose it is, so no marks can come from here.
"""

import csv
import io
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from textwrap import shorten

from utils.checks.text import say
from utils.exercises import lessons
from utils.lecture.arguments import parse
from utils.publish import refused
from utils.publish.counts import MISTAKES, STEP, count, rounded, sheets, shown
from utils.publish.projection import NOTE, page
from utils.publish.records import ENDING, Reading

WIDTH = 100  # characters of a sentence in the table; the whole of it is in the CSV file
CLEAR = "\x1b[H\x1b[2J\x1b[3J"  # a terminal's screen


class Refused(Exception):
    """What stands in the way, in one sentence."""


# What is asked for ------------------------------------------------------------------------------------


def options_of(words):
    """Return the options, checked, with the `lessons` that were chosen; raises Refused."""
    options = parse("tally", words)
    named = {path.stem for paths in options.numbers for path in paths}
    options.lessons = [lesson for lesson in lessons() if not named or lesson.notebook in named]
    files = [Path(name) for name in (options.csv, options.page) if name is not None]
    for path in files:
        if path.is_dir() or not path.name:
            raise Refused(f"\"{path}\" is a folder; the name of a file is wanted.")
        if path.name.endswith(ENDING):
            raise Refused(f"{path} has the name of a student's record; choose another one.")
    if len({path.resolve() for path in files}) < len(files):
        raise Refused("The table and the page cannot go into the same file.")
    return options


# The table --------------------------------------------------------------------------------------------


def table(pages, students):
    """Return the table as text."""
    lines = [f"{shown(students)} students have a record; {NOTE}."]
    for sheet in pages:
        lines += ["", f"{sheet.heading:<58} right  tried"]
        for row in sheet.rows:
            lines.append(f"{row.number:>4}  {row.title:<52} {shown(row.done):>5}  {shown(row.tried):>5}")
            lines += [f"{number:>12} × {shorten(words, WIDTH, placeholder=' …')}" for number, words in row.mistakes]
    if not pages:
        lines.append(f"No exercise has been tried by {STEP} or more yet.")
    return "\n".join(lines)


def spreadsheet(pages):
    """Return the table as CSV, a line for each exercise."""
    mistakes = [f"{what} {i}" for i in range(1, MISTAKES + 1) for what in ("students", "mistake")]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["notebook", "number", "exercise", "title", f"tried (in steps of {STEP})", "right", *mistakes])
    for sheet in pages:
        writer.writerows([sheet.notebook, row.number, row.name, row.title, shown(row.tried), shown(row.done),
                          *(value for pair in row.mistakes for value in pair)] for row in sheet.rows)
    return out.getvalue()


# The command ------------------------------------------------------------------------------------------


def publish(options):
    """Read all records once, write what was asked for, and return (the table, what was left out); raises Refused."""
    reading = _read(options)
    counts = rounded(count(reading.work))
    pages = [sheet for sheet in sheets(options.lessons, counts)
             if options.numbers or any(row.tried for row in sheet.rows)]
    files = {options.csv: spreadsheet(pages).encode("utf-8-sig")} if options.csv else {}
    if options.page:
        now = time.strftime("%H:%M:%S") if options.every else ""
        files[options.page] = page(pages, counts.students, options.every, now).encode()
    write(files)
    left_out = ", ".join(f"{n} ({what})" for what, n in (+reading.left_out).items())
    return table(pages, counts.students), f"Files and folders not read: {left_out}." if left_out else ""


def _read(options):
    folder = Path(options.folder)
    try:
        reading = Reading(folder, lessons())
    except NotADirectoryError:
        raise Refused(f"{folder} is not a folder.") from None
    except FileNotFoundError:
        raise Refused(f"There is no folder {folder}.") from None
    except OSError as error:
        raise Refused(f"{folder} cannot be read ({error.strerror}).") from None
    if reading.is_empty or not (reading.work or options.every):
        raise Refused(f"There is no record of these notebooks (….progress.json) in {folder}.")
    return reading


def write(files):
    """Write {path: bytes}, all of them or none: drafts first, which are then moved into place; raises Refused."""
    with ExitStack() as drafts:
        ready = []
        for path, content in files.items():
            path = Path(path)
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            try:
                draft.unlink(missing_ok=True)
                drafts.callback(draft.unlink, missing_ok=True)
                with draft.open("xb") as file:  # never through somebody's link
                    file.write(content)
            except OSError as error:
                raise Refused(f"{path} cannot be written ({error.strerror}).") from None
            ready.append((draft, path))
        for draft, path in ready:
            try:
                os.replace(draft, path)
            except OSError as error:
                raise Refused(f"{path} cannot be written ({error.strerror}).") from None


def main(words):
    """Print the table once, or again and again; return the exit status."""
    try:
        options = options_of(words)
        before = _tell(options, None)
        while options.every:
            time.sleep(options.every)
            try:
                before = _tell(options, before)
            except Refused as refusal:  # a share that is away for a moment shall not end the lecture
                print(refusal, file=sys.stderr)
    except Refused as refusal:
        return refused(refusal)
    except KeyboardInterrupt:
        return 0
    return 0


def _tell(options, before):
    """Publish once and print what is new; return it."""
    told = publish(options)
    if told != before:
        say((CLEAR if before and sys.stdout.isatty() else "") + told[0])
        print(told[1], file=sys.stderr, end="\n" if told[1] else "")
        sys.stdout.flush()
    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
