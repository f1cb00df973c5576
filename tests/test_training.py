import itertools
import warnings
from collections import deque

import numpy as np
import pytest
import torch

from utils.activations import Activation, identity, relu, sigmoid, softmax, tanh
from utils.arrays import numpy_array
from utils.datasets import digits, gauss, lecture_example
from utils.descent import LECTURE, decaying, exact_line_search, fixed
from utils.losses import cross_entropy, one_hot, softmax_cross_entropy, squared_error
from utils.mlp import MLP, backward, convert, descend, forward, initialize, predict
from utils.training import accumulate, batches, output, step, train

RNG = np.random.default_rng


@pytest.fixture
def clouds():
    """Sixty samples in two clouds, and a fresh 2-5-2 network."""
    X, labels = gauss(60, 0.1, RNG(0))
    return X, one_hot(labels, 2), initialize((2, 5, 2), [tanh, identity], RNG(1))


def last(epochs):
    return deque(epochs, maxlen=1).pop()


def arrays(net):
    return [v for layers in (net.W, net.b) for v in layers.values()]


def equal(net, other):
    return all(np.array_equal(a, b) for a, b in zip(arrays(net), arrays(other)))


def close(net, other):
    """Equal but for rounding: a run sums over rows in another order than a step by the book."""
    return all(np.allclose(a, b, rtol=1e-12, atol=1e-14) for a, b in zip(arrays(net), arrays(other)))


# The loop -----------------------------------------------------------------------------------------


def test_epochs_are_numbered_from_1(clouds):
    X, Y, net = clouds
    assert [epoch.number for epoch in train(net, X, Y, softmax_cross_entropy, 0.1, 4)] == [1, 2, 3, 4]


def test_an_epochs_loss_is_its_networks_on_all_of_X(clouds):
    X, Y, net = clouds
    for epoch in train(net, X, Y, softmax_cross_entropy, 0.1, 3, batch_size=7, rng=RNG(0)):
        assert epoch.loss == softmax_cross_entropy(output(epoch.net, X), Y)


def test_training_learns_the_two_clouds(clouds):
    X, Y, net = clouds
    epoch = last(train(net, X, Y, softmax_cross_entropy, 0.5, 50))
    assert epoch.loss < 0.02
    assert (predict(epoch.net, X) == Y.argmax(1)).all()


@pytest.mark.parametrize("loss", [squared_error, softmax_cross_entropy], ids=lambda loss: loss.name)
def test_the_loss_falls_at_every_epoch_of_a_careful_full_batch_run(clouds, loss):
    X, Y, net = clouds
    losses = [epoch.loss for epoch in train(net, X, Y, loss, 0.05, 40)]
    assert (np.diff(losses) < 0).all()


def test_without_a_batch_size_an_epoch_is_one_step_of_the_whole_batch(clouds):
    X, Y, net = clouds
    assert close(next(train(net, X, Y, softmax_cross_entropy, 0.1, 1)).net, step(net, X, Y, softmax_cross_entropy, 0.1))


def test_an_epoch_is_one_step_for_each_batch(clouds):
    X, Y, net = clouds
    by_hand = net
    for rows in (slice(0, 25), slice(25, 50), slice(50, 60)):
        by_hand = step(by_hand, X[rows], Y[rows], softmax_cross_entropy, 0.1)
    assert close(next(train(net, X, Y, softmax_cross_entropy, 0.1, 1, batch_size=25)).net, by_hand)


def test_a_step_is_forward_loss_backward_and_downhill(clouds):
    X, Y, net = clouds
    trace = forward(net, X)
    gradients = backward(net, trace, softmax_cross_entropy.gradient(trace.A[2], Y))
    assert equal(step(net, X, Y, softmax_cross_entropy, 0.1), descend(net, gradients, 0.1))


def test_the_network_that_went_in_stays_as_it_was(clouds):
    X, Y, net = clouds
    before = [v.copy() for v in arrays(net)]
    last(train(net, X, Y, softmax_cross_entropy, 0.5, 3))
    assert all(np.array_equal(old, v) for old, v in zip(before, arrays(net)))


def test_the_same_seed_makes_the_same_run(clouds):
    X, Y, net = clouds
    one, same, other = (last(train(net, X, Y, softmax_cross_entropy, 0.1, 3, 8, RNG(seed))) for seed in (5, 5, 6))
    assert equal(one.net, same.net)
    assert not equal(one.net, other.net)


