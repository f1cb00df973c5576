import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from utils.arrays import (
    Door,
    QuietDoor,
    check_count,
    check_finite,
    check_matrix,
    check_positive,
    check_same,
    formula,
    holds_floats,
    library,
    numpy_array,
    shape,
)


@pytest.mark.parametrize("x", [np.zeros(3), np.float32(1), np.array(1)])
def test_numpy_owns_arrays_and_scalars(x):
    assert library(x) is np


def test_torch_owns_tensors_and_parameters():
    assert library(torch.zeros(3)) is library(torch.nn.Parameter(torch.zeros(3))) is torch


@pytest.mark.parametrize("x", [[1.0], 1.0, None, "text"])
def test_nobody_owns_anything_else(x):
    with pytest.raises(TypeError, match=f"not {type(x).__name__}"):
        library(x)


def test_numpy_half_never_loads_torch():
    """The owner of a NumPy array is found without torch, and so is everything that the first notebooks need."""
    script = (
        "import sys, numpy as np\n"
        "from utils import activations, arrays, datasets, derivatives, descent, losses, mlp, training\n"
        "X, Y, net = datasets.lecture_example('numpy')\n"
        "next(training.train(net, X, Y, losses.cross_entropy, 1, 1))\n"
        "assert arrays.library(X) is np\n"
        "assert 'torch' not in sys.modules and 'sklearn' not in sys.modules and 'matplotlib' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_numpy_array_leaves_the_graph():
    x = torch.tensor([1.0, 2.0], requires_grad=True) * 3
    assert numpy_array(x).tolist() == [3, 6]


def test_numpy_array_does_not_copy_an_array():
    x = np.zeros(3)
    assert numpy_array(x) is x


def test_both_libraries_tell_their_shape_with_the_same_text():
    assert str(shape(torch.zeros(2, 3))) == str(shape(np.zeros((2, 3)))) == "(2, 3)"


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_check_finite_says_where(number):
    x = np.zeros((3, 4))
    x[1, 2] = x[2, 0] = number
    with pytest.raises(ValueError, match=rf"^X\[1, 2\] is {number},"):
        check_finite("X", x)


def test_check_finite_speaks_of_a_lone_number_without_an_index():
    with pytest.raises(ValueError, match=r"^x is nan,"):
        check_finite("x", np.nan)


def test_check_matrix_lets_both_libraries_pass():
    check_matrix("X", np.zeros((1, 1)))
    check_matrix("X", torch.zeros(1, 1))


def test_check_matrix_names_the_shape_it_has():
    with pytest.raises(ValueError, match=r"X has shape \(3,\), expected two axes"):
        check_matrix("X", np.zeros(3))


def test_check_matrix_names_what_it_holds():
    with pytest.raises(TypeError, match="X holds <U1, expected real numbers"):
        check_matrix("X", np.array([["a"]]))


def test_check_same_names_both_shapes():
    with pytest.raises(ValueError, match=r"Y has shape \(2, 4\), but A has \(2, 3\)"):
        check_same("A", np.zeros((2, 3)), "Y", np.zeros((2, 4)))


def test_check_same_names_both_libraries():
    with pytest.raises(ValueError, match="A is a numpy array, but Y is a torch one"):
        check_same("A", np.zeros((2, 3)), "Y", torch.zeros(2, 3))


@pytest.mark.parametrize("number", [1, 0.5, np.float32(0.5), np.int64(3)])
def test_check_positive_returns_a_float(number):
    assert type(check_positive("rate", number)) is float
    assert check_positive("rate", number) == number


@pytest.mark.parametrize("number", [3, np.int64(3)])
def test_check_count_returns_an_int(number):
    assert type(check_count("epochs", number)) is int


def test_what_is_no_door_is_its_own_formula():
    class Unhashable:
        __hash__ = None

        def __call__(self):
            return 1

    for f in (abs, Unhashable()):
        assert formula(f) is f


def test_a_door_checks_and_its_formula_does_not():
    def positive(x):
        if x < 0:
            raise ValueError("x is below 0")
        return (float(x),)

    root = Door(lambda x: x**0.5, positive)
    assert root(4) == 2 and type(root(np.uint8(4))) is float
    with pytest.raises(ValueError, match="below 0"):
        root(-4)
    assert type(formula(root)(-4)) is complex
    assert Door(root.formula, positive) == root == pickle.loads(pickle.dumps(Door(abs, abs)))._replace(
        formula=root.formula, check=positive)


def test_a_quiet_door_alone_is_silent_about_an_overflow():
    loud, quiet = Door(np.exp, lambda x: (x,)), QuietDoor(np.exp, lambda x: (x,))
    with pytest.warns(RuntimeWarning, match="overflow"):
        loud(np.float64(1e4))
    assert quiet(np.float64(1e4)) == np.inf  # pytest makes an error of a warning
    with pytest.warns(RuntimeWarning, match="overflow"):
        loud(np.float64(1e4))  # again: the silence has ended


@pytest.mark.parametrize("x", [np.zeros(1), np.zeros(1, "f2"), torch.zeros(1), torch.zeros(1, dtype=torch.bfloat16)])
def test_floats_of_any_precision_are_floats(x):
    assert holds_floats(x)


@pytest.mark.parametrize("x", [np.arange(2), np.array([True]), torch.arange(2), torch.tensor([True])])
def test_whole_numbers_and_truth_values_are_none(x):
    assert not holds_floats(x)
