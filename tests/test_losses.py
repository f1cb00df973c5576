import warnings
from functools import wraps

import numpy as np
import pytest
import torch

from utils.activations import softmax
from utils.arrays import numpy_array
from utils.derivatives import numerical_gradient
from utils.losses import Loss, cross_entropy, one_hot, softmax_cross_entropy, squared_error

A = [[0.5, 0.25, 0.25], [0.2, 0.7, 0.1]]
Y = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
SOFT = [[0.5, 0.3, 0.2], [0.0, 0.9, 0.1]]
LOSSES = [squared_error, cross_entropy, softmax_cross_entropy]
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
each_library = pytest.mark.parametrize("array", [np.array, torch.tensor], ids=["numpy", "torch"])


@each_library
def test_squared_error_is_half_the_squared_distance_a_row(array):
    """½ (1² + 2²) = 2.5 and ½ · 3² = 4.5, on average 3.5."""
    a, y = array([[1.0, 2.0], [3.0, 5.0]]), array([[0.0, 0.0], [0.0, 5.0]])
    assert float(squared_error(a, y)) == 3.5
    assert squared_error.gradient(a, y).tolist() == [[0.5, 1], [1.5, 0]]


@each_library
def test_cross_entropy_is_minus_the_mean_log_of_the_right_classs_probability(array):
    assert float(cross_entropy(array(A), array(Y))) == pytest.approx(-(np.log(0.5) + np.log(0.1)) / 2)


@each_library
def test_cross_entropys_gradient_is_minus_y_over_n_a(array):
    found = numpy_array(cross_entropy.gradient(array(A), array(Y)))
    np.testing.assert_allclose(found, [[-1, 0, 0], [0, 0, -5]], rtol=1e-6)


def test_cross_entropy_of_a_coin_is_log_2():
    assert cross_entropy(np.array([[0.5, 0.5]]), np.array([[0.0, 1.0]])) == np.log(2)


def test_a_certain_right_answer_costs_nothing():
    assert cross_entropy(np.array(Y), np.array(Y)) == 0


def test_cross_entropy_with_soft_targets_weighs_every_class():
    by_hand = -(0.5 * np.log(0.5) + 0.5 * np.log(0.25) + 0.9 * np.log(0.7) + 0.1 * np.log(0.1)) / 2
    assert cross_entropy(np.array(A), np.array(SOFT)) == pytest.approx(by_hand, rel=1e-14)


def test_cross_entropy_is_smallest_where_the_output_is_the_soft_target():
    best = cross_entropy(np.array(SOFT), np.array(SOFT))
    assert best > 0
    assert best < cross_entropy(np.array(SOFT) * 0.9 + 0.1 / 3, np.array(SOFT))


@each_library
def test_a_wrong_class_without_any_probability_does_no_harm(array):
    a, y = array([[1.0, 0.0]]), array([[1.0, 0.0]])
    assert float(cross_entropy(a, y)) == 0
    assert cross_entropy.gradient(a, y).tolist() == [[-1, 0]]


@each_library
def test_a_right_class_without_any_probability_is_infinite_and_says_what_to_use(array):
    with pytest.warns(RuntimeWarning, match=r"A\[0\] .* softmax_cross_entropy"):
        assert cross_entropy(array([[1.0, 0.0]]), array([[0.0, 1.0]])) == np.inf


@each_library
def test_logits_in_place_of_probabilities_are_recognised(array):
    with pytest.raises(ValueError, match="for logits use softmax_cross_entropy"):
        cross_entropy(array([[3.0, -2.0]]), array([[0.0, 1.0]]))


@pytest.mark.parametrize("target", [Y, SOFT], ids=["one-hot", "soft"])
def test_softmax_cross_entropy_is_cross_entropy_after_softmax(target):
    Z = np.random.default_rng(0).normal(size=(2, 3))
    both = softmax_cross_entropy(Z, np.array(target)), cross_entropy(softmax(Z), np.array(target))
    assert both[0] == pytest.approx(both[1], rel=1e-13)


def test_softmax_cross_entropys_gradient_is_the_pullback_of_cross_entropys():
    Z = np.random.default_rng(0).normal(size=(2, 3))
    a = softmax(Z)
    pulled = softmax.pullback(cross_entropy.gradient(a, np.array(SOFT)), a)
    np.testing.assert_allclose(softmax_cross_entropy.gradient(Z, np.array(SOFT)), pulled, atol=1e-15)


