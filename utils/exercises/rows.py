"""Exercises of notebook 04b: one sample, back through layers and softmax."""

import numpy as np

from utils.activations import sigmoid, softmax
from utils.checks.lesson import Lesson
from utils.mlp import forward, initialize

lesson = Lesson("04b_one_sample")
rng = np.random.default_rng(4)


@lesson.exercise(
    level=1, minutes=2,
    hints=["Follow each path back: what comes back at its end, times its weight.",
           "Two paths lead to the unit, and what comes back along them adds up."])
def two_paths():
    """a number"""
    return 5


two_paths.wrong_answers(
    paths_without_weights=(-1, "The weights are left out: each path multiplies by its own."),
    paths_crossed=(-10, "The weights have changed places: the 2 comes back over the line with the weight 4."),
    paths_unsigned=(11, "The second dz is −3: what comes back along that path is taken away."),
    paths_summed_first=(-5, "Each path multiplies for itself, and only then are they added."),
    paths_multiplied=(-24, "Along a path factors multiply; over the paths they add up."),
    paths_mean=(2.5, "The paths add up; their mean is only half of it."),
    paths_one=(8, "That is what comes back along the first path. There is a second one."))


@lesson.exercise(
    level=1, minutes=2,
    hints=["Two units, three inputs: a weight for each pair, one row for each unit.",
           "The first row belongs to dz = 2: what comes back is 2, times 3, 5 and 7, which went in."])
def small_dW():
    """a list of two rows of three numbers"""
    return [[6, 10, 14], [-3, -5, -7]]


@small_dW.mistake("transposed")
def small_turned():
    """Rows are units and columns are inputs, as in W itself: two rows of three numbers."""
    return [[6, -3], [10, -5], [14, -7]]


small_dW.wrong_answers(
    small_unsigned=([[6, 10, 14], [3, 5, 7]], "The second dz is −1: its whole row has the opposite sign."),
    small_inputs=([[3, 5, 7], [3, 5, 7]], "These are the inputs alone. Each row is multiplied by the dz of its unit."),
    small_dz=([[2, 2, 2], [-1, -1, -1]], "This is dz alone. Each column is multiplied by its input."),
    small_added=([[5, 7, 9], [2, 4, 6]], "You have added: here the two factors multiply."))


def row_sample(n, m):
    """Return da and a (1, m), a_before (1, n), W (m, n) of one sample."""
    return rng.normal(size=(1, m)), sigmoid(rng.normal(size=(1, m))), rng.random((1, n)), rng.normal(size=(m, n))


@lesson.exercise(
    level=2, minutes=8,
    parts=("dz", "dW", "db", "da_before"),
    samples=[row_sample(7, 4), row_sample(2, 5), row_sample(4, 4), row_sample(3, 1)],
    hints=["dz goes back through the sigmoid, entry by entry, and everything it needs is in a.",
           "dW has one row for each unit and one column for each input: a column times a row.",
           "b has the shape (d,). The row dz has the shape (1, d), and its entry 0 is what is wanted.",
           "da_before goes back through the weights, from dz: forward used W turned round, backward uses it as it is."])
def one_row(da, a, a_before, W):
    """Return dz, shape (1, d), dW, shape (d, d_before), db, shape (d,), and da_before, shape (1, d_before)."""
    dz = da * a * (1 - a)
    dW = dz.T @ a_before
    db = dz[0]
    da_before = dz @ W
    return dz, dW, db, da_before


@one_row.mistake("activation's derivative forgotten")
def one_row_without_slope(da, a, a_before, W):
    """dz is the same as da: the sigmoid's derivative has been forgotten, and with it what the unit lets through."""
    dz = da
    return dz, dz.T @ a_before, dz[0], dz @ W


@one_row.mistake("derivative of the wrong variable")
def one_row_slope_of_a(da, a, a_before, W):
    """You took the sigmoid's derivative at a, not at z: a is the sigmoid's *output* already, do not send it through
    once more."""
    s = 1 / (1 + np.exp(-a))
    dz = da * s * (1 - s)
    return dz, dz.T @ a_before, dz[0], dz @ W


