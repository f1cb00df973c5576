"""Whatever comes in as numbers is computed with as floats, or refused by its name; never is a result wrong in silence.

The same numbers come dressed up: as small integers, which wrap round, as truth values, as subclasses in which A * B is
something else, in other bytes, from back to front. Each door must answer as it answers plain floats.
"""

import math
import tempfile

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mutation import code

from utils.activations import ACTIVATIONS, identity, relu, sigmoid, softmax, softmax_jacobian, tanh
from utils.autograd import autograd_gradients, gradient_ledger
from utils.derivatives import difference_quotient, numerical_gradient
from utils.descent import LECTURE, gradient_descent
from utils.losses import cross_entropy, one_hot, softmax_cross_entropy, squared_error
from utils.mlp import MLP, backward, convert, descend, forward, initialize, predict
from utils.training import accumulate, output, step, train

pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass")


class Sub(np.ndarray):
    """A subclass whose product is a matrix product."""

    def __mul__(self, other):
        return self @ other

    __rmul__ = __mul__


def backwards(M):
    """The same numbers, stored from back to front."""
    return np.ascontiguousarray(M[::-1, ::-1])[::-1, ::-1]


DRESSES = {
    **{name: lambda M, name=name: M.astype(name) for name in ("int64", "int8", "uint8", "bool", ">f8", ">i4")},
    "matrix": np.matrix, "subclass": lambda M: M.view(Sub), "backwards": backwards, "Fortran": np.asfortranarray,
    "every other": lambda M: np.repeat(M, 2, 0)[::2], "a masked array without a mask": np.ma.asarray,
}  # fmt: skip
TENSORS = {name: lambda M, name=name: torch.tensor(M).to(getattr(torch, name)) for name in (
    "int64", "int8", "uint8", "bool", "float64")}
dressed = pytest.mark.parametrize("dress", DRESSES.values(), ids=DRESSES)
as_tensors = pytest.mark.parametrize("dress", TENSORS.values(), ids=TENSORS)

BITS = np.array([[0.0, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 1]])  # what every dress can hold; as Y, and as X
ONES = np.ones((4, 3))
NET = initialize((3, 4, 3), (tanh, softmax), np.random.default_rng(0))
LOGITS = NET._replace(f={1: tanh, 2: identity})


def pieces(result):
    """Yield the numbers in a result, which may be a trace, gradients, a network, an epoch."""
    if isinstance(result, dict | tuple | list):
        for value in result.values() if isinstance(result, dict) else result:
            if not hasattr(value, "pullback"):  # an activation
                yield from pieces(value)
    else:
        yield result


def assert_alike(found, expected, tolerance=1e-15):
    """Assert that two results hold the same plain arrays, in float64."""
    found, expected = list(pieces(found)), list(pieces(expected))
    assert len(found) == len(expected) > 0
    for mine, right in zip(found, expected, strict=True):
        kind = torch.Tensor if isinstance(mine, torch.Tensor) else np.ndarray
        assert not np.ndim(right) or type(mine) is kind
        np.testing.assert_allclose(np.asarray(mine), np.asarray(right), rtol=tolerance, atol=1e-15)
        assert tolerance > 1e-15 or np.asarray(mine).dtype == np.asarray(right).dtype


# Each door takes arrays, and the functions below call it with one dressed-up array after the other ----------------

ACTIVATION_DOORS = {
    **{f"{f.name}": f for f in ACTIVATIONS.values()},
    **{f"{f.name} pulls back from A": lambda A, f=f: f.pullback(ONES / 4, A) for f in ACTIVATIONS.values()},
    **{f"{f.name} pulls back dA": lambda dA, f=f: f.pullback(dA, BITS / 2) for f in ACTIVATIONS.values()},
}
LOSS_DOORS = {
    f"{loss.name}, {side} of {what}": lambda M, loss=loss, side=side, what=what: getattr(loss, side)(
        *((M, BITS) if what == "A" else (softmax(BITS), M)))
    for loss in (squared_error, cross_entropy, softmax_cross_entropy) for side in ("value", "gradient")
    for what in ("A", "Y")
}
PASS_DOORS = {
    "forward": lambda X: forward(NET, X),
    "backward": lambda dA: backward(NET, forward(NET, BITS), dA),
    "predict": lambda X: predict(NET, X),
    "output": lambda X: output(NET, X),
    "weights": lambda W: forward(MLP({1: W, 2: NET.W[2]}, {1: np.zeros(4), 2: NET.b[2]}, NET.f), BITS),
    "weights, backwards": lambda W: backward(MLP({1: W}, {1: np.zeros(4)}, {1: tanh}),
                                             forward(MLP({1: BITS}, {1: np.zeros(4)}, {1: tanh}), BITS), ONES @ BITS.T),
    "a step, X": lambda X: step(NET, X, BITS, cross_entropy, 0.5),
    "a step, Y": lambda Y: step(NET, BITS, Y, cross_entropy, 0.5),
    "a run, X": lambda X: [e.net for e in train(NET, X, BITS, cross_entropy, 0.5, 2, 2)],
    "a run, Y": lambda Y: [(e.net, e.loss) for e in train(LOGITS, BITS, Y, softmax_cross_entropy, 0.5, 2, 2)],
    "accumulated, X": lambda X: accumulate(NET, X, BITS, cross_entropy),
    "accumulated, Y": lambda Y: accumulate(NET, BITS, Y, cross_entropy),
    "the ledger, X": lambda X: [r.verdict == "agree" for r in gradient_ledger(NET, X, BITS, cross_entropy).rows],
    "autograd, Y": lambda Y: autograd_gradients(NET, BITS, Y, cross_entropy),
}


