import numpy as np
import pytest
import torch

from utils.activations import Activation, identity, relu, sigmoid, softmax, tanh
from utils.datasets import lecture_example
from utils.mlp import MLP, Gradients, backward, convert, descend, forward, initialize, load, predict, save

SIZES = 5, 7, 4, 3


def make(sizes=SIZES, activations=(tanh, sigmoid, softmax), seed=0, scheme="xavier"):
    return initialize(sizes, activations, np.random.default_rng(seed), scheme)


def large(scheme):
    """W and b of one layer, large enough for statistics: 200 outputs, 300 inputs."""
    net = make((300, 200), [identity], scheme=scheme)
    return net.W[1], net.b[1]


def arrays(net):
    return [v for layers in (net.W, net.b) for v in layers.values()]


# Forward ------------------------------------------------------------------------------------------


def test_forward_by_hand():
    net = MLP(
        {1: np.array([[1.0, 2], [3, 4]]), 2: np.array([[1.0, -1]])},
        {1: np.array([0.5, -20]), 2: np.array([3.0])},
        {1: relu, 2: identity},
    )
    trace = forward(net, np.array([[1.0, 1], [2, 5]]))
    assert trace.Z[1].tolist() == [[3.5, -13], [12.5, 6]]
    assert trace.A[1].tolist() == [[3.5, 0], [12.5, 6]]
    assert trace.A[2].tolist() == [[6.5], [9.5]]


@pytest.mark.parametrize("v", ["W", "b"])
def test_a_parameter_that_is_a_list_or_of_another_library_is_named(v):
    for change, error, words in ((np.ndarray.tolist, TypeError, r"\[2\]: expected a NumPy array .*, not list"),
                                 (torch.tensor, ValueError, r"\[2\] is a torch array, but X is a numpy one")):
        net = make()
        getattr(net, v)[2] = change(getattr(net, v)[2])
        with pytest.raises(error, match=v + words):
            forward(net, np.ones((6, 5)))
    net = make()
    net.W[1] = net.W[1].tolist()
    for X in (np.ones((6, 5)), np.ones((6, 5), int), np.ones(5)):
        with pytest.raises(TypeError, match=r"W\[1\]: expected a NumPy array .*, not list"):
            forward(net, X)


def test_every_Z_and_A_has_the_shape_in_the_header():
    trace = forward(make(), np.ones((6, 5)))
    assert {l: Z.shape for l, Z in trace.Z.items()} == {1: (6, 7), 2: (6, 4), 3: (6, 3)}
    assert {l: A.shape for l, A in trace.A.items()} == {0: (6, 5), 1: (6, 7), 2: (6, 4), 3: (6, 3)}


def test_A_0_is_X_itself():
    X = np.ones((2, 5))
    assert forward(make(), X).A[0] is X


def test_a_row_does_not_notice_the_other_rows():
    X = np.random.default_rng(0).normal(size=(6, 5))
    whole = forward(make(), X).A[3]
    np.testing.assert_allclose(whole[2:3], forward(make(), X[2:3]).A[3], rtol=1e-13)


def test_layers_are_keyed_by_number_and_not_counted_from_the_end():
    trace = forward(make(), np.ones((2, 5)))
    with pytest.raises(KeyError):
        trace.A[-1]
    with pytest.raises(KeyError):
        trace.Z[0]


def test_one_layer_is_the_linear_model():
    net = make((5, 1), [sigmoid])
    X = np.random.default_rng(0).normal(size=(4, 5))
    np.testing.assert_allclose(forward(net, X).A[1], sigmoid(X @ net.W[1].T + net.b[1]), rtol=1e-14)


# Backward -----------------------------------------------------------------------------------------


def test_backward_by_hand():
    net = MLP(
        {1: np.array([[1.0, 2], [3, 4]]), 2: np.array([[1.0, -1]])},
        {1: np.array([0.5, -20]), 2: np.array([3.0])},
        {1: relu, 2: identity},
    )
    found = backward(net, forward(net, np.array([[1.0, 1], [2, 5]])), np.array([[1.0], [10]]))
    assert found.dW[2].tolist() == [[3.5 + 125, 60]]
    assert found.db[2].tolist() == [11]
    assert found.dA[1].tolist() == [[1, -1], [10, -10]]
    assert found.dZ[1].tolist() == [[1, 0], [10, -10]]  # relu was off in row 1, column 2
    assert found.dW[1].tolist() == [[21, 51], [-20, -50]]
    assert found.db[1].tolist() == [11, -10]
    assert found.dA[0].tolist() == [[1, 2], [-20, -20]]


