"""The scenes of notebooks 01 and 02: pure functions from a control's values to what is to be seen.

A `…_stages()` function draws the scenery once, with matplotlib; a `…_scene(…)` function says where
the actors stand, and can be called, and tested, without a browser.
"""

from functools import cache

import numpy as np

from utils import plots
from utils.descent import LECTURE, backtracking, decaying, exact_line_search, fixed, gradient_descent
from utils.plots import BACKWARD, FORWARD, MISTAKE, QUIET, TRUTH
from utils.widgets.readout import sentence, table
from utils.widgets.stage import Scene, Stage, arrow, path, points, text

# 01, the tangent ------------------------------------------------------------------------------------

CURVES = {  # name → f, its slope f′, and the x that are shown
    "x²": (lambda x: x**2, lambda x: 2 * x, (-3.6, 3.6)),
    "x³/3 − x": (lambda x: x**3 / 3 - x, lambda x: x**2 - 1, (-3.6, 3.6)),
    "sin x": (np.sin, np.cos, (-3.6, 3.6)),
    "eˣ": (np.exp, np.exp, (-3.6, 3.6)),
    "σ(x)": (lambda x: 1 / (1 + np.exp(-x)), lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2, (-3.6, 3.6)),
}


@cache
def tangent_stages():
    """Return one stage for each curve, with the axes "curve"."""
    return {name: _curve_stage(f, span, name) for name, (f, _, span) in CURVES.items()}


def _curve_stage(f, span, name):
    ax, x = plots.axes(width=6.6, height=4.4), np.linspace(*span, 300)
    low, high = f(x).min(), f(x).max()
    margin = 0.25 * (high - low)
    ax.plot(x, f(x), color=TRUTH)
    ax.set(xlim=span, ylim=(low - margin, high + margin), xlabel="$x$", ylabel="$y$", title=f"y = {name}")
    return Stage(ax.figure, curve=ax)


def tangent_scene(curve, x, dx):
    """The tangent at `x`, a step `dx`, and what the slope makes of it beside what the curve does."""
    f, slope, (left, right) = CURVES[curve]
    y, alpha = float(f(x)), float(slope(x))
    true, linear = float(f(x + dx)) - y, alpha * dx
    gap = true - linear
    ends = np.array([left - 3, right + 3])
    side = ("end", (-10, 5)) if x + dx > 2.8 else ("start", (10, 5))
    actors = (
        path("curve", np.column_stack([ends, y + alpha * (ends - x)]), FORWARD, dash="9 5"),
        path("curve", [[x, y], [x + dx, y]], QUIET, 2),
        path("curve", [[x + dx, y], [x + dx, y + linear]], FORWARD, 5, opacity=0.55),
        path("curve", [[x + dx, y + linear], [x + dx, y + true]], BACKWARD, 5, "3 3"),
        points("curve", [x, y], FORWARD, "o", 7),
        points("curve", [x + dx, y + linear], "white", "s", 6, FORWARD),
        points("curve", [x + dx, y + true], TRUTH, "D", 6),
        text("curve", [x + dx, y + true], "Δy", TRUTH, 16, *side, weight="bold"),
        text("curve", [x + dx, y + linear], "α Δx", FORWARD, 16, "end", (-10, 5), "bold"),
    )
    share = f"{gap / dx**2:.3f}" if dx else "–"
    readout = table(("slope α at x", f"{alpha:.3f}"), ("true Δy", f"{true:.4f}"), ("α Δx", f"{linear:.4f}"),
                    ("gap", f"{gap:.2e}" if 0 < abs(gap) < 1e-3 else f"{gap:.4f}"), ("gap / Δx²", share))
    words = "Near the point the gap shrinks like Δx²: halve Δx, and about a quarter of it is left."
    readout += sentence(words, "backward")
    alt = (f"The curve y = {curve} with its tangent of slope {alpha:.2f} at x = {x:.2f}. A step of {dx:.2f} moves the "
           f"curve by {true:.3f} and the tangent by {linear:.3f}; the gap is {gap:.3f}.")
    return Scene(actors, alt, readout, curve)


# 01, the gradient -----------------------------------------------------------------------------------

STRETCH = {True: 1.0, False: 2.5}  # how much longer a unit of x₂ is drawn than one of x₁: equal axes, unequal ones
ROOT = np.linalg.inv(np.linalg.cholesky(LECTURE.H)).T  # maps the unit circle to the curve f = ½


@cache
def gradient_stages():
    """Return the stages "equal" and "unequal", both with the square axes "plane"."""
    stages = {}
    for equal, stretch in STRETCH.items():
        ax = plots.level_curves(LECTURE.value, plots.axes(width=5.4, height=5.2), x1=(-4.6 * stretch, 4.6 * stretch),
                                x2=(-4.6, 4.6),
                                levels=(0.5, 2, 5, 10, 20, 35, 54, 80), equal=False)
        ax.set_box_aspect(1)
        ax.set_title("equal axes" if equal else "unequal axes: x₂ drawn 2.5 times as long")
        stages["equal" if equal else "unequal"] = Stage(ax.figure, plane=ax)
    return stages