@one_row.mistake()
def one_row_half_a_slope(da, a, a_before, W):
    """The sigmoid's derivative has two factors, and the second one is missing: a unit that is saturated at 1 blocks,
    too."""
    dz = da * a
    return dz, dz.T @ a_before, dz[0], dz @ W


@one_row.mistake()
def one_row_other_half(da, a, a_before, W):
    """The sigmoid's derivative has two factors, and the first one is missing: a unit at 0 is as flat as one at 1."""
    dz = da * (1 - a)
    return dz, dz.T @ a_before, dz[0], dz @ W


@one_row.mistake()
def one_row_gradient_lost(da, a, a_before, W):
    """dz is the sigmoid's derivative alone. It is a factor: the gradient that arrives, da, is multiplied by it."""
    dz = a * (1 - a)
    return dz, dz.T @ a_before, dz[0], dz @ W


@one_row.mistake()
def one_row_past_the_sigmoid(da, a, a_before, W):
    """dW is made from da. The weights sit *before* the sigmoid, so their gradient is made from dz."""
    dz = da * a * (1 - a)
    return dz, da.T @ a_before, da[0], dz @ W


@one_row.mistake()
def one_row_bias_past_the_sigmoid(da, a, a_before, W):
    """db is made from da. The bias sits *before* the sigmoid, so its gradient is made from dz."""
    dz = da * a * (1 - a)
    return dz, dz.T @ a_before, da[0], dz @ W


@one_row.mistake()
def one_row_bias_a_row(da, a, a_before, W):
    """db has the right numbers, and is a row of shape (1, d). It should have the shape of b, (d,)."""
    dz = da * a * (1 - a)
    return dz, dz.T @ a_before, dz, dz @ W


@one_row.mistake("transposed")
def one_row_turned(da, a, a_before, W):
    """dW is transposed: rows are outputs, columns are inputs, as in W itself."""
    dz = da * a * (1 - a)
    return dz, a_before.T @ dz, dz[0], dz @ W


@one_row.mistake("weights of the wrong layer")
def one_row_wrong_input(da, a, a_before, W):
    """dW multiplies dz by the layer's own output. A weight's other factor is what came *in*: the layer before."""
    dz = da * a * (1 - a)
    return dz, dz.T @ a, dz[0], dz @ W


@one_row.mistake()
def one_row_handed_on_past_the_sigmoid(da, a, a_before, W):
    """da_before is made from da. What goes on to the layer before has to go through the sigmoid first: take dz."""
    dz = da * a * (1 - a)
    return dz, dz.T @ a_before, dz[0], da @ W


@one_row.mistake()
def one_row_next_slope_too(da, a, a_before, W):
    """da_before: the slope of the layer before does not belong here. That layer multiplies by it itself, in its dz."""
    dz = da * a * (1 - a)
    return dz, dz.T @ a_before, dz[0], dz @ W * a_before * (1 - a_before)


@one_row.mistake()
def one_row_weights_turned(da, a, a_before, W):
    """da_before: backwards, W enters as it is, not turned round. Yours runs only where both layers are equally wide."""
    dz = da * a * (1 - a)
    return dz, dz.T @ a_before, dz[0], dz @ W.T


def target_sample(d, c):
    """Return the probabilities p and the one-hot target y of class c, both of shape (1, d)."""
    return softmax(rng.normal(size=(1, d))), np.eye(d)[c:c + 1]


@lesson.exercise(
    level=1, minutes=2,
    samples=[target_sample(3, 2), target_sample(5, 0), target_sample(4, 3), target_sample(2, 1)],
    hints=["Two of the three numbers are the same in both rows.",
           "The third differs by 1, and y has its 1 there."])
def short_form(p, y):
    """Return dz, shape (1, d), for the probabilities p and the one-hot target y, both of shape (1, d)."""
    return p - y