def test_the_way_back_may_end_at_the_first_layer():
    net = make()
    trace = forward(net, np.ones((6, 5)))
    dA = np.ones_like(trace.A[len(net.W)])
    whole, short = backward(net, trace, dA), backward(net, trace, dA, to_input=False)
    assert whole.dA.keys() - short.dA.keys() == {0}
    for some, others in zip(whole, short):
        assert all(np.array_equal(some[l], others[l]) for l in others)


def test_every_gradient_has_the_shape_of_its_namesake():
    net = make()
    trace = forward(net, np.ones((6, 5)))
    found = backward(net, trace, np.ones((6, 3)))
    for gradients, values in ((found.dZ, trace.Z), (found.dA, trace.A), (found.dW, net.W), (found.db, net.b)):
        assert {l: g.shape for l, g in gradients.items()} == {l: v.shape for l, v in values.items()}


def test_twice_the_dA_is_twice_every_gradient():
    net, dA = make(), np.random.default_rng(0).normal(size=(6, 3))
    trace = forward(net, np.random.default_rng(1).normal(size=(6, 5)))
    for once, twice in zip(backward(net, trace, dA), backward(net, trace, 2 * dA)):
        for l in once:
            np.testing.assert_array_equal(2 * once[l], twice[l])


def test_backward_asks_for_the_outputs_shape():
    net = make()
    with pytest.raises(ValueError, match=r"dA has shape \(6, 4\), expected the shape of A\[3\], \(6, 3\)"):
        backward(net, forward(net, np.ones((6, 5))), np.ones((6, 4)))


# Downhill, and prediction -------------------------------------------------------------------------


def test_descend_subtracts_rate_times_gradient():
    net = make((2, 1), [identity])
    down = descend(net, Gradients({}, {}, {1: np.array([[1.0, -2]])}, {1: np.array([4.0])}), 0.5)
    assert down.W[1].tolist() == (net.W[1] - [[0.5, -1]]).tolist()
    assert down.b[1].tolist() == [-2]


def test_descend_leaves_the_old_network_as_it_was():
    net = make()
    before = [v.copy() for v in arrays(net)]
    descend(net, backward(net, forward(net, np.ones((6, 5))), np.ones((6, 3))), 0.5)
    assert all(np.array_equal(old, v) for old, v in zip(before, arrays(net)))


def test_descend_returns_a_network_of_its_own():
    net = make()
    down = descend(net, backward(net, forward(net, np.ones((6, 5))), np.ones((6, 3))), 0.5)
    for new, old in zip(arrays(down), arrays(net)):
        assert not np.shares_memory(new, old)


def test_predict_returns_each_rows_most_likely_class():
    net = MLP({1: np.eye(3)}, {1: np.zeros(3)}, {1: softmax})
    assert predict(net, np.array([[0.0, 2, 1], [5, 0, 0], [0, 0, 1], [-3, -1, -2]])).tolist() == [1, 0, 2, 1]


def test_predict_stays_in_the_library():
    X, _, net = lecture_example("torch")
    assert isinstance(predict(net, X), torch.Tensor)


# Making a network ---------------------------------------------------------------------------------


def test_initialize_numbers_the_layers_from_1():
    net = make()
    assert {l: (net.W[l].shape, net.b[l].shape, net.f[l].name) for l in net.W} == {
        1: ((7, 5), (7,), "tanh"), 2: ((4, 7), (4,), "sigmoid"), 3: ((3, 4), (3,), "softmax")}  # fmt: skip


@pytest.mark.parametrize("scheme", ["xavier", "he", "centred", "rand"])
def test_every_scheme_draws_float64_and_the_same_for_the_same_seed(scheme):
    for one, same, other in zip(*(arrays(make(seed=seed, scheme=scheme)) for seed in (0, 0, 1))):
        assert one.dtype == np.float64
        assert np.array_equal(one, same)
        assert np.array_equal(one, other) == (not one.any())


def test_xavier_is_uniform_within_its_bound_with_biases_0():
    W, b = large("xavier")
    bound = np.sqrt(6 / 500)
    assert abs(W).max() <= bound
    assert abs(W).max() > 0.999 * bound
    assert W.std() == pytest.approx(bound / np.sqrt(3), rel=0.02)
    assert abs(W.mean()) < 0.02 * bound
    assert not b.any()


def test_he_is_normal_with_variance_2_over_n_with_biases_0():
    W, b = large("he")
    scaled = W / np.sqrt(2 / 300)
    assert [scaled.mean(), scaled.std(), (scaled**4).mean()] == pytest.approx([0, 1, 3], abs=0.1)
    assert not b.any()