def test_a_run_can_be_stopped_at_any_epoch_and_keeps_what_it_gave(clouds):
    X, Y, net = clouds
    history = list(itertools.islice(train(net, X, Y, softmax_cross_entropy, 0.1, 10**9), 3))
    whole = list(train(net, X, Y, softmax_cross_entropy, 0.1, 3))
    assert all(equal(epoch.net, full.net) for epoch, full in zip(history, whole, strict=True))
    assert not equal(history[0].net, history[2].net)


def test_a_stopped_run_can_go_on_from_its_last_network(clouds):
    X, Y, net = clouds
    half = last(train(net, X, Y, softmax_cross_entropy, 0.1, 3)).net
    assert equal(
        last(train(half, X, Y, softmax_cross_entropy, 0.1, 3)).net,
        last(train(net, X, Y, softmax_cross_entropy, 0.1, 6)).net,
    )


def test_a_call_checks_before_anybody_asks_for_an_epoch(clouds):
    X, Y, net = clouds
    with pytest.raises(ValueError, match="X has 60 rows, but Y has 59"):
        train(net, X, Y[:-1], softmax_cross_entropy, 0.1, 1)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_rate_far_too_large_yields_the_bad_epoch_warns_and_ends(library):
    X, Y, net = lecture_example(library)
    net = MLP(net.W, net.b, dict.fromkeys(net.f, identity))
    with pytest.warns(RuntimeWarning, match=r"training diverged in epoch \d+: .* lower the rate \(10\.0\)"):
        history = list(train(net, X, Y, squared_error, 10, 200))
    assert not np.isfinite(history[-1].loss)
    assert len(history) < 200
    assert np.isfinite([epoch.loss for epoch in history[:-1]]).all()


def test_a_diverging_run_gives_one_warning_that_points_at_the_line_that_asked(clouds):
    X, Y, net = clouds
    net = MLP(net.W, net.b, dict.fromkeys(net.f, identity))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in train(net, X, Y, softmax_cross_entropy, 1e200, 9, batch_size=2):  # to ∞ − ∞ within the first epoch
            pass
    assert [str(w.message).partition(":")[0] for w in caught] == ["training diverged in epoch 1"]
    assert caught[0].filename == __file__


def test_a_loss_that_is_none_is_named(clouds):
    X, Y, net = clouds
    for loss in (None, softmax_cross_entropy.value):
        with pytest.raises(TypeError, match=r"loss is .*, expected a Loss such as utils\.losses\.cross_entropy"):
            train(net, X, Y, loss, 0.1, 1)


def test_tensors_train_as_arrays_do():
    histories = []
    for library in ("numpy", "torch"):
        X, Y, net = lecture_example(library)
        histories.append([epoch.loss for epoch in train(net, X, Y, cross_entropy, 0.5, 20, 3, RNG(0))])
    np.testing.assert_allclose(*histories, rtol=1e-5)


# What is asked for, and when ----------------------------------------------------------------------


def test_a_loss_that_nobody_asks_for_is_not_computed(clouds):
    X, Y, net = clouds
    asked = []

    def value(A, Y):
        asked.append(len(A))
        return squared_error.value(A, Y)

    loss = squared_error._replace(value=value)
    history = list(train(net, X, Y, loss, 0.1, 3))
    assert asked == []
    assert history[1].loss == history[1].loss == squared_error(output(history[1].net, X), Y)
    assert asked == [60]  # once


def test_an_epoch_can_be_taken_apart(clouds):
    X, Y, net = clouds
    number, trained, loss = next(train(net, X, Y, softmax_cross_entropy, 0.1, 1))
    assert number == 1 and loss == softmax_cross_entropy(output(trained, X), Y)


def test_a_loss_may_be_asked_for_late(clouds):
    X, Y, net = clouds
    early = [epoch.loss for epoch in train(net, X, Y, softmax_cross_entropy, 0.1, 5, 7, RNG(0))]
    assert [epoch.loss for epoch in list(train(net, X, Y, softmax_cross_entropy, 0.1, 5, 7, RNG(0)))] == early


# The rate as a rule -------------------------------------------------------------------------------


def test_a_rule_is_given_the_number_of_the_epoch(clouds):
    X, Y, net = clouds
    by_hand, asked = net, []

    def rule(number):
        asked.append(number)
        return 0.5 / number

    for number in (1, 2, 3):
        by_hand = step(by_hand, X, Y, softmax_cross_entropy, 0.5 / number)
    assert close(last(train(net, X, Y, softmax_cross_entropy, rule, 3)).net, by_hand)
    assert asked == [1, 2, 3]  # each once: a rule may count


