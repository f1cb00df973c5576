"""Exercises of notebook 04: softmax's Jacobian, the three moves through a layer, and the whole backward pass."""

import numpy as np

from utils.activations import relu, sigmoid, softmax, tanh
from utils.checks.lesson import Lesson
from utils.mlp import forward, initialize

lesson = Lesson("04_backward_pass")
rng = np.random.default_rng(4)


@lesson.exercise(
    level=1, minutes=2,
    rtol=0,
    hints=["dV has the shape of V, for every V, whatever the batch.",
           "W[2] takes in the 7 units of layer 1 and puts out the 4 of layer 2. Which number comes first?"])
def shape_of_dW2():
    """a tuple"""
    return (4, 7)


@shape_of_dW2.mistake("transposed")
def shape_turned():
    """Rows are outputs and columns are inputs: W[2] is (out, in), and its gradient has the same shape."""
    return (7, 4)


shape_of_dW2.wrong_answers(
    shape_of_batch=((10, 4),
        "That is the shape of Z[2], one row a sample. The weights are shared by all samples, and so is their "
        "gradient."),
    shape_of_input=((10, 7),
        "That is the shape of A[1], one row a sample. The weights are shared by all samples, and so is their "
        "gradient."),
    shape_per_sample=((10, 4, 7),
        "One gradient for each sample would have this shape. The loss is their average, and so is the gradient: "
        "the 10 is gone."),
    shape_with_bias=((4, 8),
        "You have counted the bias as a column. It is not in W[2], and has a gradient of its own."),
    shape_of_bias=(4,
        "That is the shape of the bias, and of its gradient. W[2] has a number for each *pair* of units."),
    shape_counted=(28,
        "That is how many numbers there are. A shape says how they are arranged: a tuple of rows and columns."))


@lesson.exercise(
    level=2, minutes=6,
    samples=[(softmax(rng.normal(size=d)),) for d in (4, 3, 6)],
    hints=["Two matrices, one less the other, both of shape (d, d).",
           "`np.diag(a)` puts a on a diagonal, and `np.outer(a, a)` holds all products of two entries."])
def jacobian(a):
    """Return the matrix of all ∂a_i/∂z_j, shape (d, d), for a softmax output a of shape (d,)."""
    return np.diag(a) - np.outer(a, a)


@jacobian.mistake()
def jacobian_diagonal(a):
    """Only the diagonal is filled, as if softmax worked entry by entry. Every output depends on every input of the
    row."""
    return np.diag(a * (1 - a))


@jacobian.mistake("wrong sign")
def jacobian_all_up(a):
    """If one z rises, the *other* outputs fall: off the diagonal, the entries are negative."""
    return np.diag(a) + np.outer(a, a)


@jacobian.mistake()
def jacobian_broadcast(a):
    """You subtract the squares of a from every row. What belongs there is the product of a column and a row, all
    pairs."""
    return np.diag(a) - a * a


@jacobian.mistake()
def jacobian_of_dot_product(a):
    """For an array of shape (d,), turning it round changes nothing, and its product with itself is *one* number."""
    return np.diag(a) - a @ a.T


@jacobian.mistake()
def jacobian_of_softmax_again(a):
    """a is softmax's output already, and you send it through softmax once more."""
    a = softmax(a)
    return np.diag(a) - np.outer(a, a)


@jacobian.mistake()
def jacobian_square_missing(a):
    """On the diagonal something is missing: the denominator reacts there, too, as it does everywhere else."""
    return np.diag(a) - np.outer(a, a) + np.diag(a * a)


@jacobian.mistake()
def jacobian_entrywise(a):
    """These are d numbers, the diagonal of the matrix. What is wanted is how *each* output moves with *each* input."""
    return a * (1 - a)


@jacobian.mistake()
def jacobian_without_diagonal(a):
    """The denominator's part is there. The numerator's is missing, which makes the diagonal positive."""
    return -np.outer(a, a)


def row_sample(n, m, k):
    """Return dz3 (1, k), W3 (k, m), a2 (1, m), a1 (1, n) of one sample."""
    return rng.normal(size=(1, k)), rng.normal(size=(k, m)), sigmoid(rng.normal(size=(1, m))), rng.random((1, n))


@lesson.exercise(
    level=3, minutes=10,
    parts=("da2", "dz2", "dW2", "db2"),
    samples=[row_sample(7, 4, 3), row_sample(2, 5, 6), row_sample(3, 4, 4), row_sample(3, 1, 2)],
    hints=["da2 goes back through the weights: forward used W3 turned round, backward uses it as it is.",
           "dz2 goes back through the sigmoid, entry by entry, and everything it needs is in a2.",
           "dW2 has one row for each unit of layer 2, and one column for each unit of layer 1: a column times a row.",
           "b2 has the shape (d,). The row dz2 has the shape (1, d), and its entry 0 is what is wanted."])
