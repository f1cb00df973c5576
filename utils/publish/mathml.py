"""LaTeX as MathML that browsers show by themselves.

`latex2mathml` does most of it. What it cannot do is said to it in other words first (`in_reach`), and what it
writes is put right afterwards (`_put_right`): browsers follow MathML Core, which knows no letters in bold, no
aligned columns and no named spaces.
"""

import re
import unicodedata
import xml.etree.ElementTree as ET
from html import unescape

from latex2mathml.converter import Converter

LINES = dict.fromkeys(("gather", "gather*", "gathered", "multline", "multline*"), "displaylines")
PAIRS = dict.fromkeys(("align", "align*", "aligned", "alignat", "alignat*", "alignedat", "flalign", "flalign*",
                       "split"), "align*")
GROUPS = dict.fromkeys(("equation", "equation*", "displaymath", "math", "subequations"), "")
TABLES = {name: name for name in ("cases", "array", "smallmatrix", "substack", *(
    f"{kind}matrix{star}" for kind in ("", "p", "b", "B", "v", "V") for star in ("", "*")))}
ENVIRONMENTS = {**LINES, **PAIRS, **GROUPS, **TABLES, "dcases": "cases",  # what the converter calls each
                "eqnarray": "eqalign", "eqnarray*": "eqalign"}
OTHERWISE = [(re.compile(pattern), said) for pattern, said in (
    (r"\\(?:nonumber|notag)(?![A-Za-z])|\\require\s*\{[^{}]*\}", ""),
    (r"\\not\s*=", r"\\neq "),
    (r"(\\[bB]igg?[lmr]?)\s*\\[lr]vert(?![A-Za-z])", r"\1|"),
    (r"(\\[bB]igg?[lmr]?)\s*\\[lr]Vert(?![A-Za-z])", r"\1\|"),
    (r"\\arg(?![A-Za-z])", r"\\operatorname{arg}"),
    (r"\\mathrm\s*\{\s*(\w)\s*\}", r"\\mathrm{{\1}}"),  # a single letter would lean
    (r"\\mathop\s*\{\s*(?:\\mathrm\s*\{([^{}\\]+)\}|\\rm\s+([^{}\\]+))\s*\}", r"\\operatorname*{\1\2}"),
    (r"(\\begin\{(?:alignat\*?|alignedat)\})\s*\{\d+\}", r"\1"),
    (r"(\\begin\{(?:aligned|alignedat|gathered|split|array)\})\s*\[[tcb]\]", r"\1"),
    (r"\\\\\*?\s*\[\s*-?[\d.]+\s*[a-z]{2}\s*\]", r"\\\\"),  # how far apart two lines are
)]
INNERMOST = re.compile(r"\\begin\{[^{}]*\}(?:(?!\\begin\{).)*?\\end\{[^{}]*\}|(?<!\\)\{(?:\\.|[^{}\\])*\}", re.DOTALL)
FENCES = {"\ue000": ("|", "prefix", r"\lvert"), "\ue001": ("|", "postfix", r"\rvert"),  # of no other meaning
          "\ue002": ("‖", "prefix", r"\lVert"), "\ue003": ("‖", "postfix", r"\rVert")}
