"""Exercises of notebook 06, its first half: a step, a shuffle, a plateau, and a scale."""

import numpy as np

from utils.activations import sigmoid, softmax, tanh
from utils.checks.lesson import Lesson
from utils.losses import cross_entropy
from utils.mlp import backward, forward, initialize

lesson = Lesson("06_training")
rng = np.random.default_rng(6)


def classes(N, m):
    """Return one-hot rows (N, m)."""
    return np.eye(m)[rng.integers(0, m, N)]


@lesson.exercise(
    level=2, minutes=7,
    parts=("W", "b"),
    samples=[(initialize(sizes, f, rng, scheme="centred"), rng.normal(size=(N, sizes[0])), classes(N, sizes[-1]), rate)
             for N, sizes, f, rate in ((4, (5, 7, 3), (sigmoid, softmax), 0.5),
                                       (6, (2, 4, 5, 3), (tanh, tanh, softmax), 0.1))],
    hints=["Four things: forward, the loss's gradient, backward, and a step against it.",
           "`cross_entropy.gradient` wants the output, A[L], where L is `len(net.W)`; it holds the 1/N.",
           "`backward` returns `dW` and `db`, dicts by layer. The new W and b are dicts, too."])
def training_step(net, X, Y, rate):
    """Return the dicts W and b of the network after one step on the batch X, Y."""
    trace = forward(net, X)
    gradients = backward(net, trace, cross_entropy.gradient(trace.A[len(net.W)], Y))
    W = {l: net.W[l] - rate * gradients.dW[l] for l in net.W}
    b = {l: net.b[l] - rate * gradients.db[l] for l in net.b}
    return W, b


@training_step.mistake("wrong sign")
def training_uphill(net, X, Y, rate):
    """This step goes uphill: it adds what has to be taken away."""
    trace = forward(net, X)
    gradients = backward(net, trace, cross_entropy.gradient(trace.A[len(net.W)], Y))
    W = {l: net.W[l] + rate * gradients.dW[l] for l in net.W}
    b = {l: net.b[l] + rate * gradients.db[l] for l in net.b}
    return W, b


@training_step.mistake("1/N twice")
def training_divided(net, X, Y, rate):
    """The rate is divided by N, but the loss's gradient holds the 1/N already: your steps are N times too short."""
    trace = forward(net, X)
    gradients = backward(net, trace, cross_entropy.gradient(trace.A[len(net.W)], Y))
    W = {l: net.W[l] - rate / len(X) * gradients.dW[l] for l in net.W}
    b = {l: net.b[l] - rate / len(X) * gradients.db[l] for l in net.b}
    return W, b


@training_step.mistake("1/N forgotten")
def training_summed(net, X, Y, rate):
    """The gradient of the average has a 1/N, and yours has none: your steps are N times too long."""
    trace = forward(net, X)
    gradients = backward(net, trace, len(X) * cross_entropy.gradient(trace.A[len(net.W)], Y))
    W = {l: net.W[l] - rate * gradients.dW[l] for l in net.W}
    b = {l: net.b[l] - rate * gradients.db[l] for l in net.b}
    return W, b


@training_step.mistake("bias missing")
def training_weights_alone(net, X, Y, rate):
    """The weights take their step, and the biases stay where they were. They are parameters, too."""
    trace = forward(net, X)
    gradients = backward(net, trace, cross_entropy.gradient(trace.A[len(net.W)], Y))
    return {l: net.W[l] - rate * gradients.dW[l] for l in net.W}, net.b


@training_step.mistake("already updated weights")
def training_in_passing(net, X, Y, rate):
    """A layer is updated before the gradient has gone back through it. First all gradients at the old weights, then all
    steps."""
    A, W, b = forward(net, X).A, {}, {}
    dA = cross_entropy.gradient(A[len(net.W)], Y)
    for l in reversed(net.W):
        dZ = net.f[l].pullback(dA, A[l])
        W[l], b[l] = net.W[l] - rate * dZ.T @ A[l - 1], net.b[l] - rate * dZ.sum(0)
        dA = dZ @ W[l]
    return W, b


