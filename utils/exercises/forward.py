"""Exercises of notebook 03: a layer, its bias, softmax, the loss, and the whole forward pass."""

import numpy as np

from utils.activations import relu, sigmoid, softmax, tanh
from utils.checks.lesson import Lesson

lesson = Lesson("03_forward_pass")
rng = np.random.default_rng(3)


def layer_sample(N, n, m):
    """Return X (N, n), W (m, n), b (m,)."""
    return rng.normal(size=(N, n)), rng.normal(size=(m, n)), rng.normal(size=m)


def network_sample(N, *sizes, f):
    """Return W, b, f, X of a network; f is one activation a layer."""
    W = {l: rng.normal(size=(m, n)) for l, (n, m) in enumerate(zip(sizes, sizes[1:]), 1)}
    return W, {l: rng.normal(size=len(w)) for l, w in W.items()}, dict(enumerate(f, 1)), rng.normal(size=(N, sizes[0]))


@lesson.exercise(
    level=1, minutes=2,
    rtol=1e-3, remark="It is negative, so a is below ½: 0.18.",
    hints=["Multiply each input by its own weight, and add the products: 2 · 0.5 and (−3) · 1.",
           "Then add the bias."])
def neuron():
    """a number"""
    return -1.5


neuron.wrong_answers(
    neuron_without_bias=(-2, "The bias is missing: 0.5 is added to the weighted sum."),
    neuron_sign=(4.5, "The second input is −3: its product with the weight is taken away."),
    neuron_bent=(0.1824, "That is a, after the sigmoid. The question is about z, before it."),
    neuron_unweighted=(-0.5, "You have added the inputs as they are. Each is multiplied by its weight first."),
    neuron_crossed=(1.0, "The weights have changed places: 0.5 belongs to the 2, and 1 to the −3."))


@lesson.exercise(
    level=1, minutes=3,
    samples=[layer_sample(4, 5, 3), layer_sample(2, 3, 7), layer_sample(3, 4, 4)],
    hints=["Say the shapes aloud: X is (N, n), W is (m, n), and the result is (N, m).",
           "Which of the two has to be turned so that the n's meet?",
           "The bias has one number for each of the m units; broadcasting gives it to every row."])
def linear(X, W, b):
    """Return Z, shape (N, m), for X (N, n), W (m, n) and b (m,)."""
    return X @ W.T + b


@linear.mistake("bias missing")
def linear_without_bias(X, W, b):
    """The bias is missing: each unit adds its own number to what it has weighed."""
    return X @ W.T


@linear.mistake("transposed")
def linear_untransposed(X, W, b):
    """W holds one row for each *output*, so it enters turned round. Yours runs only where a layer is square, and is
    wrong there."""
    return X @ W + b


@linear.mistake()
def linear_one_sample_a_column(X, W, b):
    """The numbers are right, but you have laid the samples into columns. Rows are samples, in and out."""
    return W @ X.T + b[:, None]


@linear.mistake("only the first row")
def linear_of_first_row(X, W, b):
    """This is what becomes of the first sample. The batch has N, and each has its row in the result."""
    return X[:1] @ W.T + b


@linear.mistake()
def linear_bias_weighed(X, W, b):
    """You add the bias before the weights, so that it is weighed as well. It is added to the finished sums."""
    return (X + b[0]) @ W.T


@lesson.exercise(
    level=2, minutes=5,
    parts=("W", "b"),
    samples=[(rng.normal(size=(m, n)), rng.normal(size=m), rng.normal(size=(k, m)), rng.normal(size=k))
             for n, m, k in ((3, 4, 2), (2, 5, 3), (4, 2, 1))],
    hints=["Put z1 = x W1ᵀ + b1 into z2 = z1 W2ᵀ + b2, and multiply out.",
           "x W1ᵀ W2ᵀ is x (W2 W1)ᵀ: which product has the shape (d2, n)?",
           "The first bias passes through the second layer as well: b1 W2ᵀ, which is W2 b1 for a plain array."])
def affine(W1, b1, W2, b2):
    """Return W, shape (d2, n), and b, shape (d2,), of the one layer that computes the same."""
    return W2 @ W1, W2 @ b1 + b2


@affine.mistake()
def affine_bias_forgotten(W1, b1, W2, b2):
    """W is right. The first bias passes through the second layer, too, and adds to what it puts out."""
    return W2 @ W1, b2


@affine.mistake()
def affine_bias_unweighted(W1, b1, W2, b2):
    """W is right. The first bias is multiplied by the second layer's weights before it arrives at the output."""
    return W2 @ W1, b1.sum() + b2