@pytest.mark.parametrize("size", [1, 100, 1e6])
@pytest.mark.parametrize("target", [Y, SOFT], ids=["one-hot", "soft"])
def test_softmax_cross_entropy_is_torchs_cross_entropy(size, target):
    Z = (size * torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))).requires_grad_()
    target = torch.tensor(target, dtype=torch.float64)
    theirs = torch.nn.functional.cross_entropy(Z, target)
    torch.testing.assert_close(softmax_cross_entropy(Z, target), theirs, rtol=1e-12, atol=0)
    gradient = torch.autograd.grad(theirs, Z)[0]
    torch.testing.assert_close(softmax_cross_entropy.gradient(Z.detach(), target), gradient, rtol=1e-12, atol=1e-15)


@each_library
def test_softmax_cross_entropy_stays_finite_where_softmax_underflows(array):
    Z, y = array([[0.0, 5000.0]]), array([[1.0, 0.0]])
    assert float(softmax_cross_entropy(Z, y)) == 5000
    assert softmax_cross_entropy.gradient(Z, y).tolist() == [[-1, 1]]


@each_loss
@pytest.mark.parametrize("target", [Y, SOFT], ids=["one-hot", "soft"])
def test_the_gradient_is_that_of_the_value(loss, target):
    target = np.array(target)
    differences = numerical_gradient(lambda a: loss.unchecked(a, target), np.array(A))
    np.testing.assert_allclose(loss.gradient(np.array(A), target), differences, rtol=1e-6, atol=1e-9)


@each_loss
def test_twice_the_same_rows_cost_the_same_with_half_the_gradient_each(loss):
    a, y = np.array(A), np.array(Y)
    assert loss(np.tile(a, (2, 1)), np.tile(y, (2, 1))) == pytest.approx(loss(a, y), rel=1e-14)
    np.testing.assert_allclose(loss.gradient(np.tile(a, (2, 1)), np.tile(y, (2, 1)))[:2], loss.gradient(a, y) / 2)


@each_loss
@each_library
def test_the_gradient_keeps_shape_and_precision(loss, array):
    a, y = array(A), array(Y)
    found = loss.gradient(a, y)
    assert (type(found), found.shape, found.dtype) == (type(a), a.shape, a.dtype)


def test_only_softmaxs_gradient_is_silent_about_an_overflow():
    Z, Y = np.array([[1e308, -1e308]]), np.array([[1.0, 0.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(softmax_cross_entropy.gradient(Z, Y), [[0, 0]])
        with pytest.raises(RuntimeWarning, match="overflow"):
            squared_error(Z, Y)


@each_loss
def test_the_same_numbers_without_the_checks(loss):
    a, y = np.array(A), np.array(Y)
    assert loss.unchecked(a, y) == loss(a, y)
    np.testing.assert_array_equal(loss.unchecked.gradient(a, y), loss.gradient(a, y))


@each_loss
def test_the_unchecked_loss_reads_no_rules_about_the_targets(loss):
    assert np.isfinite(loss.unchecked(np.array(A), np.array(Y) * 2))


def test_a_new_loss_is_one_line_and_its_own_unchecked_form():
    absolute = Loss("absolute", lambda A, Y: abs(A - Y).sum() / len(Y), lambda A, Y: np.sign(A - Y) / len(Y))
    assert absolute(np.array(A), np.array(Y)) == pytest.approx((0.5 + 0.25 + 0.25 + 0.2 + 0.7 + 0.9) / 2)
    assert absolute.unchecked == absolute


@each_loss
def test_what_is_put_in_the_place_of_a_formula_is_used_by_the_unchecked_form_too(loss):
    @wraps(loss.gradient)
    def wrong(A, Y):
        return 2 * loss.gradient(A, Y)

    assert loss._replace(gradient=wrong).unchecked.gradient is wrong
    assert loss._replace(gradient=wrong).unchecked.value is loss.unchecked.value
    assert loss._replace(value=min).unchecked.value is min


# one_hot ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [[2, 0, 1, 2], (2, 0, 1, 2), np.array([2, 0, 1, 2], dtype="uint8")])
def test_one_hot_of_a_list_or_array_is_a_float64_array(labels):
    Y = one_hot(labels, 3)
    assert Y.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert Y.dtype == np.float64


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_one_hot_of_a_tensor_is_a_float32_tensor(dtype):
    Y = one_hot(torch.tensor([2, 0, 1, 2], dtype=dtype), 3)
    assert Y.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert Y.dtype == torch.float32


def test_one_hot_is_undone_by_argmax():
    labels = np.random.default_rng(0).integers(0, 7, 50)
    assert np.array_equal(one_hot(labels, 7).argmax(1), labels)


def test_one_hot_keeps_a_column_for_a_class_that_nobody_has():
    assert one_hot([0, 0], 3).shape == (2, 3)


@pytest.mark.parametrize("label", [-1, 3])
def test_one_hot_names_the_label_that_is_out_of_range(label):
    with pytest.raises(ValueError, match=rf"labels\[1\] is {label}, expected a class from 0 to 2"):
        one_hot([0, label], 3)