@pytest.mark.parametrize(("scheme", "low"), [("centred", -0.5), ("rand", 0)])
def test_centred_and_rand_are_uniform_over_a_width_of_1_biases_too(scheme, low):
    W, b = large(scheme)
    assert low <= min(W.min(), b.min())
    assert max(W.max(), b.max()) < low + 1
    assert W.mean() == pytest.approx(low + 0.5, abs=0.01)
    assert b.mean() == pytest.approx(low + 0.5, abs=0.1)
    assert W.std() == pytest.approx(1 / np.sqrt(12), rel=0.02)


@pytest.mark.parametrize(("f", "scheme"), [(tanh, "xavier"), (relu, "he")], ids=["xavier", "he"])
def test_a_good_scheme_carries_the_signal_through_ten_layers(f, scheme):
    net = make([100] * 11, [f] * 10, scheme=scheme)
    A = forward(net, np.random.default_rng(1).normal(size=(50, 100))).A
    assert 0.1 < A[10].std() / A[1].std() < 3


def test_convert_changes_every_array_and_nothing_else():
    net = make()
    single = convert(net, np.float32)
    assert {v.dtype for v in arrays(single)} == {np.dtype("float32")}
    assert {v.dtype for v in arrays(net)} == {np.dtype("float64")}
    assert single.f == net.f


# Keeping a network --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["net.npz", "net", "größe × 2.npz"])
def test_what_was_saved_is_loaded_from_the_same_name(tmp_path, name):
    net = make(activations=(relu, tanh, softmax), scheme="centred")
    save(net, tmp_path / name)
    again = load(tmp_path / name)
    assert again.f == net.f
    assert list(again.W) == list(again.b) == [1, 2, 3]
    assert all(np.array_equal(x, y) and x.dtype == y.dtype for x, y in zip(arrays(net), arrays(again)))


def test_a_tensor_network_is_saved_as_numpys_float32(tmp_path):
    net = lecture_example("torch")[2]
    save(convert(net, lambda v: v.requires_grad_()), str(tmp_path / "net.npz"))
    again = load(str(tmp_path / "net.npz"))
    assert again.W[1].dtype == np.float32
    np.testing.assert_array_equal(again.W[1], net.W[1].detach().numpy())


def test_ten_layers_come_back_in_order(tmp_path):
    save(make(range(1, 13), [tanh] * 11), tmp_path / "net.npz")
    assert [W.shape for W in load(tmp_path / "net.npz").W.values()] == [(n + 1, n) for n in range(1, 12)]


def test_save_refuses_an_activation_that_load_would_not_know(tmp_path):
    square = Activation("square", lambda Z: Z * Z, lambda dA, A: dA)
    with pytest.raises(ValueError, match=r"f\[1\] is 'square', which cannot be saved"):
        save(make((2, 1), [square]), tmp_path / "net.npz")
    assert not any(tmp_path.iterdir())


def test_save_refuses_an_impostor_under_a_known_name(tmp_path):
    with pytest.raises(ValueError, match="cannot be saved"):
        save(make((2, 1), [Activation("relu", abs, abs)]), tmp_path / "net.npz")


def test_load_says_that_nothing_is_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing.npz")


def write_npz(**content):
    return lambda path: np.savez(path, **content)


def write_npy(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


@pytest.mark.parametrize("write", [
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(b"garbage, and more of it"),
    lambda path: path.write_bytes(b"PK\x03\x04 half a zip"),
    write_npy,
    write_npz(W1=np.zeros((1, 2)), b1=np.zeros(1)),
    write_npz(f=np.array(["relu"]), W1=np.zeros((1, 2))),
    write_npz(f=np.array(["nonsense"]), W1=np.zeros((1, 2)), b1=np.zeros(1)),
    write_npz(f=np.array(1.0), W1=np.zeros((1, 2)), b1=np.zeros(1)),
], ids=["empty", "garbage", "half a zip", "npy", "no activations", "no bias", "unknown activation", "number"])
def test_load_refuses_what_save_did_not_write(tmp_path, write):
    path = tmp_path / "net.npz"
    write(path)
    with pytest.raises(ValueError, match=r"net\.npz is not a network written by utils\.mlp\.save"):
        load(path)


class Bomb:
    """Would go off if anybody unpickled it."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


def test_load_opens_no_pickle(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, f=np.array(["relu"]), W1=np.array([Bomb()], dtype=object), b1=np.zeros(1))
    with pytest.raises(ValueError, match="not a network"):
        load(path)
