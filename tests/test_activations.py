import warnings

import numpy as np
import pytest
import torch

from utils.activations import ACTIVATIONS, Activation, identity, relu, sigmoid, softmax, softmax_jacobian, tanh
from utils.arrays import numpy_array

Z = [[-2.0, 0.0, 1.0], [3.0, -1.0, 0.5]]
BY_HAND = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
    "relu": lambda z: np.where(z > 0, z, 0),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(1)[:, None],
}
each_activation = pytest.mark.parametrize("f", ACTIVATIONS.values(), ids=ACTIVATIONS)
each_library = pytest.mark.parametrize("array", [np.array, torch.tensor], ids=["numpy", "torch"])


@each_activation
@each_library
def test_the_values_are_the_textbooks(f, array):
    np.testing.assert_allclose(numpy_array(f(array(Z))), BY_HAND[f.name](np.array(Z)), rtol=1e-6)


@each_activation
def test_calling_is_applying(f):
    assert np.array_equal(f(np.array(Z)), f.apply(np.array(Z)))


@each_activation
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_library
def test_the_precision_stays(f, dtype, array):
    z = array(Z, dtype=getattr(np if array is np.array else torch, dtype))
    a = f(z)
    assert a.dtype == f.pullback(a, a).dtype == z.dtype


@each_activation
@each_library
def test_the_argument_stays(f, array):
    z, dA = array(Z), array(Z)
    f.pullback(dA, f(z))
    assert z.tolist() == dA.tolist() == Z


@each_activation
@pytest.mark.parametrize("size", [1e2, 1e3, 1e308])
@each_library
def test_no_finite_argument_makes_a_warning_or_a_nan(f, size, array):
    a = f(array([[-size, 0.0, size]], dtype=np.float64 if array is np.array else torch.float64))
    assert np.isfinite(numpy_array(a)).all()


def test_softmax_is_silent_about_an_overflow_that_does_no_harm_and_about_nothing_else():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(softmax(np.array([[1e308, -1e308]])), [[1, 0]])
        with pytest.raises(RuntimeWarning, match="invalid value"):
            softmax(np.array([[np.inf, np.inf]]))
        with pytest.raises(RuntimeWarning, match="overflow"):
            softmax.unchecked(np.array([[1e308, -1e308]]))  # the caller's affair


@pytest.mark.parametrize("f", [sigmoid, tanh, relu, identity], ids=lambda f: f.name)
def test_the_pullback_is_linear_in_what_comes_back(f):
    a, one, two = f(np.array(Z)), *np.random.default_rng(0).normal(size=(2, 2, 3))
    together = f.pullback(2 * one - 3 * two, a)
    np.testing.assert_allclose(together, 2 * f.pullback(one, a) - 3 * f.pullback(two, a), atol=1e-14)


def test_sigmoid_is_one_half_at_0_and_turns_about_that_point():
    z = np.linspace(-6, 6, 25)
    assert sigmoid(np.array(0.0)) == 0.5
    np.testing.assert_allclose(sigmoid(z) + sigmoid(-z), 1, rtol=1e-15)


def test_the_steepest_sigmoid_has_slope_one_quarter():
    slopes = sigmoid.pullback(np.ones(101), sigmoid(np.linspace(-5, 5, 101)))
    assert slopes.max() == slopes[50] == 0.25


def test_tanh_is_a_stretched_sigmoid():
    z = np.linspace(-4, 4, 17)
    np.testing.assert_allclose(tanh(z), 2 * sigmoid(2 * z) - 1, atol=1e-15)


def test_relus_slope_at_0_is_0():
    assert relu.pullback(np.ones(3), relu(np.array([-1.0, 0.0, 1.0]))).tolist() == [0, 0, 1]


def test_softmax_shares_out_1_in_every_row():
    a = softmax(np.random.default_rng(0).normal(size=(6, 4)) * 10)
    np.testing.assert_allclose(a.sum(1), 1, rtol=1e-14)
    assert (a > 0).all()


def test_softmax_does_not_notice_a_shift_of_a_row():
    np.testing.assert_allclose(softmax(np.array(Z) + np.array([[100.0], [-100.0]])), softmax(np.array(Z)), rtol=1e-12)


def test_softmax_of_two_is_a_sigmoid_of_the_difference():
    z = np.random.default_rng(0).normal(size=(9, 2))
    np.testing.assert_allclose(softmax(z)[:, 0], sigmoid(z[:, 0] - z[:, 1]), rtol=1e-13)


def test_softmax_mixes_no_rows():
    dA = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    assert softmax.pullback(dA, softmax(np.array(Z)))[1].tolist() == [0, 0, 0]


@each_library
def test_the_pullback_of_softmax_is_a_product_with_its_jacobian(array):
    a, dA = softmax(array(Z)), array([[0.3, -1.0, 2.0], [1.0, 0.5, -0.7]])
    rows = [numpy_array(dA[p] @ softmax_jacobian(a[p])) for p in range(2)]
    np.testing.assert_allclose(numpy_array(softmax.pullback(dA, a)), rows, atol=1e-7)


@each_library
def test_the_jacobian_is_symmetric_and_each_row_sums_to_0(array):
    J = numpy_array(softmax_jacobian(softmax(array(Z[0]))))
    np.testing.assert_array_equal(J, J.T)
    np.testing.assert_allclose(J.sum(1), 0, atol=1e-7)


def test_the_jacobian_says_how_output_i_moves_with_input_j():
    z, h = np.array(Z[0]), 1e-6
    columns = [(softmax(z + h * e) - softmax(z - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(softmax_jacobian(softmax(z)), np.stack(columns, 1), atol=1e-9)


def test_the_jacobian_of_one_output_is_0():
    """A share of 1 among one is always 1."""
    assert softmax_jacobian(np.array([1.0])).tolist() == [[0]]


def test_the_catalogue_knows_each_activation_by_its_own_name():
    assert {name: f.name for name, f in ACTIVATIONS.items()} == {name: name for name in BY_HAND}


def test_a_new_activation_is_one_line():
    square = Activation("square", lambda Z: Z * Z, lambda dA, A: dA * 2 * A**0.5)
    assert square(np.array([3.0])) == 9
    assert square.pullback(np.array([1.0]), np.array([9.0])) == 6
