import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from utils.datasets import DIGITS, circle, digits, gauss, lecture_example, spiral, torch_rand, xor
from utils.mlp import forward

ROOT = Path(__file__).parents[1]
RNG = np.random.default_rng
each_toy = pytest.mark.parametrize("toy", [circle, xor, gauss, spiral], ids=lambda toy: toy.__name__)

# torch's generator without torch ------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2, 42, 12345, 2**31, 2**32 - 1])
@pytest.mark.parametrize("shape", [(1,), (5,), (3, 4), (2, 3, 4), (1000,)], ids=str)
def test_torch_rand_draws_what_torch_draws(seed, shape):
    torch.manual_seed(seed)
    assert np.array_equal(torch_rand(seed)(*shape), torch.rand(*shape).numpy())


def test_torch_rand_goes_on_where_it_stopped():
    torch.manual_seed(7)
    rand = torch_rand(7)
    for shape in [(3,), (20, 5), (1,), (2, 2)]:
        assert np.array_equal(rand(*shape), torch.rand(*shape).numpy())


def test_two_torch_rands_do_not_disturb_each_other():
    one, two = torch_rand(0), torch_rand(0)
    assert np.array_equal(one(5), two(5))


@pytest.mark.parametrize("draw", [
    lambda: torch_rand(3)(10), lecture_example, lambda: lecture_example("numpy"), digits,
    *(lambda toy=toy: toy(20, 0.1, RNG(0)) for toy in (circle, xor, gauss, spiral)),
], ids=["torch_rand", "lecture, torch", "lecture, numpy", "digits", "circle", "xor", "gauss", "spiral"])  # fmt: skip
def test_no_global_generator_is_touched(draw):
    np.random.seed(11)
    torch.manual_seed(11)
    expected = np.random.random(), torch.rand(1).item()
    np.random.seed(11)
    torch.manual_seed(11)
    draw()
    assert (np.random.random(), torch.rand(1).item()) == expected


# The lecture's example ----------------------------------------------------------------------------


def test_both_libraries_hold_the_same_numbers():
    (X, Y, net), (X_t, Y_t, net_t) = lecture_example("numpy"), lecture_example("torch")
    pairs = [(X, X_t), (Y, Y_t), *((net.W[l], net_t.W[l]) for l in net.W), *((net.b[l], net_t.b[l]) for l in net.b)]
    for array, tensor in pairs:
        assert (array.dtype, tensor.dtype) == (np.float64, torch.float32)
        assert np.array_equal(array, tensor.double().numpy())


def test_the_network_is_5_7_4_3():
    net = lecture_example()[2]
    assert [tuple(W.shape) for W in net.W.values()] == [(7, 5), (4, 7), (3, 4)]
    assert [f.name for f in net.f.values()] == ["sigmoid", "sigmoid", "softmax"]


@pytest.mark.parametrize("library", ["torch", "numpy"])
def test_every_call_returns_arrays_of_its_own(library):
    X, _, net = lecture_example(library)
    X[0] = net.W[1][0] = net.b[1][0] = 99
    X, _, net = lecture_example(library)
    assert X[0].tolist() == [-8, 1, -3, 5, 2]
    assert max(net.W[1].max(), net.b[1].max()) < 1


def test_another_library_is_named():
    with pytest.raises(ValueError, match="library is 'jax', expected 'torch' or 'numpy'"):
        lecture_example("jax")


# Toys ---------------------------------------------------------------------------------------------


@each_toy
@pytest.mark.parametrize("n", [1, 2, 61])
def test_a_toy_has_n_points_in_the_plane_and_labels_0_and_1(toy, n):
    X, labels = toy(n, 0.1, RNG(0))
    assert (X.shape, labels.shape, X.dtype, labels.dtype.kind) == ((n, 2), (n,), np.float64, "i")
    assert set(labels.tolist()) <= {0, 1}


@each_toy
def test_a_toys_two_classes_are_balanced(toy):
    share = toy(1000, 0, RNG(0))[1].mean()
    assert share == pytest.approx(0.5, abs=0.05 if toy is xor else 0)


