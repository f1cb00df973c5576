"""A workspace takes the steps of the book, whatever it is given (random networks: test_backward_properties.py)."""

import tracemalloc
import warnings

import numpy as np
import pytest
import torch

from utils.activations import ACTIVATIONS, Activation, identity, sigmoid, softmax, tanh
from utils.arrays import formula
from utils.inplace import Workspace, flat, views
from utils.losses import Loss, cross_entropy, softmax_cross_entropy, squared_error
from utils.mlp import convert, forward, initialize, load, save
from utils.training import step, train

ROUNDING = {"rtol": 1e-12, "atol": 1e-14}  # sums over rows in another order


def problem(f=(sigmoid, identity), dtype=np.float64):
    """A 3-4-2 network, and seven samples: three batches of 3, 3 and 1."""
    rng = np.random.default_rng(1)
    net = convert(initialize((3, 4, 2), f, rng, "centred"), lambda v: v.astype(dtype))
    return net, rng.normal(size=(7, 3)).astype(dtype), np.eye(2, dtype=dtype)[rng.integers(0, 2, 7)]


def both(net, X, Y, loss=squared_error, rate=0.1):
    """Return the network after an epoch in batches of 3, in a workspace and by the book."""
    workspace, book = Workspace(net, X[:3], loss), net
    for rows in (slice(0, 3), slice(3, 6), slice(6, 9)):
        workspace.step(X[rows], Y[rows], rate)
        book = step(book, X[rows], Y[rows], loss.unchecked, rate)
    return workspace.network(), book


def assert_close(found, expected, **tolerance):
    for mine, theirs in ((found.W, expected.W), (found.b, expected.b)):
        for l in theirs:
            np.testing.assert_allclose(np.asarray(mine[l]), np.asarray(theirs[l]), **(tolerance or ROUNDING))


def test_the_views_cover_the_vector_once_in_the_order_of_the_layers():
    net = problem()[0]
    vector = np.arange(3 * 4 + 4 + 4 * 2 + 2)
    W, b = views(vector, net.W)
    np.testing.assert_array_equal(np.concatenate([v.ravel() for l in (1, 2) for v in (W[l], b[l])]), vector)
    assert all(W[l].shape == net.W[l].shape and b[l].shape == net.b[l].shape for l in (1, 2))
    W[2][1, 0], b[1][3] = -1, -2
    assert vector[16 + 4] == -1 and vector[12 + 3] == -2  # views, not copies


def test_a_network_and_gradients_found_from_the_back_lie_flat_in_one_order():
    net = problem()[0]
    backwards = [dict(reversed(layers.items())) for layers in (net.W, net.b)]
    np.testing.assert_array_equal(flat(*backwards), flat(net.W, net.b))
    assert_close(net._replace(**dict(zip("Wb", views(flat(net.W, net.b), backwards[0])))), net, rtol=0)


def test_what_the_workspace_gives_away_is_not_its_own():
    net, X, Y = problem()
    before = convert(net, np.copy)
    workspace = Workspace(net, X, squared_error)
    first = workspace.network()
    kept = convert(first, np.copy)
    workspace.step(X, Y, 0.1)
    assert_close(first, kept, rtol=0)
    assert_close(net, before, rtol=0)
    first.W[1][:] = 0  # and what is done to it does not come back
    assert not np.array_equal(workspace.network().W[1], first.W[1])


def test_a_network_of_a_run_can_be_saved_and_is_independent_of_the_other_epochs(tmp_path):
    net, X, Y = problem((sigmoid, softmax))
    first, second = (epoch.net for epoch in train(net, X, Y, cross_entropy, 0.1, 2))
    assert first.f == net.f
    save(first, tmp_path / "net.npz")
    assert_close(load(tmp_path / "net.npz"), first, rtol=0)
    arrays = [v for n in (net, first, second) for layers in (n.W, n.b) for v in layers.values()]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])


