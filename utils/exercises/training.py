"""Exercises of notebook 06: `loops` has those of its first half; here are first weights, results, and a training."""

import numpy as np

from utils.activations import softmax
from utils.exercises.loops import classes, less_noise, lesson, mini_batches, standardise, stuck_at, training_step

__all__ = ["first_adam_step", "first_loss", "less_noise", "lesson", "mini_batches", "read_logs", "spread",
           "standard_error", "standardise", "stuck_at", "train_from_nothing", "training_step"]
rng = np.random.default_rng(16)


@lesson.exercise(
    level=1, minutes=3,
    parts=("deviation", "variance"), rtol=1e-2,
    hints=["The variance of z is n · v · (mean square of the inputs). Put in n = 64 and v = 1, and take the root.",
           "For the second number: n · v · 1 = 1."])
def spread():
    """a pair (standard deviation of z, variance of the weights)"""
    return 8.0, 1 / 64


spread.wrong_answers(
    spread_without_root=((64.0, 1 / 64), "64 is the variance of z. The standard deviation is its root."),
    spread_as_deviation=((8.0, 1 / 8), "1/8 is the standard deviation of the weights. Asked is their variance."),
    spread_neither=((64.0, 1 / 8), "First a variance and then a deviation: it is asked the other way round."))


@lesson.exercise(
    level=1, minutes=2,
    rtol=1e-2,
    hints=["What is the probability of the right class, if all ten are equally probable?",
           "The loss of one sample is minus the logarithm of that; and the mean of equal losses?"])
def first_loss():
    """a number"""
    return float(np.log(10))


first_loss.wrong_answers(
    first_loss_probability=(0.1, "That is the probability of the right class. The loss is minus its logarithm."),
    first_loss_negative=(-2.3026, "The size is right. A loss is minus the logarithm of a probability: it is positive."),
    first_loss_in_decades=(1.0, "That is the logarithm to the base 10. Asked is the natural one, `np.log`."),
    first_loss_in_bits=(3.3219, "That is the logarithm to the base 2. Asked is the natural one, `np.log`."),
    first_loss_of_all=(23.026, "You let all ten classes pay. A sample pays for its right class alone."))


@lesson.exercise(
    level=1, minutes=3,
    rtol=0.05,
    hints=["p is 13/450, about 0.029. Put it into the root, with n = 450.",
           "The root is a share. In percentage points it is a hundred times that."])
def standard_error():
    """a number of percentage points"""
    return 0.79


standard_error.wrong_answers(
    error_as_share=(0.0079, "That is right as a share. In percentage points it is a hundred times that."),
    error_without_root=(0.0062, "There is a root over the quotient."),
    error_without_n=(16.75, "Divide by n inside the root: the share of many digits scatters less than one digit."),
    error_itself=(2.89, "That is the share of wrong digits itself. Asked is by how much it scatters."))


@lesson.exercise(
    level=2, minutes=4,
    parts=("A", "B", "C", "D"), also=("cbad", "c, b, a, d", "c b a d"),
    hints=["log 10 is about 2.3. Which log begins far above it? Which one hardly leaves it?",
           "C rises until it is no number any more. And in D, what do the two losses do?"])
def read_logs():
    """four letters ("…", "…", "…", "…"), for A to D"""
    return "c", "b", "a", "d"


read_logs.wrong_answers(
    logs_exploding=(("c", "a", "b", "d"), "B begins high and falls; C begins well and flies off. Which is the rate?"),
    logs_learning=(("d", "b", "a", "c"), "In D the network learns its samples to the last; in A it learns nothing."),
    logs_weights=(("b", "c", "a", "d"), "A begins at log 10, where it should: its first weights are fine."))


