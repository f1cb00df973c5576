"""What stands beside a picture, in HTML: numbers, sentences, formulas, matrices.

A matrix is a table with its numbers in coloured cells: blue forward, orange backward, grey for
negative numbers; the cells under discussion have a frame.
"""

from html import escape

import numpy as np
from matplotlib.colors import to_hex, to_rgb

from utils.plots import FORWARD, QUIET, ink


def table(*rows):
    """Return an HTML table of (name, value) rows; the values are text, never HTML."""
    cells = "".join(f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table class='lecture-numbers'>{cells}</table>"


def number(value):
    """Return a loss as text of modest length, whatever its size."""
    if not np.isfinite(value):
        return "not finite"
    return f"{value:.4f}" if abs(value) < 1e5 else f"{value:.2e}"


def sentence(words, kind="truth"):
    """Return a sentence in HTML; `kind` "mistake" or "backward" gives it a coloured edge, and a sign before it."""
    sign = {"mistake": "✗ ", "backward": "→ ", "truth": "✓ "}[kind]
    return f"<p class='lecture-{kind}'>{sign}{escape(words)}</p>"


def tint(share, color):
    """Return white at 0, `color` at 1, grey at −1, and a mixture between, as "#rrggbb"."""
    share = max(-1.0, min(1.0, share))
    return to_hex(1 - abs(share) * (1 - np.array(to_rgb(color if share > 0 else QUIET))))


def fixed(number, digits):
    """Return a number with so many digits after the point; what is rounded to 0 has no minus."""
    return f"{round(number, digits) + 0:.{digits}f}"


def symbol(V, l, d=False):
    """Return V⁽ˡ⁾ in HTML, or ∂L/∂V⁽ˡ⁾ if `d`; layer 0 is X."""
    name = "X" if V == "A" and l == 0 else f"{V}<sup>({l})</sup>"
    return f"∂L/∂{name}" if d else name


def matrix_table(M, caption, color=FORWARD, marks=(), digits=2, scale=None):
    """Return `M`, (m, n) or (n,), as an HTML table; `marks` are the (row, column) of framed cells, None for all."""
    M = np.atleast_2d(M)
    scale = scale or max(abs(M).max(), 1e-12)
    framed = {(i, j) for r, c in marks for i in (range(len(M)) if r is None else [r])
              for j in (range(M.shape[1]) if c is None else [c])}

    def cell(i, j, v):
        kind = "cell mark" if (i, j) in framed else "cell"
        return f"<td class='{kind}' style='{shade(v / scale, color)}'>{fixed(v, digits)}</td>"

    rows = ("".join(cell(i, j, v) for j, v in enumerate(row)) for i, row in enumerate(M.tolist()))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><caption>{caption} <small>{M.shape[0]} × {M.shape[1]}</small></caption>{body}</table>"


def shade(share, color):
    """Return the CSS of a cell: white at 0, `color` at 1, grey at −1, and the writing that stands out more on it."""
    background = tint(share, color)
    return f"background:{background};color:{ink(background)}"


def side_by_side(*tables):
    """Return tables next to one another, in as many rows as it takes."""
    return f"<div class='matrices'>{''.join(tables)}</div>"


def formula(html):
    """Return a formula in large type."""
    return f"<div class='formula'>{html}</div>"