def one_row(dz3, W3, a2, a1):
    """Return da2 and dz2, shape (1, d2), dW2, shape (d2, d1), and db2, shape (d2,)."""
    da2 = dz3 @ W3
    dz2 = da2 * a2 * (1 - a2)
    dW2 = dz2.T @ a1
    db2 = dz2[0]
    return da2, dz2, dW2, db2


@one_row.mistake("activation's derivative forgotten")
def one_row_without_slope(dz3, W3, a2, a1):
    """dz2 is the same as da2: the sigmoid's derivative has been forgotten, and with it what the unit lets through."""
    da2 = dz3 @ W3
    dz2 = da2
    return da2, dz2, dz2.T @ a1, dz2[0]


@one_row.mistake("derivative of the wrong variable")
def one_row_slope_of_a(dz3, W3, a2, a1):
    """You took the sigmoid's derivative at a, not at z: a2 is the sigmoid's *output* already, do not send it through
    once more."""
    da2 = dz3 @ W3
    s = 1 / (1 + np.exp(-a2))
    dz2 = da2 * s * (1 - s)
    return da2, dz2, dz2.T @ a1, dz2[0]


@one_row.mistake()
def one_row_half_a_slope(dz3, W3, a2, a1):
    """The sigmoid's derivative has two factors, and the second one is missing: a unit that is saturated at 1 blocks,
    too."""
    da2 = dz3 @ W3
    dz2 = da2 * a2
    return da2, dz2, dz2.T @ a1, dz2[0]


@one_row.mistake()
def one_row_other_half(dz3, W3, a2, a1):
    """The sigmoid's derivative has two factors, and the first one is missing: a unit at 0 is as flat as one at 1."""
    da2 = dz3 @ W3
    dz2 = da2 * (1 - a2)
    return da2, dz2, dz2.T @ a1, dz2[0]


@one_row.mistake()
def one_row_blame_lost(dz3, W3, a2, a1):
    """dz2 is the sigmoid's derivative alone. It is a multiplier: the blame that arrives has to be multiplied by it."""
    da2 = dz3 @ W3
    dz2 = a2 * (1 - a2)
    return da2, dz2, dz2.T @ a1, dz2[0]


@one_row.mistake()
def one_row_past_the_sigmoid(dz3, W3, a2, a1):
    """dW2 is made from da2. The weights sit *before* the sigmoid, so their blame has to pass through it: dz2."""
    da2 = dz3 @ W3
    dz2 = da2 * a2 * (1 - a2)
    return da2, dz2, da2.T @ a1, da2[0]


@one_row.mistake()
def one_row_bias_past_the_sigmoid(dz3, W3, a2, a1):
    """db2 is made from da2. The bias sits *before* the sigmoid, so its blame has to pass through it: dz2."""
    da2 = dz3 @ W3
    dz2 = da2 * a2 * (1 - a2)
    return da2, dz2, dz2.T @ a1, da2[0]


@one_row.mistake()
def one_row_bias_a_row(dz3, W3, a2, a1):
    """db2 has the right numbers, and is a row of shape (1, d). It should have the shape of b2, (d,)."""
    da2 = dz3 @ W3
    dz2 = da2 * a2 * (1 - a2)
    return da2, dz2, dz2.T @ a1, dz2


@one_row.mistake("transposed")
def one_row_turned(dz3, W3, a2, a1):
    """dW2 is transposed: rows are outputs, columns are inputs, as in W2 itself."""
    da2 = dz3 @ W3
    dz2 = da2 * a2 * (1 - a2)
    return da2, dz2, a1.T @ dz2, dz2[0]


@one_row.mistake("weights of the wrong layer")
def one_row_wrong_input(dz3, W3, a2, a1):
    """dW2 multiplies dz2 by layer 2's own output. A weight's other factor is what came *in*: the layer before."""
    da2 = dz3 @ W3
    dz2 = da2 * a2 * (1 - a2)
    return da2, dz2, dz2.T @ a2, dz2[0]


def batch_sample(N, n, m, k):
    """Return Z3 (N, k), Y (N, k), W3 (k, m), A2 (N, m), A1 (N, n)."""
    Y = np.eye(k)[rng.integers(0, k, N)]
    return rng.normal(size=(N, k)), Y, rng.normal(size=(k, m)), sigmoid(rng.normal(size=(N, m))), rng.random((N, n))