DELIMITERS = {r"\|": "‖", r"\{": "{", r"\}": "}"}
SCRIPTS = {"msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3}  # children
ARITY = {**SCRIPTS, "mfrac": 2, "mroot": 2}
BENEATH = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
LIMITS = {"lim", "max", "min", "sup", "inf", "gcd", "det", "Pr"}  # these have their index beneath them
SPACES = {"thinmathspace": "0.167em", "mediummathspace": "0.222em", "thickmathspace": "0.278em"}
VARIANT = {"bold-italic": "BOLD ITALIC", "sans-serif-italic": "SANS-SERIF ITALIC", "bold-script": "BOLD SCRIPT"}


def mathml(latex, block=False, written=None):
    """Return LaTeX as MathML, labelled with it, or with what was written; '' if there is nothing to see.

    A ValueError names what cannot be typeset.
    """
    written = (written or latex).strip()
    try:
        plain = in_reach(latex)
        if not plain.strip():
            return ""
        tree = Converter(display="block" if block else "inline").convert_to_element(plain)
        for element in list(tree.iter()):
            _put_right(element)
    except Exception as error:  # the converter has a dozen of its own, with no common ancestor
        raise ValueError(f"the formula \"{written}\" cannot be typeset") from error
    tree.set("aria-label", written)
    return ET.tostring(tree, encoding="unicode")


# Before -----------------------------------------------------------------------------------------------


def in_reach(latex):
    """Return LaTeX in the words that the converter knows; raise a KeyError for an environment that it lacks."""
    for pattern, said in OTHERWISE:
        latex = pattern.sub(said, latex)
    for sign, (_, _, name) in FENCES.items():  # the converter forgets on which side a bar stands
        latex = re.sub(rf"(?<!\\left)(?<!\\right)(?<!\\middle){re.escape(name)}(?![A-Za-z])", sign, latex)
    latex = re.sub(r"\\operatorname(\*?)\s*\{((?:[^{}\\]|\\[,;:! ])*)\}", _named, latex)
    latex = re.sub(r"\\text\s*\{([^{}]*\$[^{}]*)\}", _mixed, latex)
    latex = re.sub(r"\\(begin|end)\s*\{\s*([A-Za-z]+\*?)\s*\}", _environment, latex)
    outside, inside = None, latex
    while outside != inside:
        outside, inside = inside, INNERMOST.sub("", inside)
    return rf"\begin{{displaylines}}{latex}\end{{displaylines}}" if r"\\" in outside else latex


def _named(found):
    spaced = re.sub(r"\\[,;: ]|~| ", "\u2009", found[2].strip()).replace(r"\!", "")
    return rf"\operatorname{found[1]}{{{spaced}}}"


def _mixed(found):
    """Return words with formulas among them, \\text{if $x$}, as words and formulas beside one another."""
    return "".join(piece if i % 2 else rf"\text{{{piece}}}" if piece else ""
                   for i, piece in enumerate(found[1].split("$")))


def _environment(found):
    name = ENVIRONMENTS[found[2]]
    if not name:
        return "{" if found[1] == "begin" else "}"
    return rf"\{found[1]}{{{name}}}" + ("{rcl}" if name == "eqalign" and found[1] == "begin" else "")


# After ------------------------------------------------------------------------------------------------


def _put_right(element):
    """Change an element of the converter's into one that browsers show; raise a ValueError where it is no formula."""
    element.text = unescape(element.text) if element.text else None
    element.text = DELIMITERS.get(element.text, element.text)
    if element.tag in ("mi", "mo", "mn") and re.fullmatch(r"\\.+|&", element.text or ""):
        raise ValueError(f"{element.text} is not known")
    if element.text in FENCES:
        element.tag, (element.text, form, _) = "mo", FENCES[element.text]
        element.attrib = {"form": form, "stretchy": "false", "fence": "true"}
    if element.tag in ("mi", "mo", "mn") and len(element):
        element.tag, element.attrib = "mrow", {}
    if "mathvariant" in element.attrib:
        _letters(element)
    if element.tag in ARITY:
        _children(element)
    if element.tag in BENEATH:
        _script(element)
    if element.tag == "mtable":
        _columns(element)
    if element.tag == "mspace":
        _space(element)
    if element.text == "\u2015":  # a line over something must be one that stretches
        element.text = "\u203e"
        element.set("stretchy", "true")


def _letters(element):
    """Make bold, script, … letters characters of their own, and say of words how they look."""
    variant = element.attrib.pop("mathvariant")
    if element.tag == "mtext":
        element.set("style", {"bold": "font-weight: bold", "italic": "font-style: italic",
                              "monospace": "font-family: monospace"}.get(variant, "font-family: sans-serif"))
        return
    if variant == "italic":  # as a letter is, if nothing else is said
        return
    element.text = "".join(lettered(variant, character) for character in unescape(element.text or ""))
    element.set("mathvariant", "normal")


def lettered(variant, character):
    """Return a letter or digit in one of Unicode's mathematical alphabets, or itself where it is in none.

    >>> lettered("bold", "x"), lettered("double-struck", "R")
    ('𝐱', 'ℝ')
    """
    kind = re.sub("LATIN |GREEK |LETTER ", "", unicodedata.name(character, ""))
    style = VARIANT.get(variant, variant.upper())
    older = style.replace("FRAKTUR", "BLACK-LETTER")  # ℂ, ℛ and their like were there before the alphabets
    for name in (f"MATHEMATICAL {style} {kind}", f"{older} {kind}"):
        try:
            return unicodedata.lookup(name)
        except KeyError:
            continue
    return character


def _children(element):
    """See to it that a script, a fraction, … has the children it needs: a bracketed base comes in pieces."""
    needed = ARITY[element.tag]
    if len(element) < needed or (len(element) > needed and element.tag not in SCRIPTS):
        raise ValueError(f"{element.tag} has {len(element)} children")
    pieces = list(element)[: len(element) - needed + 1]
    if len(pieces) > 1:
        base = ET.Element("mrow")
        base.extend(pieces)
        for piece in pieces:
            element.remove(piece)
        element.insert(0, base)


def _script(element):
    """Put the index of a limit beneath it; put a prime beside its letter, as its character is raised by itself."""
    if element[0].tag == "mo" and (element[0].text in LIMITS or element[0].get("movablelimits")):
        element.tag = BENEATH[element.tag]
        element[0].set("movablelimits", "true")
    elif element.tag == "msup" and re.fullmatch("[′″‴⁗]", unescape(element[1].text or "")):
        element.tag, element[1].tag = "mrow", "mo"
        element[1].attrib.update(lspace="0", rspace="0")


def _columns(table):
    """Say in CSS how a table's columns are aligned, how far apart they are, and where lines are between them."""
    pairs = table.attrib.pop("columnspacing", "").startswith("0em")
    widths = [len(row) for row in table]
    columns, rows = (table.attrib.pop(key, "").split() for key in ("columnlines", "rowlines"))
    outer = len(columns) > max(widths, default=0)  # a line before the first column, too
    for i, row in enumerate(table):
        for j, cell in enumerate(row):
            side = cell.attrib.pop("columnalign", "center")
            style = {"text-align": side}
            if pairs:
                style |= {"right": {"padding-right": "0"}, "left": {"padding-left": "0"}}.get(side, {})
            if pairs and side == "right" and j:
                style["padding-left"] = "2em"
            style |= {f"border-{edge}": f"1px {lines[k]}" for edge, lines, k in (
                ("right", columns, j + outer), ("bottom", rows, i)) if k < len(lines)}
            if outer and j == 0:
                style["border-left"] = f"1px {columns[0]}"
            cell.set("style", "; ".join(f"{key}: {value}" for key, value in style.items()))


def _space(element):
    """Give a named space its width; one that draws nearer is a margin, as no width is negative."""
    width = element.get("width", "0")
    width = ("-" if width.startswith("negative") else "") + SPACES.get(width.removeprefix("negative"), width)
    if width.startswith("-"):
        element.attrib.pop("width")
        element.set("style", f"margin-inline-start: {width}")
    elif "width" in element.attrib:
        element.set("width", width)