@dressed
@pytest.mark.parametrize("door", [*ACTIVATION_DOORS.values(), *LOSS_DOORS.values(), *PASS_DOORS.values()],
                         ids=[*ACTIVATION_DOORS, *LOSS_DOORS, *PASS_DOORS])
@pytest.mark.filterwarnings("ignore:A\\[.*gives its right class the probability 0")
def test_a_door_answers_dressed_up_numbers_as_plain_ones(door, dress):
    if door is ACTIVATION_DOORS["identity"] or door in (v for k, v in ACTIVATION_DOORS.items() if "identity" in k):
        np.testing.assert_array_equal(np.asarray(door(dress(BITS))), door(BITS))  # it computes nothing
    else:
        assert_alike(door(dress(BITS)), door(BITS.copy()))


TORCHS = convert(NET, torch.tensor)
TENSOR_DOORS = {
    **{f"{f.name}": f for f in ACTIVATIONS.values() if f is not identity},
    **{f"{loss.name}, {side}": lambda Y, loss=loss, side=side: getattr(loss, side)(torch.tensor(softmax(BITS)), Y)
       for loss in (squared_error, cross_entropy, softmax_cross_entropy) for side in ("value", "gradient")},
    "forward": lambda X: forward(TORCHS, X),
    "predict": lambda X: predict(TORCHS, X),
    "a run, X": lambda X: [e.net for e in train(TORCHS, X, torch.tensor(BITS), cross_entropy, 0.5, 2)],
    "a run, Y": lambda Y: [e.net for e in train(TORCHS, torch.tensor(BITS), Y, cross_entropy, 0.5, 2)],
}


@as_tensors
@pytest.mark.parametrize("door", TENSOR_DOORS.values(), ids=TENSOR_DOORS)
def test_a_door_answers_dressed_up_tensors_as_plain_ones(door, dress):
    found, expected = door(dress(BITS)), door(torch.tensor(BITS))
    assert all(isinstance(v, torch.Tensor) or math.isfinite(v) for v in pieces(found))
    assert_alike(found, expected, tolerance=1e-6)  # activations of whole numbers: in torch's default precision


# The reported cases, with their right values --------------------------------------------------------------------------