@lesson.exercise(
    level=2, minutes=5,
    samples=[batch_sample(4, 1, 1, 3)[:2], batch_sample(3, 1, 1, 5)[:2], batch_sample(6, 1, 1, 2)[:2]],
    hints=["First what the network said: softmax turns Z3 into A3.",
           "Then what it said, minus what it should have said.",
           "The loss is an average. Where has its 1/N gone?"])
def error_signal(Z3, Y):
    """Return dZ3, shape (N, d), for the logits Z3 and the one-hot targets Y."""
    return (softmax(Z3) - Y) / len(Y)


@error_signal.mistake("wrong sign")
def signal_reversed(Z3, Y):
    """The sign is reversed, as in the slides' formula. With it, every step raises the loss."""
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
    """This is the blame for A3, the output of softmax. It has still to go back through softmax to Z3."""
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


def layer_sample(N, n, m, k):
    """Return dZ3 (N, k), W3 (k, m), A2 (N, m), A1 (N, n)."""
    return rng.normal(size=(N, k)) / N, *batch_sample(N, n, m, k)[2:]


@lesson.exercise(
    level=2, minutes=6,
    parts=("dA2", "dZ2", "dW2", "db2"),
    samples=[layer_sample(4, 7, 5, 3), layer_sample(6, 2, 3, 5), layer_sample(3, 4, 5, 5)],
    hints=["Three of the four lines are those of one row, with capital letters.",
           "The matrix product adds up the samples by itself. The 1/N is in dZ3 already.",
           "Every row sends its blame to the same bias: add up the rows. Which axis counts the rows?"])
def whole_batch(dZ3, W3, A2, A1):
    """Return dA2 and dZ2, shape (N, d2), dW2, shape (d2, d1), and db2, shape (d2,)."""
    dA2 = dZ3 @ W3
    dZ2 = dA2 * A2 * (1 - A2)
    dW2 = dZ2.T @ A1
    db2 = dZ2.sum(0)
    return dA2, dZ2, dW2, db2


@whole_batch.mistake("summed over the wrong axis")
def batch_bias_per_sample(dZ3, W3, A2, A1):
    """db2 has one number for each sample: you summed over the wrong axis. It should have one for each unit."""
    dA2 = dZ3 @ W3
    dZ2 = dA2 * A2 * (1 - A2)
    return dA2, dZ2, dZ2.T @ A1, dZ2.sum(1)


@whole_batch.mistake("1/N twice")
def batch_bias_averaged(dZ3, W3, A2, A1):
    """db2 is an average, but the 1/N is in dZ3 already, and so it is in there twice."""
    dA2 = dZ3 @ W3
    dZ2 = dA2 * A2 * (1 - A2)
    return dA2, dZ2, dZ2.T @ A1, dZ2.mean(0)


@whole_batch.mistake("1/N twice")
def batch_weights_averaged(dZ3, W3, A2, A1):
    """dW2 is divided by N, but the 1/N is in dZ3 already: no formula below Z3 mentions N."""
    dA2 = dZ3 @ W3
    dZ2 = dA2 * A2 * (1 - A2)
    return dA2, dZ2, dZ2.T @ A1 / len(A1), dZ2.sum(0)


@whole_batch.mistake("only the first row")
def batch_bias_of_first(dZ3, W3, A2, A1):
    """db2 hears the first sample only. For one row that was all there is; a batch has N."""
    dA2 = dZ3 @ W3
    dZ2 = dA2 * A2 * (1 - A2)
    return dA2, dZ2, dZ2.T @ A1, dZ2[0]


@whole_batch.mistake()
def batch_weights_past_the_sigmoid(dZ3, W3, A2, A1):
    """dW2 is made from dA2. The weights sit *before* the sigmoid, so their blame has to pass through it: dZ2."""
    dA2 = dZ3 @ W3
    dZ2 = dA2 * A2 * (1 - A2)
    return dA2, dZ2, dA2.T @ A1, dA2.sum(0)


@whole_batch.mistake()
def batch_bias_not_summed(dZ3, W3, A2, A1):
    """db2 still has a row for each sample. All of them share one bias, so their blames have to be added up."""
    dA2 = dZ3 @ W3
    dZ2 = dA2 * A2 * (1 - A2)
    return dA2, dZ2, dZ2.T @ A1, dZ2


@whole_batch.mistake()
def batch_wrong_input(dZ3, W3, A2, A1):
    """dW2 multiplies by layer 2's own output. A weight's other factor is what came *in*: the layer before."""
    dA2 = dZ3 @ W3
    dZ2 = dA2 * A2 * (1 - A2)
    return dA2, dZ2, dZ2.T @ A2, dZ2.sum(0)


