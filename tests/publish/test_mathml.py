"""LaTeX as MathML: what the converter cannot do by itself, and what browsers would not show."""

import re
import xml.etree.ElementTree as ET

import pytest

from utils.publish.mathml import ENVIRONMENTS, lettered, mathml

SPACE = "{http://www.w3.org/1998/Math/MathML}"


def tree(latex, block=True):
    return ET.fromstring(mathml(latex, block))


def rows(latex):
    """Return the texts of a formula's table, a list of rows."""
    table = tree(latex).find(f".//{SPACE}mtable")
    return [["".join(cell.itertext()) for cell in row] for row in table]


@pytest.mark.parametrize("latex, words", [
    (r"\frac12", "<mfrac>"), (r"\mathbf x^\top", "𝐱"), (r"\mathbb R^{2}", "ℝ"), (r"\mathbf 1_N", "𝟏"),
    (r"a < b", "&lt;"), (r"\begin{bmatrix}1&2\\3&4\end{bmatrix}", "<mtable"), (r"\operatorname{diag}(a)", "diag"),
    (r"\text{a<b & c}", "a&lt;b\u00a0&amp;\u00a0c"), (r"\text{if $x>0$}", "<mtext>if\u00a0</mtext>"),
    (r"\arg\min", "arg"), (r"\not= a", "≠"), (r"a \nonumber", "<mi>a</mi></mrow>"),
    (r"\mathcal{AB}", "𝒜</mi>"), (r"\mathscr L", "ℒ"), (r"\mathfrak g", "𝔤"), (r"\boldsymbol{\theta}", "𝜽"),
    (r"\operatorname{arg\,min}", "arg\u2009min"), (r"\textbf{word}", "font-weight: bold"), (r"\mathit h", "<mi>h</mi>"),
    (r"\big\| x", "‖"), (r"\big\{", "{"), (r"\overline{ab}", "stretchy"), (r"\unicode{x41}", "A"),
])
def test_latex_becomes_mathml(latex, words):
    made = mathml(latex)
    assert words in made and made.startswith("<math ") and "mathvariant=\"bold\"" not in made
    ET.fromstring(made)


