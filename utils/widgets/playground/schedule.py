"""What changes while a network learns: rate, batch size and penalty, planned beforehand or moved by hand."""

import re
from typing import NamedTuple


def number(low, high, kind=float):
    """Return a function that reads a number from `low` to `high`, and raises ValueError for anything else."""
    def read(word):
        value = kind(word)
        if not low <= value <= high:
            raise ValueError
        return value

    return read


TUNED = {"rate": number(1e-5, 100), "batch": number(1, 500, int), "l2": number(0, 10)}  # no new start is needed
CHANGE = re.compile(r"(\w+)=([^@]+)@(\d{1,9})(?:\+(\d{1,6}))?")


class Change(NamedTuple):
    """From `epoch` on, once `steps` steps of it have been taken, `name` is `value`: "rate=0.03@120", "batch=5@3+7"."""

    name: str
    value: float
    epoch: int
    steps: int = 0

    @property
    def when(self):
        """The moment, to be compared with others."""
        return self.epoch, self.steps

    def __str__(self):
        return f"{self.name}={shortest(self.value)}@{self.epoch}" + f"+{self.steps}" * bool(self.steps)


def shortest(value):
    """Return a value as the shortest text that is read back as the same."""
    return repr(float(value)).removesuffix(".0") if isinstance(value, float) else str(value)


def written(changes):
    """Return changes as text, "rate=0.03@120,l2=0.01@200", which `read` reads."""
    return ",".join(map(str, changes))


def read(words):
    """Return the `Change`s that a text such as "rate=0.03@120, batch=5@3+7" stands for, in their order in time.

    Raises ValueError with the part that does not fit.
    """
    found = [_change(part) for part in words.replace(" ", "").split(",") if part]
    return tuple(sorted(found, key=lambda change: change.when))


def _change(part):
    try:
        name, value, epoch, steps = CHANGE.fullmatch(part).groups(default="0")
        return Change(name, TUNED[name](value), int(epoch), int(steps))
    except (AttributeError, KeyError, ValueError):
        raise ValueError(f"{part!r} is no change, expected one such as rate=0.03@120: rate, batch or l2, a value, "
                         "and the epoch from which on it holds") from None


class Course:
    """The course of a run: its settings with every change on the way, and what is in force `now`, {name: value}."""

    def __init__(self, settings):
        self.settings = settings
        self.now = {name: getattr(settings, name) for name in TUNED}
        self._planned, self._by_hand = list(settings.changes), set()

    def reach(self, moment):
        """Let the changes that are due at a moment (epoch, steps) take effect."""
        while self._planned and self._planned[0].when <= moment:
            change = self._planned.pop(0)
            self.now[change.name] = change.value

    def move(self, name, value, moment):
        """Change one by hand: the settings remember when, and what was planned for it later is given up."""
        kept = [c for c in self.settings.changes if c.name != name or c.when < moment]
        start = {name: value} if moment == (0, 0) else {}
        if not start:
            kept.append(Change(name, value, *moment))
        self.settings = self.settings._replace(changes=tuple(sorted(kept, key=lambda c: c.when)), **start)
        self._planned = [c for c in self._planned if c.name != name]
        self.now[name] = value
        self._by_hand.add(name)

    def afresh(self):
        """Return the settings for a new start: what was moved by hand stays as it is, what was planned begins anew."""
        planned = tuple(c for c in self.settings.changes if c.name not in self._by_hand)
        return self.settings._replace(changes=planned, **{name: self.now[name] for name in self._by_hand})
