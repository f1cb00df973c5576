"""Formulas on a page: found where Jupyter shows them, with the macros and numbers of the page."""

import re

import pytest
from bs4 import BeautifulSoup

from utils.publish.formulas import Formulas, typeset


def page(html):
    soup = BeautifulSoup(f"<main>{html}</main>", "html.parser")
    typeset(soup)
    return soup


@pytest.mark.parametrize("html, display", [
    ("<p>a $x$ b</p>", "inline"), ("<p>$$x$$</p>", "block"), (r"<div>\(x\)</div>", "inline"),
    (r"<div>\[x\]</div>", "block"),
    (r"<p>\begin{align}x &amp;= 1 \\ y &amp;&lt; 2\end{align}</p>", "block"),
    (r"<p>Words \begin{gather*}x\\y\end{gather*} and words.</p>", "block"),
    (r"<p>\begin{equation}x\end{equation}</p>", "block"), (r"<p>$x\$y$</p>", "inline"), ("<p>$$\nx\n$$</p>", "block"),
    ("<p>$$\\text{if $x$}$$</p>", "block"),
])
def test_a_formula_is_found_and_shown_as_jupyter_shows_it(html, display):
    soup = page(html)
    assert [formula["display"] for formula in soup.find_all("math")] == [display]
    for formula in soup.find_all("math"):
        formula.decompose()
    assert not re.search(r"[$\\]|begin|align", soup.get_text())


def test_prices_and_code_are_not_formulas():
    soup = page("<p>$a$ and \\$5 and \\$6</p><code>$b$</code><pre>$c$ \\eqref{x}</pre><!-- $d$ -->")
    assert len(soup.find_all("math")) == 1 and soup.code.get_text() == "$b$" and soup.pre.get_text() == "$c$ \\eqref{x}"
    assert soup.p.get_text().endswith(" and $5 and $6")


def test_a_macro_holds_from_its_cell_on_and_its_cell_shows_nothing():
    soup = page(r"<div class='cell'><div> </div><p>$\newcommand{\R}{\mathbb{R}}$ $$\def\v#1{\mathbf{#1}}$$</p></div>"
                r"<p>$\v x\in\R^n$</p><p>Words $\renewcommand{\R}{r}$stay.</p><p>$\R$</p>")
    assert soup.select(".cell") == [] and [p.get_text() for p in soup.select("p")] == ["𝐱∈ℝn", "Words stay.", "r"]


def test_what_is_emptied_is_removed_and_no_more():
    soup = page(r"<div><p>$\def\a{b}$</p><img src='x'></div><div>$\def\c{d}$<p>e</p></div>")
    assert len(soup.select("div")) == 2 and soup.img and [p.get_text() for p in soup.select("p")] == ["e"]
    assert str(page(r"<p>$\def\a{b}$</p>")) == "<main></main>"


@pytest.mark.parametrize("latex, words", [(r"\def\a{\a}\a", "stands for itself"), (r"\wobble", "")])
def test_a_formula_that_cannot_be_typeset_is_named_as_it_was_written(latex, words):
    with pytest.raises(ValueError, match=re.escape(f'the formula "{latex}" cannot be typeset') + ".*" + words):
        page(f"<p>${latex}$</p>")


def test_a_formula_with_a_label_has_a_number_and_what_refers_to_it_says_it():
    soup = page(r"<p>First \eqref{two}, $\ref{one}$ and \ref{none}.</p>"
                r"<p>\begin{equation}\label{one} a \end{equation}</p>"
                r"<p>\begin{align} b &amp;= c \label{two} \\ d &amp;= e \tag{T}\label{three} \end{align}</p>"
                r"<p class='last'>\eqref{three}</p>")
    assert soup.p.get_text() == "First (2), 1 and ???." and soup.select_one(".last").get_text() == "(T)"
    shown = [formula.get_text() for formula in soup.select("math[display=block]")]
    assert shown == ["a(1)", "b=c(2)d=e(T)"]


@pytest.mark.parametrize("latex, shown", [
    (r"\begin{equation}\tag{1}\begin{cases}a\\b\end{cases}\end{equation}", "{ab(1)"),
    (r"\begin{bmatrix}a\end{bmatrix}\tag*{x}", "[a]x"), (r"a \tag{7}", "a(7)"), (r"\label{k} a", "a(1)"),
])
def test_a_number_stands_at_the_end_of_its_row(latex, shown):
    made = BeautifulSoup(Formulas().mathml(latex, block=True), "html.parser")
    assert made.get_text() == shown
    assert made.select_one("mtext").find_parent("mtable") is None


def test_a_remark_in_latex_is_not_shown():
    assert page("<p>$a % b\n+ c \\% d$</p>").get_text() == "a+c%d"
