"""What must hold for every network, however deep, wide and bent: properties over random architectures.

Hypothesis draws the architecture and a seed, NumPy draws the numbers from that seed: fast, and a failing example
prints as one readable `Plan`. With derandomize=True the examples follow from the test itself: CI tries the same
networks on every run, so a red test is the change's fault and not the dice's.
"""

import warnings
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from utils.activations import ACTIVATIONS, sigmoid, softmax
from utils.autograd import autograd_gradients, difference_gradients, gradient_ledger
from utils.descent import Quadratic, exact_line_search, gradient_descent
from utils.inplace import Workspace
from utils.losses import cross_entropy, one_hot, softmax_cross_entropy, squared_error
from utils.mlp import MLP, Gradients, backward, convert, descend, forward, load, save
from utils.training import accumulate, batches, step, train

EVERY = settings(max_examples=60)
FEWER = settings(EVERY, max_examples=25)  # where one example is many passes

LOSSES = {
    "squared_error": squared_error,
    "cross_entropy": cross_entropy,
    "softmax_cross_entropy": softmax_cross_entropy,
}
ENDS = [
    *((name, "squared_error") for name in ACTIVATIONS),
    ("softmax", "cross_entropy"),
    ("sigmoid", "cross_entropy"),
    ("identity", "softmax_cross_entropy"),
]
LIBRARIES = pytest.mark.parametrize("array", [np.asarray, torch.tensor], ids=["numpy", "torch"])
PRECISIONS = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
seeds = st.integers(0, 2**32 - 1)


class Plan(NamedTuple):
    """An architecture, a batch size, and the seed of all numbers."""

    sizes: tuple
    activations: tuple
    loss: str
    rows: int
    seed: int

    def build(self, dtype=np.float64):
        """Return net, X, Y, loss as NumPy arrays."""
        rng = np.random.default_rng(self.seed)
        layers = list(enumerate(zip(self.sizes[1:], self.sizes), 1))
        net = MLP(
            {l: (rng.normal(size=(m, n)) / np.sqrt(n)).astype(dtype) for l, (m, n) in layers},
            {l: (rng.normal(size=m) / 2).astype(dtype) for l, (m, n) in layers},
            {l: ACTIVATIONS[name] for l, name in enumerate(self.activations, 1)},
        )
        X, classes = rng.normal(size=(self.rows, self.sizes[0])), self.sizes[-1]
        if self.loss == "squared_error":
            Y = rng.normal(size=(self.rows, classes))
        elif rng.random() < 0.5:
            Y = np.eye(classes)[rng.integers(classes, size=self.rows)]
        else:
            Y = rng.dirichlet(np.ones(classes), self.rows)
        return net, X.astype(dtype), Y.astype(dtype), LOSSES[self.loss]


@st.composite
def plans(draw):
    sizes = draw(st.lists(st.integers(1, 6), min_size=2, max_size=5))
    depth = len(sizes) - 1
    hidden = draw(st.lists(st.sampled_from(sorted(ACTIVATIONS)), min_size=depth - 1, max_size=depth - 1))
    end, loss = draw(st.sampled_from(ENDS))
    return Plan(tuple(sizes), (*hidden, end), loss, draw(st.integers(1, 6)), draw(seeds))


def by_hand(net, X, Y, loss):
    """Return (trace, dA of the output, gradients)."""
    trace = forward(net, X)
    dA = loss.gradient(trace.A[len(net.W)], Y)
    return trace, dA, backward(net, trace, dA)


def far_from_kinks(net, X, gap=1e-3):
    """Say whether no relu sits so close to its corner that a nudge could carry it over."""
    Z = forward(net, X).Z
    return all(np.abs(Z[l]).min() > gap for l, f in net.f.items() if f.name == "relu")