@pytest.mark.parametrize("net_X", ["66", "63", "36", "33", "6i", "i6", "ii", "3i"])
@pytest.mark.parametrize("targets", ["float64", "float32", "int64"])
def test_the_precision_is_that_of_the_network_or_of_X_if_that_is_wider(net_X, targets):
    """Whole numbers take the network's precision, and a network of whole numbers becomes one of doubles."""
    kinds = [{"6": "float64", "3": "float32", "i": "int64"}[kind] for kind in net_X]
    net, X, Y = problem()
    net = convert(net, lambda v: np.round(4 * v).astype(kinds[0]))
    X, Y = np.round(4 * X).astype(kinds[1]), Y.astype(targets)
    *_, found = train(net, X, Y, softmax_cross_entropy, 0.1, 1, batch_size=3)
    arrays = (*found.net.W.values(), *found.net.b.values())
    assert {v.dtype.name for v in arrays} == {"float32" if net_X in ("33", "3i") else "float64"}
    rtol = 1e-5 if net_X in ("33", "3i") else 1e-12
    assert_close(found.net, both(net, X, Y, softmax_cross_entropy)[1], rtol=rtol, atol=1e-7)


def test_targets_in_another_precision_do_for_tensors_too():
    """`torch.from_numpy(np.eye(2))` is float64."""
    net, X, Y = (f(v) for f, v in zip((lambda n: convert(n, torch.tensor), torch.tensor, torch.tensor), problem()))
    net, X = convert(net, torch.Tensor.float), X.float()
    double, single = (next(train(net, X, y, squared_error, 0.1, 1)).net for y in (Y, Y.float()))
    assert double.W[1].dtype == torch.float32 and torch.equal(double.W[1], single.W[1])


