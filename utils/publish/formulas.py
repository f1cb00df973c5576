"""The formulas of a page: found where Jupyter finds them, typeset with the macros that stand before them.

A formula that carries a label gets a number, so that what refers to it says something.
"""

import re

from bs4 import BeautifulSoup, Comment, NavigableString

from utils.publish.macros import Macros
from utils.publish.mathml import ENVIRONMENTS, TABLES, mathml

FORMULA = re.compile(
    r"(?<!\\)\$\$(?P<dollars>.+?)\$\$"
    r"|(?<!\\)\\\[(?P<brackets>.+?)\\\]"
    r"|(?P<environment>\\begin\{(?P<name>[A-Za-z]+\*?)\}.+?\\end\{(?P=name)\})"
    r"|(?<![\\$])\$(?P<dollar>(?:\\.|[^\\$])+)\$"
    r"|(?<!\\)\\\((?P<parentheses>.+?)\\\)"
    r"|(?P<reference>\\(?:eq)?ref\{[^{}]+\})"
    r"|(?P<escaped>\\\$)", re.DOTALL)
SETTLED = {"pre", "code", "script", "style", "math", "svg", "title", "textarea"}  # no formulas in here
SHOWN = ["img", "svg", "math", "video", "audio", "input", "hr"]  # something to see, though without words
OUTERMOST = {"main", "body", "[document]"}
REFERENCE = re.compile(r"\\(?P<kind>eq)?ref\{(?P<label>[^{}]+)\}")
COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*")
LABEL, TAG = re.compile(r"\\label\s*\{([^{}]*)\}"), re.compile(r"\\tag(?P<star>\*?)\s*\{(?P<words>[^{}]*)\}")


def typeset(soup):
    """Replace every formula of the page by MathML, which browsers show by themselves."""
    places = [words for words in soup.find_all(string=FORMULA)
              if not isinstance(words, Comment) and not any(parent.name in SETTLED for parent in words.parents)]
    formulas = Formulas()
    for words in places:
        for found in FORMULA.finditer(words):
            formulas.numbered(found[0])
    for words in places:
        parent = words.parent
        words.replace_with(*formulas.set_into(words))
        _remove_empty(parent)


def _remove_empty(element):
    """Remove an element that shows nothing, as a paragraph of definitions does, and what it leaves empty around it."""
    while not (element.name in OUTERMOST or element.get_text(strip=True) or element.find(SHOWN)):
        around = element.parent
        element.decompose()
        element = around


class Formulas:
    """What the formulas of a page have in common: its macros, and the numbers of those with a label."""

    def __init__(self):
        self.macros, self.numbers, self.count = Macros(), {}, 0

    def set_into(self, words):
        """Return a text as nodes of a page: its words, and its formulas as MathML."""
        nodes, last = [], 0
        for found in FORMULA.finditer(words):
            nodes += [NavigableString(words[last : found.start()]), *self._node(found)]
            last = found.end()
        return [*nodes, NavigableString(words[last:])]

    def _node(self, found):
        kind = found.lastgroup
        if kind == "escaped":
            return [NavigableString("$")]
        if kind == "reference":
            return [NavigableString(self._referred(REFERENCE.match(found[0])))]
        block = kind in ("dollars", "brackets", "environment")
        made = self.mathml(found[kind], block)
        return BeautifulSoup(f'<span class="formula">{made}</span>' if made and block else made, "html.parser").contents

    def mathml(self, latex, block=False):
        """Return one formula as MathML, or '' if it only defines macros; a ValueError says what cannot be typeset."""
        plain = COMMENT.sub(r"\1", self.numbered(latex))
        try:
            plain = self.macros.expand(REFERENCE.sub(lambda found: rf"\text{{{self._referred(found)}}}", plain))
        except ValueError as error:
            raise ValueError(f"the formula \"{latex.strip()}\" cannot be typeset: {error}") from error
        return mathml(plain, block, latex)

    def numbered(self, latex):
        """Return LaTeX in which each row with a label or a tag ends in its number or its tag."""
        begins = re.match(r"\s*\\begin\s*\{([A-Za-z]+\*?)\}", latex)
        of_rows = begins and begins[1] in ENVIRONMENTS and ENVIRONMENTS[begins[1]]
        return r"\\".join(self._numbered_row(row) for row in (latex.split(r"\\") if of_rows else [latex]))

    def _numbered_row(self, row):
        label, tag = LABEL.search(row), TAG.search(row)
        if not label and not tag:
            return row
        if tag:
            number = tag["words"]
        elif label[1] not in self.numbers:
            self.count += 1
            number = str(self.count)
        else:
            number = self.numbers[label[1]]
        if label:
            self.numbers[label[1]] = number
        row = TAG.sub("", LABEL.sub("", row))
        shown = rf"\qquad\text{{{number if tag and tag['star'] else f'({number})'}}}"
        end = re.search(r"\\end\s*\{([A-Za-z]+\*?)\}\s*$", row)
        inside = end and end[1] in ENVIRONMENTS and end[1] not in TABLES
        return row[: end.start()] + shown + row[end.start() :] if inside else row + shown

    def _referred(self, found):
        number = self.numbers.get(found["label"], "???")  # as MathJax writes it
        return f"({number})" if found["kind"] else number
