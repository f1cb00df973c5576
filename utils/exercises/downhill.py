"""Exercises of notebook 04d: a step, what it achieves, and what is left for the first layer."""

import numpy as np

from utils.checks.lesson import Lesson

lesson = Lesson("04d_downhill")
rng = np.random.default_rng(24)


def array_dicts(*shapes):
    """Return the dicts V and dV, keys from 1, of random arrays with these shapes."""
    return tuple({l: rng.normal(size=shape) for l, shape in enumerate(shapes, 1)} for _ in range(2))


@lesson.exercise(
    level=1, minutes=4,
    samples=[(*array_dicts((7, 5), (4, 7), (3, 4)), 0.5), (*array_dicts((3,), (2,)), 0.01),
             (*array_dicts((2, 2)), 1.5)],
    hints=["Go through the keys of V. What stands there in the new dict?",
           "Each array loses eta times its gradient: `V[l] - eta * dV[l]`. Make a new dict of these."])
def one_step(V, dV, eta):
    """Return a new dict with the keys of V, each array moved against its gradient; V stays as it is."""
    return {l: V[l] - eta * dV[l] for l in V}


@one_step.mistake("wrong sign")
def step_uphill(V, dV, eta):
    """You step *along* the gradient, so the loss rises. Against it is with a minus."""
    return {l: V[l] + eta * dV[l] for l in V}


@one_step.mistake()
def step_without_eta(V, dV, eta):
    """The learning rate is missing: you step by the whole gradient."""
    return {l: V[l] - dV[l] for l in V}


@one_step.mistake()
def step_alone(V, dV, eta):
    """That is how far the arrays move. Wanted is where they are afterwards."""
    return {l: -eta * dV[l] for l in V}


@one_step.mistake()
def step_shrinks(V, dV, eta):
    """You shrink each array by eta of itself. It is to move by eta times its *gradient*."""
    return {l: V[l] - eta * V[l] for l in V}


@one_step.mistake()
def step_of_the_last(V, dV, eta):
    """Only the last array has moved. Every one of them is to move."""
    return {**V, len(V): V[len(V)] - eta * dV[len(V)]}


@one_step.mistake()
def step_by_sign(V, dV, eta):
    """You step by the sign of the gradient. Where the gradient is small, the step is small as well."""
    return {l: V[l] - eta * np.sign(dV[l]) for l in V}


@lesson.exercise(
    level=1, minutes=2,
    rtol=0.01,
    hints=["If one parameter moves by Δ, the loss changes by about its partial derivative g times Δ. Here Δ is −η g.",
           "So each parameter lowers the loss by about η g². All 89 of them move, and what they do adds up."])
def expected_fall():
    """a number"""
    return 0.1605


@expected_fall.mistake("wrong sign")
def fall_below_zero():
    """That is by how much the loss changes. Asked is how far it *falls*, and a fall of −0.16 would be a rise."""
    return -0.1605


expected_fall.wrong_answers(
    fall_without_eta=(0.321,
        "The learning rate is missing: a step that is half as long lowers the loss by half as much."),
    fall_eta_squared=(0.5**2 * 0.321,
        "η is squared, too. The step has the factor η; how the loss reacts to the step has not."),
    fall_is_the_way=(0.5 * 0.321**0.5,
        "That is how long the step is. The loss falls by this length times the length of the gradient."),
    fall_divided=(0.321 / 0.5, "You have divided by η. The longer the step is, the further the loss falls."),
    fall_is_the_loss=(1.1394 - 0.1605, "That is what the loss would be after the step. Asked is by how much it falls."),
    fall_averaged=(0.5 * 0.321 / 89, "You have taken the mean. All 89 parameters move, and what they do adds up."))


@lesson.exercise(
    level=1, minutes=3,
    parts=("half", "sure"), rtol=0.05,
    hints=["The slope of a sigmoid is a (1 − a).", "On the way back the slopes multiply."])
def two_slopes():
    """two numbers (both 0.5, both 0.99)"""
    return 0.0625, 0.00009801


