"""The interactive pieces, one function each: what they return is an ipywidgets box, to be shown in a cell.

What is to be seen is in `fits`, `slopes`, `passes` and `playground.board`; here it is bound to sliders and buttons.
"""

from functools import partial

import ipywidgets as ipw
import numpy as np

from utils.widgets import fits, network, passes, slopes
from utils.widgets.piece import Piece, button, choice, count, slider, switch
from utils.widgets.playground.own import take_in
from utils.widgets.playground.player import Player
from utils.widgets.playground.settings import Settings, decode

# 01 and 02 ------------------------------------------------------------------------------------------


def tangent_explorer(curve="x²", x=1.0, dx=1.0):
    """A point and a step on a curve: true Δy, α Δx, and the gap between them."""
    controls = {"curve": choice("curve y =", list(slopes.CURVES), curve), "x": slider("x", x, -2, 2, 0.05),
                "dx": slider("Δx", dx, -1.5, 1.5, 0.01)}
    return Piece(slopes.tangent_scene, slopes.tangent_stages(), controls)


def gradient_explorer(x1=2.0, x2=1.5):
    """A point on f's level curves: gradient, tangent, dot product, on equal and on unequal axes."""
    controls = {"x1": slider("x₁", x1, -3, 3, 0.1, 1), "x2": slider("x₂", x2, -3, 3, 0.1, 1),
                "equal": switch("equal axes", True)}
    return Piece(slopes.gradient_scene, slopes.gradient_stages(), controls)


def step_size_lab(rate=0.1, start=(3.0, 3.0), steps=40, marks=True):
    """η, start, rule, number of steps and both ε: the path, the history, and what the stopping rules say.

    Without `marks` the best η and the edge of convergence are not marked, and only rule 2 is asked: a riddle.
    """
    powers = [(f"10⁻{'⁰¹²³⁴⁵⁶⁷⁸⁹'[k]}", 10.0**-k) for k in range(1, 10)]
    controls = {
        "rate": slider("η", rate, 0, 0.3, 0.005, 3), "x1": slider("start x₁", start[0], -4, 4, 0.25),
        "x2": slider("start x₂", start[1], -4, 4, 0.25), "rule": choice("rule", list(slopes.RULES)),
        "steps": count("steps", steps, 1, 100), "eps1": choice("ε₁ (change)", powers, 1e-6),
        "eps2": choice("ε₂ (gradient)", powers, 1e-6),
    }
    if not marks:
        del controls["rule"], controls["eps1"], controls["eps2"]
    scene = slopes.step_size_scene if marks else partial(slopes.step_size_scene, rule="fixed")
    return Piece(scene, slopes.step_size_stages(marks), controls, hands="above", numbers="below")


# 03 and 04 ------------------------------------------------------------------------------------------


def forward_explorer(step=1):
    """Through X, Z¹, A¹ … A³, L of the lecture's network: formula, shapes, values; an input can be edited."""
    X = passes.lecture_example("numpy")[0]
    controls = {"step": count("step", step, 0, len(passes.FORWARD_STEPS) - 1), "row": count("sample", 0, 0, 3),
                "entry": count("entry", 0, 0, 6), "column": count("edit input", 0, 0, 4),
                "value": slider("its value", X[0, 0], -10, 10, 0.5, 1)}
    piece = Piece(passes.forward_scene, network.network_stages(), controls,
                  rows=[*controls.values(), _buttons(controls["step"], "Back", "Forward")], numbers="below")

    def take_up(_):
        """Another input has been chosen: the slider takes up its value, and nothing is edited."""
        controls["value"].value = X[controls["row"].value, controls["column"].value]

    for name in ("row", "column"):
        controls[name].observe(take_up, "value")
    return piece


def backward_stepper(step=5, sample=passes.BATCH):
    """One click, one gradient: from L back to W¹ and b¹, for one sample or for the batch."""
    samples = [("whole batch", passes.BATCH), *((f"sample {p}", p) for p in range(4))]
    controls = {"step": count("step", step, 0, len(passes.BACKWARD_STEPS)),
                "sample": choice("for", samples, sample), "referee": switch("ask autograd", False)}
    return Piece(passes.backward_scene, network.network_stages(), controls,
                 rows=[*controls.values(), _buttons(controls["step"], "Undo", "One gradient back")], numbers="below")


def _buttons(slider, back, on):
    """Two buttons that move a slider by one, as far as it goes."""
    def move(by):
        slider.value = min(max(slider.value + by, slider.min), slider.max)

    return ipw.HBox([button(f"◀ {back}", lambda: move(-1)), button(f"{on} ▶", lambda: move(1))])


# 00 and 06 ------------------------------------------------------------------------------------------


def line_explorer(X, Y, w0=0.0, w1=0.5):
    """A straight line among dots of your own, X and Y of shape (N,) or (N, 1): two sliders, and the error at once."""
    X, Y = fits.check_dots(X, Y)
    high, steep = 1.3 * abs(Y).max() or 1.0, 3 * np.ptp(Y) / np.ptp(X) or 1.0
    controls = {"w0": _around_zero("w₀, height", w0, high), "w1": _around_zero("w₁, slope", w1, steep)}
    return Piece(partial(fits.line_scene, X, Y), fits.line_stages(X, Y), controls)


def _around_zero(name, value, top):
    """A slider from about −top to top, in steps of 5, 0.5, 0.05, …"""
    step = 0.5 * 10 ** np.floor(np.log10(top / 20))
    return slider(name, value, -np.ceil(top / step) * step, np.ceil(top / step) * step, step)


def playground(state="", points=None, labels=None):
    """A network that learns in front of you, on toy data, on digits, or on data of your own.

    state: a string that another playground has shown. points: (n, 2) numbers, or more columns, or the path of a CSV
    file; labels: n classes, as words or whole numbers, n real targets, or the name of the file's column that holds them
    (its last, unless told). Raises ValueError with what does not fit.

    What it returns has `net`, the network as it is now, which can be set, and `state`, the string.
    """
    own = None if points is None else take_in(points, labels)
    task = "regression" if own and own.real else "classification"
    return Player(decode(state) if state else Settings(data="own" if own else "circle", task=task), own)
