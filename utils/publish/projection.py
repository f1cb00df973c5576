"""What the class stumbled on, as an HTML page to be projected: a screen for each notebook, no script, no network.

On the left are the exercises in their order, with a bar for the class: right, tried and not right yet, not tried. On
the right are the two that most students are stuck on, with the mistakes that were made most often. All sizes follow
the screen's, so that at 1920 × 1080 no letter is smaller than 24 pixels. No part of the page can be named in its
address: a browser would go there again and again, in place of reading the page anew.
"""

import re
from html import escape

from utils.publish.counts import STEP, shown

WORST = 2  # exercises on the right: as many as fit with three mistakes each
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">{refresh}
<title>What the class stumbled on</title>
<style>{style}</style>
</head>
<body>
{sections}
</body>
</html>
"""
STYLE = """
html { font: min(1.4vw, 2.5vh)/1.25 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #111; background: #fff;
  scrollbar-width: none }
body { margin: 0 }
section { box-sizing: border-box; height: 100vh; overflow: hidden; padding: 1rem 1.5rem 0.8rem; display: grid;
  grid-template: auto minmax(0, 1fr) auto / minmax(0, 51fr) minmax(0, 49fr); gap: 0.7rem 1.5rem }
header, footer { grid-column: 1 / 3; display: flex; justify-content: space-between; align-items: baseline; gap: 2rem }
h1 { font-size: 1.7rem; margin: 0 }
h2 { font-size: 1.35rem; margin: 0 0 0.3rem }
.worst ul:not(:last-child) { margin-bottom: 0.8rem }
h3 { font-size: 1.2rem; line-height: 1.15; margin: 0 }
p { margin: 0 }
header p { font-size: 1.25rem; white-space: nowrap }
footer { font-size: 0.9rem }
table { border-collapse: collapse; width: 100%; align-self: start }
th, td { padding: 0 0.4rem 0 0; text-align: left; font-weight: normal; vertical-align: middle }
thead { font-size: 0.9rem }
tbody tr { height: calc((100vh - 9rem) / var(--lines)); line-height: 1.1 }
.number { width: 1.8rem; text-align: right; padding-right: 0.7rem; font-weight: bold }
.figure { width: 3.4rem; text-align: right; font-variant-numeric: tabular-nums }
.share { width: 36% }
.bar, .key { border: 2px solid #111; background: #fff }
.bar { height: 1.25rem; display: flex }
.key { display: inline-block; width: 1.6rem; height: 0.8rem }
.right { background: #00528c }
.stuck { background: repeating-linear-gradient(135deg, #ffb84d 0 0.4rem, #a65200 0.4rem 0.55rem) }
.worst { border-left: 3px solid #111; padding-left: 1.2rem; overflow: hidden }
.title { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; font-size: 1.15rem }
ul { list-style: none; padding: 0; margin: 0.2rem 0 0 }
li { display: grid; grid-template-columns: 3.4rem 1fr; margin-bottom: 0.25rem; font-size: 1.1rem; line-height: 1.18 }
li b { font-size: 1.3rem; line-height: 1.2 }
code { font-family: "DejaVu Sans Mono", Consolas, Menlo, monospace; font-size: 0.92em }
"""
KEY = ('<span><span class="key right"></span> right &nbsp; <span class="key stuck"></span> tried, not right yet &nbsp; '
       '<span class="key"></span> not tried</span>')
SECTION = """<section>
<header><h1>{heading}</h1><p>{students} students</p></header>
<table>
<thead><tr><th colspan="2">exercise</th><th class="figure">right</th><th class="figure">tried</th><th></th></tr></thead>
<tbody style="--lines: {lines}">
{rows}
</tbody>
</table>
<div class="worst">
{worst}
</div>
<footer>{key}<span>{note}{now}</span></footer>
</section>"""
ROW = """<tr><th class="number">{number}</th><th>{title}</th><td class="figure">{done}</td>\
<td class="figure">{tried}</td><td class="share"><div class="bar"><div class="right" style="width: {right:.1f}%"></div>\
<div class="stuck" style="width: {stuck:.1f}%"></div></div></td></tr>"""
NOTE = f"counts go in steps of {STEP}: {6 * STEP} means {6 * STEP} to {7 * STEP - 1}"
NOBODY = f"<h2>Nothing yet</h2>\n<p>Fewer than {STEP} students are stuck on the same exercise.</p>"


def page(sheets, students, seconds=None, now=""):
    """Return the page; with `seconds`, it reloads itself so often, and `now` says when it was written.

    The sheets and the number of students are made of rounded counts, and of the catalogue's words alone.
    """
    refresh = f'\n<meta http-equiv="refresh" content="{max(1, round(seconds))}">' if seconds else ""
    sections = "\n".join(_section(sheet, students, now) for sheet in sheets)
    return PAGE.format(refresh=refresh, style=STYLE, sections=sections)


def _section(sheet, students, now):
    rows = "\n".join(_row(row, students) for row in sheet.rows)
    worst = "\n".join(map(_worst, worst_of(sheet.rows)))
    return SECTION.format(heading=escape(sheet.heading), students=shown(students),
                          lines=len(sheet.rows), rows=rows, key=KEY, note=NOTE, now=f" &nbsp; {now}" if now else "",
                          worst=f"<h2>Stumbled on most</h2>\n{worst}" if worst else NOBODY)


def _row(row, students):
    percent = 100 / max(students, 1)
    return ROW.format(number=row.number, title=escape(row.title), done=shown(row.done), tried=shown(row.tried),
                      right=row.done * percent, stuck=row.stuck * percent)


def worst_of(rows):
    """Return the exercises to talk about: most students stuck first, then those with the most frequent mistake."""
    often = {row.name: max((number for number, _ in row.mistakes), default=0) for row in rows}
    some = [row for row in rows if row.stuck or often[row.name]]
    return sorted(some, key=lambda row: (-row.stuck, -often[row.name]))[:WORST]


def _worst(row):
    many = f"{row.stuck} of {row.tried} not right yet" if row.stuck else "right, nearly all who tried"
    mistakes = "\n".join(f"<li><b>{n}</b><span>{_typeset(sentence)}</span></li>" for n, sentence in row.mistakes)
    title = f'<div class="title"><h3>{row.number} · {escape(row.title)}</h3><p>{many}</p></div>'
    return f"{title}\n<ul>\n{mistakes}\n</ul>"


def _typeset(sentence):
    """Return a sentence of the catalogue as HTML, with its code and what it stresses."""
    parts = re.split("`([^`]+)`", escape(sentence))
    parts[::2] = (re.sub(r"(?<![\w*])\*(\w[^*]*)\*(?!\w)", r"<em>\1</em>", part) for part in parts[::2])
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
