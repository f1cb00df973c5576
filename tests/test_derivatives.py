import numpy as np
import pytest
import torch

from utils.derivatives import difference_quotient, numerical_gradient


def error(h):
    """How far numerical_gradient is from cos(1), the derivative of sin at 1."""
    return abs(numerical_gradient(lambda x: np.sin(x[0]), np.array([1.0]), h)[0] - np.cos(1))


def test_difference_quotient_of_a_line_is_its_slope():
    assert difference_quotient(lambda x: 3 * x + 1, 2.0, 0.5) == 3


def test_difference_quotient_of_a_parabola_is_off_by_exactly_h():
    """((x + h)² − x²) / h = 2x + h."""
    assert difference_quotient(lambda x: x * x, 3.0, 0.25) == 2 * 3 + 0.25


def test_difference_quotient_takes_a_step_to_the_left():
    assert difference_quotient(lambda x: x * x, 3.0, -0.25) == 2 * 3 - 0.25


@pytest.mark.parametrize("h", [1e-2, 1e-3, 1e-4, 1e-5])
def test_difference_quotients_error_shrinks_like_h(h):
    errors = [abs(difference_quotient(np.sin, 1.0, step) - np.cos(1)) for step in (h, h / 10)]
    assert errors[0] / errors[1] == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize("array", [np.array, torch.tensor])
def test_difference_quotient_works_entry_by_entry(array):
    found = difference_quotient(lambda x: x * x, array([[1.0, 2.0], [3.0, 4.0]]), 0.5)
    assert found.tolist() == [[2.5, 4.5], [6.5, 8.5]]


@pytest.mark.parametrize("h", [1e-1, 1e-2, 1e-3])
def test_centred_differences_error_shrinks_like_h_squared(h):
    assert error(h) / error(h / 10) == pytest.approx(100, rel=0.05)


def test_centred_differences_get_worse_again_when_rounding_takes_over():
    assert error(1e-3) > 100 * error(1e-6) < error(1e-13) / 100


def test_centred_differences_beat_the_difference_quotient():
    assert error(1e-3) < abs(difference_quotient(np.sin, 1.0, 1e-3) - np.cos(1)) / 1000


@pytest.mark.parametrize("shape", [(), (1,), (4,), (2, 3), (2, 1, 3)])
@pytest.mark.parametrize("to", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_numerical_gradient_has_the_arguments_shape_and_library(shape, to):
    x = to(np.array(np.random.default_rng(0).normal(size=shape)))
    found = numerical_gradient(lambda x: (x**3).sum(), x)
    assert (type(found), found.shape, found.dtype) == (type(x), x.shape, x.dtype)
    np.testing.assert_allclose(np.asarray(found), 3 * np.asarray(x) ** 2, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("to", [np.array, torch.tensor], ids=["numpy", "torch"])
def test_numerical_gradient_leaves_its_argument_as_it_was(to):
    x = to([0.1, 0.2, 0.3])
    before = x.tolist()
    numerical_gradient(lambda x: (x * x).sum(), x)
    assert x.tolist() == before


def test_numerical_gradient_evaluates_f_twice_an_entry():
    points = []

    def f(x):
        points.append(x.copy())
        return x.sum()

    numerical_gradient(f, np.zeros((2, 3)), h=0.5)
    nudges = np.array(points).reshape(6, 2, 6)
    assert np.array_equal(nudges[:, 0], np.eye(6) / 2)
    assert np.array_equal(nudges[:, 1], -np.eye(6) / 2)


def test_numerical_gradient_takes_a_tensor_that_records():
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    found = numerical_gradient(lambda x: (x * x).sum(), x)
    assert not found.requires_grad
    torch.testing.assert_close(found, torch.tensor([2.0, 4.0], dtype=torch.float64), rtol=1e-8, atol=0)


@pytest.mark.parametrize("wrap", [float, np.array, lambda y: np.array([[y]]), lambda y: torch.tensor(y).double()])
def test_numerical_gradient_takes_one_number_in_any_wrapping(wrap):
    assert numerical_gradient(lambda x: wrap(float(x[0])), np.array([2.0]), h=0.5)[0] == 1


def test_numerical_gradient_refuses_f_that_returns_several_numbers():
    with pytest.raises(ValueError, match=r"f returned shape \(2,\)"):
        numerical_gradient(lambda x: x, np.zeros(2))


def test_numerical_gradient_refuses_whole_numbers():
    with pytest.raises(TypeError, match="int64, expected floats"):
        numerical_gradient(np.sum, np.array([1, 2]))


@pytest.mark.parametrize("derivative", [difference_quotient, numerical_gradient])
@pytest.mark.parametrize("h", [0, np.nan, np.inf])
def test_a_nudge_that_is_none_is_refused(derivative, h):
    with pytest.raises(ValueError, match=f"h is {h}"):
        derivative(np.sum, np.array([1.0]), h)