@pytest.mark.parametrize("latex, expected", [
    *((rf"\begin{{{name}}}a&=b\\c&=d\end{{{name}}}", [["a", "=b"], ["c", "=d"]])
      for name in ("align", "align*", "aligned", "split", "flalign", "flalign*")),
    *((rf"\begin{{{name}}}{{1}}a&=b\\c&=d\end{{{name}}}", [["a", "=b"], ["c", "=d"]])
      for name in ("alignat", "alignat*", "alignedat")),
    *((rf"\begin{{{name}}}a=b\\c=d\end{{{name}}}", [["a=b"], ["c=d"]])
      for name in ("gather", "gather*", "gathered", "multline", "multline*")),
    *((rf"\begin{{{name}}}a&=&b\\c&=&d\end{{{name}}}", [["a", "=", "b"], ["c", "=", "d"]])
      for name in ("eqnarray", "eqnarray*")),
    *((rf"\begin{{{name}}}a&b\\c&d\end{{{name}}}", [["a", "b"], ["c", "d"]])
      for name in ("cases", "dcases", "matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "smallmatrix")),
    (r"\begin{array}{lr}a&b\end{array}", [["a", "b"]]),
    (r"\begin{equation}\begin{split}a&=b\\c&=d\end{split}\end{equation}", [["a", "=b"], ["c", "=d"]]),
    (r"\begin{aligned}[t]a&=b\\[2pt]c&=d\\\end{aligned}", [["a", "=b"], ["c", "=d"]]),
    (r"a=b\\c=d", [["a=b"], ["c=d"]]),
])
def test_every_environment_has_its_rows_and_columns(latex, expected):
    assert rows(latex) == expected


@pytest.mark.parametrize("name", [name for name, known in ENVIRONMENTS.items() if not known])
def test_an_environment_for_one_formula_is_that_formula(name):
    made = tree(rf"\begin{{{name}}}a=b\end{{{name}}}")
    assert "".join(made.itertext()) == "a=b" and made.find(f".//{SPACE}mtable") is None


def test_columns_are_aligned_in_css_for_browsers_heed_nothing_else():
    made = mathml(r"\begin{align}a&=b\\cc&=dd\end{align}")
    assert "columnalign" not in made and "columnspacing" not in made
    assert made.count("text-align: right; padding-right: 0") == 2
    assert made.count("text-align: left; padding-left: 0") == 2
    lines = mathml(r"\begin{array}{c|c}a&b\\\hline c&d\end{array}")
    assert lines.count("border-right: 1px solid") == 2 and lines.count("border-bottom: 1px solid") == 2
    assert mathml(r"\begin{array}{|c|c|}a&b\end{array}").count("border-left: 1px solid") == 1


def test_a_bracketed_base_is_one_thing():
    for latex in (r"\begin{bmatrix}a\\b\end{bmatrix}^\top", r"\binom nk^2", r"\begin{pmatrix}a\end{pmatrix}_1^2"):
        scripts = [element for element in tree(latex).iter() if element.tag.removeprefix(SPACE) in ("msup", "msubsup")]
        assert [len(script) for script in scripts] == [3 if "_1" in latex else 2]
        assert scripts[0][0].tag == f"{SPACE}mrow"


def test_an_index_stands_beneath_a_limit_and_beside_other_names():
    for latex in (r"\lim_{x\to0}", r"\max_i", r"\operatorname*{argmin}_x", r"\mathop{\rm argmin}_x",
                  r"\mathop{\mathrm{argmin}}_x"):
        assert "<munder><mo movablelimits=\"true\">" in mathml(latex)
    assert "<msub>" in mathml(r"\operatorname{softmax}_i")


def test_a_prime_stands_beside_its_letter_and_not_above_it():
    for latex in ("f'", r"\sigma'", "f''(x)"):
        made = mathml(latex)
        assert "msup" not in made and re.search("<mo[^>]*>[′″]</mo>", made)
    assert "msup" in mathml("x^2")


def test_a_single_roman_letter_stands_upright():
    assert '<mi mathvariant="normal">d</mi>' in mathml(r"\mathrm{d}x") == mathml(r"\mathrm d x".replace(" d ", "{d}"))


def test_bars_know_their_side_and_do_not_grow():
    made = tree(r"\lVert x\rVert^2 + \lvert y\rvert")
    bars = [element for element in made.iter(f"{SPACE}mo") if element.text in "‖|"]
    assert [bar.get("form") for bar in bars] == ["prefix", "postfix"] * 2
    assert {bar.get("stretchy") for bar in bars} == {"false"}
    assert mathml(r"\left\lVert x\right\rVert").count('stretchy="true"') == 2


def test_a_space_that_draws_nearer_is_a_margin():
    assert "margin-inline-start: -0.167em" in mathml(r"a\!b") and 'width="0.167em"' in mathml(r"a\thinspace b")


@pytest.mark.parametrize("variant, letters", [
    ("bold", ("xAθΣ1∇", "𝐱𝐀𝛉𝚺𝟏𝛁")), ("double-struck", ("RNE1", "ℝℕ𝔼𝟙")), ("script", ("LN", "ℒ𝒩")),
    ("fraktur", ("gC", "𝔤ℭ")), ("bold-italic", ("xθ", "𝒙𝜽")), ("sans-serif", ("T", "𝖳")), ("monospace", ("x", "𝚡")),
    ("bold", ("+→", "+→")), ("script", ("1", "1")),
])
def test_letters_are_taken_from_their_alphabet(variant, letters):
    assert "".join(lettered(variant, letter) for letter in letters[0]) == letters[1]


@pytest.mark.parametrize("latex", [r"\left(", r"\wobble x", r"\begin{CD}A\end{CD}", "a & b", r"\frac{1}", "x^",
                                   r"\ce{H2O}", r"\begin{align}a", r"\text{\wobble}^"])
def test_a_formula_that_cannot_be_typeset_is_named(latex):
    with pytest.raises(ValueError, match=re.escape(f'the formula "{latex}" cannot be typeset')):
        mathml(latex)


def test_what_shows_nothing_is_nothing():
    assert mathml(r"\require{cancel}") == mathml(" ") == ""
