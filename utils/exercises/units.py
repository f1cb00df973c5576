"""Exercises of notebook 04: one unit, and units in a chain."""

import numpy as np

from utils.checks.lesson import Lesson

lesson = Lesson("04_backward_pass")


@lesson.exercise(
    level=1, minutes=3,
    parts=("a_moves", "L_moves"), rtol=0.03,
    hints=["z moves by 0.02. What comes next is the sigmoid: its slope there is 0.197.",
           "a moves by its slope times that by which z moves; then L by *its* slope times that by which a moves.",
           "The slope of −log a is negative: if a rises, L falls."])
def follow():
    """two numbers (by how much a moves, by how much L moves)"""
    return 0.003932, -0.014621


follow.wrong_answers(
    follow_rises=((0.003932, 0.014621), "L_moves: the slope of −log a is −3.718. If a rises, L falls."),
    follow_w_alone=((0.001966, -0.00731), "a_moves: you began with the 0.01 by which w moves. z moves by 0.02."),
    follow_slopes=((0.197, -3.718), "These are the slopes. A slope is multiplied by that by which its input moves."),
    follow_past_the_sigmoid=((0.02, -0.07436), "a_moves: between z and a stands the sigmoid, with the slope 0.197."),
    follow_a_jumped=((0.003932, -0.07436), "L_moves: L depends on a, and a moves by 0.0039, not by 0.02."),
    follow_divided=((0.003932, -0.0010577), "L_moves: you have divided by the slope. It is a factor."),
    follow_added=((0.217, -3.501), "You have added. A small move is *multiplied* by the slope of each step."))


@lesson.exercise(
    level=2, minutes=6,
    parts=("dw", "db", "dx"),
    samples=[(2.0, -0.5, 0.0), (1.0, 0.7, -0.2), (-3.0, 0.4, 1.0), (0.5, 2.0, -1.5)],
    hints=["Compute z and a first. Then go back: dL/da is −1/a, and da/dz is a (1 − a).",
           "dL/dz is the product of the two.",
           "z reacts to w with the factor x, to b with the factor 1, and to x with the factor w."])
def scalar_chain(x, w, b):
    """Return dL/dw, dL/db and dL/dx for z = w x + b, a = σ(z), L = −log a; all are numbers."""
    a = 1 / (1 + np.exp(-(w * x + b)))
    dz = -1 / a * a * (1 - a)
    return dz * x, dz, dz * w


@scalar_chain.mistake()
def scalar_swapped(x, w, b):
    """w and x are exchanged: if w moves, z moves by x times as much."""
    a = 1 / (1 + np.exp(-(w * x + b)))
    dz = -1 / a * a * (1 - a)
    return dz * w, dz, dz * x


@scalar_chain.mistake("wrong sign")
def scalar_uphill(x, w, b):
    """The sign is lost: the slope of −log a is *minus* one over a."""
    a = 1 / (1 + np.exp(-(w * x + b)))
    dz = 1 / a * a * (1 - a)
    return dz * x, dz, dz * w


@scalar_chain.mistake("activation's derivative forgotten")
def scalar_without_slope(x, w, b):
    """The sigmoid's slope is missing: between a and z stands the factor a (1 − a)."""
    a = 1 / (1 + np.exp(-(w * x + b)))
    return -1 / a * x, -1 / a, -1 / a * w


@scalar_chain.mistake()
def scalar_without_loss(x, w, b):
    """You stop at a. Its own effect on the loss, one over a with a minus, is still to be multiplied."""
    a = 1 / (1 + np.exp(-(w * x + b)))
    dz = a * (1 - a)
    return dz * x, dz, dz * w


@scalar_chain.mistake("derivative of the wrong variable")
def scalar_slope_of_a(x, w, b):
    """You took the sigmoid's slope at a. It is to be taken at z, where it is a (1 − a)."""
    a = 1 / (1 + np.exp(-(w * x + b)))
    s = 1 / (1 + np.exp(-a))
    dz = -1 / a * s * (1 - s)
    return dz * x, dz, dz * w


@scalar_chain.mistake("bias missing")
def scalar_bias_left_out(x, w, b):
    """b is left out of z, and so everything behind it is computed at another place."""
    a = 1 / (1 + np.exp(-w * x))
    dz = -1 / a * a * (1 - a)
    return dz * x, dz, dz * w


