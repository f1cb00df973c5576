"""Exercises of notebook 05: what autograd adds up, a layer with a kink, and three bugs that tutorials have shipped."""

import numpy as np

from utils.activations import softmax
from utils.checks.lesson import Lesson

lesson = Lesson("05_autograd_cross_check")
rng = np.random.default_rng(5)


@lesson.exercise(
    level=1, minutes=3,
    hints=["Where in the backward pass does the sigmoid of layer 2 come into play?",
           "Which of the four are made before that, and which after it?"],
    also=("dZ[2]",))
def first_to_disagree():
    '''"a", "b", "c" or "d"'''
    return "b"


@first_to_disagree.mistake()
def disagree_before():
    """dA[2] is dZ[3] times W[3]: at that point nothing has passed the sigmoid of layer 2 yet, and all is well."""
    return "a"


@first_to_disagree.mistake()
def disagree_after():
    """dW[2] is wrong, too, but it has only inherited it: it is made from something that is wrong already."""
    return "c"


@first_to_disagree.mistake()
def disagree_above():
    """dW[3] belongs to the layer above, which is done with before the slip. The gradient travels from the output to the
    input."""
    return "d"


@lesson.exercise(
    level=1, minutes=2,
    rtol=1e-3,
    hints=["What is the derivative of w² at 3?",
           "Does the second `backward()` replace what is in `.grad`, or add to it?"])
def grad_after_two():
    """a number"""
    return 12


@grad_after_two.mistake()
def grad_replaced():
    """That would be so if the second call replaced the first one's result."""
    return 6


@grad_after_two.mistake()
def grad_multiplied():
    """The two results are not multiplied; they belong to two runs, one after the other."""
    return 36


@grad_after_two.mistake("derivative of the wrong variable")
def grad_of_value():
    """You have added up the values of w², 9 and 9. In `.grad` are derivatives."""
    return 18


@grad_after_two.mistake()
def grad_of_second_order():
    """A second `backward()` is not a second derivative."""
    return 2


grad_after_two.wrong_answers(
    grad_is_the_value=(9, "That is w² itself. In `.grad` are derivatives."))


def layer_sample(N, n, m, scale=1.0):
    """Return X (N, n), W (m, n), b (m,), dA (N, m); with a small scale, Z is close to ReLU's kink."""
    return scale * rng.normal(size=(N, n)), rng.normal(size=(m, n)), scale * rng.normal(size=m), rng.normal(size=(N, m))


@lesson.exercise(
    level=3, minutes=8,
    parts=("A", "dZ", "dW", "db"),
    samples=[layer_sample(4, 5, 3), layer_sample(6, 2, 7), layer_sample(5, 3, 3, scale=1e-3)],
    hints=["Forward first: Z as in every layer, and then nothing below 0.",
           "ReLU's slope is 1 where Z is positive, and 0 elsewhere: `Z > 0` can be multiplied by.",
           "dW and db are made from dZ, as in every other layer."])
def relu_layer(X, W, b, dA):
    """Return A and dZ, shape (N, m), dW, shape (m, n), and db, shape (m,)."""
    Z = X @ W.T + b
    dZ = dA * (Z > 0)
    return np.maximum(Z, 0), dZ, dZ.T @ X, dZ.sum(0)


@relu_layer.mistake("activation's derivative forgotten")
def relu_lets_all_through(X, W, b, dA):
    """Everything gets through, also where the unit was off. There, a nudge of its Z would not have changed anything."""
    Z = X @ W.T + b
    return np.maximum(Z, 0), dA, dA.T @ X, dA.sum(0)


@relu_layer.mistake("derivative of the wrong variable")
def relu_of_gradient(X, W, b, dA):
    """You apply ReLU to dA. A gradient may be negative; what counts is whether the unit was on *forwards*."""
    Z = X @ W.T + b
    dZ = np.maximum(dA, 0)
    return np.maximum(Z, 0), dZ, dZ.T @ X, dZ.sum(0)


@relu_layer.mistake()
def relu_multiplied(X, W, b, dA):
    """You multiply by the output; its derivative, where the unit is on, is 1, however large the output is."""
    A = np.maximum(X @ W.T + b, 0)
    dZ = dA * A
    return A, dZ, dZ.T @ X, dZ.sum(0)


@relu_layer.mistake()
def relu_weights_past_it(X, W, b, dA):
    """dW is made from dA. The weights sit before the ReLU, so their gradient is made from dZ."""
    Z = X @ W.T + b
    dZ = dA * (Z > 0)
    return np.maximum(Z, 0), dZ, dA.T @ X, dA.sum(0)


@relu_layer.mistake("1/N twice")
def relu_bias_averaged(X, W, b, dA):
    """db is an average over the samples, but dA holds the 1/N of the loss already."""
    Z = X @ W.T + b
    dZ = dA * (Z > 0)
    return np.maximum(Z, 0), dZ, dZ.T @ X, dZ.mean(0)


