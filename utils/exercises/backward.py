"""Exercises of notebook 04c: the batch, and the whole way back in a loop."""

import numpy as np

from utils.activations import relu, sigmoid, softmax, tanh
from utils.checks.lesson import Lesson
from utils.mlp import forward, initialize

lesson = Lesson("04c_whole_batch")
rng = np.random.default_rng(14)


@lesson.exercise(
    level=1, minutes=2,
    rtol=0,
    hints=["dV has the shape of V, for every V, whatever the batch.",
           "W[2] takes in the 9 units of layer 1 and puts out the 6 of layer 2. Which number comes first?"])
def shape_of_dW2():
    """a tuple"""
    return (6, 9)


@shape_of_dW2.mistake("transposed")
def shape_turned():
    """Rows are outputs and columns are inputs: W[2] is (out, in), and its gradient has the same shape."""
    return (9, 6)


shape_of_dW2.wrong_answers(
    shape_of_batch=((12, 6),
        "That is the shape of Z[2], one row a sample. The weights are shared by all samples, and so is their "
        "gradient."),
    shape_of_input=((12, 9),
        "That is the shape of A[1], one row a sample. The weights are shared by all samples, and so is their "
        "gradient."),
    shape_per_sample=((12, 6, 9),
        "One gradient for each sample would have this shape. The loss is their average, and so is the gradient: "
        "the 12 is gone."),
    shape_with_bias=((6, 10),
        "You have counted the bias as a column. It is not in W[2], and has a gradient of its own."),
    shape_of_bias=(6,
        "That is the shape of the bias, and of its gradient. W[2] has a number for each *pair* of units."),
    shape_counted=(54,
        "That is how many numbers there are. A shape says how they are arranged: a tuple of rows and columns."))


def logits_sample(N, k):
    """Return Z3 (N, k) and Y (N, k)."""
    return rng.normal(size=(N, k)), np.eye(k)[rng.integers(0, k, N)]


@lesson.exercise(
    level=2, minutes=5,
    samples=[logits_sample(4, 3), logits_sample(3, 5), logits_sample(6, 2)],
    hints=["First what the network said: softmax turns Z3 into A3.",
           "Then what it said, minus what it should have said.",
           "The loss is an average. Where has its 1/N gone?"])
def error_signal(Z3, Y):
    """Return dZ3, shape (N, d), for the logits Z3 and the one-hot targets Y."""
    return (softmax(Z3) - Y) / len(Y)


@error_signal.mistake("wrong sign")
def signal_reversed(Z3, Y):
    """The sign is reversed. With it, a small step raises the loss."""
    return (Y - softmax(Z3)) / len(Y)


@error_signal.mistake("1/N forgotten")
def signal_summed(Z3, Y):
    """The 1/N is missing. These are the rows of the samples' own losses; the batch's loss is their average."""
    return softmax(Z3) - Y


@error_signal.mistake("1/N twice")
def signal_divided_twice(Z3, Y):
    """The 1/N is in there twice: one average is enough."""
    return (softmax(Z3) - Y) / len(Y) ** 2


@error_signal.mistake()
def signal_over_entries(Z3, Y):
    """You divide by the number of all entries. The loss averages over the samples alone."""
    return (softmax(Z3) - Y) / Y.size


@error_signal.mistake("derivative of the wrong variable")
def signal_of_logits(Z3, Y):
    """You have subtracted Y from the logits. What is compared with Y are probabilities: the output, not what goes into
    softmax."""
    return (Z3 - Y) / len(Y)


@error_signal.mistake("softmax over the wrong axis")
def signal_down_columns(Z3, Y):
    """Your softmax runs down the columns, so that samples compete with one another. Each row gets its own."""
    E = np.exp(Z3)
    return (E / E.sum(0) - Y) / len(Y)


@error_signal.mistake()
def signal_of_right_class(Z3, Y):
    """Only the right class gets a signal. The others are to be lowered, too: they share the denominator."""
    return Y * (softmax(Z3) - Y) / len(Y)


@error_signal.mistake()
def signal_for_the_output(Z3, Y):
    """This is dA3, the gradient for the output of softmax. It has still to go back through softmax to Z3."""
    return -Y / softmax(Z3) / len(Y)


