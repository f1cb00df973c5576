"""What was found in handed-in notebooks, written down: a table for spreadsheets, and a page for each student."""

import csv
import re
import unicodedata
from html import escape
from typing import NamedTuple

VERDICTS = ("right", "not yet", "not tried", "could not run")
SIGNS = dict(zip(VERDICTS, "✓✗·!"))
FORMULA = tuple("=+-@\t\r")  # with which a cell begins that a spreadsheet would calculate
STYLE = """body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin: 2rem 0 0 }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #d5d5d5 }
td { overflow-wrap: anywhere }
td.number, th.number { text-align: right }
td.name, td.verdict { white-space: nowrap }
.path, .remark { color: #555; margin: .2rem 0; overflow-wrap: anywhere }
.right { color: #1b6e2d } .not-yet, .could-not-run { color: #a3270e } .not-tried { color: #555 }
summary { color: #555; cursor: pointer }
pre { background: #f5f5f5; padding: .6rem; margin: .4rem 0; white-space: pre-wrap }"""


class Mark(NamedTuple):
    """One answer: the exercise, the verdict, the sentence that its student would have read, the answer's cell."""

    exercise: str
    verdict: str
    sentence: str
    source: str = ""


class Marked(NamedTuple):
    """One notebook: whose it is, its lecture, where it lay, its marks, and what else is to be said of it."""

    student: str
    lecture: str
    path: str
    marks: tuple = ()
    remarks: tuple = ()

    def counts(self):
        """Return how many of its exercises have each verdict, {verdict: number}."""
        return {verdict: sum(mark.verdict == verdict for mark in self.marks) for verdict in VERDICTS}

    def summary(self):
        """Return the same as a line."""
        return ", ".join(f"{n} {verdict}" for verdict, n in self.counts().items() if n) or " ".join(self.remarks)


def write(folder, marked):
    """Write `marks.csv`, `index.html` and a page for each student into an empty folder."""
    pages = {}
    for one in marked:
        pages.setdefault(one.student, []).append(one)
    names = {student: f"{number:03d}_{_plain(student)}.html" for number, student in enumerate(pages, 1)}
    with open(folder / "marks.csv", "w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(_rows(marked))
    for student, notebooks in pages.items():
        _write(folder / names[student], student, "".join(map(_section, notebooks)))
    _write(folder / "index.html", "Handed-in notebooks", _index(marked, names))


def _plain(name):
    """Return a name of at most 60 letters that every file system takes."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9-]+", "_", letters).strip("_")[:60] or "student"


def _rows(marked):
    yield "student", "lecture", "exercise", "verdict", "sentence"
    for one in marked:
        marks = one.marks or [Mark("", "could not run", " ".join(one.remarks))]
        for mark in marks:
            yield tuple(map(_harmless, (one.student, one.lecture, mark.exercise, mark.verdict, mark.sentence)))


def _harmless(text):
    """Return a text that no spreadsheet takes for a formula."""
    text = _writable(text)
    return "'" + text if text.lstrip(" ").startswith(FORMULA) else text


def _writable(text):
    return text.encode("utf-8", "replace").decode()


def _write(path, title, body):
    title = escape(title)
    page = (f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>\n'
            f"<style>{STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n")
    path.write_text(_writable(page), encoding="utf-8")


def _section(one):
    """Return a notebook as HTML."""
    lines = [f"<h2>{escape(one.lecture or 'A notebook that was not checked')}</h2>",
             f'<p class="path">{escape(one.path)}</p>', *(f'<p class="remark">{escape(r)}</p>' for r in one.remarks)]
    if one.marks:
        rows = "\n".join(map(_row, one.marks))
        lines.append(f"<table>\n<thead><tr><th>exercise</th><th>verdict</th><th>what the check says</th></tr></thead>\n"
                     f"<tbody>\n{rows}\n</tbody></table>")
    return "\n".join(lines) + "\n"


def _row(mark):
    code = (f"<details><summary>the answer's cell</summary><pre>{escape(mark.source)}</pre></details>"
            if mark.source else "")
    return (f'<tr><td class="name">{escape(mark.exercise)}</td><td class="verdict {mark.verdict.replace(" ", "-")}">'
            f"{SIGNS[mark.verdict]} {mark.verdict}</td><td>{escape(mark.sentence)}{code}</td></tr>")


def _index(marked, names):
    """Return the table of all notebooks as HTML."""
    head = "".join(f'<th class="number">{verdict}</th>' for verdict in VERDICTS)
    rows = []
    for one in marked:
        cells = "".join(f'<td class="number">{n}</td>' for n in one.counts().values()) if one.marks else (
            f'<td colspan="{len(VERDICTS)}">{escape(" ".join(one.remarks))}</td>')
        rows.append(f'<tr><td><a href="{names[one.student]}">{escape(one.student)}</a></td>'
                    f"<td>{escape(one.lecture or one.path)}</td>{cells}</tr>")
    return (f"<p>The same, exercise by exercise, is in <a href=\"marks.csv\">marks.csv</a>.</p>\n<table>\n"
            f"<thead><tr><th>student</th><th>lecture</th>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows)
            + "\n</tbody></table>\n")
