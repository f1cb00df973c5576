"""What the playground learns from, and how data of a reader's own become that: from arrays, or from a CSV file."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

FEWEST, MOST = 4, 2000  # rows that are needed, rows that are kept
CLASSES, LARGEST = 10, 10**6  # that have a colour; whole numbers below this may be classes, all others are targets


class Samples(NamedTuple):
    """Points in the square [−5, 5]², and what is to be said of each.

    X: (n, 2). labels: (n,), whole numbers from 0 for classes, or real numbers from −1 to 1 for a regression alone.
    names: what the classes are called. remark: what had to be done to the data, in sentences, or "".
    """

    X: np.ndarray
    labels: np.ndarray
    names: tuple = ()
    remark: str = ""

    @property
    def real(self):
        """Whether the targets are real numbers, and no classes."""
        return self.labels.dtype.kind == "f"


def take_in(points, labels=None):
    """Return data of a reader's own as `Samples`.

    points: (n, d) numbers, d ≥ 2, or the path of a CSV file; labels: n classes, as words or whole numbers, or n real
    targets, or the name of the file's column that holds them (its last, unless told). Of more than two columns the
    first two principal components are shown; of more than 2,000 rows, 2,000 drawn at random. Raises ValueError with
    what does not fit, and OSError for a file that cannot be read.
    """
    if isinstance(points, str | Path):
        points, labels = _read(Path(points), labels)
    X, labels = _numbers(points), np.asarray(labels)
    if labels.shape != (len(X),):
        raise ValueError(f"labels has shape {labels.shape}, expected ({len(X)},): one for each row of points")
    remarks, kept = [], slice(None)
    if len(X) > MOST:
        kept = np.sort(np.random.default_rng(0).choice(len(X), MOST, replace=False))
        remarks.append(f"{MOST:,} of the {len(X):,} rows are used, drawn at random.")
    targets, names = _targets(labels[kept])
    X = X[kept]
    if X.shape[1] > 2:
        X, share = components(X)
        remarks.append(f"The plane shows the first two principal components of {len(share)} columns; they hold "
                       f"{100 * share[:2].sum():.0f} % of the variance.")
    if not names:
        low, high = labels[kept].min(), labels[kept].max()
        remarks.append(f"The targets, from {low:.4g} to {high:.4g}, are learned on a scale from −1 to 1.")
    return Samples(fit(X), targets, names, " ".join(remarks))


def _numbers(points):
    """Return points as an array (n, d) of floats; raise ValueError if they are none."""
    try:
        X = np.asarray(points, dtype=float)
    except (TypeError, ValueError):
        raise ValueError("points holds what is not a number, expected (n, 2) numbers, or more columns") from None
    if X.ndim != 2 or X.shape[1] < 2 or len(X) < FEWEST:
        raise ValueError(f"points has shape {X.shape}, expected (n, 2) with at least {FEWEST} rows, or more columns: "
                         "one point a row")
    if not np.isfinite(X).all():
        raise ValueError("points holds nan or an infinity, expected finite numbers only")
    return X


def _targets(labels):
    """Return (classes, their names), or (real targets scaled to [−1, 1], ())."""
    if labels.dtype.kind == "O":
        labels = np.array([str(label) for label in labels])
    if labels.dtype.kind not in "USbfiu":
        raise ValueError(f"labels holds {labels.dtype}, expected words, whole numbers or real numbers")
    if labels.dtype.kind in "fiu" and not np.isfinite(labels).all():
        raise ValueError("labels holds nan or an infinity, expected finite numbers or words")
    values, classes = np.unique(labels, return_inverse=True)
    if len(values) < 2:
        raise ValueError(f"every label is {values[0]!s}, expected two or more classes, or targets that differ")
    few = len(values) <= CLASSES
    if labels.dtype.kind in "USb" or (few and (values == np.round(values)).all() and abs(values).max() < LARGEST):
        if not few:
            raise ValueError(f"labels holds {len(values)} different words, expected at most {CLASSES} classes")
        return classes.reshape(-1), tuple(f"{v:g}" if values.dtype.kind in "fiu" else str(v) for v in values)
    return fit(labels.astype(float)[:, None])[:, 0] / 5, ()


def fit(X):
    """Return X (n, d) with each column moved onto [−5, 5], however large its numbers are; a constant one becomes 0."""
    low, span = X.min(0), X.max(0) / 2 - X.min(0) / 2
    return np.where(span > 0, 10 * ((X / 2 - low / 2) / np.where(span > 0, span, 1)) - 5, 0.0)


def components(X):
    """Return (the first two principal components of X, (n, 2), and each component's share of the variance, (d,))."""
    X = X / (abs(X).max() or 1.0)  # so that no square overflows
    X = X - X.mean(0)
    _, s, V = np.linalg.svd(X, full_matrices=False)
    shares = s**2 / ((s**2).sum() or 1.0)
    return X @ V[:2].T, np.append(shares, np.zeros(X.shape[1] - len(shares)))


# Files ------------------------------------------------------------------------------------------------


def _read(path, column):
    """Return (points, labels) of a CSV file, with or without a line of names; `column` names the labels' column."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        try:
            dialect = csv.Sniffer().sniff(file.read(4096), ",;\t")
        except csv.Error:
            dialect = csv.excel
        file.seek(0)
        rows = [row for row in csv.reader(file, dialect) if row]
    named = bool(rows) and not any(map(_is_number, rows[0]))
    if len(rows) < FEWEST + named:
        raise ValueError(f"{path.name} has {len(rows)} lines, expected at least {FEWEST} points, one a line")
    names = [name.strip() for name in rows.pop(0)] if named else [f"column {i + 1}" for i in range(len(rows[0]))]
    if column is not None and column not in names:
        raise ValueError(f"{path.name} has no column {column!r}; there are {', '.join(names)}")
    at = len(names) - 1 if column is None else names.index(column)
    for line, row in enumerate(rows, 1 + named):
        if len(row) != len(names):
            raise ValueError(f"line {line} of {path.name} has {len(row)} entries, expected {len(names)}")
        wrong = next((i for i, word in enumerate(row) if i != at and not _is_number(word)), None)
        if wrong is not None:
            raise ValueError(f"line {line} of {path.name} holds {row[wrong]!r} in {names[wrong]}, expected a number; "
                             "labels=NAME says which column holds the labels")
    labels = [row.pop(at).strip() for row in rows]
    return rows, np.array(labels, dtype=float if all(map(_is_number, labels)) else str)


def _is_number(word):
    try:
        float(word)
    except ValueError:
        return False
    return True