@affine.mistake("transposed")
def affine_transposed(W1, b1, W2, b2):
    """The numbers are right and W is transposed: it has one row for each output, (d2, n)."""
    return (W2 @ W1).T, W2 @ b1 + b2


@affine.mistake()
def affine_second_bias_forgotten(W1, b1, W2, b2):
    """W is right. The second layer's own bias is missing."""
    return W2 @ W1, W2 @ b1


@affine.mistake()
def affine_bias_of_both(W1, b1, W2, b2):
    """You send both biases through the second layer. Its own is added behind its weights."""
    return W2 @ W1, W2 @ b1 + W2.sum(1) * b2


@lesson.exercise(
    level=1, minutes=2,
    hints=["Write the two shapes below one another, aligned at the right: (3, 1) over (3).",
           "Where one has a 1, or nothing, it is stretched to what the other has."],
    remark="Nine numbers where three were meant, and not a word of warning.")
def silent_shape():
    """a tuple"""
    return (3, 3)


@silent_shape.mistake()
def silent_as_hoped():
    """That is what one hopes for. Align the shapes at the right: 1 meets 3, and what meets the 3 of the rows?"""
    return (3, 1)


@silent_shape.mistake()
def silent_flat():
    """The result has as many axes as the longer of the two shapes: two."""
    return (3,)


@silent_shape.mistake()
def silent_error():
    """No error is raised, and that is the danger: 1 meets 3, and a 1 can be stretched to anything."""
    return "error"


silent_shape.wrong_answers(
    silent_row=((1, 3),
        "The rows of (3, 1) do not go away: 3 of them, and each is stretched to as many columns as the other one has."),
    silent_stack=((6, 1),
        "Nothing is put below one another: entry is taken from entry, after both are stretched to one shape."),
    silent_longer=((3, 2), "No column is added to the others. The 1 is stretched until it meets what stands above it."),
    silent_number=(9, "That is how many numbers the difference has. Its shape says how they are arranged, as a tuple."))


@lesson.exercise(
    level=2, minutes=5,
    samples=[(6, (5, 7, 4, 3)), (100, (64, 32, 10)), (1, (2, 9, 2)), (3, (4, 5))],
    hints=["One row for each sample, in every layer.",
           "One column for each unit of the layer. The first width is that of X, which is not asked for.",
           "A list comprehension over the widths makes a tuple for each layer."])
def shapes(N, sizes):
    """Return the shapes of Z[1], Z[2], … as a list of tuples; sizes holds the widths d0, d1, …"""
    return [(N, d) for d in sizes[1:]]


@shapes.mistake()
def shapes_with_input(N, sizes):
    """The list begins with X. Asked for are Z[1] and on."""
    return [(N, d) for d in sizes]


@shapes.mistake("transposed")
def shapes_transposed(N, sizes):
    """Samples are rows: N comes first."""
    return [(d, N) for d in sizes[1:]]


@shapes.mistake()
def shapes_of_weights(N, sizes):
    """These are the shapes of the weights. Z has a row for each sample."""
    return [(m, n) for n, m in zip(sizes, sizes[1:])]


@shapes.mistake()
def shapes_of_what_comes_in(N, sizes):
    """This is what *enters* the layers. Z has as many columns as the layer has units."""
    return [(N, d) for d in sizes[:-1]]


@shapes.mistake()
def shapes_of_one_sample(N, sizes):
    """That would be one sample. There are N rows."""
    return [(1, d) for d in sizes[1:]]


@lesson.exercise(
    level=3, minutes=8,
    parts=("Z", "A"),
    samples=[network_sample(4, 5, 7, 3, f=(sigmoid, softmax)), network_sample(2, 3, 4, 6, 5, f=(tanh, relu, softmax)),
             network_sample(6, 3, 3, 3, f=(tanh, sigmoid))],
    hints=["Begin with `Z, A = {}, {0: X}`, and go through the layers: `for l in W:`.",
           "A layer takes in what the layer before it has put out. Which number has that layer?",
           "`f[l]` is a function. It takes Z and returns A, both of layer l."])
def forward(W, b, f, X):
    """Return the dicts Z, with the keys of W, and A, with these and the key 0, where A[0] is X."""
    Z, A = {}, {0: X}
    for l in W:
        Z[l] = A[l - 1] @ W[l].T + b[l]
        A[l] = f[l](Z[l])
    return Z, A


@forward.mistake("bias missing")
def forward_without_bias(W, b, f, X):
    """The biases are missing. Each layer adds its own, to every row."""
    Z, A = {}, {0: X}
    for l in W:
        Z[l] = A[l - 1] @ W[l].T
        A[l] = f[l](Z[l])
    return Z, A