@lesson.exercise(
    level=3, minutes=12,
    parts=("W", "b", "losses"),
    samples=[({1: rng.normal(size=(h, n)), 2: rng.normal(size=(m, h))}, {1: rng.normal(size=h), 2: rng.normal(size=m)},
              rng.normal(size=(N, n)), classes(N, m), rate, steps)
             for N, n, h, m, rate, steps in ((6, 4, 5, 3, 0.3, 5), (5, 2, 7, 4, 0.2, 3), (23, 3, 6, 2, 0.4, 4))],
    hints=["One step: Z1, A1, A2, the loss of this A2, dZ2, dZ1, and then the updates. Put it into a loop over "
           "`range(steps)`.",
           "Softmax and cross-entropy together give dZ2 = (A2 − Y)/N; dZ1 is dZ2 @ W[2], where Z1 is positive.",
           "Compute everything from the old W and b, and only then make the new dicts.",
           "`W = {1: W[1] - …, 2: W[2] - …}` makes new arrays; `W[1] -= …` would change those that you were given."])
def train_from_nothing(W, b, X, Y, rate, steps):
    """Return the dicts W and b and the losses (steps,): gradient descent on one hidden ReLU layer and softmax."""
    losses = []
    for _ in range(steps):
        Z1 = X @ W[1].T + b[1]
        A1 = np.maximum(Z1, 0)
        A2 = softmax(A1 @ W[2].T + b[2])
        losses.append(-(Y * np.log(A2)).sum() / len(X))
        dZ2 = (A2 - Y) / len(X)
        dZ1 = dZ2 @ W[2] * (Z1 > 0)
        W = {1: W[1] - rate * dZ1.T @ X, 2: W[2] - rate * dZ2.T @ A1}
        b = {1: b[1] - rate * dZ1.sum(0), 2: b[2] - rate * dZ2.sum(0)}
    return W, b, np.array(losses)


@train_from_nothing.mistake("wrong sign")
def nothing_uphill(W, b, X, Y, rate, steps):
    """Your loss rises from step to step: a sign is wrong, in dZ2 or in the steps."""
    losses = []
    for _ in range(steps):
        Z1 = X @ W[1].T + b[1]
        A1 = np.maximum(Z1, 0)
        A2 = softmax(A1 @ W[2].T + b[2])
        losses.append(-(Y * np.log(A2)).sum() / len(X))
        dZ2 = (A2 - Y) / len(X)
        dZ1 = dZ2 @ W[2] * (Z1 > 0)
        W = {1: W[1] + rate * dZ1.T @ X, 2: W[2] + rate * dZ2.T @ A1}
        b = {1: b[1] + rate * dZ1.sum(0), 2: b[2] + rate * dZ2.sum(0)}
    return W, b, np.array(losses)


@train_from_nothing.mistake("already updated weights")
def nothing_in_passing(W, b, X, Y, rate, steps):
    """dZ1 is made from the *new* W[2]. First all gradients at the old parameters, then all steps."""
    losses = []
    for _ in range(steps):
        Z1 = X @ W[1].T + b[1]
        A1 = np.maximum(Z1, 0)
        A2 = softmax(A1 @ W[2].T + b[2])
        losses.append(-(Y * np.log(A2)).sum() / len(X))
        dZ2 = (A2 - Y) / len(X)
        W = {**W, 2: W[2] - rate * dZ2.T @ A1}
        dZ1 = dZ2 @ W[2] * (Z1 > 0)
        W = {**W, 1: W[1] - rate * dZ1.T @ X}
        b = {1: b[1] - rate * dZ1.sum(0), 2: b[2] - rate * dZ2.sum(0)}
    return W, b, np.array(losses)


@train_from_nothing.mistake("1/N forgotten")
def nothing_summed(W, b, X, Y, rate, steps):
    """The loss is an average, and the gradient you step with is a sum: its 1/N is missing."""
    losses = []
    for _ in range(steps):
        Z1 = X @ W[1].T + b[1]
        A1 = np.maximum(Z1, 0)
        A2 = softmax(A1 @ W[2].T + b[2])
        losses.append(-(Y * np.log(A2)).sum() / len(X))
        dZ2 = A2 - Y
        dZ1 = dZ2 @ W[2] * (Z1 > 0)
        W = {1: W[1] - rate * dZ1.T @ X, 2: W[2] - rate * dZ2.T @ A1}
        b = {1: b[1] - rate * dZ1.sum(0), 2: b[2] - rate * dZ2.sum(0)}
    return W, b, np.array(losses)