@training_step.mistake()
def training_from_the_logits_signal(net, X, Y, rate):
    """A − Y is dZ of the last layer, and `backward` takes dA: it sends yours through softmax again."""
    trace = forward(net, X)
    gradients = backward(net, trace, (trace.A[len(net.W)] - Y) / len(X))
    W = {l: net.W[l] - rate * gradients.dW[l] for l in net.W}
    b = {l: net.b[l] - rate * gradients.db[l] for l in net.b}
    return W, b


@training_step.mistake()
def training_row_by_row(net, X, Y, rate):
    """You take a step after every sample. Here one step is taken, with the average gradient of all rows."""
    for x, y in zip(X, Y):
        trace = forward(net, x[None])
        gradients = backward(net, trace, cross_entropy.gradient(trace.A[len(net.W)], y[None]))
        net = net._replace(W={l: net.W[l] - rate * gradients.dW[l] for l in net.W},
                           b={l: net.b[l] - rate * gradients.db[l] for l in net.b})
    return net.W, net.b


@lesson.exercise(
    level=2, minutes=6,
    samples=[(rng.normal(size=(N, n)), classes(N, 3), size, np.random.default_rng(seed))
             for N, n, size, seed in ((7, 2, 3, 1), (10, 4, 5, 2), (5, 2, 2, 3))],
    advice="If only the order of the rows differs: it has to come from the rng that is given, drawn once for all rows.",
    hints=["`order = rng.permutation(len(X))` is a list of row numbers, each of them once.",
           "X and Y have to be put in the *same* order.",
           "`range(0, len(X), size)` gives the first row of each batch, and a slice may be shorter at the end."])
def mini_batches(X, Y, size, rng):
    """Return a list of pairs (X_batch, Y_batch), all rows shuffled; the last batch may be shorter."""
    order = rng.permutation(len(X))
    X, Y = X[order], Y[order]
    return [(X[i : i + size], Y[i : i + size]) for i in range(0, len(X), size)]


@mini_batches.mistake()
def batches_torn_apart(X, Y, size, rng):
    """X is shuffled and Y is not, so that samples have lost their targets. Training on this learns nothing."""
    X = X[rng.permutation(len(X))]
    return [(X[i : i + size], Y[i : i + size]) for i in range(0, len(X), size)]


@mini_batches.mistake()
def batches_two_orders(X, Y, size, rng):
    """X and Y are shuffled in two different orders, so that samples have lost their targets. One order serves both."""
    X, Y = X[rng.permutation(len(X))], Y[rng.permutation(len(Y))]
    return [(X[i : i + size], Y[i : i + size]) for i in range(0, len(X), size)]


@mini_batches.mistake()
def batches_unshuffled(X, Y, size, rng):
    """The rows come in their old order: nothing is shuffled."""
    return [(X[i : i + size], Y[i : i + size]) for i in range(0, len(X), size)]


@mini_batches.mistake()
def batches_without_the_rest(X, Y, size, rng):
    """The rows that do not fill a whole batch are lost. A last, shorter batch takes them."""
    order = rng.permutation(len(X))
    X, Y = X[order], Y[order]
    return [(X[i : i + size], Y[i : i + size]) for i in range(0, len(X) - size + 1, size)]


@mini_batches.mistake()
def batches_other_way_round(X, Y, size, rng):
    """In each pair the targets come first. It should be X and then Y."""
    order = rng.permutation(len(X))
    return [(Y[order[i : i + size]], X[order[i : i + size]]) for i in range(0, len(X), size)]


@mini_batches.mistake()
def batches_drawn(X, Y, size, rng):
    """You draw rows with replacement: some come twice in an epoch, and others not at all."""
    order = rng.integers(0, len(X), len(X))
    X, Y = X[order], Y[order]
    return [(X[i : i + size], Y[i : i + size]) for i in range(0, len(X), size)]


@mini_batches.mistake("only the first row")
def batches_first_alone(X, Y, size, rng):
    """This is the first batch alone. An epoch goes through all of them."""
    order = rng.permutation(len(X))[:size]
    return [(X[order], Y[order])]