@short_form.mistake("wrong sign")
def short_reversed(p, y):
    """The signs are reversed: it is what the network said, minus what it should have said."""
    return y - p


@short_form.mistake()
def short_of_the_loss(p, y):
    """That is how the loss reacts to p. It still has to go back through softmax."""
    return -y / p


@short_form.mistake()
def short_of_class_2(p, y):
    """You took the 1 away from the last entry. It belongs to the right class, wherever that is: y knows."""
    dz = p.copy()
    dz[0, -1] -= 1
    return dz


@short_form.mistake()
def short_only_right_class(p, y):
    """Only the right class has a number left. The others react as well: softmax mixes."""
    return (p - y) * y


@short_form.mistake()
def short_with_slope(p, y):
    """The sigmoid's slope does not belong here: the last activation is softmax."""
    return (p - y) * p * (1 - p)


@short_form.mistake()
def short_squared(p, y):
    """That is the square of the difference. The signs are needed, and the sizes as they are."""
    return (p - y) ** 2


@lesson.exercise(
    level=2, minutes=4,
    parts=("p2_by_z0", "p2_by_z2"), rtol=3e-2,
    hints=["For z₀ only the denominator of p₂ reacts, as with p₁ above. For z₂ both react.",
           "The first is a product of two outputs with a minus; the second is p₂, less its square.",
           "The outputs are p₀ = 0.4358 and p₂ = 0.3505."])
def right_class():
    """two numbers (∂p₂/∂z₀, ∂p₂/∂z₂)"""
    return -0.15274, 0.22764


right_class.wrong_answers(
    right_all_up=((0.15274, 0.22764), "If z₀ rises, the denominator grows, and p₂ *falls*."),
    right_square_missing=((-0.15274, 0.3505), "∂p₂/∂z₂: the denominator reacts there, too: p₂ is less its own square."),
    right_both_fall=((-0.15274, -0.12282), "∂p₂/∂z₂: the numerator reacts, too, and p₂ rises with its own z."),
    right_other_class=((-0.0749, 0.22764), "∂p₂/∂z₀: that is how p₂ reacts to z₁."),
    right_by_sigmoid=((0, 0.22764), "Softmax mixes: p₂ reacts to z₀ as well, through the denominator."),
    right_of_a0=((0.2459, -0.15274), "You have looked at how p₀ reacts. Here it is the output of class 2."),
    right_exchanged=((0.22764, -0.15274), "Both numbers are right, in the other order: first for z₀, then for z₂."),
    right_signs=((-0.15274, -0.22764), "∂p₂/∂z₂: if z₂ rises, the probability of its own class *rises*."),
    right_both_signs=((0.15274, -0.22764), "Both signs are reversed: p₂ falls if z₀ rises, and rises if z₂ does."),
    right_printed=((-0.0931, 0.2459), "These are p₁ and p₀, by z₀, from above. Here it is the output of class 2."),
    right_multiplied=((0.4358, -0.6495), "That is dz: these slopes, multiplied by dp₂ already."))


def sample_sample(*sizes):
    """Return x, a1, a2, a3 and y, rows of shape (1, d), and the dict W, of one sample in a network of three layers."""
    net = initialize(sizes, (sigmoid, sigmoid, softmax), rng, scheme="centred")
    A = forward(net, rng.normal(size=(1, sizes[0]))).A
    return *A.values(), np.eye(sizes[-1])[[rng.integers(sizes[-1])]], net.W


def one_sample_begun(x, a1, a2, a3, y, W):
    """Return the dicts dW and db, with the keys 1, 2 and 3; x, a1, a2, a3 and y are rows, shape (1, d)."""
    dz3 = ...
    da2 = ...
    dz2, dW2, db2, da1 = ...
    dz1, dW1, db1, _ = ...
    dW = {1: ..., 2: ..., 3: ...}
    db = {1: ..., 2: ..., 3: ...}
    return dW, db