@forward.mistake()
def forward_skips_activations(W, b, f, X):
    """From the second layer on you go on with Z, so that all but the last activation are skipped. A layer takes in an
    A."""
    Z, A = {}, {0: X}
    for l in W:
        Z[l] = (Z[l - 1] if l > 1 else X) @ W[l].T + b[l]
        A[l] = f[l](Z[l])
    return Z, A


@forward.mistake()
def forward_without_activation(W, b, f, X):
    """The activations are missing: your A is the same as Z, and many layers do no more than one."""
    Z, A = {}, {0: X}
    for l in W:
        Z[l] = A[l - 1] @ W[l].T + b[l]
        A[l] = Z[l]
    return Z, A


@forward.mistake("transposed")
def forward_untransposed(W, b, f, X):
    """W[l] has one row for each output, so it enters turned round. Yours runs only where all layers are
    equally wide."""
    Z, A = {}, {0: X}
    for l in W:
        Z[l] = A[l - 1] @ W[l] + b[l]
        A[l] = f[l](Z[l])
    return Z, A


@forward.mistake("weights of the wrong layer")
def forward_first_weights(W, b, f, X):
    """Every layer uses the weights of the first one. It runs only where all layers are equally wide."""
    Z, A = {}, {0: X}
    for l in W:
        Z[l] = A[l - 1] @ W[1].T + b[l]
        A[l] = f[l](Z[l])
    return Z, A


@forward.mistake()
def forward_from_the_input(W, b, f, X):
    """Every layer starts from X again. It runs only where all layers are equally wide; a layer takes in the one
    before."""
    Z, A = {}, {0: X}
    for l in W:
        Z[l] = X @ W[l].T + b[l]
        A[l] = f[l](Z[l])
    return Z, A


@forward.mistake()
def forward_same_bias(W, b, f, X):
    """Every layer adds the bias of the first one. It runs only where all layers are equally wide."""
    Z, A = {}, {0: X}
    for l in W:
        Z[l] = A[l - 1] @ W[l].T + b[1]
        A[l] = f[l](Z[l])
    return Z, A


@forward.mistake()
def forward_activates_the_input(W, b, f, X):
    """The activation gets what came in at the layer. It has to get the layer's weighed sums, its Z."""
    Z, A = {}, {0: X}
    for l in W:
        Z[l] = A[l - 1] @ W[l].T + b[l]
        A[l] = f[l](A[l - 1])
    return Z, A


@forward.mistake()
def forward_same_activation(W, b, f, X):
    """Every layer uses the activation of the first one. Each has its own, and the last is often another."""
    Z, A = {}, {0: X}
    for l in W:
        Z[l] = A[l - 1] @ W[l].T + b[l]
        A[l] = f[1](Z[l])
    return Z, A


@forward.mistake()
def forward_all_sigmoids(W, b, f, X):
    """You do not use f. Each layer has an activation of its own, `f[l]`."""
    Z, A = {}, {0: X}
    for l in W:
        Z[l] = A[l - 1] @ W[l].T + b[l]
        A[l] = sigmoid(Z[l])
    return Z, A


@lesson.exercise(
    level=2, minutes=6,
    samples=[(rng.normal(size=(4, 3)),), (np.array([[1000.0, -999.0, -1000.0], [0.0, 1.0, 2.0]]),),
             (np.array([[-1000.0, -1001.0], [0.0, 3.0], [700.0, 702.0]]),),
             (np.array([[0.0, 1000.0], [1.0, 2.0], [3.0, -1.0]]),)],
    hints=["Subtract each row's own largest number first.",
           "`Z.max(1)` has the shape (N,), which does not fit. With `keepdims=True` it is a column.",
           "The sum goes along a row, too, and it needs `keepdims=True` as well."])
def softmax_rows(Z):
    """Return the softmax of each row of Z, shape (N, d)."""
    E = np.exp(Z - Z.max(1, keepdims=True))
    return E / E.sum(1, keepdims=True)


@softmax_rows.mistake()
def softmax_overflowing(Z):
    """The formula is right, and yet a large z overflows, and ∞/∞ is nan. Subtract something that changes
    nothing else."""
    E = np.exp(Z)
    return E / E.sum(1, keepdims=True)


@softmax_rows.mistake("softmax over the wrong axis")
def softmax_down_columns(Z):
    """You have divided by the sums of the columns, so that samples compete with one another. The sum runs
    along a row."""
    E = np.exp(Z - Z.max(0, keepdims=True))
    return E / E.sum(0, keepdims=True)