@each_toy
def test_the_same_rng_draws_the_same_toy_and_another_another(toy):
    (X, labels), (again, labels_again), (other, _) = (toy(50, 0.3, RNG(seed)) for seed in (4, 4, 5))
    assert np.array_equal(X, again)
    assert np.array_equal(labels, labels_again)
    assert not np.array_equal(X, other)


@each_toy
def test_an_rng_draws_anew_each_time(toy):
    rng = RNG(0)
    assert not np.array_equal(toy(50, 0, rng)[0], toy(50, 0, rng)[0])


@each_toy
def test_a_toy_lies_in_its_square(toy):
    assert abs(toy(2000, 0, RNG(0))[0]).max() < 6


@each_toy
def test_noise_moves_the_points_by_its_own_size(toy):
    still, moved = (toy(4000, noise, RNG(3))[0] for noise in (0, 0.5))
    moves = moved - still
    assert moves.std() == pytest.approx(0.5, rel=0.05)
    assert abs(moves.mean()) < 0.03


def nearest_arm(X):
    """The class of the spiral's arm that passes through X: its angle less the turns that its radius makes."""
    radius, angle = np.hypot(*X.T), np.arctan2(X[:, 1], X[:, 0])
    return (np.cos(angle - 1.75 * 2 * np.pi * radius / 5) < 0).astype(int)


@pytest.mark.parametrize(("toy", "rule", "errors"), [
    (circle, lambda X: np.hypot(*X.T) < 3, 0),
    (xor, lambda X: X[:, 0] * X[:, 1] > 0, 0),
    (gauss, lambda X: X.sum(1) > 0, 0.01),  # two clouds overlap a little: 0.2 %
    (spiral, nearest_arm, 0),
], ids=["circle", "xor", "gauss", "spiral"])  # fmt: skip
def test_without_noise_a_rule_separates_the_classes(toy, rule, errors):
    X, labels = toy(2000, 0, RNG(0))
    assert (rule(X) != labels).mean() <= errors


# Digits -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def split():
    return digits()


def test_the_digits_are_1797_pictures_of_64_pixels_three_quarters_to_learn_from(split):
    assert (split.X_train.shape, split.X_test.shape) == ((1347, 64), (450, 64))
    assert (split.labels_train.shape, split.labels_test.shape) == ((1347,), (450,))


def test_pixels_run_from_0_to_1(split):
    for X in (split.X_train, split.X_test):
        assert (X.min(), X.max(), X.dtype) == (0, 1, np.float64)


def test_each_digit_has_its_share_in_the_test(split):
    counts = np.bincount(split.labels_train), np.bincount(split.labels_test)
    assert len(counts[0]) == len(counts[1]) == 10
    assert abs(counts[1] - 0.25 * sum(counts)).max() < 1


@pytest.mark.parametrize("share", [0.25, 0.5, 0.1, 0.9, 1 / 3])
@pytest.mark.parametrize("seed", [0, 1, 7])
def test_the_split_is_the_one_of_scikit_learn(share, seed, in_order):
    selection = pytest.importorskip("sklearn.model_selection")
    X, labels = in_order
    theirs = selection.train_test_split(X, labels, test_size=share, random_state=seed, stratify=labels)
    assert all(np.array_equal(mine, other) for mine, other in zip(digits(share, seed), theirs, strict=True))


@pytest.fixture(scope="module")
def in_order():
    """All pictures and labels, as the file has them."""
    X_train, X_test, labels_train, labels_test = digits(seed=None)
    return np.concatenate([X_train, X_test]), np.concatenate([labels_train, labels_test])


def test_the_file_is_scikit_learns_entry_by_entry(in_order):
    X, labels = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    with np.load(DIGITS) as file:
        assert {name: (file[name].dtype, file[name].shape) for name in file} == {
            "X": (np.uint8, (1797, 64)), "labels": (np.uint8, (1797,))}
        assert np.array_equal(file["X"], X) and np.array_equal(file["labels"], labels)
    assert np.array_equal(in_order[0] * 16, X) and np.array_equal(in_order[1], labels)