@relu_layer.mistake("bias missing")
def relu_without_bias(X, W, b, dA):
    """The bias is missing from Z, so that other units are on."""
    Z = X @ W.T
    dZ = dA * (Z > 0)
    return np.maximum(Z, 0), dZ, dZ.T @ X, dZ.sum(0)


@relu_layer.mistake("summed over the wrong axis")
def relu_bias_per_sample(X, W, b, dA):
    """db is summed over the wrong axis: it should have one number for each unit, not for each sample."""
    Z = X @ W.T + b
    dZ = dA * (Z > 0)
    return np.maximum(Z, 0), dZ, dZ.T @ X, dZ.sum(1)


@relu_layer.mistake("transposed")
def relu_turned(X, W, b, dA):
    """dW is transposed: it should have the shape of W."""
    Z = X @ W.T + b
    dZ = dA * (Z > 0)
    return np.maximum(Z, 0), dZ, X.T @ dZ, dZ.sum(0)


@relu_layer.mistake()
def relu_forgotten_forwards(X, W, b, dA):
    """What you return as A is Z: the ReLU is missing on the way forward."""
    Z = X @ W.T + b
    dZ = dA * (Z > 0)
    return Z, dZ, dZ.T @ X, dZ.sum(0)


# Find the bug ---------------------------------------------------------------------------------------


def scaled_as_given(dA, Z, scale):
    """Return dZ for A = scale * relu(Z); dA, Z have the shape (N, d), scale (d,)."""
    A = scale * np.maximum(Z, 0)
    return dA * scale * (A > 0)


@lesson.exercise(
    level=2, minutes=6,
    given=scaled_as_given,
    samples=[(rng.normal(size=(N, d)), rng.normal(size=(N, d)), np.linspace(-1.5, 2, d))
             for N, d in ((4, 3), (2, 5), (6, 4))]
            + [(rng.normal(size=(5, 3)), rng.normal(size=(5, 3)) - [0, 9, 0], np.array([0.5, 2.0, -1.0]))],
    remark="With positive scales alone, the two masks are the same, and no test would have noticed.",
    hints=["The bug shows for some units only. Look at the scales.",
           "When is ReLU on: when what goes *in* is positive, or when what comes out *after the scaling* is?"])
def scaled_relu(dA, Z, scale):
    """Return dZ for A = scale * relu(Z); dA, Z have the shape (N, d), scale (d,)."""
    return dA * scale * (Z > 0)


@scaled_relu.mistake("activation's derivative forgotten")
def scaled_without_mask(dA, Z, scale):
    """Without a mask, dA gets through units that were off. The mask is needed; it is taken of the wrong thing."""
    return dA * scale


@scaled_relu.mistake()
def scaled_without_scale(dA, Z, scale):
    """The mask is right, and now the scale is gone: it multiplies on the way forward, and so on the way back."""
    return dA * (Z > 0)


@scaled_relu.mistake()
def scaled_mask_of_scaled(dA, Z, scale):
    """The mask is still taken of something that the scale has multiplied. What does the ReLU itself look at?"""
    return dA * scale * (scale * Z > 0)


@scaled_relu.mistake()
def scaled_upside_down(dA, Z, scale):
    """The mask is upside down: the gradient gets through exactly where the unit was off."""
    return dA * scale * (Z <= 0)


@scaled_relu.mistake()
def scaled_nonzero(dA, Z, scale):
    """The scale's sign has been dropped on the way back: a unit that is scaled by −1 turns the gradient round."""
    return dA * abs(scale) * (Z > 0)


@scaled_relu.mistake("derivative of the wrong variable")
def scaled_mask_of_gradient(dA, Z, scale):
    """Now the mask is taken of the gradient. Whether a unit is on was decided on the way forward."""
    return dA * scale * (dA > 0)


def decayed_as_given(W, X, dZ, rate, decay):
    """Return W after one step on L + ½ decay ‖W‖²; W (m, n), X (N, n), dZ (N, m)."""
    dW = dZ.T @ X
    dW = dW + decay * dW
    return W - rate * dW


@lesson.exercise(
    level=2, minutes=6,
    given=decayed_as_given, remark="As given it only made the rate a little larger, and no weight ever decayed.",
    samples=[(rng.normal(size=(m, n)), rng.normal(size=(N, n)), rng.normal(size=(N, m)) / N, rate, decay)
             for N, n, m, rate, decay in ((4, 5, 3, 0.1, 0.5), (2, 3, 4, 0.5, 0.1), (6, 2, 5, 0.2, 0.3))],
    hints=["What is the derivative of ½ · decay · ‖W‖² with respect to W? Do not look at the code for this.",
           "The penalty draws *weights* towards 0. What does the code draw towards 0?"])
def decayed_step(W, X, dZ, rate, decay):
    """Return W after one step on L + ½ decay ‖W‖²; W (m, n), X (N, n), dZ (N, m)."""
    dW = dZ.T @ X + decay * W
    return W - rate * dW