@train_from_nothing.mistake("bias missing")
def nothing_without_bias(W, b, X, Y, rate, steps):
    """The biases never change. They are parameters as well, with gradients of their own."""
    losses = []
    for _ in range(steps):
        Z1 = X @ W[1].T + b[1]
        A1 = np.maximum(Z1, 0)
        A2 = softmax(A1 @ W[2].T + b[2])
        losses.append(-(Y * np.log(A2)).sum() / len(X))
        dZ2 = (A2 - Y) / len(X)
        dZ1 = dZ2 @ W[2] * (Z1 > 0)
        W = {1: W[1] - rate * dZ1.T @ X, 2: W[2] - rate * dZ2.T @ A1}
    return W, b, np.array(losses)


@train_from_nothing.mistake("activation's derivative forgotten")
def nothing_open_gate(W, b, X, Y, rate, steps):
    """dZ1 lets everything through. Where Z1 is negative the ReLU was off, and its slope is 0."""
    losses = []
    for _ in range(steps):
        Z1 = X @ W[1].T + b[1]
        A1 = np.maximum(Z1, 0)
        A2 = softmax(A1 @ W[2].T + b[2])
        losses.append(-(Y * np.log(A2)).sum() / len(X))
        dZ2 = (A2 - Y) / len(X)
        dZ1 = dZ2 @ W[2]
        W = {1: W[1] - rate * dZ1.T @ X, 2: W[2] - rate * dZ2.T @ A1}
        b = {1: b[1] - rate * dZ1.sum(0), 2: b[2] - rate * dZ2.sum(0)}
    return W, b, np.array(losses)


@train_from_nothing.mistake("derivative of the wrong variable")
def nothing_gate_of_gradient(W, b, X, Y, rate, steps):
    """The mask of dZ1 is taken of the gradient. Whether a unit is on was decided on the way forward, by Z1."""
    losses = []
    for _ in range(steps):
        Z1 = X @ W[1].T + b[1]
        A1 = np.maximum(Z1, 0)
        A2 = softmax(A1 @ W[2].T + b[2])
        losses.append(-(Y * np.log(A2)).sum() / len(X))
        dZ2 = (A2 - Y) / len(X)
        dZ1 = np.maximum(dZ2 @ W[2], 0)
        W = {1: W[1] - rate * dZ1.T @ X, 2: W[2] - rate * dZ2.T @ A1}
        b = {1: b[1] - rate * dZ1.sum(0), 2: b[2] - rate * dZ2.sum(0)}
    return W, b, np.array(losses)


@train_from_nothing.mistake()
def nothing_hidden_layer_still(W, b, X, Y, rate, steps):
    """Only layer 2 learns; the hidden layer keeps its first weights. Its gradient is made from dZ1."""
    losses = []
    for _ in range(steps):
        Z1 = X @ W[1].T + b[1]
        A1 = np.maximum(Z1, 0)
        A2 = softmax(A1 @ W[2].T + b[2])
        losses.append(-(Y * np.log(A2)).sum() / len(X))
        dZ2 = (A2 - Y) / len(X)
        W = {1: W[1], 2: W[2] - rate * dZ2.T @ A1}
        b = {1: b[1], 2: b[2] - rate * dZ2.sum(0)}
    return W, b, np.array(losses)


@train_from_nothing.mistake("softmax over the wrong axis")
def nothing_down_columns(W, b, X, Y, rate, steps):
    """Your softmax runs down the columns, over the samples. It belongs along each row."""
    losses = []
    for _ in range(steps):
        Z1 = X @ W[1].T + b[1]
        A1 = np.maximum(Z1, 0)
        A2 = softmax((A1 @ W[2].T + b[2]).T).T
        losses.append(-(Y * np.log(A2)).sum() / len(X))
        dZ2 = (A2 - Y) / len(X)
        dZ1 = dZ2 @ W[2] * (Z1 > 0)
        W = {1: W[1] - rate * dZ1.T @ X, 2: W[2] - rate * dZ2.T @ A1}
        b = {1: b[1] - rate * dZ1.sum(0), 2: b[2] - rate * dZ2.sum(0)}
    return W, b, np.array(losses)