def test_the_rules_of_descent_are_rules_here(clouds):
    X, Y, net = clouds
    for rule, rate in ((fixed(0.3), lambda k: 0.3), (decaying(0.5, 0.1), lambda k: 0.5 / (1 + 0.1 * k))):
        one, other = (last(train(net, X, Y, softmax_cross_entropy, r, 4)).net for r in (rule, rate))
        assert equal(one, other)


@pytest.mark.parametrize("rate, error, words", [
    ([0.1, 0.2], TypeError, r"rate is \[0.1, 0.2\], expected a positive number"),
    (-0.1, ValueError, "rate is -0.1, expected a finite number greater than 0"),
    (lambda k: -k, ValueError, r"rate\(1\) is -1, expected a finite number greater than 0"),
    (lambda k: "fast", TypeError, r"rate\(1\) is 'fast', expected a positive number"),
    (lambda k: None, TypeError, r"rate\(1\) is None"),
    (lambda k: [0.1], TypeError, r"rate\(1\) is \[0.1\]"),
    (lambda k: float("nan"), ValueError, r"rate\(1\) is nan"),
    (exact_line_search(LECTURE), TypeError, r"rate\(1\) cannot be had .*expected a rule of the epoch's number"),
    (lambda: 0.1, TypeError, r"rate\(1\) cannot be had"),
])
def test_a_rate_that_makes_no_sense_is_named_before_the_first_step(clouds, rate, error, words):
    X, Y, net = clouds
    with pytest.raises(error, match=words):
        train(net, X, Y, softmax_cross_entropy, rate, 3)


def test_a_rule_that_goes_wrong_later_is_named_and_what_was_trained_is_kept(clouds):
    X, Y, net = clouds
    history = []
    run = train(net, X, Y, softmax_cross_entropy, lambda k: 0.1 if k < 3 else -0.1, 5)
    with pytest.raises(ValueError, match=r"rate\(3\) is -0.1"):
        for epoch in run:
            history.append(epoch)
    assert [epoch.number for epoch in history] == [1, 2]


# What cannot work is said before the first step -----------------------------------------------------


def net_of(sizes, *f):
    return initialize(sizes, f, RNG(0))


ONE_OF_TWO, ONE_OF_THREE = np.eye(2)[[0, 1, 1, 0]], np.eye(3)[[0, 1, 2, 0]]
POINTS = np.array([[0.1, 0.2], [0.3, -0.4], [0.5, 0.6], [-0.7, 0.8]])
HALVES = Activation("halves", lambda Z: abs(Z) / abs(Z).sum(1, keepdims=True), lambda dA, A: dA)


@pytest.mark.parametrize("net, Y, loss, words", [
    (net_of((2, 3, 2), tanh, sigmoid), ONE_OF_TWO, cross_entropy, "cross_entropy of sigmoid outputs can become 0 for"),
    (net_of((2, 3, 2), tanh, relu), ONE_OF_TWO, cross_entropy, "cross_entropy of relu outputs"),
    (net_of((2, 2), identity)._replace(W={1: np.eye(2) / 9}, b={1: np.ones(2) / 2}), ONE_OF_TWO, cross_entropy,
     "softmax_cross_entropy on identity"),
    (net_of((2, 3), Activation("own", lambda Z: 1 / (1 + np.exp(-Z)), None)), ONE_OF_THREE, cross_entropy, "of own"),
    (net_of((2, 1), softmax), np.ones((4, 1)), cross_entropy, "one output, which as a share of the whole is always 1"),
    (net_of((2, 1), identity), np.ones((4, 1)), softmax_cross_entropy, "one output, which as a share"),
    (net_of((2, 1), softmax), np.ones((4, 1)), squared_error, "one output, which as a share"),
])  # fmt: skip
def test_a_pairing_of_which_nothing_right_can_come_is_refused(net, Y, loss, words):
    with pytest.raises(ValueError) as said:
        train(net, POINTS, Y, loss, 0.1, 1)
    assert words in str(said.value)


def test_sigmoids_under_cross_entropy_would_learn_labels_that_mean_nothing():
    """What the refusal is about: on labels drawn by lot the loss falls to almost nothing, by the book."""
    X, Y = RNG(0).normal(size=(60, 2)), np.eye(3)[RNG(1).integers(0, 3, 60)]
    net = net_of((2, 4, 3), tanh, sigmoid)
    for _ in range(400):
        net = step(net, X, Y, cross_entropy, 2.0)
    assert cross_entropy(output(net, X), Y) < 0.01 and (predict(net, X) == Y.argmax(1)).mean() < 0.8