@error_signal.mistake()
def signal_softmax_twice(Z3, Y):
    """Softmax is applied twice: its output holds probabilities already."""
    return (softmax(softmax(Z3)) - Y) / len(Y)


@error_signal.mistake()
def signal_of_whole_batch(Z3, Y):
    """Your softmax shares out one 1 among the whole batch. Each row has a 1 of its own."""
    E = np.exp(Z3)
    return (E / E.sum() - Y) / len(Y)


def layer_sample(N, n, m):
    """Return dA and A (N, m), A_before (N, n), W (m, n)."""
    return (rng.normal(size=(N, m)) / N, sigmoid(rng.normal(size=(N, m))), rng.random((N, n)),
            rng.normal(size=(m, n)))


@lesson.exercise(
    level=2, minutes=5,
    parts=("dZ", "dW", "db", "dA_before"),
    samples=[layer_sample(4, 7, 5), layer_sample(6, 2, 3), layer_sample(3, 5, 5)],
    hints=["Three of the four lines are those of one row, with capital letters.",
           "The matrix product adds up the samples by itself. The 1/N is in dA already.",
           "Every row uses the same bias, so the rows' gradients add up. Which axis counts the rows?"])
def whole_batch(dA, A, A_before, W):
    """Return dZ, shape (N, d), dW, shape (d, d_before), db, shape (d,), and dA_before, shape (N, d_before)."""
    dZ = dA * A * (1 - A)
    dW = dZ.T @ A_before
    db = dZ.sum(0)
    dA_before = dZ @ W
    return dZ, dW, db, dA_before


@whole_batch.mistake("summed over the wrong axis")
def batch_bias_per_sample(dA, A, A_before, W):
    """db has one number for each sample: you summed over the wrong axis. It should have one for each unit."""
    dZ = dA * A * (1 - A)
    return dZ, dZ.T @ A_before, dZ.sum(1), dZ @ W


@whole_batch.mistake("1/N twice")
def batch_bias_averaged(dA, A, A_before, W):
    """db is an average, but the 1/N is in dA already, and so it is in there twice."""
    dZ = dA * A * (1 - A)
    return dZ, dZ.T @ A_before, dZ.mean(0), dZ @ W


@whole_batch.mistake("1/N twice")
def batch_weights_averaged(dA, A, A_before, W):
    """dW is divided by N, but the 1/N came in with dZ3, and is in dA already."""
    dZ = dA * A * (1 - A)
    return dZ, dZ.T @ A_before / len(A), dZ.sum(0), dZ @ W


@whole_batch.mistake("only the first row")
def batch_bias_of_first(dA, A, A_before, W):
    """db hears the first sample only. For one row that was all there is; a batch has N."""
    dZ = dA * A * (1 - A)
    return dZ, dZ.T @ A_before, dZ[0], dZ @ W


@whole_batch.mistake()
def batch_weights_past_the_sigmoid(dA, A, A_before, W):
    """dW is made from dA. The weights sit *before* the sigmoid, so their gradient is made from dZ."""
    dZ = dA * A * (1 - A)
    return dZ, dA.T @ A_before, dA.sum(0), dZ @ W


@whole_batch.mistake()
def batch_bias_not_summed(dA, A, A_before, W):
    """db still has a row for each sample. All of them share one bias, so their gradients are added up."""
    dZ = dA * A * (1 - A)
    return dZ, dZ.T @ A_before, dZ, dZ @ W


@whole_batch.mistake()
def batch_wrong_input(dA, A, A_before, W):
    """dW multiplies by the layer's own output. A weight's other factor is what came *in*: the layer before."""
    dZ = dA * A * (1 - A)
    return dZ, dZ.T @ A, dZ.sum(0), dZ @ W


@whole_batch.mistake("activation's derivative forgotten")
def batch_without_slope(dA, A, A_before, W):
    """dZ is the same as dA: what the sigmoid lets through has been forgotten."""
    return dA, dA.T @ A_before, dA.sum(0), dA @ W