def gradient_scene(x1, x2, equal=True):
    """The level curve through a point, its tangent and the gradient there, and their dot product."""
    p = np.array([x1, x2], dtype=float)
    value, g = float(LECTURE.value(p)), LECTURE.gradient(p)
    angle = np.linspace(0, 2 * np.pi, 121)
    curve = np.sqrt(2 * value) * np.column_stack([np.cos(angle), np.sin(angle)]) @ ROOT.T
    actors = [path("plane", curve, FORWARD, 2.6)]
    facts = [("f", f"{value:.2f}"), ("∇f", f"({g[0]:.1f}, {g[1]:.1f})")]
    if not g.any():
        actors.append(points("plane", p, TRUTH, "D", 7))
        words = "Here the gradient is zero: this is the minimum, and no direction leads further down."
        return Scene(tuple(actors), f"The point (0, 0), the minimum of f. {words}", table(*facts) + sentence(words),
                     "equal" if equal else "unequal")
    t = _along(p)
    seen = np.degrees(np.arccos(np.clip(_cosine(g * [1, STRETCH[equal]], t * [1, STRETCH[equal]]), -1, 1)))
    seen = min(seen, 180 - seen)
    inner = min(p - 2.5 * t, p + 2.5 * t, key=lambda end: abs(end).max())  # the end that is further from the frame
    actors += [
        path("plane", [p - 2.5 * t, p + 2.5 * t], TRUTH, 2.2, "8 5"),
        arrow("plane", p, g / 18, BACKWARD, 4),
        points("plane", p, FORWARD, "o", 7),
        text("plane", p + g / 18, "∇f", BACKWARD, 17, shift=(8, 12 if g[1] > 0 else -2), weight="bold"),
        text("plane", inner, "tangent", TRUTH, 14, "end" if inner[0] > 0 else "start",
             (0, -8 if g[1] > 0 else 18)),
    ]
    dot = abs(float(g @ t))  # the tangent is found on the curve, so that this is not 0 by construction
    facts += [("tangent t", f"({t[0]:.3f}, {t[1]:.3f})"), ("size of ∇f · t", f"{dot:.4f}"),
              ("angle to the eye", f"{seen:.0f}°")]
    verdict = (sentence("A right angle, to the eye and in the number.") if equal else
               sentence("The axes are unequal: the eye is fooled, the dot product is not.", "mistake"))
    alt = (f"The level curve f = {value:.1f} with the gradient ({g[0]:.1f}, {g[1]:.1f}) and the tangent at "
           f"({x1:.1f}, {x2:.1f}), drawn at an angle of {seen:.0f} degrees; their dot product is {dot:.2f}.")
    return Scene(tuple(actors), alt, table(*facts) + verdict, "equal" if equal else "unequal")


def _along(p, step=1e-6):
    """The unit direction of the level curve through `p`, from two of the curve's own points beside it."""
    turn = np.array([[np.cos(step), np.sin(step)], [-np.sin(step), np.cos(step)]])
    beside = [q * np.sqrt(LECTURE.value(p) / LECTURE.value(q)) for q in (p @ turn, p @ turn.T)]
    t = beside[0] - beside[1]
    return t / np.linalg.norm(t)


def _cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


# 02, the step size ----------------------------------------------------------------------------------

EDGE, BEST = 2 / LECTURE.eigen()[0].max(), 2 / LECTURE.eigen()[0].sum()
RULES = {
    "fixed": fixed,
    "decaying": lambda rate: decaying(rate, 0.05),
    "exact line search": lambda rate: exact_line_search(LECTURE),
    "backtracking": lambda rate: backtracking(1.0),
}
USES_RATE = {"fixed", "decaying"}


@cache
def step_size_stages(marks=True):
    """Return one stage with the axes "plane", "history" (logarithmic) and "rate" (η from 0 to 0.3).

    With `marks` the best η and the edge are marked; without, they are for the reader to find.
    """
    figure, axes = plots.plt.subplot_mosaic([["plane", "history"], ["rate", "rate"]], figsize=(10.4, 4.7),
                                            height_ratios=(8, 1))
    plots.level_curves(LECTURE.value, axes["plane"], x1=(-5, 5), x2=(-4.4, 4.4))
    axes["history"].set(xlim=(0, 100), ylim=(1e-9, 1e7), yscale="log", xlabel="step $k$")
    axes["history"].set_title(r"$f$ (circles) and $\Vert\nabla f\Vert$ (squares)")
    axes["history"].grid(alpha=0.3)
    axes["rate"].set(xlim=(0, 0.3), ylim=(0, 1), yticks=[], xlabel=r"$\eta$")
    for rate, name in ((BEST, "0.2 best"), (EDGE, "0.245 edge")) if marks else ():
        axes["rate"].axvline(rate, color=TRUTH, ls=":")
        axes["rate"].annotate(name, (rate, 1), (0, 3), textcoords="offset points", ha="center")
    return {"": Stage(figure, **axes)}


