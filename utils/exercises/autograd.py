"""Exercises of notebook 05: what autograd records and adds up, ledgers to read, formulas to judge, and three bugs."""

import numpy as np

from utils.activations import sigmoid, softmax
from utils.checks.lesson import Lesson
from utils.mlp import backward

lesson = Lesson("05_autograd_cross_check")
rng = np.random.default_rng(5)


@lesson.exercise(
    level=1, minutes=2,
    hints=["If only x₂ moves, the other three terms stand still. What is the derivative of 2x₂² with respect to x₂?",
           "The derivative of 2x² is 4x. Put in 0, 1, 2 and 3."])
def four_x():
    """a list of four numbers"""
    return np.array([0.0, 4.0, 8.0, 12.0])


four_x.wrong_answers(
    four_without_two=([0.0, 2, 4, 6], "That is the derivative of xᵀx. In front of it stands a 2."),
    four_values=([0.0, 2, 8, 18], "Those are the four terms of y. What is asked is how y reacts to each number."),
    four_squares=([0.0, 4, 16, 36], "The square has gone: the derivative of x² is 2x."),
    four_constant=([4.0, 4, 4, 4], "The derivative depends on the place: at x it is 4x."),
    four_total=(24.0, "That is the sum. There is one derivative for each of the four numbers."))


@lesson.exercise(
    level=1, minutes=4, rtol=1e-2,
    parts=("dw", "dx", "db"),
    hints=["What arrives at w is −0.378. On its line stands × x.",
           "At x it is the same −0.378, times w. And at b?"])
def read_graph():
    """a triple (dw, dx, db)"""
    return -1.1326, -0.1888, -0.3775


read_graph.wrong_answers(
    graph_exchanged=((-0.1888, -1.1326, -0.3775),
        "dw and dx are exchanged. A product hands each factor the *other* one: w receives × x."),
    graph_rules_alone=((3.0, 0.5, 1.0), "Those are the rules on the lines; each multiplies what arrives."),
    graph_positive=((1.1326, 0.1888, 0.3775), "The sizes are right. What arrives from the right is negative."),
    graph_from_a=((-4.821, -0.8035, -1.607),
        "You have begun with what stands beneath a. Between a and wx there are two more steps."))


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


@lesson.exercise(
    level=1, minutes=3,
    hints=["One of the two factors is a constant for autograd. Which derivative has c · v with respect to v?",
           "What is the value of that constant?"])
def detached_factor():
    """a number"""
    return 3.0


detached_factor.wrong_answers(
    detached_both=(6.0, "That is the derivative of v². Here one factor is a constant: it lets nothing back."),
    detached_none=(0.0, "One factor has lost its history, the other one has not: through it the gradient comes back."),
    detached_value=(9.0, "That is the value of the product. In `.grad` is a derivative."),
    detached_slope=(1.0, "That would be v alone. It is multiplied by a constant, whose value is 3."))


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


def faulty(case, net, trace, dA):
    """Return the `Gradients` of a backward pass with one mistake, the one of this case: "A", "B" or "C"."""
    right = backward(net, trace, dA)
    if case == "A":
        return right._replace(db={l: right.dZ[l].mean(0) for l in right.dZ})
    if case == "B":
        wrong = sigmoid._replace(pullback=lambda dA, A: dA * sigmoid(A) * (1 - sigmoid(A)))
        return backward(net._replace(f={**net.f, 1: wrong}), trace, dA)
    return right._replace(dW={**right.dW, 2: -right.dW[2]})


@lesson.exercise(
    level=2, minutes=5,
    parts=("A", "B", "C"), also=("ceb", "c, e, b", "c e b"),
    hints=["Which lines disagree: a single one, one of a kind in each layer, or one and what is made from it?",
           "Then the size. A gap of 2 is a wrong sign; with N = 4, a gap of 0.75 is a quarter of the right value."])
def diagnose():
    """three letters ("…", "…", "…"), for A, B and C"""
    return "c", "e", "b"


diagnose.wrong_answers(
    diagnose_middle=(("c", "a", "b"), "In B everything down to dA[1] agrees. With the 1/N twice, nothing would."),
    diagnose_twice=(("a", "e", "b"), "In A only the biases are off. With the 1/N twice, every line would be."),
    diagnose_sign=(("c", "e", "d"), "In C a single line has the wrong sign. With (d), all twelve would be off."))


# A layer --------------------------------------------------------------------------------------


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


# Find the mistake -----------------------------------------------------------------------------------


@lesson.exercise(
    level=2, minutes=4,
    parts=("first", "second", "third"),
    hints=["Line 1: what is the cross-entropy of one sample? And what does line 1 give when the network is sure?",
           "Line 2: write L₁ as a sum, and differentiate the term with a_j in it.",
           "Line 3: take the right class of a sample, y = 1. If its z rises, what shall the loss do?"])
def verdicts_loss():
    """a triple of True or False"""
    return False, True, False


verdicts_loss.wrong_answers(
    verdicts_loss_sign=((False, True, True),
        "Line 3: at the right class a − y is negative, so −(a − y)/N is positive: the loss would *rise* with its z."),
    verdicts_loss_division=((False, False, False), "Line 2: the derivative of −y log a with respect to a is −y/a."),
    verdicts_loss_log=((True, True, False),
        "Line 1: if the network is sure and right, it gives 1, if it is sure and wrong, 0. That is no loss."))


@lesson.exercise(
    level=2, minutes=5,
    parts=("first", "second", "third", "fourth"),
    hints=["Write the shapes under the first three lines: Z³ is (4, 3), A² is (4, 4), W³ is (3, 4), W² is (4, 7).",
           "Line 4: follow it for five steps. How long is each?"])
def verdicts_layers():
    """four times True or False"""
    return False, True, False, False


verdicts_layers.wrong_answers(
    verdicts_product=((True, True, False, False), "Line 1: (3, 4) times (4, 3) is (3, 3), and W³ is (3, 4)."),
    verdicts_index=((False, True, True, False), "Line 3: (4, 3) times (4, 7) does not multiply."),
    verdicts_walk=((False, True, False, True), "Line 4: every step is 0.3 long. From 0.1 it goes to −0.2, and back."),
    verdicts_bias=((False, False, False, False),
        "Line 2: (3, 4) times (4,) is (3,); the bias is added to every row, so every row sends something back to it."))


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


# Directions ---------------------------------------------------------------------------------------


@lesson.exercise(
    level=1, minutes=2,
    parts=("forward", "reverse"), rtol=1e-3,
    hints=["Where does forward mode start, and where does reverse mode?",
           "Forward mode takes one pass for each *input*, reverse mode one for each *output*."])
def passes():
    """a pair (forward mode, reverse mode)"""
    return 2, 1000


passes.wrong_answers(
    passes_exchanged=((1000, 2), "They are exchanged: forward mode starts at an input, and there are two of those."),
    passes_one=((2, 1), "Reverse mode starts at *one* output, and there are 1,000 of them."),
    passes_all=((2000, 2000), "One pass gives many derivatives at once: all of its input, or all of its output."))
