"""Macros: what is defined once holds from then on, as MathJax would have it."""

import pytest

from utils.publish.macros import Macros


@pytest.mark.parametrize("latex, plain", [
    (r"\newcommand{\R}{\mathbb{R}}\R^n", r"\mathbb{R}^n"),
    (r"\newcommand\R{\mathbb{R}}\R", r"\mathbb{R}"),
    (r"\newcommand*{\vv}[1]{\mathbf{#1}}\vv{x}+\vv y", r"\mathbf{x}+\mathbf{y}"),
    (r"\newcommand{\vv}[2][a]{#1_{#2}}\vv{x}+\vv[b]{x}", r"a_{x}+b_{x}"),
    (r"\newcommand{\pair}[2]{(#1, #2)}\pair{\pair{a}{b}}c", "((a, b), c)"),
    (r"\newcommand{\a}{1}\renewcommand{\a}{2}\a", "2"),
    (r"\renewcommand{\vec}[1]{\mathbf{#1}}\vec{x}", r"\mathbf{x}"),
    (r"\newcommand{\a}{1}\providecommand{\a}{2}\providecommand{\b}{3}\a\b", "13"),
    (r"\def\a{b}\a c", "b c"), (r"\def\a#1#2{#2^#1}\a{x}{y}", "y^x"), (r"\gdef \a {b}\a", "b"),
    (r"\DeclareMathOperator{\diag}{diag}\diag A", r"\operatorname{diag} A"),
    (r"\DeclareMathOperator*{\am}{arg\,min}\am_x", r"\operatorname*{arg\,min}_x"),
    (r"\let\e\varepsilon \e", r" \varepsilon "), (r"\def\a{b}\let\c=\a\def\a{d}\c\a", "bd"),
    (r"\newenvironment{vec}[1]{\left#1\begin{matrix}}{\end{matrix}\right)}\begin{vec}{(}a\end{vec}",
     r"\left(\begin{matrix}a\end{matrix}\right)"),
    (r"\newcommand{\a}{\b}\newcommand{\b}{c}\a", "c "),
    (r"\newcommand{\R}{r}\Rightarrow", r"\Rightarrow"),
    (r"\newcommand{\x}[1]{#1y}\x\alpha", r"\alpha y"), (r"\def\a{\alpha}\a{}b\a", r"\alpha {}b\alpha "),
    (r"\def\a{b}{\a}", "{b}"), (r"\newcommand{\n}[1]{\{#1\}}\n{a}", r"\{a\}"),
    (r"\begin{align}a\end{align}", r"\begin{align}a\end{align}"),
])
def test_macros_stand_for_themselves(latex, plain):
    assert Macros().expand(latex) == plain


def test_a_macro_holds_in_the_formulas_after_it():
    macros = Macros()
    assert macros.expand(r"\newcommand{\R}{\mathbb{R}}").strip() == ""
    assert macros.expand(r"\R") == r"\mathbb{R}" and Macros().expand(r"\R") == r"\R"


@pytest.mark.parametrize("latex, words", [
    (r"\def\a{\a}\a", "no end"), (r"\newcommand{\x}[1]{#1}\x", "lacks an argument"), (r"\def\a|#1|{b}", "braces"),
    (r"\newcommand{\x}", "lacks an argument"), (r"\newcommand{\x}{a", 'a "}" is missing'),
    (r"\def\a", 'a "{" is missing'),
    (r"\newcommand{\x}[1][a{b}\x", 'a "]" is missing'), (r"\newcommand{\x}[n]{b}", "invalid literal"),
])
def test_what_is_wrong_with_a_macro_is_said(latex, words):
    with pytest.raises(ValueError, match=words):
        Macros().expand(latex)