@mini_batches.mistake()
def batches_by_the_inverse(X, Y, size, rng):
    """You put row i into place order[i]. It should be the other way: in place i stands row order[i]."""
    order = np.argsort(rng.permutation(len(X)))
    X, Y = X[order], Y[order]
    return [(X[i : i + size], Y[i : i + size]) for i in range(0, len(X), size)]


@mini_batches.mistake()
def batches_overlapping(X, Y, size, rng):
    """Your batches overlap: each begins one row after the one before. The next one begins `size` rows later."""
    order = rng.permutation(len(X))
    X, Y = X[order], Y[order]
    return [(X[i : i + size], Y[i : i + size]) for i in range(len(X))]


@mini_batches.mistake()
def batches_so_many(X, Y, size, rng):
    """You make `size` batches. It is the batches that should have `size` rows each."""
    order = rng.permutation(len(X))
    return list(zip(np.array_split(X[order], size), np.array_split(Y[order], size)))


@mini_batches.mistake()
def batches_two_lists(X, Y, size, rng):
    """These are two lists, one of inputs and one of targets. What is wanted is one list, of pairs."""
    order = rng.permutation(len(X))
    X, Y = X[order], Y[order]
    return ([X[i : i + size] for i in range(0, len(X), size)], [Y[i : i + size] for i in range(0, len(X), size)])