@scalar_chain.mistake()
def scalar_added(x, w, b):
    """You add the slopes of the steps. One step after the other *multiplies* them."""
    a = 1 / (1 + np.exp(-(w * x + b)))
    dz = -1 / a + a * (1 - a)
    return dz + x, dz + 1, dz + w


@scalar_chain.mistake()
def scalar_bias_times_b(x, w, b):
    """If b moves, z moves by as much: the factor is 1, and not b itself."""
    a = 1 / (1 + np.exp(-(w * x + b)))
    dz = -1 / a * a * (1 - a)
    return dz * x, dz * b, dz * w


@lesson.exercise(
    level=1, minutes=2,
    rtol=0.002,
    hints=["The sigmoid hands back the gradient times its slope.",
           "The slope can be written with the output alone, and it has two factors."],
    remark="A hundredth of what arrived: that is what saturated means.")
def let_through():
    """a number"""
    return 0.00495


@let_through.mistake("derivative of the wrong variable")
def let_through_of_a():
    """You took the sigmoid's derivative at a = 0.99. The 0.99 is its output already, and not what went in."""
    return 0.0986


@let_through.mistake("activation's derivative forgotten")
def let_through_all():
    """That is what arrives. It is still to be multiplied by the sigmoid's slope."""
    return 0.5


let_through.wrong_answers(
    let_through_one_factor=(0.495,
        "You have multiplied by a alone. A unit close to 1 is flat: the second factor of the slope says so."),
    let_through_other_factor=(0.005,
        "You have multiplied by 1 − a alone. It is close, but the slope has a second factor."),
    let_through_slope=(0.0099,
        "That is the slope, the share that gets through. The gradient that arrives is multiplied by it."),
    let_through_tanh=(0.5 * (1 - 0.99**2), "That is tanh's slope, 1 − a². The sigmoid's has two other factors."),
    let_through_quarter=(0.125, "A quarter is the largest slope that a sigmoid can have, at z = 0. Here a is 0.99."),
    let_through_divided=(0.5 / 0.0099,
        "You have divided by the slope. What gets through is the gradient *times* the slope."),
    let_through_nothing=(0, "It is little, but not nothing: a is close to 1, and not equal to it."))


@lesson.exercise(
    level=2, minutes=6,
    parts=("dz2", "dw2", "dz1", "dw1"), rtol=3e-2,
    hints=["dz2 is, as beneath z in section 1, what the last unit said, minus what it should have said.",
           "dw2 is dz2 times what came in there, a1 = 0.818.",
           "Back through w2 and the slope of the first unit: dz1 = dz2 · w2 · a1 (1 − a1).",
           "dw1 is dz1 times what came in: x = 3."])
def two_units():
    """four numbers (dz2, dw2, dz1, dw1)"""
    return -0.8369, -0.6842, 0.2496, 0.7489


two_units.wrong_answers(
    two_without_input=((-0.8369, -0.6842, 0.2496, 0.2496), "dw1: w1 is multiplied by x = 3, so dw1 is dz1 · x."),
    two_without_slope=((-0.8369, -0.6842, 1.6737, 5.0212), "dz1: the slope of the first unit is missing, a1 (1 − a1)."),
    two_without_weight=((-0.8369, -0.6842, -0.1248, -0.3745), "dz1: on the way back to a1 stands the weight w2 = −2."),
    two_uphill=((0.8369, 0.6842, -0.2496, -0.7489), "All sizes are right, all signs are wrong: it is a − y."),
    two_slope_at_the_end=((-0.1142, -0.0934, 0.0341, 0.1022),
        "dz2: −1/a and the slope a (1 − a) make a − 1 together. The slope is in it already."))


def chain_sample(n, rng):
    """Return the weights w (keys 1 to n) of n units in a chain, without biases, and their outputs a (keys 0 to n)."""
    w, a = {k: 2 * rng.normal() for k in range(1, n + 1)}, {0: rng.normal()}
    for k in w:
        a[k] = float(1 / (1 + np.exp(-w[k] * a[k - 1])))
    return w, a


def sweep_begun(w, a):
    """Return the dicts dz and dw, with the keys of w; the right answer is "yes". `a` has the key 0 as well."""
    da, dz, dw = {len(w): ...}, {}, {}
    for k in reversed(w):
        dz[k] = ...
        dw[k] = ...
        da[k - 1] = ...
    return dz, dw