def assert_same_gradients(found, expected, rtol, noise):
    """Every entry within rtol of its array's largest, plus `noise` for arrays that are zero but for rounding."""
    for kind in Gradients._fields:
        found_here, expected_here = getattr(found, kind), getattr(expected, kind)
        assert found_here.keys() == expected_here.keys()
        for l, value in expected_here.items():
            value = np.asarray(value)
            np.testing.assert_allclose(
                np.asarray(found_here[l]),
                value,
                rtol=0,
                atol=rtol * np.abs(value).max() + noise,
                err_msg=f"{kind}[{l}]",
            )


def rounding(gradients):
    """Softmax's pullback subtracts numbers as large as dA; where it should leave 0, it leaves a few ulps of dA."""
    largest = max(np.abs(np.asarray(v)).max() for kind in gradients for v in kind.values())
    return 64 * np.finfo(np.float64).eps * largest


# The gradients are right --------------------------------------------------------------------------


@EVERY
@given(plans())
def test_backward_equals_autograd(plan):
    net, X, Y, loss = plan.build()
    expected = autograd_gradients(net, X, Y, loss)
    assert_same_gradients(by_hand(net, X, Y, loss)[2], expected, rtol=1e-9, noise=rounding(expected))


@EVERY
@given(plans())
def test_backward_equals_centred_differences(plan):
    net, X, Y, loss = plan.build()
    assume(far_from_kinks(net, X))
    trace, _, found = by_hand(net, X, Y, loss)
    output = trace.A[len(net.W)]
    assume(loss is not cross_entropy or output.min() > 2e-3)  # log's differences err by (h / a)² / 3
    noise = 16 * np.finfo(np.float64).eps * max(1, loss.value(output, Y)) / 2e-6  # rounding of L, over 2h
    assert_same_gradients(found, difference_gradients(net, X, Y, loss), rtol=1e-6, noise=noise)


ONE_CLASS = Plan((5, 4, 1), ("tanh", "identity"), "softmax_cross_entropy", rows=1, seed=234)


@EVERY
@example(ONE_CLASS)  # every gradient is 0, and a rounding error is large beside it
@given(plans())
def test_the_ledger_raises_no_false_alarm(plan):
    net, X, Y, loss = plan.build()
    assume(far_from_kinks(net, X))
    assume(loss is not cross_entropy or forward(net, X).A[len(net.W)].min() > 5e-3)
    gradient_ledger(net, X, Y, loss).assert_agree(1e-9)


@EVERY
@given(plans())
def test_gradients_have_the_shapes_of_their_variables(plan):
    net, X, Y, loss = plan.build()
    trace, _, gradients = by_hand(net, X, Y, loss)
    for found, variables in zip(gradients, (trace.Z, trace.A, net.W, net.b), strict=True):
        assert {l: v.shape for l, v in found.items()} == {l: v.shape for l, v in variables.items()}


@EVERY
@given(plans())
def test_the_mean_of_the_rows_gradients_is_the_batchs(plan):
    net, X, Y, loss = plan.build()
    batch = by_hand(net, X, Y, loss)[2]
    rows = [by_hand(net, X[i : i + 1], Y[i : i + 1], loss)[2] for i in range(plan.rows)]
    for l in net.W:
        for kind in ("dW", "db"):
            mean = sum(getattr(row, kind)[l] for row in rows) / plan.rows
            np.testing.assert_allclose(mean, getattr(batch, kind)[l], rtol=1e-9, atol=rounding(batch))


@EVERY
@given(plans())
def test_accumulating_sample_by_sample_equals_the_batch(plan):
    net, X, Y, loss = plan.build()
    trace, _, batch = by_hand(net, X, Y, loss)
    found = accumulate(net, X, Y, loss)
    assert found.loss == pytest.approx(float(loss.value(trace.A[len(net.W)], Y)), rel=1e-12)
    for l in net.W:
        np.testing.assert_allclose(found.dW[l], batch.dW[l], rtol=1e-9, atol=rounding(batch))
        np.testing.assert_allclose(found.db[l], batch.db[l], rtol=1e-9, atol=rounding(batch))