@pytest.mark.parametrize("net, Y, loss, words", [
    (net_of((2, 3), softmax), ONE_OF_THREE, softmax_cross_entropy, "softmax outputs, so no probability can pass 0.58"),
    (net_of((2, 3), sigmoid), ONE_OF_THREE, softmax_cross_entropy, "sigmoid outputs, so no probability can pass 0.58"),
    (net_of((2, 3), tanh), ONE_OF_THREE, softmax_cross_entropy, "tanh outputs, so no probability can pass 0.79"),
    (net_of((2, 2), sigmoid), 3 * ONE_OF_TWO, squared_error, "Y runs from 0 to 3, and sigmoid outputs only from 0"),
    (net_of((2, 2), tanh), -ONE_OF_TWO * 2, squared_error, "Y runs from -2 to 0, and tanh outputs only from -1"),
])
def test_a_pairing_that_can_do_half_of_it_is_warned_of_where_it_was_called(net, Y, loss, words):
    with pytest.warns(UserWarning) as said:
        run = train(net, POINTS, Y, loss, 0.1, 1)
    assert words in str(said[0].message) and len(said) == 1 and said[0].filename == __file__
    assert next(run).number == 1


@pytest.mark.parametrize("f, most", [(softmax, 0.5761), (tanh, 0.7870)], ids=["softmax", "tanh"])
def test_no_probability_passes_what_the_warning_says(f, most):
    best = softmax(f.apply(np.array([[1e3, 0, 0]])) if f is softmax else np.array([[1.0, -1, -1]])).max()
    assert best == pytest.approx(most, abs=5e-5)


@pytest.mark.parametrize("net, Y, loss", [
    (net_of((2, 3, 2), sigmoid, softmax), ONE_OF_TWO, cross_entropy),
    (net_of((2, 3, 2), sigmoid, identity), ONE_OF_TWO, softmax_cross_entropy),
    (net_of((2, 3, 2), sigmoid, relu), ONE_OF_TWO, softmax_cross_entropy),
    (net_of((2, 3, 1), tanh, sigmoid), ONE_OF_TWO[:, :1], squared_error),
    (net_of((2, 3, 2), tanh, softmax), ONE_OF_TWO, squared_error),
    (net_of((2, 3, 1), tanh, identity), 100 * ONE_OF_TWO[:, :1], squared_error),
    (net_of((2, 2), HALVES), ONE_OF_TWO, cross_entropy),
])
def test_a_pairing_that_works_is_taken_without_a_word(net, Y, loss):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(net, POINTS, Y, loss, 0.1, 1)


@pytest.mark.parametrize("rate", [0.1, 0.01])
def test_a_run_on_images_of_0_to_255_is_told_of_its_scale(rate):
    data = digits()
    X, Y = np.round(data.X_train[:200] * 255), one_hot(data.labels_train[:200], 10)
    with pytest.warns(RuntimeWarning, match=r"X runs from 0 to 255: bring it to .*or lower the rate") as said:
        list(train(net_of((64, 10), identity), X, Y, squared_error, rate, 20, 32))
    assert "softmax_cross_entropy" not in str(said[0].message)
    net = initialize((64, 32, 10), (relu, identity), RNG(0), "he")
    apart = net._replace(f={1: relu, 2: softmax})
    with pytest.warns(RuntimeWarning) as said:
        list(train(apart, X, Y, cross_entropy, rate, 20, 32))
    message = str(said[-1].message)
    assert "X runs from 0 to 255" in message and "softmax_cross_entropy on identity" in message
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert last(train(net, X / 255, Y, softmax_cross_entropy, rate, 20, 32)).loss < 2.2  # both remedies