@whole_batch.mistake("derivative of the wrong variable")
def batch_slope_of_A(dA, A, A_before, W):
    """You took the derivative of the sigmoid at A, not at Z. A is its output already: no need to send it through
    again."""
    S = 1 / (1 + np.exp(-A))
    dZ = dA * S * (1 - S)
    return dZ, dZ.T @ A_before, dZ.sum(0), dZ @ W


@whole_batch.mistake("transposed")
def batch_turned(dA, A, A_before, W):
    """dW is transposed: it should have W's shape, rows for outputs and columns for inputs."""
    dZ = dA * A * (1 - A)
    return dZ, A_before.T @ dZ, dZ.sum(0), dZ @ W


@whole_batch.mistake()
def batch_handed_on_past_the_sigmoid(dA, A, A_before, W):
    """dA_before is made from dA. What goes on to the layer before has to go through the sigmoid first: take dZ."""
    dZ = dA * A * (1 - A)
    return dZ, dZ.T @ A_before, dZ.sum(0), dA @ W


@whole_batch.mistake()
def batch_weights_the_other_way(dA, A, A_before, W):
    """dA_before: backwards, W enters as it is, not turned round. Yours runs only where both layers are equally wide."""
    dZ = dA * A * (1 - A)
    return dZ, dZ.T @ A_before, dZ.sum(0), dZ @ W.T


def network_sample(N, *sizes, f):
    """Return W, A, f and dA of a network after a forward pass."""
    net = initialize(sizes, f, rng, scheme="centred")
    A = forward(net, rng.normal(size=(N, sizes[0]))).A
    return net.W, A, net.f, rng.normal(size=(N, sizes[-1])) / N


@lesson.exercise(
    level=3, minutes=10,
    parts=("dW", "db"),
    samples=[network_sample(4, 5, 7, 3, f=(sigmoid, softmax)), network_sample(2, 3, 4, 6, 5, f=(tanh, relu, softmax)),
             network_sample(6, 3, 3, 3, f=(tanh, sigmoid))],
    hints=["Begin with two empty dicts. For each layer, dA gives dZ, and dZ gives dW[l], db[l] and the next dA.",
           "A layer's pullback takes dA and A, the gradient for its output and that output, and returns dZ.",
           "Which A came in at layer l, and which W lies between Z[l] and that A?"])
def backward(W, A, f, dA):
    """Return the dicts dW and db, with the keys of W."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = f[l].pullback(dA, A[l])
        dW[l] = dZ.T @ A[l - 1]
        db[l] = dZ.sum(0)
        dA = dZ @ W[l]
    return dW, db


@backward.mistake("activation's derivative forgotten")
def backward_without_pullback(W, A, f, dA):
    """The pullback is missing: dA, for a layer's output, is not yet dZ, for what went into its activation."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = dA
        dW[l], db[l] = dZ.T @ A[l - 1], dZ.sum(0)
        dA = dZ @ W[l]
    return dW, db


@backward.mistake("derivative of the wrong variable")
def backward_pullback_of_input(W, A, f, dA):
    """The pullback gets an output that has been through the activation once more. A[l] is the output already."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = f[l].pullback(dA, f[l](A[l]))
        dW[l], db[l] = dZ.T @ A[l - 1], dZ.sum(0)
        dA = dZ @ W[l]
    return dW, db


@backward.mistake("derivative of the wrong variable")
def backward_pullback_before(W, A, f, dA):
    """You hand the pullback the layer's *input*. It wants what the layer put *out*, and the gradient for that."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = f[l].pullback(dA, A[l - 1])
        dW[l], db[l] = dZ.T @ A[l - 1], dZ.sum(0)
        dA = dZ @ W[l]
    return dW, db


@backward.mistake("weights of the wrong layer")
def backward_weights_before(W, A, f, dA):
    """One layer back you use the weights of the layer before. Between Z[l] and A[l-1] lies W[l], as the forward pass
    says."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = f[l].pullback(dA, A[l])
        dW[l], db[l] = dZ.T @ A[l - 1], dZ.sum(0)
        dA = dZ @ W[max(l - 1, 1)]
    return dW, db


@backward.mistake()
def backward_turned(W, A, f, dA):
    """Backwards, W[l] enters as it is, not turned round. Yours runs only where all layers are equally wide."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = f[l].pullback(dA, A[l])
        dW[l], db[l] = dZ.T @ A[l - 1], dZ.sum(0)
        dA = dZ @ W[l].T
    return dW, db