@decayed_step.mistake("wrong sign")
def decayed_growing(W, X, dZ, rate, decay):
    """Now the penalty is subtracted from the gradient, and the weights grow instead of decaying."""
    return W - rate * (dZ.T @ X - decay * W)


@decayed_step.mistake()
def decayed_not_at_all(W, X, dZ, rate, decay):
    """The wrong term is gone, and nothing has come in its place: this step knows no penalty."""
    return W - rate * (dZ.T @ X)


@decayed_step.mistake()
def decayed_twice(W, X, dZ, rate, decay):
    """The penalty is twice as strong as it should be: the ½ in front of it cancels the 2 of the square."""
    return W - rate * (dZ.T @ X + 2 * decay * W)


@decayed_step.mistake()
def decayed_half(W, X, dZ, rate, decay):
    """The penalty is half as strong as it should be: the 2 of the square cancels the ½ in front of it."""
    return W - rate * (dZ.T @ X + 0.5 * decay * W)


@decayed_step.mistake()
def decayed_without_rate(W, X, dZ, rate, decay):
    """The penalty's gradient is part of the gradient, and the rate multiplies all of it. Yours stands outside."""
    return W - rate * (dZ.T @ X) - decay * W


@decayed_step.mistake()
def decayed_gradient(W, X, dZ, rate, decay):
    """This is the gradient, and a right one. What is wanted is W after a step against it."""
    return dZ.T @ X + decay * W


@decayed_step.mistake("wrong sign")
def decayed_uphill(W, X, dZ, rate, decay):
    """This step goes uphill: it adds the gradient."""
    return W + rate * (dZ.T @ X + decay * W)


@decayed_step.mistake("already updated weights")
def decayed_afterwards(W, X, dZ, rate, decay):
    """You let the weights decay after the step, from where they have arrived. Both parts of a gradient belong to the
    old place."""
    W = W - rate * (dZ.T @ X)
    return W - rate * decay * W


@decayed_step.mistake()
def decayed_by_the_penalty(W, X, dZ, rate, decay):
    """You have added the penalty itself to the gradient. What belongs there is the penalty's derivative, by each
    weight."""
    return W - rate * (dZ.T @ X + 0.5 * decay * (W**2).sum())


def twice_as_given(W, b, X, Y, rate):
    """Return W and b after one step of a softmax layer; W (m, n), b (m,), X (N, n), Y (N, m)."""
    A = softmax(X @ W.T + b)
    dZ = (Y - A) / len(X)
    return W - rate * -(dZ.T @ X), b - rate * dZ.sum(0)


@lesson.exercise(
    level=3, minutes=8,
    given=twice_as_given, parts=("W", "b"),
    samples=[(rng.normal(size=(m, n)), rng.normal(size=m), rng.normal(size=(N, n)),
              np.eye(m)[rng.integers(0, m, N)], rate)
             for N, n, m, rate in ((4, 5, 3, 0.1), (6, 2, 4, 0.5), (5, 3, 2, 0.2))],
    hints=["One of the two results is right. Which, and how can that be?",
           "Two wrong signs make a right one. Find the first of them, and follow what is made from it.",
           "Mend the error signal itself; then each line below can say *minus*."],
    remark="The weights were right all the time, by two mistakes that cancelled; the bias walked uphill.")
def twice_flipped(W, b, X, Y, rate):
    """Return W and b after one step of a softmax layer; W (m, n), b (m,), X (N, n), Y (N, m)."""
    A = softmax(X @ W.T + b)
    dZ = (A - Y) / len(X)
    return W - rate * dZ.T @ X, b - rate * dZ.sum(0)


@twice_flipped.mistake("wrong sign")
def twice_first_flip_left(W, b, X, Y, rate):
    """Now both walk uphill: the second flip is gone, the first one is still there."""
    A = softmax(X @ W.T + b)
    dZ = (Y - A) / len(X)
    return W - rate * dZ.T @ X, b - rate * dZ.sum(0)


@twice_flipped.mistake("wrong sign")
def twice_second_flip_left(W, b, X, Y, rate):
    """The bias goes downhill now. The weights go uphill, since the second flip has nothing left to cancel."""
    A = softmax(X @ W.T + b)
    dZ = (A - Y) / len(X)
    return W - rate * -(dZ.T @ X), b - rate * dZ.sum(0)


@twice_flipped.mistake("1/N forgotten")
def twice_without_average(W, b, X, Y, rate):
    """The signs are right now, and the 1/N is gone."""
    A = softmax(X @ W.T + b)
    dZ = A - Y
    return W - rate * dZ.T @ X, b - rate * dZ.sum(0)


@twice_flipped.mistake("bias missing")
def twice_bias_left_alone(W, b, X, Y, rate):
    """The bias does not move at all any more. It has a gradient of its own, and takes its step."""
    A = softmax(X @ W.T + b)
    dZ = (A - Y) / len(X)
    return W - rate * dZ.T @ X, b