@lesson.exercise(
    level=3, minutes=8,
    parts=("dz", "dw"), given=sweep_begun,
    samples=[chain_sample(n, np.random.default_rng(n)) for n in (3, 2, 5, 1)],
    hints=["da begins at the last unit: how L = −log a reacts to its output, −1/a.",
           "On the way from da of a unit to its dz stands the sigmoid's slope, a[k] * (1 - a[k]).",
           "w[k] is multiplied by what came in, a[k - 1]: so dw is dz times that.",
           "a[k - 1] is multiplied by w[k]: so what unit k hands to the one before is its dz, times w[k]."])
def sweep(w, a):
    """Return the dicts dz and dw, with the keys of w; the right answer is "yes". `a` has the key 0 as well."""
    da, dz, dw = {len(w): -1 / a[len(w)]}, {}, {}
    for k in reversed(w):
        dz[k] = da[k] * a[k] * (1 - a[k])
        dw[k] = dz[k] * a[k - 1]
        da[k - 1] = dz[k] * w[k]
    return dz, dw


@sweep.mistake("activation's derivative forgotten")
def sweep_without_slope(w, a):
    """The sigmoid's slope is missing: dz is da times a (1 − a)."""
    da, dz, dw = {len(w): -1 / a[len(w)]}, {}, {}
    for k in reversed(w):
        dz[k] = da[k]
        dw[k] = dz[k] * a[k - 1]
        da[k - 1] = dz[k] * w[k]
    return dz, dw


@sweep.mistake("weights of the wrong layer")
def sweep_without_weight(w, a):
    """On the way to the unit before stands the weight between the two: da(k − 1) is dz(k) times w(k)."""
    da, dz, dw = {len(w): -1 / a[len(w)]}, {}, {}
    for k in reversed(w):
        dz[k] = da[k] * a[k] * (1 - a[k])
        dw[k] = dz[k] * a[k - 1]
        da[k - 1] = dz[k]
    return dz, dw


@sweep.mistake()
def sweep_own_output(w, a):
    """dw: you took the unit's own output, a(k). The weight is multiplied by what came in, a(k − 1)."""
    da, dz, dw = {len(w): -1 / a[len(w)]}, {}, {}
    for k in reversed(w):
        dz[k] = da[k] * a[k] * (1 - a[k])
        dw[k] = dz[k] * a[k]
        da[k - 1] = dz[k] * w[k]
    return dz, dw


@sweep.mistake()
def sweep_slope_before(w, a):
    """dz: the slope is that of the unit itself, a(k) (1 − a(k)), and not of the one before."""
    da, dz, dw = {len(w): -1 / a[len(w)]}, {}, {}
    for k in reversed(w):
        dz[k] = da[k] * a[k - 1] * (1 - a[k - 1])
        dw[k] = dz[k] * a[k - 1]
        da[k - 1] = dz[k] * w[k]
    return dz, dw


@sweep.mistake()
def sweep_input_handed_back(w, a):
    """da: you multiplied by what came in, a(k − 1), which gives dw. To the unit before it is the weight, w(k)."""
    da, dz, dw = {len(w): -1 / a[len(w)]}, {}, {}
    for k in reversed(w):
        dz[k] = da[k] * a[k] * (1 - a[k])
        dw[k] = dz[k] * a[k - 1]
        da[k - 1] = dz[k] * a[k - 1]
    return dz, dw


@sweep.mistake()
def sweep_past_the_sigmoid(w, a):
    """da: what a unit hands back is its dz times w(k), and not its da: it has to go through the sigmoid first."""
    da, dz, dw = {len(w): -1 / a[len(w)]}, {}, {}
    for k in reversed(w):
        dz[k] = da[k] * a[k] * (1 - a[k])
        dw[k] = dz[k] * a[k - 1]
        da[k - 1] = da[k] * w[k]
    return dz, dw


@sweep.mistake()
def sweep_slope_twice(w, a):
    """You begin with a − 1, which is dz of the last unit: its slope is in it already. da of that unit is −1/a."""
    da, dz, dw = {len(w): a[len(w)] - 1}, {}, {}
    for k in reversed(w):
        dz[k] = da[k] * a[k] * (1 - a[k])
        dw[k] = dz[k] * a[k - 1]
        da[k - 1] = dz[k] * w[k]
    return dz, dw


