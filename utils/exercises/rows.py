"""Exercises of notebook 04: one unit, chains of units, then one sample, back through a layer and softmax."""

import numpy as np

from utils.activations import sigmoid, softmax
from utils.checks.lesson import Lesson

lesson = Lesson("04_backward_pass")
rng = np.random.default_rng(4)


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


@lesson.exercise(
    level=2, minutes=6,
    parts=("dz", "dw"),
    samples=[chain_sample(n, np.random.default_rng(n)) for n in (3, 2, 5, 1)],
    hints=["Begin with three dicts, da = {len(w): -1 / a[len(w)]} and two empty ones; then `for k in reversed(w):`.",
           "The three lines in the loop are the three formulas, in their order.",
           "The slope of unit k is a[k] * (1 - a[k]); what came in there is a[k - 1].",
           "What unit k hands to the one before is its dz, times the weight between them, w[k]."])
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


def row_sample(n, m, k):
    """Return dz3 (1, k), W3 (k, m), a2 (1, m), a1 (1, n) of one sample."""
    return rng.normal(size=(1, k)), rng.normal(size=(k, m)), sigmoid(rng.normal(size=(1, m))), rng.random((1, n))


@lesson.exercise(
    level=2, minutes=8,
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
def one_row_gradient_lost(dz3, W3, a2, a1):
    """dz2 is the sigmoid's derivative alone. It is a factor: the gradient that arrives, da2, is multiplied by it."""
    da2 = dz3 @ W3
    dz2 = a2 * (1 - a2)
    return da2, dz2, dz2.T @ a1, dz2[0]


@one_row.mistake()
def one_row_past_the_sigmoid(dz3, W3, a2, a1):
    """dW2 is made from da2. The weights sit *before* the sigmoid, so their gradient is made from dz2."""
    da2 = dz3 @ W3
    dz2 = da2 * a2 * (1 - a2)
    return da2, dz2, da2.T @ a1, da2[0]


@one_row.mistake()
def one_row_bias_past_the_sigmoid(dz3, W3, a2, a1):
    """db2 is made from da2. The bias sits *before* the sigmoid, so its gradient is made from dz2."""
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


@lesson.exercise(
    level=2, minutes=8,
    parts=("first", "second", "dz"),
    samples=[(softmax(rng.normal(size=d)), np.eye(d)[j]) for d, j in ((3, 2), (5, 0))]
            + [(softmax(rng.normal(size=4)), np.array([0.1, 0.2, 0.3, 0.4]))],
    hints=["In the first sum only the term with j = i is not zero. What is left of (−y/a) · a there?",
           "In the second sum a_j cancels in each term, and a_i stands in all of them: take it out in front.",
           "What remains inside the second sum is the sum of all y, which is 1. And dz is the first plus the second."])
def collapse(a, y):
    """Return the first sum, the second sum, and dz, their total; all of them, a and y have the shape (d,)."""
    first = -y
    second = a
    return first, second, first + second


@collapse.mistake("wrong sign")
def collapse_signs(a, y):
    """Both signs are reversed: −y/a times a is −y, and minus times minus is plus in the second sum."""
    return y, -a, y - a


@collapse.mistake()
def collapse_second_by_y(a, y):
    """In the second sum the a of the *fixed* i stays, and the y of all j are added up: not y times a."""
    return -y, y * a, y * a - y


@collapse.mistake()
def collapse_first_kept(a, y):
    """In the first sum the a in the denominator meets the a in front, and both are gone."""
    return -y / a, a, a - y / a


@collapse.mistake()
def collapse_second_squared(a, y):
    """In the second sum one a cancels against the denominator, and only one is left."""
    return -y, a**2, a**2 - y


@collapse.mistake()
def collapse_subtracted(a, y):
    """The two sums are right; dz is the first *plus* the second, and the signs are in them already."""
    return -y, a, -y - a