def step_size_scene(rate, x1, x2, rule, steps, eps1=None, eps2=1e-6):
    """A run of gradient descent on the lecture's f: its path, its history, and what the stopping rules say.

    Without `eps1` only rule 2 is asked.
    """
    run = gradient_descent(LECTURE.value, LECTURE.gradient, (x1, x2), RULES[rule](rate), max_steps=steps) if (
        rate > 0 or rule not in USES_RATE) else None
    if run is None:
        words = "With η = 0 nothing moves." + " Rule 1 would call that converged." * (eps1 is not None)
        return Scene((points("plane", (x1, x2), TRUTH, "o", 7),), words, sentence(words, "mistake"))
    k = np.arange(len(run.values))
    diverged = run.stopped_by == "diverged" or run.values[-1] > 1.01 * run.values[0]
    color, marker = (MISTAKE, "x") if diverged else (FORWARD, "o")
    actors = [
        path("plane", run.path, color, 2.2, "6 4" if diverged else ""),
        points("plane", run.path, color, marker, 3.5, color),
        points("plane", run.path[0], "none", "o", 8),
        path("history", np.column_stack([k, run.values]), color, 2.2),
        points("history", np.column_stack([k, run.values]), color, "o", 2.6, color),
        path("history", np.column_stack([k, run.gradient_norms]), BACKWARD, 1.6, "5 4"),
        points("history", np.column_stack([k, run.gradient_norms]), BACKWARD, "s", 2.4, BACKWARD),
    ]
    if rule in USES_RATE:
        actors += [path("rate", [[rate, 0], [rate, 1]], color, 5),
                   _beside("rate", rate, 0.27, (rate, 0.5), f"η = {rate:.3f}", color, 5)]
    first = _first(abs(np.diff(run.values)) < (eps1 or 0), 1), _first(run.gradient_norms < eps2, 0)
    for stop, name, height in zip(first, ("rule 1", "rule 2"), (1e5, 1e3), strict=True):
        if stop is not None:
            actors += [path("history", [[stop, 1e-9], [stop, 1e7]], TRUTH, 1.5, "2 4"),
                       _beside("history", stop, 78, (stop, height), f"{name}: {stop}", TRUTH, 0)]
    verdicts = (_verdict_1(first[0], run, eps1, eps2) if eps1 else "") + _verdict_2(first[1], run, eps2)
    if diverged:
        verdicts += sentence(f"Diverging: f has grown from {run.values[0]:.4g} to {run.values[-1]:.3g}.", "mistake")
    facts = table(("steps", str(run.steps)), ("last point", f"({run.path[-1, 0]:.3g}, {run.path[-1, 1]:.3g})"),
                  ("f there", f"{run.values[-1]:.3g}"), ("‖∇f‖ there", f"{run.gradient_norms[-1]:.3g}"))
    whose = f"{rule}, η = {rate:.3f}" if rule in USES_RATE else rule
    alt = (f"Gradient descent from ({x1:g}, {x2:g}), {whose}: after {run.steps} steps f is {run.values[-1]:.3g}"
           + (", and it diverges." if diverged else "."))
    return Scene(tuple(actors), alt, f"<div class='side'>{facts}<div>{verdicts}</div></div>")


def _beside(where, x, latest, xy, words, color, down):
    """Words to the right of a mark at `x`, or, after `latest`, to its left: there they would leave the axes."""
    anchor, way = ("start", 6) if x <= latest else ("end", -6)
    return text(where, xy, words, color, 14, anchor, (way, down), "bold")


def _first(holds, offset):
    found = np.flatnonzero(holds)
    return int(found[0]) + offset if found.size else None


def _verdict_1(step, run, eps1, eps2):
    if step is None:
        return sentence(f"Rule 1, |Δf| < {eps1:.0e}: not yet.", "backward")
    norm = run.gradient_norms[step]
    if norm > max(1e3 * eps2, 0.1):
        return sentence(f"Rule 1 is fooled: it stops at step {step}, where the gradient still has length {norm:.3g}.",
                        "mistake")
    return sentence(f"Rule 1, |Δf| < {eps1:.0e}: stops at step {step}.")


def _verdict_2(step, run, eps2):
    if step is None:
        return sentence(f"Rule 2, ‖∇f‖ < {eps2:.0e}: not yet.", "backward")
    return sentence(f"Rule 2, ‖∇f‖ < {eps2:.0e}: stops at step {step}.")