@FEWER
@given(plans())
def test_forward_is_differentiable_by_torch(plan):
    net, X, _, _ = plan.build()
    assume(far_from_kinks(net, X))
    W, b, X = ([torch.tensor(v, requires_grad=True) for v in vs] for vs in (net.W.values(), net.b.values(), [X]))

    def output(X, *parameters):
        layers = list(net.W)
        return forward(MLP(dict(zip(layers, parameters)), dict(zip(layers, parameters[len(layers) :])), net.f), X).A[
            layers[-1]
        ]

    assert torch.autograd.gradcheck(output, (*X, *W, *b), eps=1e-6, atol=1e-7, rtol=1e-5)


# Two libraries, two precisions --------------------------------------------------------------------


@EVERY
@given(plans())
def test_numpy_and_torch_give_the_same_numbers(plan):
    net, X, Y, loss = plan.build()
    numpy_trace, numpy_dA, numpy_gradients = by_hand(net, X, Y, loss)
    tensors = convert(net, torch.tensor), torch.tensor(X), torch.tensor(Y)
    torch_trace, torch_dA, torch_gradients = by_hand(*tensors, loss)
    for found, expected in zip(torch_trace, numpy_trace, strict=True):
        for l, v in expected.items():
            np.testing.assert_allclose(found[l], v, rtol=0, atol=1e-12 * np.abs(v).max(), err_msg=f"layer {l}")
    L = len(net.W)
    np.testing.assert_allclose(torch_dA, numpy_dA, rtol=0, atol=1e-12 * np.abs(numpy_dA).max())
    assert float(loss.value(torch_trace.A[L], tensors[2])) == pytest.approx(
        float(loss.value(numpy_trace.A[L], Y)), rel=1e-12
    )
    assert_same_gradients(torch_gradients, numpy_gradients, rtol=1e-12, noise=rounding(numpy_gradients))


@LIBRARIES
@PRECISIONS
@EVERY
@given(plans())
def test_library_and_precision_stay_as_they_came_in(array, dtype, plan):
    net, X, Y, loss = plan.build(dtype)
    net, X, Y = convert(net, array), array(X), array(Y)
    trace, dA, gradients = by_hand(net, X, Y, loss)
    after = descend(net, gradients, 0.1)
    everything = [loss.value(trace.A[len(net.W)], Y), dA]
    for family in (*trace, *gradients, after.W, after.b):
        everything += family.values()
    assert {v.dtype for v in everything} == {X.dtype}
    assert {type(v) for v in everything[1:]} == {type(X)}


# Extreme numbers ----------------------------------------------------------------------------------