@softmax_rows.mistake("softmax over the wrong axis")
def softmax_divided_down(Z):
    """The maximum is each row's, but you divide by the sums of the *columns*. Every row has to sum to 1."""
    E = np.exp(Z - Z.max(1, keepdims=True))
    return E / E.sum(0)


@softmax_rows.mistake()
def softmax_divided_by_all(Z):
    """You divide by one sum for the whole batch. Each row has a sum of its own, so that it becomes 1 by itself."""
    E = np.exp(Z - Z.max(1, keepdims=True))
    return E / E.sum()


@softmax_rows.mistake()
def softmax_around_the_mean(Z):
    """You subtract the row's mean, and what is far above the mean still overflows. Which number leaves nothing
    above 0?"""
    E = np.exp(Z - Z.mean(1, keepdims=True))
    return E / E.sum(1, keepdims=True)


@softmax_rows.mistake()
def softmax_of_everything(Z):
    """All numbers of the batch sum to 1 here. Each row should, by itself."""
    E = np.exp(Z - Z.max())
    return E / E.sum()


@softmax_rows.mistake()
def softmax_common_maximum(Z):
    """You subtract the largest number of the whole batch. For a row that lies far below it, every e to the z is 0, and
    0/0 is nan."""
    E = np.exp(Z - Z.max())
    return E / E.sum(1, keepdims=True)


@softmax_rows.mistake()
def softmax_not_normalised(Z):
    """These are the numerators. Each is still to be divided by its row's sum, so that a row sums to 1."""
    return np.exp(Z - Z.max(1, keepdims=True))


@softmax_rows.mistake()
def softmax_above_the_minimum(Z):
    """You subtract the row's smallest number, and what is far above it still overflows. Which number leaves nothing
    above 0?"""
    E = np.exp(Z - Z.min(1, keepdims=True))
    return E / E.sum(1, keepdims=True)


@softmax_rows.mistake()
def softmax_beside_the_first(Z):
    """You subtract the row's first number. If another one is far larger, it still overflows: take the largest."""
    E = np.exp(Z - Z[:, :1])
    return E / E.sum(1, keepdims=True)


@softmax_rows.mistake()
def softmax_to_the_base_2(Z):
    """You raise 2 to the z. Softmax raises e: `np.exp`."""
    E = 2.0 ** (Z - Z.max(1, keepdims=True))
    return E / E.sum(1, keepdims=True)


@softmax_rows.mistake()
def softmax_hard(Z):
    """This is a 1 for the largest and 0 for the rest. Softmax gives every entry a share, the larger the z the more."""
    return 1.0 * (Z.max(1, keepdims=True) <= Z)


@softmax_rows.mistake()
def softmax_by_sigmoids(Z):
    """You have sent each entry through the sigmoid. In softmax the entries of a row compete: they sum to 1."""
    return sigmoid(Z)


def loss_sample(N, m, spread=1):
    """Return probabilities A and one-hot Y, (N, m); with a wide spread, some right classes are very improbable."""
    return softmax(spread * rng.normal(size=(N, m))), np.eye(m)[rng.integers(0, m, N)]


def buggy_loss(A, Y):
    """Return the cross-entropy of the probabilities A for the one-hot targets Y, both of shape (N, d)."""
    return 1 / len(Y) * (Y * A).sum()


@lesson.exercise(
    level=2, minutes=5,
    given=buggy_loss,
    samples=[loss_sample(4, 3), loss_sample(5, 2), loss_sample(3, 7), loss_sample(6, 4, spread=6)],
    hints=["It averages the probabilities themselves. What does the cross-entropy average?",
           "Sum everything, and divide by the number of *samples*.",
           "A probability below 1 has a negative logarithm. What makes the loss positive?"])
def cross_entropy_loss(A, Y):
    """Return the cross-entropy of the probabilities A for the one-hot targets Y, both of shape (N, d)."""
    return -(Y * np.log(A)).sum() / len(Y)


@cross_entropy_loss.mistake("log forgotten")
def loss_without_log(A, Y):
    """The sign is there; the logarithm is missing. This is minus the mean probability of the right class."""
    return -(Y * A).sum() / len(Y)


@cross_entropy_loss.mistake("wrong sign")
def loss_negative(A, Y):
    """The sign is missing: logarithms of probabilities are negative, and a cross-entropy is not."""
    return (Y * np.log(A)).sum() / len(Y)


@cross_entropy_loss.mistake("1/N forgotten")
def loss_summed(A, Y):
    """This is the sum over the samples. Without the average, a batch twice as large has a loss twice as large."""
    return -(Y * np.log(A)).sum()