@mini_batches.mistake()
def batches_evened_out(X, Y, size, rng):
    """You even the batches out. Each takes `size` rows, and only the last one takes what is left."""
    order, parts = rng.permutation(len(X)), -(-len(X) // size)
    return list(zip(np.array_split(X[order], parts), np.array_split(Y[order], parts)))


@lesson.exercise(
    level=1, minutes=2,
    rtol=0.06,
    hints=["By which factor does 1/√b shrink from b = 5 to b = 20?", "Four times as many samples: √4 times as near."])
def less_noise():
    """a number"""
    return 0.4


less_noise.wrong_answers(
    noise_without_root=(0.2, "Four times as many samples do not bring it four times as near: there is a root in it."),
    noise_unchanged=(0.8, "More samples make the mean steadier, and so the distance smaller."),
    noise_grown=(1.6, "It is the other way round: with more samples a mean scatters less."),
    noise_of_the_root=(0.179, "That is 0.8/√20. It is 0.8 for batches of 5 already: compare 20 with 5."))


@lesson.exercise(
    level=1, minutes=3,
    rtol=2e-3,
    hints=["What does a sample cost whose right class gets the probability 1? And one whose right class gets 1/3?",
           "Half of the samples cost nothing, and half cost log 3. What is the average?"])
def stuck_at():
    """a number"""
    return float(np.log(3) / 2)


@stuck_at.mistake()
def stuck_all():
    """Only half of the samples pay log 3; the other half pay nothing, and the loss is an average."""
    return 1.0986


@stuck_at.mistake("log forgotten")
def stuck_without_log():
    """A sample costs log(1/p), p being the probability that its right class gets: there is a logarithm in it."""
    return 0.1667


@stuck_at.mistake("wrong sign")
def stuck_negative():
    """The size is right. A loss is minus the logarithm of a probability: it is positive."""
    return -0.5493


@stuck_at.mistake()
def stuck_in_decades():
    """That is the logarithm to the base 10. The cross-entropy has the natural one, `np.log`."""
    return 0.2386


@stuck_at.mistake()
def stuck_between_two():
    """That is a coin toss between *two* classes, as in the story above. Here there are three."""
    return 0.3466


stuck_at.wrong_answers(
    stuck_in_bits=(0.7925, "That is the logarithm to the base 2. The cross-entropy has the natural one, `np.log`."),
    stuck_at_probability=(1 / 3,
        "That is a probability. What a sample costs is minus the *logarithm* of its probability."),
    stuck_log_of_mean=(0.4055,
        "You take the logarithm of the mean probability. What is averaged are the samples' own losses."),
    stuck_for_all_classes=(1.6479, "You let all three classes pay. A sample pays for its right class alone."),
    stuck_sure_ones_pay=(1.0493, "Half of the samples are sure and right. What is the logarithm of 1?"))


@lesson.exercise(
    level=2, minutes=6,
    parts=("X_train", "X_test"),
    samples=[(3 * rng.normal(size=(N, d)) + rng.normal(size=d), 3 * rng.normal(size=(M, d)) + rng.normal(size=d))
             for N, M, d in ((6, 4, 3), (5, 7, 2), (9, 2, 4))],
    hints=["A mean and a standard deviation for each *column*: `X.mean(0)` and `X.std(0)`.",
           "Whose mean is it that the test rows lose?"])
def standardise(X_train, X_test):
    """Return both sets standardised, shapes (N, d) and (M, d)."""
    mean, std = X_train.mean(0), X_train.std(0)
    return (X_train - mean) / std, (X_test - mean) / std


@standardise.mistake()
def standardise_each(X_train, X_test):
    """The test rows are measured by their own mean. A new sample comes alone, and has no mean of its own."""
    return (X_train - X_train.mean(0)) / X_train.std(0), (X_test - X_test.mean(0)) / X_test.std(0)


@standardise.mistake()
def standardise_together(X_train, X_test):
    """Mean and deviation are those of both sets together, so that the training has seen the test rows."""
    X = np.vstack([X_train, X_test])
    return (X_train - X.mean(0)) / X.std(0), (X_test - X.mean(0)) / X.std(0)


@standardise.mistake()
def standardise_by_one_number(X_train, X_test):
    """There is one mean for all numbers. Each column has its own scale, and so its own mean and deviation."""
    mean, std = X_train.mean(), X_train.std()
    return (X_train - mean) / std, (X_test - mean) / std


@standardise.mistake("summed over the wrong axis")
def standardise_rows(X_train, X_test):
    """You standardise each sample by itself, along its row. The mean runs down a column, over the samples."""
    return tuple((X - X.mean(1, keepdims=True)) / X.std(1, keepdims=True) for X in (X_train, X_test))


@standardise.mistake()
def standardise_by_variance(X_train, X_test):
    """You divide by the variance. The standard deviation is its square root, and has the unit of the column."""
    mean, variance = X_train.mean(0), X_train.var(0)
    return (X_train - mean) / variance, (X_test - mean) / variance


@standardise.mistake()
def standardise_overwritten(X_train, X_test):
    """The test rows are as they were. Was X_train standardised already when its mean was taken for them? Keep that
    first."""
    X_train = (X_train - X_train.mean(0)) / X_train.std(0)
    return X_train, (X_test - X_train.mean(0)) / X_train.std(0)


@standardise.mistake()
def standardise_by_estimate(X_train, X_test):
    """Your deviation divides by N − 1, as an estimate from a sample does (and torch's std). Here it divides by N."""
    mean, std = X_train.mean(0), X_train.std(0, ddof=1)
    return (X_train - mean) / std, (X_test - mean) / std


@standardise.mistake()
def standardise_without_brackets(X_train, X_test):
    """Division binds more strongly than subtraction, so that only the mean is divided: add brackets."""
    mean, std = X_train.mean(0), X_train.std(0)
    return X_train - mean / std, X_test - mean / std


@standardise.mistake()
def standardise_only_centred(X_train, X_test):
    """The means are taken away, and the columns still have different widths: divide by the deviation, too."""
    mean = X_train.mean(0)
    return X_train - mean, X_test - mean


@standardise.mistake()
def standardise_to_unit_range(X_train, X_test):
    """You bring each column to 0 … 1, by its ends. Standardised, it has the mean 0 and the standard deviation 1."""
    low, high = X_train.min(0), X_train.max(0)
    return (X_train - low) / (high - low), (X_test - low) / (high - low)


@standardise.mistake()
def standardise_by_median(X_train, X_test):
    """You take away the median of each column. Asked for is the mean: it is what becomes 0."""
    middle, std = np.median(X_train, 0), X_train.std(0)
    return (X_train - middle) / std, (X_test - middle) / std