two_slopes.wrong_answers(
    slopes_of_one=((0.25, 0.0099), "That is one slope. There are two in a row, and they multiply."),
    slopes_added=((0.5, 0.0198), "You have added the two. Along a path the factors multiply."),
    slopes_of_outputs=((0.25, 0.9801), "You have multiplied the outputs. The slope is a (1 − a)."))


def outputs_sample(N, m):
    """Return the outputs (N, m) of sigmoid units, some of them close to 0 or 1."""
    return 1 / (1 + np.exp(-4 * rng.normal(size=(N, m))))


@lesson.exercise(
    level=2, minutes=4,
    samples=[(outputs_sample(N, m), limit) for N, m, limit in ((4, 11, 0.09), (3, 5, 0.05), (6, 2, 0.2), (1, 7, 0.09))],
    hints=["The slope of each unit is computed from its output alone.",
           "A comparison gives an array of True and False; a sum counts the True.",
           "One number for each sample: count along the row, `.sum(1)`."])
def saturated(A, limit):
    """Return, for each row of the sigmoids' outputs A, shape (N, m), how many slopes are below limit; shape (N,)."""
    slopes = A * (1 - A)
    return (slopes < limit).sum(1)


@saturated.mistake()
def saturated_by_unit(A, limit):
    """You count over the samples, for each unit. Wanted is a number for each sample: count along the rows."""
    slopes = A * (1 - A)
    return (slopes < limit).sum(0)


@saturated.mistake()
def saturated_in_all(A, limit):
    """That is one number for all samples together. Wanted is one for each."""
    slopes = A * (1 - A)
    return (slopes < limit).sum()


@saturated.mistake()
def saturated_outputs(A, limit):
    """You compare the outputs with the limit. Compared are the slopes, a (1 − a)."""
    outputs = A
    return (outputs < limit).sum(1)


@saturated.mistake()
def saturated_near_1(A, limit):
    """You compare 1 − a with the limit. The slope is a (1 − a), and it is small near 0 as well."""
    below_1 = 1 - A
    return (below_1 < limit).sum(1)


@saturated.mistake()
def saturated_not(A, limit):
    """These are the units that are *not* saturated: count the slopes below the limit."""
    slopes = A * (1 - A)
    return (slopes >= limit).sum(1)


@saturated.mistake()
def saturated_share(A, limit):
    """That is the share of the units. Wanted is how many they are: a sum and no mean."""
    slopes = A * (1 - A)
    return (slopes < limit).mean(1)


@saturated.mistake()
def saturated_by_tanh(A, limit):
    """You took tanh's slope, 1 − a². The sigmoid's is a (1 − a)."""
    slopes = 1 - A**2
    return (slopes < limit).sum(1)


@lesson.exercise(
    level=1, minutes=2,
    rtol=0.02,
    hints=["The difference of the two z is the product of the weights' row and the difference of the two rows.",
           "Such a product is at most the product of the two lengths, if both point in the same direction."])
def large_weights():
    """a number"""
    return 454.5


large_weights.wrong_answers(
    weights_multiplied=(0.0022, "That is the length of the difference. The product with it is to be 1."),
    weights_of_each=(227.27, "That would be each of four equal weights. Asked is the length of the whole row."),
    weights_half=(45.45, "Look at the decimal point once more: one divided by 0.0022."))


@lesson.exercise(
    level=1, minutes=2,
    hints=["With standardized inputs, what are the outputs of layer 1: of which sign?",
           "Layer 2 adds them up. Of which sign are its weights, before they are centred?"],
    remark="Layer 2 adds up positive outputs. Only negative weights bring its sums near 0.")
def which_helps():
    """a word, "inputs" or "parameters", in quotation marks"""
    return "parameters"


which_helps.wrong_answers(
    helps_inputs=("inputs",
        "They help layer 1. But layer 2 still adds up seven positive outputs with positive weights."),
    helps_both=("both", "Together they help most. Asked is which one helps more *alone*."),
    helps_neither=("neither", "One of them helps a lot. Which one reaches both layers?"))