@lesson.exercise(
    level=2, minutes=6,
    parts=("dW", "db"), given=one_sample_begun,
    samples=[sample_sample(5, 7, 4, 3), sample_sample(2, 3, 3, 4), sample_sample(4, 4, 4, 4)],
    hints=["dz3 is the short form; da2 is dz3 through W[3], as in the picture of the paths.",
           "Layer 2 is `back_through(da2, a2, a1, W[2])`, and layer 1 the same once more, with x as its input.",
           "For layer 3, dW and db come from dz3 as in every layer: dz3.T @ a2, and dz3[0]."])
def one_sample(x, a1, a2, a3, y, W):
    """Return the dicts dW and db, with the keys 1, 2 and 3; x, a1, a2, a3 and y are rows, shape (1, d)."""
    dz3 = a3 - y
    dz2 = dz3 @ W[3] * a2 * (1 - a2)
    dz1 = dz2 @ W[2] * a1 * (1 - a1)
    dW = {1: dz1.T @ x, 2: dz2.T @ a1, 3: dz3.T @ a2}
    db = {1: dz1[0], 2: dz2[0], 3: dz3[0]}
    return dW, db


@one_sample.mistake("wrong sign")
def sample_reversed(x, a1, a2, a3, y, W):
    """All signs are reversed: dz3 is what the network said, minus what it should have said."""
    dz3 = y - a3
    dz2 = dz3 @ W[3] * a2 * (1 - a2)
    dz1 = dz2 @ W[2] * a1 * (1 - a1)
    return {1: dz1.T @ x, 2: dz2.T @ a1, 3: dz3.T @ a2}, {1: dz1[0], 2: dz2[0], 3: dz3[0]}


@one_sample.mistake()
def sample_slope_at_the_end(x, a1, a2, a3, y, W):
    """Layer 3 has no sigmoid: a3 − y is its dz already, all the way back through softmax."""
    dz3 = (a3 - y) * a3 * (1 - a3)
    dz2 = dz3 @ W[3] * a2 * (1 - a2)
    dz1 = dz2 @ W[2] * a1 * (1 - a1)
    return {1: dz1.T @ x, 2: dz2.T @ a1, 3: dz3.T @ a2}, {1: dz1[0], 2: dz2[0], 3: dz3[0]}


@one_sample.mistake()
def sample_not_through_softmax(x, a1, a2, a3, y, W):
    """You begin with −y/a3, which is da3. It has still to go back through softmax: together they are a3 − y."""
    dz3 = -y / a3
    dz2 = dz3 @ W[3] * a2 * (1 - a2)
    dz1 = dz2 @ W[2] * a1 * (1 - a1)
    return {1: dz1.T @ x, 2: dz2.T @ a1, 3: dz3.T @ a2}, {1: dz1[0], 2: dz2[0], 3: dz3[0]}


@one_sample.mistake("activation's derivative forgotten")
def sample_without_slopes(x, a1, a2, a3, y, W):
    """The sigmoids of layers 2 and 1 are left out: what comes back to their outputs is not yet dz."""
    dz3 = a3 - y
    dz2 = dz3 @ W[3]
    dz1 = dz2 @ W[2]
    return {1: dz1.T @ x, 2: dz2.T @ a1, 3: dz3.T @ a2}, {1: dz1[0], 2: dz2[0], 3: dz3[0]}


@one_sample.mistake()
def sample_past_the_second_sigmoid(x, a1, a2, a3, y, W):
    """Layer 1 gets da2 through W2. It has to be dz2: first through the sigmoid of layer 2."""
    dz3 = a3 - y
    da2 = dz3 @ W[3]
    dz2, dz1 = da2 * a2 * (1 - a2), da2 @ W[2] * a1 * (1 - a1)
    return {1: dz1.T @ x, 2: dz2.T @ a1, 3: dz3.T @ a2}, {1: dz1[0], 2: dz2[0], 3: dz3[0]}