@sweep.mistake()
def sweep_without_input(w, a):
    """dw: what came in is missing. The weight is multiplied by it, so dw(k) is dz(k) times a(k − 1)."""
    da, dz, dw = {len(w): -1 / a[len(w)]}, {}, {}
    for k in reversed(w):
        dz[k] = da[k] * a[k] * (1 - a[k])
        dw[k] = dz[k]
        da[k - 1] = dz[k] * w[k]
    return dz, dw


@sweep.mistake()
def sweep_begins_with_1(w, a):
    """da begins with 1. That is how L reacts to itself; to the last output it reacts with −1/a."""
    da, dz, dw = {len(w): 1}, {}, {}
    for k in reversed(w):
        dz[k] = da[k] * a[k] * (1 - a[k])
        dw[k] = dz[k] * a[k - 1]
        da[k - 1] = dz[k] * w[k]
    return dz, dw


@sweep.mistake()
def sweep_half_a_slope(w, a):
    """The sigmoid's slope has two factors, a and 1 − a, and the second one is missing."""
    da, dz, dw = {len(w): -1 / a[len(w)]}, {}, {}
    for k in reversed(w):
        dz[k] = da[k] * a[k]
        dw[k] = dz[k] * a[k - 1]
        da[k - 1] = dz[k] * w[k]
    return dz, dw


@sweep.mistake()
def sweep_other_half(w, a):
    """The sigmoid's slope has two factors, a and 1 − a, and the first one is missing."""
    da, dz, dw = {len(w): -1 / a[len(w)]}, {}, {}
    for k in reversed(w):
        dz[k] = da[k] * (1 - a[k])
        dw[k] = dz[k] * a[k - 1]
        da[k - 1] = dz[k] * w[k]
    return dz, dw


@sweep.mistake()
def sweep_gradient_lost(w, a):
    """dz is the sigmoid's slope alone. It is a factor: what arrives, da, is multiplied by it."""
    dz, dw = {}, {}
    for k in reversed(w):
        dz[k] = a[k] * (1 - a[k])
        dw[k] = dz[k] * a[k - 1]
    return dz, dw


@sweep.mistake()
def sweep_exchanged(w, a):
    """dw and da have changed places: the weight is multiplied by what came in, a(k − 1), and da goes through w(k)."""
    da, dz, dw = {len(w): -1 / a[len(w)]}, {}, {}
    for k in reversed(w):
        dz[k] = da[k] * a[k] * (1 - a[k])
        dw[k] = dz[k] * w[k]
        da[k - 1] = dz[k] * a[k - 1]
    return dz, dw


@sweep.mistake()
def sweep_next_slope_too(w, a):
    """da: the slope of the unit before does not belong here. Its own dz multiplies by it, one step further back."""
    da, dz, dw = {len(w): -1 / a[len(w)]}, {}, {}
    for k in reversed(w):
        dz[k] = da[k] * a[k] * (1 - a[k])
        dw[k] = dz[k] * a[k - 1]
        da[k - 1] = dz[k] * w[k] * a[k - 1] * (1 - a[k - 1])
    return dz, dw


@sweep.mistake("wrong sign")
def sweep_uphill(w, a):
    """All signs are reversed: the loss is −log a, so what comes back first is −1/a."""
    da, dz, dw = {len(w): 1 / a[len(w)]}, {}, {}
    for k in reversed(w):
        dz[k] = da[k] * a[k] * (1 - a[k])
        dw[k] = dz[k] * a[k - 1]
        da[k - 1] = dz[k] * w[k]
    return dz, dw


@lesson.exercise(
    level=1, minutes=3,
    parts=("share", "weight"), rtol=0.02,
    hints=["One step back multiplies by the weight and by the slope a (1 − a).",
           "At a = ½ the slope is ¼. From the last of five units to the first it is four steps.",
           "It grows if a step multiplies by more than 1."])
def share():
    """two numbers (the share, the weight)"""
    return 0.75**4, 4


share.wrong_answers(
    share_five_steps=((0.75**5, 4), "share: from the last of five units to the first it is four steps."),
    share_without_weights=((0.25**4, 4), "share: that is what the slopes leave. Each step has a weight as well."),
    share_without_slopes=((81, 4), "share: those are the weights. Each step has a slope as well, a quarter."),
    share_of_one_step=((0.75, 4), "share: that is one step. There are four, and they multiply."),
    share_added=((3, 4), "share: you have added the four steps. Along a chain they multiply."),
    share_above_1=((0.75**4, 1), "weight: a step multiplies by the slope as well, a quarter. So 1 is not enough."))