def test_the_file_is_small():
    assert DIGITS.stat().st_size < 50_000


def test_a_built_package_carries_the_file(tmp_path):
    pytest.importorskip("setuptools", minversion="77")  # the one that pyproject.toml asks for
    shutil.copytree(ROOT / "utils", tmp_path / "utils", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    build = [sys.executable, "-c", "import setuptools; setuptools.setup()", "-q", "build", "--build-lib", "built"]
    subprocess.run(build, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    for name in ("digits.npz", "README.md"):
        assert (tmp_path / "built" / "utils" / "data" / name).read_bytes() == DIGITS.with_name(name).read_bytes()


@pytest.mark.parametrize("options", [
    {}, {"seed": 5}, {"test_share": 0.5}, {"test_share": 0.003}, {"test_share": 0.997}, {"seed": None},
    {"test_share": 0.0003, "seed": None}, {"test_share": 0.9994, "seed": None}], ids=str)
def test_train_and_test_together_are_all_pictures_each_once_with_its_own_label(in_order, options):
    found = digits(**options)
    ours = np.column_stack([np.concatenate(found[:2]), np.concatenate(found[2:])])
    theirs = np.column_stack(in_order)
    assert np.array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])
    assert min(len(part) for part in found) > 0
    assert {part.dtype for part in found[2:]} == {np.dtype(np.int64)}


def test_no_picture_is_both_learned_and_tested(split):
    assert not {x.tobytes() for x in split.X_train} & {x.tobytes() for x in split.X_test}


def test_the_seed_decides_who_is_tested(split):
    assert np.array_equal(digits(seed=0).X_test, split.X_test)
    assert not np.array_equal(digits(seed=1).X_test, split.X_test)
    assert {x.tobytes() for x in digits(seed=1).X_test} != {x.tobytes() for x in split.X_test}


def test_both_parts_are_shuffled(split):
    """One in ten digits follows its own like; in the order of the digits, nearly all would."""
    for labels in (split.labels_train, split.labels_test):
        assert (labels[1:] == labels[:-1]).mean() < 0.2


def test_without_a_seed_the_file_s_last_quarter_is_the_test(in_order):
    found = digits(seed=None)
    assert (len(found.X_train), len(found.X_test)) == (1347, 450)
    assert np.array_equal(found.X_test, in_order[0][1347:]) and np.array_equal(found.labels_test, in_order[1][1347:])
    assert np.array_equal(found.X_train, in_order[0][:1347]) and np.array_equal(found.labels_train, in_order[1][:1347])


def test_the_last_rows_are_other_people_s_sheets(in_order):
    """The pattern that all were asked to write begins anew with each sheet; the cut goes through the eleventh."""
    X, labels = in_order
    text = "".join(map(str, labels))
    sheets = [0, 130, 256, 386, 516, 646, 776, 902, 1029, 1157, 1287, 1415, 1541, 1667, 1797]
    assert all("123456789012345" in text[start : start + 34] for start in sheets[:-1])
    assert set(np.diff(sheets)) == {126, 127, 128, 130} and sheets[10] < 1347 < sheets[11]
    distances = (X**2).sum(1)[:, None] + (X**2).sum(1) - 2 * X @ X.T
    np.fill_diagonal(distances, np.inf)
    sheet = np.searchsorted(sheets, np.arange(len(X)), side="right")
    assert (sheet[distances.argmin(1)] == sheet).mean() > 0.5  # of 14 sheets: the most alike is on one's own


@pytest.mark.parametrize("seed", [0, None])
def test_a_split_is_the_caller_s_own(seed):
    found = digits(seed=seed)
    for part in found:
        part[:] = 7
    assert all(not (part == 7).all() for part in digits(seed=seed))


def test_the_share_can_be_chosen():
    assert len(digits(test_share=0.5).X_test) == 899  # of 1797


def test_every_row_goes_through_the_network():
    X, Y, net = lecture_example()
    assert forward(net, X).A[3].shape == Y.shape