OWN = {
    "wider": Activation("wider", lambda Z: Z * np.float64(0.5), lambda dA, A: dA * np.float64(0.5)),
    "narrower": Activation("narrower", lambda Z: Z.astype("float32"), lambda dA, A: dA.astype("float32")),
    "wider, narrower": Activation("mixed", lambda Z: Z * np.float64(0.5), lambda dA, A: (dA / 2).astype("float32")),
    "wider one way": Activation("wider one way", lambda Z: Z / 2, lambda dA, A: dA / np.float64(2)),
    "true or false": Activation("true or false", lambda Z: Z > 0, lambda dA, A: dA),
    "a switch back": Activation("a switch back", lambda Z: Z, lambda dA, A: dA > 0),
    "in place": Activation("in place", lambda Z: np.tanh(Z, out=Z), lambda dA, A: dA * (1 - A * A)),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("f", OWN.values(), ids=OWN)
def test_an_activation_of_ones_own_may_change_the_precision(f, last, dtype):
    net, X, Y = problem((f, f) if last else (f, identity), dtype)
    found, book = both(net, X, Y)
    assert {v.dtype for v in (*found.W.values(), *found.b.values())} == {np.dtype(dtype)}  # the one that came in
    assert_close(found, book, rtol=1e-5, atol=1e-6)


def test_a_loss_of_ones_own_works_as_it_is():
    absolute = Loss("absolute", lambda A, Y: abs(A - Y).sum() / len(Y), lambda A, Y: np.sign(A - Y) / len(Y))
    net, X, Y = problem()
    found, book = both(net, X, Y, absolute)
    assert_close(found, book)


def test_an_activation_of_ones_own_may_change_its_precision_on_the_way():
    temperature = [1.0]
    f = Activation("cooling", lambda Z: np.tanh(Z / temperature[0]), lambda dA, A: dA * (1 - A * A) / temperature[0])
    net, X, Y = problem((f, identity), np.float32)
    workspace = Workspace(net, X, squared_error)
    workspace.step(X, Y, 0.1)
    temperature[0] = np.float64(0.9)  # makes float64 of float32
    workspace.step(X, Y, 0.1)
    assert workspace.network().W[1].dtype == np.float32


def test_functions_of_ones_own_are_called_as_by_the_book():
    """In the same order, on the same batches: they may count, draw numbers or know the size of the batch."""
    calls = []

    def recorded(name, function):
        def record(first, second=None):
            calls.append((name, first.shape))
            return function(first, second)

        return record

    f = Activation("f", recorded("f", lambda Z, _: np.tanh(Z)), recorded("pullback", lambda dA, A: dA * (1 - A * A)))
    loss = Loss("loss", squared_error.value, recorded("gradient", squared_error.gradient))
    net, X, Y = problem((f, identity))
    *_, last = train(net, X, Y, loss, 0.1, 1, batch_size=3)
    assert last.loss > 0  # asked for, it costs one more pass
    mine, calls[:] = calls[:], []
    step(net, X, Y, loss, 0.1)  # train's check
    for rows in (slice(0, 3), slice(3, 6), slice(6, 9)):
        net = step(net, X[rows], Y[rows], loss, 0.1)
    forward(net, X)
    assert mine == calls
    assert_close(last.net, net)


def test_what_behaves_like_an_activation_is_called_like_one():
    class Doubled(Activation):
        def __call__(self, Z):
            return 2 * np.tanh(Z)

    class Duck:
        def __call__(self, Z):
            return Z / 2

        def pullback(self, dA, A):
            return dA / 2

    for f in (Doubled("doubled", np.tanh, lambda dA, A: dA * (2 - A * A / 2)), Duck()):
        net, X, Y = problem()
        assert_close(*both(net._replace(f={1: f, 2: identity, 3: None}), X, Y))


@pytest.mark.parametrize("array", [np.asarray, torch.tensor])
def test_a_pullback_of_the_wrong_shape_does_not_train_in_silence(array):
    wrong = Activation("wrong", lambda Z: Z, lambda dA, A: dA.repeat(2, 1) if array is np.asarray else dA.repeat(1, 2))
    net, X, Y = problem((wrong, identity))
    with pytest.raises((ValueError, RuntimeError)):
        next(train(convert(net, array), array(X), array(Y), squared_error, 0.1, 1))


def test_a_change_to_a_networks_activations_does_not_reach_the_run():
    net, X, Y = problem()
    undisturbed = [epoch.loss for epoch in train(net, X, Y, squared_error, 0.1, 3)]
    run, losses = train(net, X, Y, squared_error, 0.1, 3), []
    for epoch in run:
        losses.append(epoch.loss)
        epoch.net.f[1] = net.f[2] = tanh
        epoch.net.W[1][:] = 0
    assert losses == undisturbed


@pytest.mark.parametrize("f", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_a_run_on_huge_numbers_warns_of_nothing(f):
    """σ and softmax of huge numbers overflow on the way to the right answer."""
    net, X, Y = problem((f, identity))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in train(net, 800 * X, Y, softmax_cross_entropy, 0.1, 2):
            pass


def test_the_formula_alone_is_the_same_function():
    Z = np.random.default_rng(0).normal(size=(5, 3))
    for f in ACTIVATIONS.values():
        assert f.unchecked.name == f.name and f.unchecked.pullback is formula(f.pullback)
        np.testing.assert_array_equal(f.unchecked.apply(Z), f(Z))
    own = Activation("own", abs, abs)
    assert own.unchecked == own


def test_what_is_put_in_the_place_of_a_formula_is_what_a_run_uses():
    """A lecturer who shows what a wrong derivative does must see it."""
    net, X, Y = problem()
    for mine in (sigmoid._replace(apply=np.tanh), sigmoid._replace(pullback=lambda dA, A: dA)):
        found, book = both(net._replace(f={1: mine, 2: identity}), X, Y)
        assert_close(found, book)
        assert not np.allclose(found.W[1], both(net, X, Y)[0].W[1], rtol=1e-3)
    doubled = squared_error._replace(gradient=lambda A, Y: 2 * squared_error.gradient(A, Y))
    once, twice = (next(train(net, X, Y, loss, rate, 1)).net for loss, rate in ((doubled, 0.1), (squared_error, 0.2)))
    assert_close(once, twice)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64], ids=str)
def test_tensors_train_in_the_precision_that_came_in(dtype):
    net, X, Y = problem((tanh, softmax))
    net, X, Y = convert(net, lambda v: torch.tensor(v, dtype=dtype)), torch.tensor(X, dtype=dtype), torch.tensor(Y)
    first, *_, last = train(net, X, Y, cross_entropy, 0.5, 20, batch_size=3)
    assert {v.dtype for v in (*last.net.W.values(), *last.net.b.values())} == {dtype}
    assert last.loss < first.loss