@one_sample.mistake()
def sample_slopes_twice(x, a1, a2, a3, y, W):
    """A slope is in there twice: `back_through` takes da, and multiplies by the slope of its layer itself."""
    dz3 = a3 - y
    dz2 = dz3 @ W[3] * (a2 * (1 - a2))**2
    dz1 = dz2 @ W[2] * a1 * (1 - a1)
    return {1: dz1.T @ x, 2: dz2.T @ a1, 3: dz3.T @ a2}, {1: dz1[0], 2: dz2[0], 3: dz3[0]}


@one_sample.mistake("weights of the wrong layer")
def sample_own_input_of_layer_1(x, a1, a2, a3, y, W):
    """dW of layer 1 takes what came *in* there, x. You took what went out, a1."""
    dz3 = a3 - y
    dz2 = dz3 @ W[3] * a2 * (1 - a2)
    dz1 = dz2 @ W[2] * a1 * (1 - a1)
    return {1: dz1.T @ a1, 2: dz2.T @ a1, 3: dz3.T @ a2}, {1: dz1[0], 2: dz2[0], 3: dz3[0]}


@one_sample.mistake("weights of the wrong layer")
def sample_own_outputs(x, a1, a2, a3, y, W):
    """dW of a layer takes what came *in*: a2 for layer 3, a1 for layer 2, x for layer 1. You took what went out."""
    dz3 = a3 - y
    dz2 = dz3 @ W[3] * a2 * (1 - a2)
    dz1 = dz2 @ W[2] * a1 * (1 - a1)
    return {1: dz1.T @ a1, 2: dz2.T @ a2, 3: dz3.T @ a3}, {1: dz1[0], 2: dz2[0], 3: dz3[0]}


@one_sample.mistake()
def sample_bias_a_row(x, a1, a2, a3, y, W):
    """db has the right numbers, in rows of shape (1, d). It should have the shape of b, (d,)."""
    dz3 = a3 - y
    dz2 = dz3 @ W[3] * a2 * (1 - a2)
    dz1 = dz2 @ W[2] * a1 * (1 - a1)
    return {1: dz1.T @ x, 2: dz2.T @ a1, 3: dz3.T @ a2}, {1: dz1, 2: dz2, 3: dz3}


@lesson.exercise(
    level=2, minutes=8,
    parts=("first", "second", "dz"),
    samples=[(softmax(rng.normal(size=d)), np.eye(d)[j]) for d, j in ((3, 2), (5, 0))]
            + [(softmax(rng.normal(size=4)), np.array([0.1, 0.2, 0.3, 0.4]))],
    hints=["In the first sum only the term with j = i is not zero. What is left of (−y/p) · p there?",
           "In the second sum p_j cancels in each term, and p_i stands in all of them: take it out in front.",
           "What remains inside the second sum is the sum of all y, which is 1. And dz is the first plus the second."])
def collapse(p, y):
    """Return the first sum, the second sum, and dz, their total; all of them, p and y have the shape (d,)."""
    first = -y
    second = p
    return first, second, first + second


@collapse.mistake("wrong sign")
def collapse_signs(p, y):
    """Both signs are reversed: −y/p times p is −y, and minus times minus is plus in the second sum."""
    return y, -p, y - p


@collapse.mistake()
def collapse_second_by_y(p, y):
    """In the second sum the p of the *fixed* i stays, and the y of all j are added up: not y times p."""
    return -y, y * p, y * p - y


@collapse.mistake()
def collapse_first_kept(p, y):
    """In the first sum the p in the denominator meets the p in front, and both are gone."""
    return -y / p, p, p - y / p


@collapse.mistake()
def collapse_second_squared(p, y):
    """In the second sum one p cancels against the denominator, and only one is left."""
    return -y, p**2, p**2 - y


@collapse.mistake()
def collapse_subtracted(p, y):
    """The two sums are right; dz is the first *plus* the second, and the signs are in them already."""
    return -y, p, -y - p