@whole_batch.mistake("activation's derivative forgotten")
def batch_without_slope(dZ3, W3, A2, A1):
    """dZ2 is the same as dA2: what the sigmoid lets through has been forgotten."""
    dA2 = dZ3 @ W3
    return dA2, dA2, dA2.T @ A1, dA2.sum(0)


@whole_batch.mistake("derivative of the wrong variable")
def batch_slope_of_A(dZ3, W3, A2, A1):
    """You took the derivative of the sigmoid at A, not at Z. A2 is its output already: no need to send it through
    again."""
    dA2 = dZ3 @ W3
    S = 1 / (1 + np.exp(-A2))
    dZ2 = dA2 * S * (1 - S)
    return dA2, dZ2, dZ2.T @ A1, dZ2.sum(0)


@whole_batch.mistake("transposed")
def batch_turned(dZ3, W3, A2, A1):
    """dW2 is transposed: it should have W2's shape, rows for outputs and columns for inputs."""
    dA2 = dZ3 @ W3
    dZ2 = dA2 * A2 * (1 - A2)
    return dA2, dZ2, A1.T @ dZ2, dZ2.sum(0)


def network_sample(N, *sizes, f):
    """Return W, A, f and dA of a network after a forward pass."""
    net = initialize(sizes, f, rng, scheme="centred")
    A = forward(net, rng.normal(size=(N, sizes[0]))).A
    return net.W, A, net.f, rng.normal(size=(N, sizes[-1])) / N


@lesson.exercise(
    level=3, minutes=12,
    parts=("dW", "db"),
    samples=[network_sample(4, 5, 7, 3, f=(sigmoid, softmax)), network_sample(2, 3, 4, 6, 5, f=(tanh, relu, softmax)),
             network_sample(6, 3, 3, 3, f=(tanh, sigmoid))],
    hints=["Start from dA, the blame for the output, and go through the layers in reverse.",
           "Four lines a layer: through the activation, to the weights, to the bias, and one layer back.",
           "A layer's pullback takes the blame for its output, and that output, and returns the blame for its Z.",
           "Which A came in at layer l, and which W lies between Z[l] and that A?"])
def backward(W, A, f, dA):
    """Return the dicts dW and db, with the keys 1 … L."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = f[l].pullback(dA, A[l])
        dW[l] = dZ.T @ A[l - 1]
        db[l] = dZ.sum(0)
        dA = dZ @ W[l]
    return dW, db


@backward.mistake("activation's derivative forgotten")
def backward_without_pullback(W, A, f, dA):
    """The pullback is missing: blame for a layer's output is not yet blame for its Z."""
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
    """You hand the pullback the layer's *input*. It wants what the layer put *out*, and the blame for that."""
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
    """dW is made from dA. The weights sit before the activation, so their blame has to go through its pullback
    first."""
    dW, db = {}, {}
    for l in reversed(W):
        dZ = f[l].pullback(dA, A[l])
        dW[l], db[l] = dA.T @ A[l - 1], dZ.sum(0)
        dA = dZ @ W[l]
    return dW, db


@backward.mistake()
def backward_stops_blame(W, A, f, dA):
    """Every layer gets the output's blame: dA is never handed on. It runs only where all layers are equally wide."""
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
    """The blame goes back through weights that have taken their step already. First all gradients, then the update."""
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
    level=1, minutes=2,
    rtol=0.002,
    hints=["The sigmoid passes on the blame times its slope.",
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
    """That is what arrives. The sigmoid does not pass on all of it: its derivative is still to be multiplied by."""
    return 0.5


let_through.wrong_answers(
    let_through_one_factor=(0.495,
        "You have multiplied by a alone. A unit close to 1 is flat: the second factor of the slope says so."),
    let_through_other_factor=(0.005,
        "You have multiplied by 1 − a alone. It is close, but the slope has a second factor."),
    let_through_slope=(0.0099,
        "That is the slope, the share that gets through. The blame that arrives has to be multiplied by it."),
    let_through_tanh=(0.5 * (1 - 0.99**2), "That is tanh's slope, 1 − a². The sigmoid's has two other factors."),
    let_through_quarter=(0.125, "A quarter is the largest slope that a sigmoid can have, at z = 0. Here a is 0.99."),
    let_through_divided=(0.5 / 0.0099,
        "You have divided by the slope. What gets through is the blame *times* the slope."),
    let_through_nothing=(0, "It is little, but not nothing: a is close to 1, and not equal to it."))