@cross_entropy_loss.mistake("1/N twice")
def loss_divided_twice(A, Y):
    """You divide by N twice. Once makes the average; a mean that is divided again has done it already."""
    return -(Y * np.log(A)).sum() / len(Y) ** 2


@cross_entropy_loss.mistake()
def loss_over_entries(A, Y):
    """You average over all entries, the zeros included. The average is over the samples: divide by N alone."""
    return -(Y * np.log(A)).mean()


@cross_entropy_loss.mistake("only the first row")
def loss_of_first_row(A, Y):
    """This is the loss of the first sample alone. The batch's loss is the average over all of them."""
    return -(Y[0] * np.log(A[0])).sum()


@cross_entropy_loss.mistake()
def loss_of_each(A, Y):
    """These are the samples' own losses, one a row. The batch's loss is their average, one number."""
    return -(Y * np.log(A)).sum(1)


@cross_entropy_loss.mistake()
def loss_over_classes(A, Y):
    """You divide by the number of classes. The average is over the samples, the rows."""
    return -(Y * np.log(A)).sum() / Y.shape[1]


@cross_entropy_loss.mistake()
def loss_softmax_again(A, Y):
    """A holds probabilities already, and softmax has been applied to them a second time."""
    return -(Y * np.log(softmax(A))).sum() / len(Y)


@cross_entropy_loss.mistake()
def loss_in_bits(A, Y):
    """You have taken the logarithm to the base 2. The cross-entropy of this lecture has the natural one."""
    return -(Y * np.log2(A)).sum() / len(Y)


@cross_entropy_loss.mistake()
def loss_squared(A, Y):
    """This is the squared error. The cross-entropy asks one thing alone: how probable the right class was."""
    return (0.5 * (A - Y) ** 2).sum() / len(Y)


@cross_entropy_loss.mistake()
def loss_clipped(A, Y):
    """You do not let a probability fall below a bound, so that a very wrong answer costs too little."""
    return -(Y * np.log(np.maximum(A, 0.05))).sum() / len(Y)


@cross_entropy_loss.mistake()
def loss_of_the_mean(A, Y):
    """You take the logarithm of the mean probability. What is averaged are the samples' logarithms."""
    return -np.log((Y * A).sum() / len(Y))


@cross_entropy_loss.mistake()
def loss_as_error_rate(A, Y):
    """This is the share of wrong answers. The cross-entropy looks at how probable the right class was."""
    return (A.argmax(1) != Y.argmax(1)).mean()


@cross_entropy_loss.mistake()
def loss_of_wrong_classes(A, Y):
    """You look at the wrong classes, by log(1 − a). For one-hot targets the right class alone has a term."""
    return -((1 - Y) * np.log(1 - A)).sum() / len(Y)


@lesson.exercise(
    level=2, minutes=5,
    parts=("X_ext", "W_ext"), samples=[layer_sample(4, 5, 3), layer_sample(2, 3, 7), layer_sample(5, 1, 2)],
    hints=["X̃ is one column wider than X, and W̃ one column wider than W.",
           "`np.hstack([left, right])` puts two matrices side by side; both need the same number of rows.",
           "b has the shape (m,); as a column it is `b.reshape(-1, 1)`."])
def extend(X, W, b):
    """Return X̃, shape (N, n + 1), and W̃, shape (m, n + 1)."""
    return np.hstack([X, np.ones((len(X), 1))]), np.hstack([W, b.reshape(-1, 1)])


@extend.mistake()
def extend_in_front(X, W, b):
    """Ones and bias stand in front, which gives the same product; the notation of this notebook has them last."""
    return np.hstack([np.ones((len(X), 1)), X]), np.hstack([b.reshape(-1, 1), W])


@extend.mistake("transposed")
def extend_below(X, W, b):
    """You have added a row of ones below, which is one more sample. The constant is one more *input*: a column."""
    return np.vstack([X, np.ones((1, X.shape[1]))]), np.hstack([W, b.reshape(-1, 1)])


@extend.mistake("bias missing")
def extend_by_zeros(X, W, b):
    """W̃ has the right shape, but its last column is not the bias."""
    return np.hstack([X, np.ones((len(X), 1))]), np.hstack([W, np.zeros((len(W), 1))])


@extend.mistake()
def extend_bias_twice(X, W, b):
    """The constant that is appended to each sample has to be 1: the bias itself stands in W̃, and would be squared."""
    return np.hstack([X, np.full((len(X), 1), b[0])]), np.hstack([W, b.reshape(-1, 1)])