@train_from_nothing.mistake()
def nothing_forward_without_relu(W, b, X, Y, rate, steps):
    """Layer 1 has no ReLU on the way forward: two layers without a bend are one layer."""
    losses = []
    for _ in range(steps):
        Z1 = X @ W[1].T + b[1]
        A1 = Z1
        A2 = softmax(A1 @ W[2].T + b[2])
        losses.append(-(Y * np.log(A2)).sum() / len(X))
        dZ2 = (A2 - Y) / len(X)
        dZ1 = dZ2 @ W[2] * (Z1 > 0)
        W = {1: W[1] - rate * dZ1.T @ X, 2: W[2] - rate * dZ2.T @ A1}
        b = {1: b[1] - rate * dZ1.sum(0), 2: b[2] - rate * dZ2.sum(0)}
    return W, b, np.array(losses)


@train_from_nothing.mistake()
def nothing_over_entries(W, b, X, Y, rate, steps):
    """Your loss is averaged over all entries. The average is over the samples: divide by N alone."""
    losses = []
    for _ in range(steps):
        Z1 = X @ W[1].T + b[1]
        A1 = np.maximum(Z1, 0)
        A2 = softmax(A1 @ W[2].T + b[2])
        losses.append(-(Y * np.log(A2)).mean())
        dZ2 = (A2 - Y) / len(X)
        dZ1 = dZ2 @ W[2] * (Z1 > 0)
        W = {1: W[1] - rate * dZ1.T @ X, 2: W[2] - rate * dZ2.T @ A1}
        b = {1: b[1] - rate * dZ1.sum(0), 2: b[2] - rate * dZ2.sum(0)}
    return W, b, np.array(losses)


@train_from_nothing.mistake()
def nothing_in_bits(W, b, X, Y, rate, steps):
    """Your losses take the logarithm to the base 2. The cross-entropy of this lecture has the natural one."""
    losses = []
    for _ in range(steps):
        Z1 = X @ W[1].T + b[1]
        A1 = np.maximum(Z1, 0)
        A2 = softmax(A1 @ W[2].T + b[2])
        losses.append(-(Y * np.log2(A2)).sum() / len(X))
        dZ2 = (A2 - Y) / len(X)
        dZ1 = dZ2 @ W[2] * (Z1 > 0)
        W = {1: W[1] - rate * dZ1.T @ X, 2: W[2] - rate * dZ2.T @ A1}
        b = {1: b[1] - rate * dZ1.sum(0), 2: b[2] - rate * dZ2.sum(0)}
    return W, b, np.array(losses)


@train_from_nothing.mistake()
def nothing_measured_late(W, b, X, Y, rate, steps):
    """Your losses are those after each step. Asked is the loss before it, of the A2 that the step is made from."""
    losses = []
    for _ in range(steps):
        Z1 = X @ W[1].T + b[1]
        A1 = np.maximum(Z1, 0)
        dZ2 = (softmax(A1 @ W[2].T + b[2]) - Y) / len(X)
        dZ1 = dZ2 @ W[2] * (Z1 > 0)
        W = {1: W[1] - rate * dZ1.T @ X, 2: W[2] - rate * dZ2.T @ A1}
        b = {1: b[1] - rate * dZ1.sum(0), 2: b[2] - rate * dZ2.sum(0)}
        A2 = softmax(np.maximum(X @ W[1].T + b[1], 0) @ W[2].T + b[2])
        losses.append(-(Y * np.log(A2)).sum() / len(X))
    return W, b, np.array(losses)


@lesson.exercise(
    level=2, minutes=3,
    parts=("first", "second"), rtol=1e-2,
    hints=["Put the gradient g for its mean, and g² for q. What is g/√(g²)?",
           "Only the sign of g is left. And Adam *subtracts* the step."])
def first_adam_step():
    """a pair of changes"""
    return -0.001, 0.001


first_adam_step.wrong_answers(
    adam_uphill=((0.001, -0.001), "The sizes are right. The step is subtracted: a positive gradient goes down."),
    adam_as_descent=((-0.0005, 5e-8), "That is a plain step, η g. Adam divides by √q, the size of the gradient."),
    adam_without_sign=((0.001, 0.001), "The size is the same for both; the direction is against the gradient."),
    adam_without_root=((-0.002, 20.0), "Divide by √q, and not by q itself."))