@pytest.mark.parametrize("array", [np.asarray, torch.tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool", "int64"])
def test_targets_of_small_integers_give_the_gradient_its_right_sign(array, dtype):
    A, Y = array(np.array([[0.2, 0.8]])), array(np.array([[0, 1]], dtype))
    assert cross_entropy.gradient(A, Y).tolist() == [[0, -1.25]]
    assert float(cross_entropy(A, Y)) == pytest.approx(-math.log(0.8))
    assert float(squared_error.gradient(A, Y)[0, 1]) == pytest.approx(-0.2)


def test_activations_of_small_integers():
    one, pair = np.array([[1]], np.uint8), np.array([[1, 2]], np.uint8)
    assert sigmoid(one)[0, 0] == pytest.approx(1 / (1 + math.exp(-1)))
    assert softmax(pair)[0].tolist() == pytest.approx([1 / (1 + math.e), math.e / (1 + math.e)])
    assert tanh(pair).dtype == relu(pair).dtype == np.float64
    assert softmax_cross_entropy(pair, np.array([[1, 0]], np.uint8)) == pytest.approx(math.log(1 + math.e))
    assert softmax_jacobian(np.array([1, 0], np.uint8)).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("to", [np.float32, lambda x: torch.tensor(x, dtype=torch.float32), np.float16,
                                lambda x: np.array(x, ">f4")], ids=["float32", "tensor", "float16", "big-endian"])
def test_a_nudge_is_not_lost_in_single_precision(to):
    x = to([100.0, 200.0])
    found = numerical_gradient(lambda x: (x**2).sum(), x)
    assert found.dtype == x.dtype and found.tolist() == [200, 400]
    assert numerical_gradient(lambda x: (x**2).sum(), x[:1]).tolist() == [200]
    assert difference_quotient(lambda x: x**2, x, 1e-6).tolist() == pytest.approx([200, 400], rel=1e-3)


def test_a_slope_at_a_single_precision_number():
    assert difference_quotient(np.square, np.float32(100), 1e-6) == pytest.approx(200, rel=1e-7)
    assert difference_quotient(np.square, np.uint8(200), 1e-6) == pytest.approx(400, rel=1e-7)
    assert difference_quotient(math.sin, 1, 1e-6) == pytest.approx(math.cos(1), rel=1e-5)


def overwriting_softmax(z):
    """The usual lines, which work in place."""
    z -= z.max()
    e = np.exp(z)
    return (e / e.sum())[0]


def test_a_function_that_works_in_place_harms_nobody():
    z = np.array([1.0, 2.0, 3.0])
    a = softmax(z)
    found = numerical_gradient(overwriting_softmax, z)
    np.testing.assert_allclose(found, a[0] * ((np.arange(3) == 0) - a), rtol=1e-8)
    assert z.tolist() == [1, 2, 3]

    def doubled(x):
        x *= 2
        return x

    assert difference_quotient(doubled, np.array([1.0, 2.0]), 0.5).tolist() == [2, 2]


def test_a_descent_hands_out_copies_alone():
    def f(x):
        x *= 0
        return LECTURE.value(x + 3)

    def overwrite(x):
        g = LECTURE.gradient(x)
        x *= 0
        return g

    def rule(f, x, g, k):
        f(x)
        x *= 0
        g *= 0
        return 0.1

    plain = gradient_descent(LECTURE.value, LECTURE.gradient, (3, 3), 0.1, max_steps=20)
    for run in (gradient_descent(lambda x: LECTURE.value(x) + 0 * f(x), LECTURE.gradient, (3, 3), 0.1, max_steps=20),
                gradient_descent(LECTURE.value, overwrite, (3, 3), 0.1, max_steps=20),
                gradient_descent(LECTURE.value, LECTURE.gradient, (3, 3), rule, max_steps=20)):
        np.testing.assert_array_equal(run.path, plain.path)


# What is no array of numbers is named -------------------------------------------------------------------------------

STRANGERS = {
    "masked": (np.ma.array(BITS, mask=BITS > 0), ValueError, "has 4 masked entries, expected all to be known"),
    "complex": (BITS + 0j, TypeError, "holds complex128, expected real numbers"),
    "objects": (BITS.astype(object), TypeError, "holds object, expected real numbers"),
    "text": (BITS.astype(str), TypeError, "holds <U32, expected real numbers"),
    "a list": (BITS.tolist(), TypeError, "expected a NumPy array or a torch tensor, not list"),
    "a complex tensor": (torch.tensor(BITS + 0j), TypeError, "holds torch.complex128, expected real numbers"),
    "a sparse tensor": (torch.tensor(BITS).to_sparse(), ValueError, "expected a dense one"),
}
NAMED = {
    "Z": sigmoid, "A": lambda A: squared_error(A, torch.tensor(BITS) if isinstance(A, torch.Tensor) else BITS),
    "X": lambda X: forward(convert(NET, torch.tensor) if isinstance(X, torch.Tensor) else NET, X),
    "dA": lambda dA: tanh.pullback(dA, torch.tensor(BITS) if isinstance(dA, torch.Tensor) else BITS),
    "W[1]": lambda W: forward(MLP({1: W}, {1: np.zeros(4)}, {1: tanh}), BITS),
}


@pytest.mark.parametrize("stranger, error, words", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("name", NAMED)
def test_a_stranger_is_named(name, stranger, error, words):
    with pytest.raises(error) as said:
        NAMED[name](stranger)
    assert str(said.value).startswith(name) and words in str(said.value)


def test_masked_labels_are_named():
    with pytest.raises(ValueError, match="labels has 1 masked entries"):
        one_hot(np.ma.array([0, 1], mask=[0, 1]), 2)


@pytest.mark.parametrize("call, error, words", [
    (lambda: softmax(np.ones((2, 0))), ValueError, "Z has shape (2, 0), expected at least one number a row"),
    (lambda: softmax(np.float64(1)), ValueError, "Z has shape ()"),
    (lambda: sigmoid.pullback(np.ones(3), BITS), ValueError, "dA has shape (3,), but A has (4, 3)"),
    (lambda: sigmoid.pullback(torch.ones(4, 3), BITS), ValueError, "A is a numpy array, but dA is a torch one"),
    (lambda: difference_quotient(np.sin, 1e12, 1e-6), ValueError, "lost next to the 1e+12 in x"),
    (lambda: difference_quotient(np.sin, [1.0], 1e-6), TypeError, "x: expected a NumPy array or a torch tensor"),
    (lambda: numerical_gradient(lambda x: x.float().sum(), torch.ones(2)), ValueError, "f returns torch.float32"),
    (lambda: numerical_gradient(lambda x: np.float32(x[0]), np.ones(1)), ValueError, "f returns float32, in which"),
    (lambda: numerical_gradient(lambda x: x @ torch.ones(2), torch.ones(2)), TypeError, "f takes no float64"),
    (lambda: backward(NET, forward(NET._replace(W={1: NET.W[1]}, b={1: NET.b[1]}), BITS), ONES), ValueError,
     "the trace has 1 layers, but the network 2"),
    (lambda: backward(initialize((3, 5, 3), (tanh, tanh), np.random.default_rng(0)), forward(NET, BITS), ONES),
     ValueError, "A[1] has shape (4, 4), expected (4, 5)"),
    (lambda: descend(NET, backward(NET, forward(NET, BITS), ONES)._replace(dW={1: NET.W[1]}), 0.1), TypeError,
     "dW[2]: expected a NumPy array or a torch tensor, not NoneType"),
    (lambda: descend(NET, backward(NET, forward(NET, BITS), ONES)._replace(db={1: np.ones(4), 2: np.ones(1)}), 0.1),
     ValueError, "db[2] has shape (1,), but b[2] has (3,)"),
    (lambda: cross_entropy(np.array([[0.5]]), np.array([[0]])), ValueError, "one_hot(labels, 2)"),
])
def test_what_would_be_wrong_in_silence_is_said(call, error, words):
    with pytest.raises(error) as said:
        call()
    assert words in str(said.value)


def test_an_activation_that_autograd_cannot_follow_is_named():
    for apply, words in ((lambda Z: np.where(Z > 0, Z, 0.1 * Z), "cannot be followed by autograd"),
                         (lambda Z: Z.detach() if hasattr(Z, "detach") else Z, "leaves autograd's graph")):
        net = NET._replace(f={1: tanh._replace(name="mine", apply=apply), 2: softmax})
        for referee in (autograd_gradients, gradient_ledger):
            with pytest.raises(TypeError) as said:
                referee(net, BITS, BITS, cross_entropy)
            assert str(said.value).startswith("f[1] (mine)") and words in str(said.value)
    mine = squared_error._replace(name="mine", value=lambda A, Y: np.where(A > Y, A, Y).sum())
    with pytest.raises(TypeError, match=r"the loss \(mine\) cannot be followed"):
        gradient_ledger(NET, BITS, BITS, mine)


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("array", [np.asarray, torch.tensor], ids=["numpy", "torch"])
def test_autograd_works_where_gradients_are_switched_off(off, array):
    with off():
        net, X = convert(NET, array), array(BITS)
        gradient_ledger(net, X, X, cross_entropy).assert_agree()
        assert not torch.is_grad_enabled()


def test_a_number_in_an_activation_of_ones_own_has_the_precision_of_the_rest():
    leaky = tanh._replace(name="leaky", apply=lambda Z: Z * (1 - 0.9 * (Z < 0)),
                          pullback=lambda dA, A: dA * (1 - 0.9 * (A < 0)))
    X = BITS + 0.3
    gradient_ledger(NET._replace(f={1: leaky, 2: softmax}), X, BITS, cross_entropy).assert_agree()
    assert torch.get_default_dtype() == torch.float32


# Whole numbers of every width, at random ------------------------------------------------------------------------------

WIDTHS = st.sampled_from(["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", ">i2", ">u4"])
NUMBERS = st.lists(st.lists(st.integers(0, 100), min_size=3, max_size=3), min_size=1, max_size=4)


@given(WIDTHS, NUMBERS)
def test_activations_and_losses_of_whole_numbers(dtype, numbers):
    exact, small = np.array(numbers, float), np.array(numbers).astype(dtype)
    for f in (sigmoid, tanh, relu, softmax):
        assert_alike(f(small), f(exact))
        assert_alike(f.pullback(small, small), f.pullback(exact, exact))
    for side in ("value", "gradient"):
        assert_alike(getattr(squared_error, side)(small, exact / 2), getattr(squared_error, side)(exact, exact / 2))
        assert_alike(getattr(squared_error, side)(exact / 2, small), getattr(squared_error, side)(exact / 2, exact))
    Y = np.eye(3)[np.argmax(exact, 1)]
    for loss in (softmax_cross_entropy, squared_error):
        assert_alike(loss.gradient(small, Y.astype(dtype)), loss.gradient(exact, Y))


@given(WIDTHS, WIDTHS, NUMBERS, st.integers(0, 99))
def test_passes_over_whole_numbers(dtype, of_weights, numbers, seed):
    exact, W = np.array(numbers, float), np.random.default_rng(seed).integers(0, 100, (2, 3))
    net = MLP({1: W * 1.0}, {1: np.array([1.0, 2.0])}, {1: relu})
    small = MLP({1: W.astype(of_weights)}, {1: np.array([1, 2], of_weights)}, {1: relu})
    trace, expected = forward(small, exact.astype(dtype)), forward(net, exact)
    assert_alike(trace, expected)
    dA = np.full(trace.A[1].shape, 100)
    assert_alike(backward(small, trace, dA.astype("uint8")), backward(net, expected, dA * 1.0))


# A door that is left open is noticed ----------------------------------------------------------------------------------


def battery(utils):
    """What must hold of the doors, of a copy of the mathematics; raises where it does not."""
    small, A, Y = np.array([[200, 100]], np.uint8), np.array([[0.2, 0.8]]), np.array([[0, 1]], np.uint8)
    arrays, mlp, losses = utils.arrays, utils.mlp, utils.losses
    assert_alike(losses.cross_entropy.gradient(A, Y), [np.array([[0, -1.25]])])
    assert losses.cross_entropy.gradient(A.astype("f4"), Y).dtype == np.float32
    for f in utils.activations.ACTIVATIONS.values():
        if f.name != "identity":
            assert_alike(f(small), f(small * 1.0))
            assert_alike(f.pullback(small, small), f.pullback(small * 1.0, small * 1.0))
            assert_alike(f.pullback(np.matrix(A), np.matrix(A)), f.pullback(A, A))
    assert arrays.floats("x", small, like=small).dtype == np.float64
    assert arrays.floats("x", A) is A and arrays.floats("x", A.astype(">f8")).dtype.isnative
    for stranger in (np.ma.array(A, mask=A > 0.5), A + 0j, A.astype(object), torch.tensor(A).to_sparse()):
        with pytest.raises((TypeError, ValueError), match="x"):
            arrays.floats("x", stranger)
    net = mlp.MLP({1: np.matrix(np.eye(2))}, {1: np.ones(2)}, {1: utils.activations.tanh})
    plain = net._replace(W={1: np.eye(2)})
    assert_alike(mlp.forward(net, small), mlp.forward(plain, small * 1.0))
    assert_alike(mlp.backward(net, mlp.forward(net, A), np.ones((1, 2), np.uint8)),
                 mlp.backward(plain, mlp.forward(plain, A), np.ones((1, 2))))
    strange = mlp.MLP({1: np.eye(2).astype(object)}, {1: np.ones(2)}, {1: utils.activations.identity})
    assert mlp.forward(strange._replace(W={1: np.eye(2, dtype=int)}), A).Z[1].tolist() == [[1.2, 1.8]]
    with pytest.raises(TypeError, match=r"W\[1\] holds object"):
        mlp.forward(strange, A)
    with pytest.raises(ValueError):
        mlp.descend(plain, mlp.Gradients({}, {}, {1: np.ones((1, 2))}, {1: np.ones(2)}), 0.1)
    with pytest.raises(ValueError, match="another network's"):
        mlp.backward(plain, mlp.forward(mlp.MLP({1: np.ones((3, 2))}, {1: np.ones(3)}, plain.f), A), np.ones((1, 3)))
    with pytest.raises(ValueError):
        mlp.predict(mlp.MLP({1: np.ones((1, 2))}, {1: np.ones(1)}, {1: utils.activations.tanh}), A)
    one = mlp.MLP({1: np.ones((1, 2))}, {1: np.zeros(1)}, {1: utils.activations.sigmoid})
    assert mlp.predict(one, np.array([[1.0, 1], [-1, -1], [0, 0]])).tolist() == [1, 0, 1]
    x = np.array([100, 200], np.float32)
    assert utils.derivatives.numerical_gradient(lambda x: (x**2).sum(), x).tolist() == [200, 400]
    assert utils.derivatives.difference_quotient(np.square, np.float32(100), 1e-6) == pytest.approx(200)
    z = np.array([1.0, 2.0, 3.0])
    utils.derivatives.numerical_gradient(overwriting_softmax, z)
    found = utils.derivatives.numerical_gradient(overwriting_softmax, z)
    np.testing.assert_allclose(found, softmax(z)[0] * ((np.arange(3) == 0) - softmax(z)), rtol=1e-6)
    with pytest.raises(ValueError):
        utils.derivatives.numerical_gradient(lambda x: x.float().sum(), torch.ones(2))
    with pytest.raises(ValueError):
        utils.derivatives.difference_quotient(np.sin, 1e12, 1e-6)
    run = utils.descent.gradient_descent(lambda x: float((x * x).sum()), lambda x: np.multiply(x, 2, out=x), (3, 3),
                                         0.1, max_steps=2)
    np.testing.assert_allclose(run.path[2], [1.92, 1.92])
    for bad, with_loss in ((utils.activations.sigmoid, losses.cross_entropy),
                           (utils.activations.identity, losses.cross_entropy)):
        with pytest.raises(ValueError):
            train_of(utils, bad, with_loss)
    for weak, with_loss in ((utils.activations.softmax, losses.softmax_cross_entropy),
                            (utils.activations.sigmoid, losses.squared_error)):
        with pytest.warns(UserWarning):
            train_of(utils, weak, with_loss, 2 if with_loss is losses.squared_error else 1)
    with pytest.raises(ValueError):
        utils.training.train(one, A, np.ones((1, 1)), losses.softmax_cross_entropy, 0.1, 1)
    own_functions(utils)
    networks(utils)
    runs(utils)
    slopes(utils)


def own_functions(utils):
    """Functions of one's own: what they get is theirs, and what they return is looked at."""
    Activation, Loss, A = utils.activations.Activation, utils.losses.Loss, np.array([[0.25, 0.75]])

    def doubled(x, *_):
        x *= 2
        return x

    mine, Z = Activation("mine", doubled, doubled), A.copy()
    assert mine(Z).tolist() == mine.pullback(Z, Z).tolist() == [[0.5, 1.5]] and Z.tolist() == A.tolist()
    for misfit in (Activation("mine", lambda Z: Z[0], doubled), Activation("mine", doubled, lambda dA, A: dA.sum())):
        with pytest.raises(ValueError, match="expected the same shape"):
            misfit.pullback(A, misfit(A))
    distance = Loss("distance", lambda A, Y: float(((A - Y) ** 2).sum()), lambda A, Y: 2.0 * (0 * A + (0 - Y)))
    assert distance.gradient(A, np.array([[0, 1]], np.uint8)).tolist() == [[0, -2]]
    exact = utils.activations.sigmoid.pullback(np.ones((1, 2)), A.astype("f4"))
    assert exact.dtype == np.float64
    tensor = torch.ones(2, dtype=torch.float64)
    net = utils.mlp.MLP({1: torch.eye(2).double()}, {1: 0 * tensor}, {1: utils.activations.tanh})
    trace = utils.mlp.forward(net, torch.tensor(A))
    for f in (utils.activations.tanh, utils.activations.identity):
        for dtype in (torch.float32, torch.int64):
            dA = torch.ones(1, 2, dtype=dtype)
            assert utils.mlp.backward(net._replace(f={1: f}), trace, dA).dW[1].dtype == torch.float64
    net, square = utils.mlp.convert(net, lambda v: v.numpy()), np.array([[1.0, 2.0], [3.0, 4.0]])
    trace = utils.mlp.forward(net, square)
    assert_alike(utils.mlp.backward(net, trace, np.matrix(square)), utils.mlp.backward(net, trace, square))


def networks(utils):
    """Layers come in any order, and what is nan predicts nothing."""
    mlp, f, A = utils.mlp, utils.activations, np.array([[0.25, 0.75]])
    net = mlp.MLP({1: np.eye(2), 2: np.array([[1.0, 2.0]])}, {1: np.zeros(2), 2: np.zeros(1)},
                  {1: f.tanh, 2: f.sigmoid})
    mixed = mlp.MLP(*({2: part[2], 1: part[1]} for part in net))
    assert_alike(mlp.forward(mixed, A).A[2], mlp.forward(net, A).A[2])
    with tempfile.TemporaryDirectory() as folder:
        mlp.save(mixed, f"{folder}/net.npz")
        assert [g.name for g in mlp.load(f"{folder}/net.npz").f.values()] == ["tanh", "sigmoid"]
    with pytest.raises(ValueError, match="is nan"):
        mlp.predict(net._replace(b={1: np.array([0, np.nan]), 2: net.b[2]}), A)
    right = mlp.backward(net, mlp.forward(net, A), np.ones((1, 1)))
    masked = np.ma.array(right.dW[1], mask=right.dW[1] > -9)
    with pytest.raises(ValueError, match=r"dW\[1\] has 4 masked"):
        mlp.descend(net, right._replace(dW={1: masked, 2: right.dW[2]}), 0.1)
    backwards_net = net._replace(W={1: backwards(np.array([[1.0, 2], [3, 4]])), 2: net.W[2]})
    Y = np.array([[1.0], [0.0], [1.0]])
    for referee in (utils.autograd.gradient_ledger, utils.autograd.autograd_gradients):
        referee(backwards_net, backwards(np.arange(6.0).reshape(3, 2)), backwards(Y), utils.losses.squared_error)
    with pytest.raises(ValueError, match=r"Y has shape \(3, 2\)"):
        utils.autograd.autograd_gradients(net, np.ones((3, 2)), np.ones((3, 2)), utils.losses.squared_error)


def runs(utils):
    """A run keeps to the data it was given, tries what it was given, and blames what is to blame."""
    training, mlp, f, losses = utils.training, utils.mlp, utils.activations, utils.losses
    X, Y = np.array([[0.25, 0.75], [0.5, 0.1]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    net = mlp.MLP({1: np.eye(2)}, {1: np.zeros(2)}, {1: f.tanh})
    calm = [e.net.W[1] for e in training.train(net, X, Y, losses.squared_error, 0.1, 3)]
    mine, theirs, disturbed = X.copy(), Y.copy(), []
    for epoch in training.train(net, mine, theirs, losses.squared_error, 0.1, 3):
        disturbed.append(epoch.net.W[1])
        mine *= 0
        theirs *= 0
    assert_alike(disturbed, calm)
    lame = f.Activation("lame", np.tanh, lambda dA, A: dA.sum())
    with pytest.raises(ValueError, match="lame"):  # before the first step is asked for
        training.train(net._replace(f={1: lame}), X, Y, losses.squared_error, 0.1, 3)
    linear = net._replace(f={1: f.identity})
    for factor, blamed in ((1, False), (300, True)):
        with pytest.warns(RuntimeWarning) as said:
            list(training.train(linear, factor * X, Y, losses.squared_error, 1e6, 300))
        assert ("X runs from" in str(said[-1].message)) == blamed


def slopes(utils):
    """Nudges that are not what was asked for, buffers that are used again, lengths whose squares overflow."""
    derivatives, descent = utils.derivatives, utils.descent
    large = np.array([1e10, 6e9, 1e9])
    with pytest.raises(ValueError, match="lost"):
        derivatives.numerical_gradient(lambda x: x.sum(), large)
    assert derivatives.numerical_gradient(lambda x: x.sum(), large, h=0.003) == pytest.approx([1, 1, 1], abs=2e-3)
    assert derivatives.numerical_gradient(lambda x: x[0], large, h=0.003)[0] == pytest.approx(1, abs=1e-12)
    assert derivatives.difference_quotient(lambda x: x, 1e10, 1e-5) == pytest.approx(1, abs=1e-12)
    buffer = np.zeros(2)
    assert derivatives.difference_quotient(lambda x: np.multiply(x, 3, out=buffer), np.ones(2), 0.5).tolist() == [3, 3]
    for array in (np.asarray, torch.tensor):  # a function may turn what is real into complex numbers
        slope = derivatives.difference_quotient(lambda x: 1j * x, array([1.0, 2.0]), 0.5)
        assert np.asarray(slope) == pytest.approx([1j, 1j])
    with pytest.raises(ValueError, match="greater than 0"):
        descent.gradient_descent(lambda x: float(x @ x), lambda x: 2 * x, (3, 3), lambda *state: -0.1)
    run = descent.gradient_descent(lambda x: float(x[0]), lambda x: 0 * x + 3e200, (3, 4), 1e-201, max_steps=1)
    assert run.gradient_norms[0] == pytest.approx(3e200 * 2**0.5)


def train_of(utils, f, loss, size=1):
    net = utils.mlp.MLP({1: np.eye(2)}, {1: np.zeros(2)}, {1: f})
    return utils.training.train(net, np.array([[0.3, 0.4]]), np.array([[0.0, size]]), loss, 0.1, 1)


OPEN = {  # module, replacements
    "small integers stay": ("arrays", {'if x.dtype.kind == "f" else DOUBLE if like is None else like.dtype': ""}),
    "small integers make small integers": ("arrays", {"and holds_floats(like) else None": "else None"}),
    "targets in double": ("arrays", {"DOUBLE if like is None else like.dtype": "DOUBLE"}),
    "bytes as they are": ("arrays", {'dtype.newbyteorder("=")': "dtype"}),
    "a subclass stays": ("arrays", {"np.asarray(x).astype(dtype": "np.asanyarray(x).astype(dtype"}),
    "masks are not heeded": ("arrays", {"if np.ma.is_masked(x):": "if False:"}),
    "complex numbers pass": ("arrays", {'    if x.dtype.kind not in "fiub":': '    if x.dtype.kind not in "fiubc":'}),
    "sparse tensors pass": ("arrays", {"if x.layout is not torch.strided:": "if False:"}),
    "a pullback's door is open": ("activations", {'        dA, A = floats("dA", dA), floats("A", A)\n': ""}),
    "an activation's door is open": ("activations", {'return (Z if is_plain(Z) else floats("Z", Z),)': "return (Z,)"}),
    "softmax's door is open": ("activations", {'    Z = floats("Z", Z)\n    if not shape': "    if not shape"}),
    "Y's door is open": ("losses", {'Y = check_matrix("Y", Y, like=A)': "pass"}),
    "dA's door is open": ("shapes", {'dA = floats("dA", dA, like=output)': "pass"}),
    "dA in another precision": ("shapes", {"if dA.dtype != output.dtype:": "if False:"}),
    "X's door is open": ("shapes", {'floats("X", X, like=net.W[1])': "X"}),
    "matrices as weights": ("shapes", {"type(W) is type(b) is ndarray and W.dtype is b.dtype is dtype and": ""}),
    "objects as weights": ("shapes", {"W.dtype is b.dtype is dtype and l == n": "l == n"}),
    "layers in any order": ("shapes", {"W.dtype is b.dtype is dtype and l == n": "W.dtype is b.dtype is dtype"}),
    "matrices as weights, backwards": ("shapes", {"(type(W) is ndarray and W.dtype is dtype)": "True"}),
    "any gradient fits": ("shapes", {"        if not fits:": "        if False:"}),
    "masked gradients fit": ("shapes", {"is type(W) is ndarray and dW[l].dtype is db[l].dtype is W.dtype": "or True"}),
    "any trace fits": ("shapes", {"if A[l].shape != (N, W.shape[0]):": "if False:"}),
    "targets of one's own loss wrap round": ("arrays", {"return wide(x).copy()": "return x.copy()"}),
    "a function of one's own works in place": ("arrays", {"self.function(*map(own, args))": "self.function(*args)"}),
    "a function of one's own returns anything": ("activations", {'!= args[0].shape:': '!= args[0].shape and False:'}),
    "a pullback in the output's precision": ("activations", {"and dA.dtype is A.dtype": ""}),
    "a network that is nan predicts": ("mlp", {'    check_finite(f"A[{L}]", A)\n': ""}),
    "activations are saved as they come": ("mlp", {"for l in sorted(net.f)])": "for l in net.f])"}),
    "targets in autograd are not looked at": ("autograd", {"*loss.checked(A, Y))": "A, Y)"}),
    "the referee's bytes as they are": ("autograd", {
        "dtype=min(dtype, np.dtype(np.float64)), order=\"C\"":
        "dtype=min(dtype, np.dtype(np.float64)), order=\"K\", copy=False"}),
    "data is read when it is needed": ("training", {
        "X, Y = own(detached(X)), own(detached(Y))":
        "X, Y = detached(X), detached(Y)"}),
    "a run does not look at its functions": ("training", {
        "    descend(net, backward(net, trace, loss.gradient(A, Y[:SAMPLE])), 1.0)":
        "    pass"}),
    "scale is always blamed": ("training", {"if max(abs(low), abs(high)) > LARGE:": "if True:"}),
    "complex numbers are cut": ("arrays", {'if kind[0] not in "iu":': "if False:"}),
    "a rule may climb": ("descent", {"if rate.size != 1 or rate <= 0:": "if False:"}),
    "lengths overflow": ("descent", {"norms.append(math.hypot(*g))": "norms.append(float(np.sqrt(g @ g)))"}),
    "a nudge is what was asked for": ("derivatives", {"/ (above - below)": "/ (2 * h)"}),
    "a nudge ahead is what was asked for": ("derivatives", {"/ (ahead - point)": "/ h"}),
    "a returned array is not copied": ("derivatives", {"value = own(f(_copy(point)))": "value = f(_copy(point))"}),
    "one column, any kind": ("mlp", {"if net.f[L].name != sigmoid.name:": "if False:"}),
    "one column, other way round": ("mlp", {"A[:, 0] >= 0.5": "A[:, 0] < 0.5"}),
    "one column, above a half": ("mlp", {"A[:, 0] >= 0.5": "A[:, 0] > 0.5"}),
    "a nudge in single precision": ("derivatives", {"x.astype(np.float64) if library(x) is np else x.double()": "x"}),
    "a number in single precision": ("derivatives", {"np.float64(x) if isinstance(x, np.generic) else float(x)": "x"}),
    "the point itself is handed out": ("derivatives", {"value = own(f(_copy(point)))": "value = own(f(point))"}),
    "a nudge may be lost in f": ("derivatives", {"TOLD = 1e-13": "TOLD = 0.0"}),
    "f may work in single precision": ("derivatives", {"if coarse and": "if False and"}),
    "a nudge may be lost in x": ("derivatives", {"if size + abs(h) == size or size - abs(h) == size or": "if"}),
    "a descent hands out its x": ("descent", {"g = _gradient(gradient, x.copy())": "g = _gradient(gradient, x)"}),
    "sigmoids under cross-entropy": ("training", {"and (known or not sums_to_1(last, A)):": "and False:"}),
    "softmax twice": ("training", {
        "if loss.name == softmax_cross_entropy.name and known and f in REACH and last is not relu:":
        "if False:"}),
    "out of reach": ("training", {"if lowest < low or highest > high:": "if False:"}),
    "one output as a share": ("training", {"if classes == 1 and (": "if False and ("}),
}  # fmt: skip


def test_the_doors_as_they_are_pass_the_battery():
    battery(code())


@pytest.mark.parametrize("module, replace", OPEN.values(), ids=OPEN)
def test_an_open_door_is_noticed(module, replace):
    mutant = code(module, replace)
    with pytest.raises((Exception, pytest.fail.Exception)):  # whatever breaks first
        battery(mutant)