@backward.mistake()
def backward_all_sigmoids(W, A, f, dA):
    """You treat every activation as a sigmoid. Each layer has its own, with a pullback of its own."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = dA * A[l] * (1 - A[l])
        dW[l], db[l] = dZ.T @ A[l - 1], dZ.sum(0)
        dA = dZ @ W[l]
    return dW, db


@backward.mistake()
def backward_own_output(W, A, f, dA):
    """dW multiplies by the layer's own output. A weight's other factor is what came *in*: the layer before."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = f[l].pullback(dA, A[l])
        dW[l], db[l] = dZ.T @ A[l], dZ.sum(0)
        dA = dZ @ W[l]
    return dW, db


@backward.mistake()
def backward_weights_past_the_pullback(W, A, f, dA):
    """dW is made from dA. The weights sit before the activation, so their gradient is made from dZ, behind the
    pullback."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = f[l].pullback(dA, A[l])
        dW[l], db[l] = dA.T @ A[l - 1], dZ.sum(0)
        dA = dZ @ W[l]
    return dW, db


@backward.mistake("1/N twice")
def backward_bias_averaged(W, A, f, dA):
    """db is an average over the rows, but the 1/N is in dA already, so it is in there twice: the rows add up."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = f[l].pullback(dA, A[l])
        dW[l], db[l] = dZ.T @ A[l - 1], dZ.mean(0)
        dA = dZ @ W[l]
    return dW, db


@backward.mistake("only the first row")
def backward_bias_of_first(W, A, f, dA):
    """db hears the first sample only. For one row that was all there is; a batch has N, and they add up."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = f[l].pullback(dA, A[l])
        dW[l], db[l] = dZ.T @ A[l - 1], dZ[0]
        dA = dZ @ W[l]
    return dW, db


@backward.mistake()
def backward_never_handed_on(W, A, f, dA):
    """Every layer gets the output's dA: it is never handed on. It runs only where all layers are equally wide."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = f[l].pullback(dA, A[l])
        dW[l], db[l] = dZ.T @ A[l - 1], dZ.sum(0)
    return dW, db


@backward.mistake()
def backward_past_the_activation(W, A, f, dA):
    """The step to the layer before starts from dA. It has to start from dZ, or it leaves the activation out on the
    way."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = f[l].pullback(dA, A[l])
        dW[l], db[l] = dZ.T @ A[l - 1], dZ.sum(0)
        dA = dA @ W[l]
    return dW, db


@backward.mistake("already updated weights")
def backward_updated(W, A, f, dA):
    """The gradient goes back through weights that have taken their step already. All gradients first, then the step."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = f[l].pullback(dA, A[l])
        dW[l], db[l] = dZ.T @ A[l - 1], dZ.sum(0)
        dA = dZ @ (W[l] - 0.1 * dW[l])
    return dW, db


@backward.mistake("1/N twice")
def backward_divides(W, A, f, dA):
    """Your gradients are divided by N, but the loss has put its 1/N into dA already."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = f[l].pullback(dA, A[l])
        dW[l], db[l] = dZ.T @ A[l - 1] / len(dZ), dZ.mean(0)
        dA = dZ @ W[l]
    return dW, db


@lesson.exercise(
    level=2, minutes=4,
    rtol=0,
    hints=["dW of a layer is a product of (out, N) and (N, in): N · out · in multiplications.",
           "Layer 2 needs a second product of the same size, for the dA of layer 1. Layer 1 needs none."])
def cost_back():
    """a number"""
    return 3200


cost_back.wrong_answers(
    cost_forward=(2400, "That is one product for each layer, as forwards. Layer 2 hands something back as well."),
    cost_of_input=(4800, "You count two products for both layers. Layer 1 need not hand anything back."),
    cost_other_layer=(4000, "The second product is not that of layer 1: it is layer 2 that hands something back."),
    cost_one_sample=(400, "That is for one sample; the batch has 8."),
    cost_parameters=(325, "That is how many parameters there are. Each product of matrices goes over all samples."))