@LIBRARIES
@PRECISIONS
@EVERY
@given(rows=st.integers(1, 6), classes=st.integers(1, 6), seed=seeds)
def test_extreme_logits_stay_finite_in_softmax_cross_entropy(array, dtype, rows, classes, seed):
    rng = np.random.default_rng(seed)
    Z = (rng.choice([-1e4, 0, 1e4], (rows, classes)) + rng.normal(size=(rows, classes))).astype(dtype)
    Y = np.eye(classes, dtype=dtype)[rng.integers(classes, size=rows)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = float(softmax_cross_entropy.value(array(Z), array(Y)))
        gradient = np.asarray(softmax_cross_entropy.gradient(array(Z), array(Y)))
    expected = torch.nn.functional.cross_entropy(torch.tensor(Z).double(), torch.tensor(Y).double()).item()
    assert value == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() <= 1 / rows
    np.testing.assert_allclose(gradient.sum(1), 0, atol=1e-6)


def any_finite(rng, shape, dtype):
    """Numbers of both signs and of every magnitude the type can hold, its largest ones included."""
    info = np.finfo(dtype)
    Z = rng.choice([-1, 1], shape) * 10.0 ** rng.uniform(np.log10(info.tiny), np.log10(info.max) - 0.01, shape)
    Z[rng.random(shape) < 0.3] = 0
    Z[rng.random(shape) < 0.2] = float(info.max)
    Z[rng.random(shape) < 0.2] = float(info.min)
    return Z.astype(dtype)


@LIBRARIES
@PRECISIONS
@pytest.mark.parametrize("f", [sigmoid, softmax], ids=lambda f: f.name)
@EVERY
@given(rows=st.integers(1, 6), width=st.integers(1, 6), seed=seeds)
def test_sigmoid_and_softmax_are_probabilities_for_any_finite_input(array, dtype, f, rows, width, seed):
    Z = array(any_finite(np.random.default_rng(seed), (rows, width), dtype))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        A = np.asarray(f(Z))
    assert ((A >= 0) & (A <= 1)).all()  # nan is neither
    if f is softmax:
        np.testing.assert_allclose(A.sum(1), 1, rtol=1e-6)


# Nothing is changed behind the caller's back ------------------------------------------------------


def bits(*families):
    """The exact contents of dicts of arrays and of arrays, to compare before with after."""
    return [
        {l: (v.dtype, v.shape, v.tobytes()) for l, v in (f.items() if isinstance(f, dict) else [(0, f)])}
        for f in families
    ]


@EVERY
@given(plans())
def test_backward_and_descend_leave_their_arguments_as_they_were(plan):
    net, X, Y, loss = plan.build()
    trace = forward(net, X)
    dA = loss.gradient(trace.A[len(net.W)], Y)
    before = bits(X, Y, dA, net.W, net.b, *trace)
    gradients = backward(net, trace, dA)
    assert bits(X, Y, dA, net.W, net.b, *trace) == before
    found = bits(*gradients)
    descend(net, gradients, 0.1)
    assert bits(X, Y, dA, net.W, net.b, *trace) == before
    assert bits(*gradients) == found


@PRECISIONS
@LIBRARIES
@EVERY
@given(plan=plans())
def test_a_saved_network_comes_back_bit_by_bit(tmp_path_factory, dtype, array, plan):
    net = plan.build(dtype)[0]
    path = tmp_path_factory.getbasetemp() / "network.npz"
    save(convert(net, array), path)
    back = load(path)
    assert bits(back.W, back.b) == bits(net.W, net.b)
    assert back.f == net.f


@EVERY
@given(classes=st.integers(1, 6), count=st.integers(1, 6), seed=seeds)
def test_one_hot_rows_have_one_1_at_their_label(classes, count, seed):
    labels = np.random.default_rng(seed).integers(classes, size=count)
    Y = one_hot(labels, classes)
    assert Y.shape == (count, classes)
    assert set(Y.ravel()) <= {0.0, 1.0}
    assert (Y.sum(1) == 1).all()
    assert (Y.argmax(1) == labels).all()
    assert (one_hot(labels.tolist(), classes) == Y).all()
    assert (one_hot(torch.tensor(labels), classes).numpy() == Y).all()


# The loops ----------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # as in train: OpenBLAS looks beyond a small float32
@EVERY
@LIBRARIES
@PRECISIONS
@given(plans(), st.integers(1, 6))
def test_a_workspace_takes_the_steps_of_the_book(array, dtype, plan, size):
    net, X, Y, loss = plan.build(dtype)
    assume(far_from_kinks(net, X))
    net, X, Y = convert(net, array), array(X), array(Y)
    workspace, book, largest = Workspace(net, X[:size], loss), net, 1.0
    for X_batch, Y_batch in (*batches(X, Y, size), *batches(X, Y, size)):
        trace = forward(book, X_batch)
        gradients = backward(book, trace, loss.unchecked.gradient(trace.A[len(net.W)], Y_batch))
        largest = max(largest, *(float(abs(v).max()) for kind in gradients for v in kind.values()))
        workspace.step(X_batch, Y_batch, 0.01)
        book = step(book, X_batch, Y_batch, loss.unchecked, 0.01)
    found = workspace.network()
    assert found.f == net.f
    noise = 16 * np.finfo(dtype).eps * largest  # sums in another order; softmax takes numbers as large as dA apart
    for mine, theirs in ((found.W, book.W), (found.b, book.b)):
        assert {l: (v.dtype, v.shape) for l, v in mine.items()} == {l: (v.dtype, v.shape) for l, v in theirs.items()}
        for l in net.W:
            np.testing.assert_allclose(np.asarray(mine[l]), np.asarray(theirs[l]), rtol=0, atol=noise)


def can_train(plan):
    """Whether `train` takes it: one output is no share of anything, and cross-entropy wants shares."""
    shares = plan.loss != "squared_error" or plan.activations[-1] == "softmax"
    return (plan.sizes[-1] > 1 or not shares) and (plan.loss, plan.activations[-1]) != ("cross_entropy", "sigmoid")


@pytest.mark.filterwarnings("ignore:Y runs from")
@FEWER
@given(plans().filter(can_train), st.integers(0, 3))
def test_training_in_batches_of_all_rows_is_training_on_the_whole(plan, more):
    net, X, Y, loss = plan.build()
    before = bits(X, Y, net.W, net.b)
    whole = list(train(net, X, Y, loss, 0.01, 3))
    batched = list(train(net, X, Y, loss, 0.01, 3, batch_size=plan.rows + more))
    assert [epoch.number for epoch in whole] == [1, 2, 3]
    for one, other in zip(whole, batched, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-12)
        for l in net.W:
            np.testing.assert_allclose(other.net.W[l], one.net.W[l], rtol=1e-12)
            np.testing.assert_allclose(other.net.b[l], one.net.b[l], rtol=1e-12)
    assert bits(X, Y, net.W, net.b) == before


@pytest.mark.filterwarnings("ignore:Y runs from")
@FEWER
@given(plans().filter(can_train))
def test_training_on_shuffled_whole_batches_differs_by_rounding_alone(plan):
    net, X, Y, loss = plan.build()
    assume(far_from_kinks(net, X))
    plain, shuffled = (next(iter(train(net, X, Y, loss, 0.01, 1, rng=rng))) for rng in (None, np.random.default_rng(1)))
    assert shuffled.loss == pytest.approx(plain.loss, rel=1e-11)
    for l in net.W:
        np.testing.assert_allclose(shuffled.net.W[l], plain.net.W[l], rtol=1e-11, atol=1e-12)


def bowl(size, seed):
    """A random convex quadratic with eigenvalues from 0.1 to 10, and a start."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.normal(size=(size, size)))[0]
    H = Q * 10 ** rng.uniform(-1, 1, size) @ Q.T
    return Quadratic((H + H.T) / 2), rng.normal(size=size) * 3


def assert_never_uphill(run):
    """f never grows, but for rounding: a condition of 100 times a few ulps, and numbers too small to have digits."""
    assert (run.values[1:] <= run.values[:-1] * (1 + 1e-12) + 1e-290).all()


@EVERY
@given(size=st.integers(1, 5), seed=seeds, share=st.floats(0.01, 0.99))
def test_descent_below_two_over_the_largest_eigenvalue_never_goes_uphill(size, seed, share):
    f, start = bowl(size, seed)
    run = gradient_descent(f.value, f.gradient, start, share * 2 / f.eigen()[0].max(), max_steps=60)
    assert run.stopped_by == "max steps"
    assert_never_uphill(run)
    assert run.values[-1] < run.values[0]


@EVERY
@given(size=st.integers(1, 5), seed=seeds)
def test_descent_with_exact_line_search_never_goes_uphill(size, seed):
    f, start = bowl(size, seed)
    run = gradient_descent(f.value, f.gradient, start, exact_line_search(f), max_steps=60)
    assert run.stopped_by == "max steps"
    assert_never_uphill(run)
    assert run.values[-1] < run.values[0]