def test_tensors_leave_autograds_graph():
    net, X, Y = problem((tanh, softmax))
    net = convert(net, lambda v: torch.tensor(v, requires_grad=True))
    X, Y = (torch.tensor(v, requires_grad=True) for v in (X, Y))
    *_, last = train(net, X, Y, cross_entropy, 0.1, 2, batch_size=3)
    assert not any(v.requires_grad for v in (*last.net.W.values(), *last.net.b.values()))
    assert net.W[1].grad is None and X.grad is None and Y.grad is None and net.W[1].requires_grad


def test_a_step_leaves_nothing_behind():
    net, X, Y = problem()
    workspace = Workspace(net, X, squared_error)
    for _ in range(10):
        workspace.step(X, Y, 0.01)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(1000):
            workspace.step(X, Y, 0.01)
        assert tracemalloc.get_traced_memory()[0] - before < 10_000  # bytes; one array a step would be 100,000
    finally:
        tracemalloc.stop()


WRONG_GRADIENTS = {
    "summed over rows": (lambda A, Y: (A - Y).sum(0), ValueError, r"dA has shape \(2,\), expected .* \(7, 2\)"),
    "one number": (lambda A, Y: (A - Y).mean(), ValueError, r"dA has shape \(\)"),
    "one column": (lambda A, Y: (A - Y)[:, :1], ValueError, r"dA has shape \(7, 1\)"),
    "one row": (lambda A, Y: (A - Y)[:1], ValueError, r"dA has shape \(1, 2\)"),
    "a list": (lambda A, Y: (A - Y).tolist(), TypeError, "dA: expected a NumPy array .*, not list"),
    "a tensor": (lambda A, Y: torch.tensor(A - Y), ValueError, r"dA is a torch array, but A\[2\] is a numpy one"),
}


@pytest.mark.parametrize("gradient, error, words", WRONG_GRADIENTS.values(), ids=WRONG_GRADIENTS)
def test_a_loss_whose_gradient_is_not_like_the_output_does_not_train_in_silence(gradient, error, words):
    net, X, Y = problem((sigmoid, sigmoid))
    with pytest.raises(error, match=words):
        next(train(net, X, Y, Loss("wrong", squared_error.value, gradient), 0.1, 1, batch_size=3))


def test_a_loss_may_take_labels():
    def value(Z, y):
        return -np.log(softmax(Z)[np.arange(len(y)), y[:, 0]]).mean()

    labels = Loss("labels", value, lambda Z, y: (softmax(Z) - np.eye(2)[y[:, 0]]) / len(y))
    net, X, Y = problem()
    mine, theirs = (next(train(net, X, y, loss, 0.1, 1)) for y, loss in
                    ((Y.argmax(1)[:, None], labels), (Y, softmax_cross_entropy)))
    assert_close(mine.net, theirs.net)
    assert mine.loss == pytest.approx(theirs.loss, rel=1e-12)


def test_whole_numbers_in_X_do_not_make_the_bias_s_gradient_overflow():
    switch = Activation("switch", lambda Z: Z, lambda dA, A: A > -10)  # True for all of 400 rows
    net, _, _ = problem((switch, identity))
    X, Y = np.ones((400, 3), np.uint8), np.zeros((400, 2))
    workspace = Workspace(net, X, squared_error)
    workspace.step(X, Y, 0.1)
    np.testing.assert_allclose(workspace.network().b[1], net.b[1] - 0.1 * 400)


def test_a_batch_larger_than_promised_does_not_fit():
    net, X, Y = problem()
    with pytest.raises(ValueError, match="not aligned"):
        Workspace(net, X[:3], squared_error).step(X, Y, 0.1)


def test_a_run_begins_with_the_network_as_it_is_at_the_call():
    net, X, Y = problem()
    undisturbed = next(train(net, X, Y, squared_error, 0.1, 1))
    run = train(net, X, Y, squared_error, 0.1, 1)
    net.W[1][:], net.f[1] = 0, tanh
    assert next(run).loss == undisturbed.loss