# Batches ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("array", [np.array, torch.tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("size", [1, 3, 10, 11, 100])
@pytest.mark.parametrize("seed", [None, 0])
def test_the_batches_of_an_epoch_hold_each_row_once_with_its_own_target(array, size, seed):
    X = array([[float(i), -float(i)] for i in range(11)])
    pieces = list(batches(X, 10 * X[:, :1], size, None if seed is None else RNG(seed)))
    assert [len(x) for x, _ in pieces] == [size] * (11 // size) + [11 % size] * (11 % size > 0)
    rows, targets = (np.concatenate([numpy_array(piece[i]) for piece in pieces]) for i in (0, 1))
    assert sorted(rows[:, 0].tolist()) == list(range(11))
    assert np.array_equal(targets, 10 * rows[:, :1])


def test_without_an_rng_the_rows_keep_their_order():
    X = np.arange(7.0)[:, None]
    assert np.concatenate([x for x, _ in batches(X, X, 3)])[:, 0].tolist() == list(range(7))


def test_every_epoch_is_shuffled_anew():
    X, rng = np.arange(20.0)[:, None], RNG(0)
    orders = [np.concatenate([x for x, _ in batches(X, X, 6, rng)])[:, 0].tolist() for _ in range(3)]
    assert len(set(map(tuple, orders))) == 3


def test_shuffling_leaves_the_data_as_it_was():
    X = np.arange(20.0)[:, None]
    list(batches(X, X, 6, RNG(0)))
    assert X[:, 0].tolist() == list(range(20))


# Sample by sample ---------------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_accumulating_samples_gives_the_batchs_loss_and_gradients(library):
    X, Y, net = lecture_example(library)
    one_by_one = accumulate(net, X, Y, cross_entropy)
    trace = forward(net, X)
    whole = backward(net, trace, cross_entropy.gradient(trace.A[3], Y))
    rtol = 1e-12 if library == "numpy" else 1e-4
    assert one_by_one.loss == pytest.approx(float(cross_entropy(trace.A[3], Y)), rel=rtol)
    for l in net.W:
        np.testing.assert_allclose(numpy_array(one_by_one.dW[l]), numpy_array(whole.dW[l]), rtol=rtol, atol=rtol / 1e3)
        np.testing.assert_allclose(numpy_array(one_by_one.db[l]), numpy_array(whole.db[l]), rtol=rtol, atol=rtol / 1e3)


def test_descend_takes_what_accumulate_returns():
    X, Y, net = lecture_example("numpy")
    down = descend(net, accumulate(net, X, Y, cross_entropy), 0.1)
    assert cross_entropy(output(down, X), Y) < cross_entropy(output(net, X), Y)


# Against torch's own ------------------------------------------------------------------------------


def test_ten_steps_are_those_of_torchs_sgd_on_nn_sequential():
    rng = RNG(0)
    X, Y = torch.from_numpy(rng.normal(size=(30, 6))), one_hot(torch.from_numpy(rng.integers(0, 4, 30)), 4).double()
    net = convert(initialize((6, 8, 5, 4), [tanh, sigmoid, identity], rng, "centred"), torch.from_numpy)

    linear = [torch.nn.Linear(n, m, dtype=torch.float64) for n, m in ((6, 8), (8, 5), (5, 4))]
    for l, layer in enumerate(linear, 1):
        layer.load_state_dict({"weight": net.W[l], "bias": net.b[l]})
    theirs = torch.nn.Sequential(linear[0], torch.nn.Tanh(), linear[1], torch.nn.Sigmoid(), linear[2])
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.7)
    for first in [0, 12, 24] * 4:
        optimizer.zero_grad()
        torch.nn.CrossEntropyLoss()(theirs(X[first : first + 12]), Y[first : first + 12]).backward()
        optimizer.step()

    ours = last(train(net, X, Y, softmax_cross_entropy, 0.7, 4, batch_size=12))
    for l, layer in enumerate(linear, 1):
        torch.testing.assert_close(ours.net.W[l], layer.weight.detach(), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(ours.net.b[l], layer.bias.detach(), rtol=1e-12, atol=1e-12)
    assert ours.loss == pytest.approx(torch.nn.CrossEntropyLoss()(theirs(X), Y).item(), rel=1e-12)


def test_softmax_with_cross_entropy_and_their_fused_form_train_alike(clouds):
    X, Y, net = clouds
    apart = MLP(net.W, net.b, {1: tanh, 2: softmax})
    together = last(train(net, X, Y, softmax_cross_entropy, 0.3, 20))
    np.testing.assert_allclose(
        arrays(last(train(apart, X, Y, cross_entropy, 0.3, 20)).net)[0], arrays(together.net)[0], rtol=1e-9
    )


# Real handwriting ---------------------------------------------------------------------------------


def score(data, seed):
    """The share of the unseen digits that a 64-64-10 network reads after thirty epochs."""
    rng, Y = RNG(seed), one_hot(data.labels_train, 10)
    net = initialize([64, 64, 10], [tanh, identity], rng)
    for rate, epochs in ((0.1, 20), (0.01, 10)):
        net = last(train(net, data.X_train, Y, softmax_cross_entropy, rate, epochs, 8, rng)).net
    return (predict(net, data.X_test) == data.labels_test).mean()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_small_network_reads_97_percent_of_unseen_digits(seed):
    assert score(digits(), seed) >= 0.97


def test_it_reads_the_sheets_of_people_whom_it_has_not_seen_less_well():
    assert 0.9 < score(digits(seed=None), 0) < 0.95
