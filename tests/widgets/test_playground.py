"""The playground: its string is its run, its data may be anybody's, its numbers change, its cost does not grow."""

import itertools
import re
import sys
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from utils.activations import identity, relu, sigmoid, softmax, tanh
from utils.mlp import MLP, convert, forward, initialize
from utils.widgets import playground
from utils.widgets.playground import board, own, parameters, schedule
from utils.widgets.playground.learner import Learner, verdict
from utils.widgets.playground.own import take_in
from utils.widgets.playground.schedule import Change
from utils.widgets.playground.settings import Settings, decode

RNG = np.random.default_rng(11)


def same(a, b):
    return all((a.W[l] == b.W[l]).all() and (a.b[l] == b.b[l]).all() for l in a.W)


def run(piece, epochs):
    for _ in range(epochs):
        piece.one_epoch()
    return piece


# The string is the run ------------------------------------------------------------------------------


def test_a_state_between_the_marks_of_the_sliders_runs_as_it_says_and_resets_to_itself():
    state = "circle/0.12/0.55/1100000/3/tanh/0.1234567/7/0.015/classification/123"
    piece = playground(state)
    data = piece.learner.data.X
    assert piece.state == piece.panel.state.value == state
    assert (piece.controls["noise"].value, piece.controls["share"].value, piece.controls["rate"].value) == (
        0.12, 0.55, 0.1234567)
    run(piece, 1).reset()
    assert piece.state == state and (data == piece.learner.data.X).all()
    assert same(run(piece, 2).net, run(playground(state), 2).net)


@given(st.floats(0, 1), st.floats(0.1, 0.9), st.floats(1e-5, 100), st.floats(0, 10))
def test_no_digit_is_lost_in_the_string(noise, share, rate, l2):
    settings = Settings(noise=noise, share=share, rate=rate, l2=l2, changes=(Change("rate", rate, 3, 7),))
    assert decode(settings.encode()) == settings


def test_after_changes_on_the_way_the_string_brings_this_very_run_back():
    piece = run(playground(), 2)
    piece.controls["rate"].value = 0.03
    for _ in range(7):
        piece.one_step()
    piece.controls["batch"].value = 50
    piece.controls["l2"].value = 0.01
    run(piece, 3)
    piece.controls["rate"].value = 1.0
    piece.controls["rate"].value = 0.3  # twice at the same moment: the last counts
    run(piece, 2)
    assert piece.state.endswith("/0/rate=0.03@2,batch=50@2+7,l2=0.01@2+7,rate=0.3@5")
    again = playground(piece.state)
    assert again.controls["rate"].value == 0.1
    run(again, 7)
    assert same(piece.net, again.net) and piece.learner.history == again.learner.history
    assert [again.controls[name].value for name in schedule.TUNED] == [0.3, 50, 0.01]
    assert again.state == piece.state == again.panel.state.value


def test_a_planned_rate_takes_effect_in_its_epoch_and_is_seen():
    piece = playground()
    piece.panel.plan.value = "rate=0.01@3, rate = 0.003@2"
    assert piece.trouble.value == "" and piece.state.endswith("/rate=0.003@2,rate=0.01@3")
    seen = []
    for _ in range(5):
        run(piece, 1)
        seen.append(piece.controls["rate"].value)
    assert seen == [0.1, 0.1, 0.003, 0.01, 0.01]
    assert "rate now" in piece.readout.value
    before = piece.net
    piece.one_step()
    np.testing.assert_allclose(piece.net.W[1], before.W[1] - 0.01 * piece.learner.last.gradients.dW[1], rtol=1e-12)
    piece.reset()
    assert piece.controls["rate"].value == 0.1 and piece.state.endswith("/rate=0.003@2,rate=0.01@3")


def test_a_reset_keeps_what_was_moved_by_hand_and_begins_what_was_planned_again():
    piece = playground("circle/0.1/0.5/1100000/4/tanh/0.1/10/0/classification/0/rate=0.03@1,l2=0.1@2")
    run(piece, 3)
    piece.controls["rate"].value = 1.0
    piece.reset()
    assert piece.state == "circle/0.1/0.5/1100000/4/tanh/1/10/0/classification/0/l2=0.1@2"
    piece.controls["seed"].value = 5
    assert piece.state == "circle/0.1/0.5/1100000/4/tanh/1/10/0/classification/5/l2=0.1@2"


@pytest.mark.parametrize("words, part", [
    ("rate=0.03", "'rate=0.03'"), ("rate@3", "rate@3"), ("noise=0.1@3", "noise"), ("rate=0@3", "rate=0@3"),
    ("rate=nan@3", "nan"), ("batch=2.5@3", "batch"), ("rate=0.1@-3", "-3"), ("rate=0.1@2,hello", "'hello'"),
])
def test_a_plan_that_does_not_fit_is_refused_and_changes_nothing(words, part):
    piece = run(playground(), 2)
    net = piece.net
    piece.panel.plan.value = words
    assert "is no change, expected one such as rate=0.03@120" in piece.trouble.value and part in re.sub(
        "&#x27;", "'", piece.trouble.value)
    assert piece.panel.plan.value == "" and same(piece.net, net) and piece.learner.epoch == 2


# Numbers, and networks that come and go -------------------------------------------------------------


def test_the_numbers_of_a_layer_are_seen_and_one_of_them_is_changed():
    piece = run(playground(), 3)
    before = piece.net
    piece.numbers.layer.value = 2
    assert piece.numbers.text.value == parameters.written(before, 2)
    line = piece.numbers.text.value.splitlines()[1]
    piece.numbers.text.value = piece.numbers.text.value.replace(line, "0.5 " + line.split(maxsplit=1)[1])
    after = piece.net
    assert after.W[2][1, 0] == 0.5
    changed = before.W[2].copy()
    changed[1, 0] = 0.5
    assert (after.W[2] == changed).all() and (after.b[2] == before.b[2]).all()  # all others to the last digit
    assert "no state brings this run back" in piece.panel.state.value
    with pytest.raises(ValueError, match="set by hand"):
        piece.state  # noqa: B018
    piece.reset()
    assert piece.panel.state.value == piece.state == Settings().encode()


@pytest.mark.parametrize("words, complaint", [
    ("1 2 | 3", "4 units, and there are 1 lines"), ("1 2 | 3\n1 2 | 3\n1 2 | 3\n1 2 3", "line 4"),
    ("1 2 | 3\n1 | 3\n1 2 | 3\n1 2 | 3", "line 2 reads '1 | 3', expected 2 weights, a bar |, and a bias"),
    ("1 2 | 3\n1 2 | 3\n1 two | 3\n1 2 | 3", "line 3 reads '1 two | 3', expected numbers"), ("", "there are 0 lines"),
    ("1 2 | 3 4\n1 2 | 3\n1 2 | 3\n1 2 | 3", "line 1"),
])
def test_numbers_that_do_not_fit_are_refused_and_change_nothing(words, complaint):
    piece = playground()
    piece.numbers.layer.value = 1
    with pytest.raises(ValueError, match=re.escape(complaint)):
        parameters.read(piece.net, 1, words)
    before = piece.net
    piece.numbers.text.value = words
    assert "This was not taken up" in piece.trouble.value and same(piece.net, before)


def test_the_network_is_taken_out_as_a_copy_and_says_what_the_plane_shows():
    piece = run(playground(), 5)
    net = piece.net
    X = RNG.normal(size=(6, 2))
    A = forward(net, X).A[2]
    np.testing.assert_array_equal(piece.learner.output(X), softmax(A))
    net.W[1][:] = 0
    assert (piece.net.W[1] != 0).all()


@pytest.mark.parametrize("hidden, f, last", [
    ((3,), relu, softmax), ((), tanh, identity), ((8, 2, 1), sigmoid, identity), ((4,), tanh, softmax)])
def test_a_network_is_put_in_and_goes_on_to_learn(hidden, f, last):
    net = initialize((2, *hidden, 2), [f] * len(hidden) + [last], RNG)
    piece = playground()
    piece.net = convert(net, torch.from_numpy)
    assert same(piece.net, net) and piece.settings.hidden == hidden
    X = RNG.normal(size=(5, 2))
    plain = MLP(net.W, net.b, {**net.f, len(net.W): softmax})
    np.testing.assert_allclose(piece.learner.output(X), forward(plain, X).A[len(net.W)], rtol=1e-12)
    run(piece, 2)
    assert piece.learner.epoch == 2 and not same(piece.net, net)
    assert "no state brings this run back" in piece.panel.state.value


@pytest.mark.parametrize("net, complaint", [
    (initialize((3, 4, 2), [tanh, identity], RNG), "3 inputs and 2 outputs, expected 2 and 2"),
    (initialize((2, 9, 2), [tanh, identity], RNG), r"hidden layers are \(9,\)"),
    (initialize((2, 3, 3, 2), [tanh, relu, identity], RNG), "relu, tanh, expected one of"),
    (initialize((2, 3, 2), [softmax, identity], RNG), "hidden layers have softmax"),
    (initialize((2, 3, 2), [tanh, sigmoid], RNG), "the last layer has sigmoid, expected identity or softmax"),
])
def test_a_network_that_does_not_fit_is_refused_and_changes_nothing(net, complaint):
    piece = run(playground(), 1)
    before = piece.net
    with pytest.raises(ValueError, match=complaint):
        piece.net = net
    with pytest.raises(TypeError, match="expected a dict by layer"):
        piece.net = "a network"
    assert same(piece.net, before)


# Data of one's own ----------------------------------------------------------------------------------


def test_words_as_classes_keep_their_names():
    piece = playground(points=RNG.normal(size=(30, 2)), labels=["<setosa>", "virginica", "versicolor"] * 10)
    assert piece.learner.data.names == ("<setosa>", "versicolor", "virginica") and piece.learner.classes == 3
    assert "&lt;setosa&gt;" in piece.readout.value and "virginica" in piece.readout.value
    labels = take_in(np.ones((6, 2)) * np.arange(6)[:, None], [-1, 1, 7, -1, 1, 7])
    assert labels.names == ("-1", "1", "7") and [*labels.labels] == [0, 1, 2, 0, 1, 2]


def test_real_targets_are_a_regression_and_nothing_else():
    X = RNG.normal(size=(60, 2))
    piece = playground(points=X, labels=100 + 7 * X[:, 0])
    assert piece.settings.task == "regression" and piece.learner.classes == 1
    np.testing.assert_allclose([piece.learner.data.labels.min(), piece.learner.data.labels.max()], [-1, 1])
    assert "are learned on a scale from −1 to 1" in piece.readout.value
    start = piece.learner.losses()[1]
    assert run(piece, 30).learner.losses()[1] < 0.2 * start
    piece.controls["task"].value = "classification"
    assert "the task is regression" in piece.trouble.value
    assert piece.controls["task"].value == piece.settings.task == "regression" and piece.learner.epoch == 30
    counts = take_in(X, np.arange(60))  # more whole numbers than there are colours
    assert counts.real and counts.names == ()


def test_a_million_rows_are_thinned_with_a_sentence():
    X = RNG.normal(size=(10**6, 2))
    piece = playground(points=X, labels=1 * (X[:, 0] > 0))
    assert len(piece.learner.data.X) == own.MOST
    assert "2,000 of the 1,000,000 rows are used, drawn at random." in piece.readout.value
    kept = take_in(X, X[:, 0] > 0)
    assert ((kept.X[:, 0] > kept.X[kept.labels == 0, 0].max()) == (kept.labels == 1)).all()  # each with its own label


def test_of_many_columns_the_first_two_principal_components_are_shown():
    from sklearn.datasets import load_iris
    from sklearn.decomposition import PCA

    X, labels = load_iris(return_X_y=True)
    found, theirs = take_in(X, labels), PCA().fit(X)
    for k in range(2):
        assert abs(np.corrcoef(found.X[:, k], theirs.transform(X)[:, k])[0, 1]) > 1 - 1e-9
    share = 100 * theirs.explained_variance_ratio_[:2].sum()
    assert f"of 4 columns; they hold {share:.0f} % of the variance" in found.remark
    wide = take_in(RNG.normal(size=(5, 9)), [0, 1, 0, 1, 0])  # more columns than rows
    assert wide.X.shape == (5, 2) and "of 9 columns" in wide.remark


@pytest.mark.parametrize("scale", [1e308, 1.7e308, 1e-308, 1.0])
@pytest.mark.parametrize("columns", [2, 5])
def test_numbers_of_any_size_are_moved_into_the_square(scale, columns):
    X = np.linspace(-1, 1, 10)[:, None] * np.array([1, -1, 0.5, 0.25, 0])[:columns] * scale
    found = take_in(X, np.linspace(-1, 1, 10) * scale)
    np.testing.assert_allclose(abs(found.X[:, 0]).max(), 5, rtol=1e-9)
    assert np.isfinite(found.X).all() and abs(found.X).max() <= 5 + 1e-9
    np.testing.assert_allclose(found.labels, np.linspace(-1, 1, 10), atol=1e-12)
    piece = run(playground(points=X, labels=np.linspace(-1, 1, 10) * scale), 1)
    assert "not finite" not in piece.readout.value


CSV = "x,y,kind\n1,2,a\n3,4,b\n5,6,a\n7,8.5,b\n"


@pytest.mark.parametrize("text, labels, names", [
    (CSV, None, ("a", "b")), (CSV, "kind", ("a", "b")), (CSV.replace(",", ";"), None, ("a", "b")),
    (CSV.split("\n", 1)[1], None, ("a", "b")), ("\ufeff" + CSV, None, ("a", "b")),
    ("kind,x,y\n0,1,2\n1,3,4\n0,5,6\n1,7,8.5\n\n", "kind", ("0", "1")),
])
def test_a_csv_file_is_read_with_or_without_names(tmp_path, text, labels, names):
    path = tmp_path / "my data.csv"
    path.write_text(text, encoding="utf-8")
    found = take_in(path, labels)
    assert found.names == names and [*found.labels] == [0, 1, 0, 1]
    np.testing.assert_allclose(found.X[:, 0], [-5, -5 / 3, 5 / 3, 5])
    assert playground(points=str(path), labels=labels).settings.data == "own"


@pytest.mark.parametrize("text, labels, complaint", [
    (CSV, "sort", "no column 'sort'; there are x, y, kind"), ("x,y,kind\n1,2,a\n", None, "has 2 lines"),
    (CSV.replace("7,8.5,b", "7,8.5"), None, "line 5 of data.csv has 2 entries, expected 3"),
    (CSV.replace("3,4", "3,four"), None, "line 3 of data.csv holds 'four' in y, expected a number"),
    (CSV.replace("3,4", "3,"), None, "line 3 of data.csv holds '' in y"),
    (CSV, "x", "line 2 of data.csv holds 'a' in kind"), ("", None, "has 0 lines"),
])
def test_a_csv_file_that_does_not_fit_is_refused(tmp_path, text, labels, complaint):
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        take_in(path, labels)
    with pytest.raises(FileNotFoundError):
        take_in(tmp_path / "nothing.csv")


# Said in words --------------------------------------------------------------------------------------


def test_a_loss_of_any_size_is_short_and_a_run_that_blew_up_is_not_compared():
    piece = playground("circle/0.1/0.5/1100000/4/tanh/0.1/10/0/regression/0")
    net = piece.net
    piece.net = convert(net, lambda array: array * 1e140)
    assert "e+2" in piece.current.alt and len(piece.current.alt) < 200
    piece.one_step()
    assert "blown up: its numbers are too large to be compared" in piece.readout.value
    assert "disagrees" not in piece.readout.value
    piece.net = convert(net, lambda array: array * 1e160)
    assert "training loss not finite" in piece.current.alt
    run(piece, 1)
    assert piece.learner.diverged and "Diverged in epoch 1" in piece.readout.value


# What it costs --------------------------------------------------------------------------------------


def test_the_history_stays_short_and_the_last_loss_is_that_of_now():
    learner = Learner(Settings())
    learner.losses = lambda: (0.5, 0.5)  # only what is kept is looked at here
    for epoch in range(1, 200_001):
        learner.epoch = epoch
        learner._remember()
    epochs = [epoch for epoch, *_ in learner.history]
    assert len(epochs) < 500 and epochs[:50] == [*range(50)]
    assert all(later / earlier < 1.04 for earlier, later in itertools.pairwise(epochs[50:]))
    piece = run(playground(), 60)
    train = f"training loss {piece.learner.losses()[0]:.4f}"
    assert train in piece.current.alt
    assert f"{piece.learner.history[-1][1]:.4f}" not in train or piece.learner.history[-1][0] == 60


def test_memory_does_not_grow_with_age():
    learner = Learner(Settings(batch=250))
    tracemalloc.start()
    for _ in range(500):
        learner.run_epoch()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(3000):
        learner.run_epoch()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 40_000  # a hundred rows of history; three thousand would be 400,000


def test_a_scene_stays_as_large_as_it_was():
    young, old = Learner(Settings()), Learner(Settings())
    old.epoch, old.history = 10**6, [*((e, 0.1, 0.1) for e in range(550))]
    sizes = [len(board.stages()[""].layer(board.scene(learner))) for learner in (young, old)]
    assert sizes[1] < sizes[0] + 30_000


# What is seen ---------------------------------------------------------------------------------------


def test_the_plane_s_colour_is_the_network_s_answer_where_it_stands():
    learner = Learner(Settings(data="digits", hidden=(8,)), None)
    for _ in range(3):
        learner.run_epoch()
    heat = board.scene(learner).actors[0]
    at = board.SPAN * ((2 * np.arange(heat.grid.shape[0]) + 1) / heat.grid.shape[0] - 1)
    X = np.stack(np.meshgrid(at, at[::-1]), -1).reshape(-1, 2)
    right = learner.output(X).argmax(1).reshape(heat.grid.shape) + 0.5
    assert heat.grid.shape == (160, 160) and (heat.grid == right).mean() > 0.99
    two = Learner(Settings())
    heat = board.scene(two).actors[0]
    np.testing.assert_array_equal(heat.grid.ravel(), two.output(board.PLANE)[:, 1])
    assert heat.smooth


def test_without_pytorch_differences_have_the_word_and_a_wrong_gradient_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "utils.autograd", None)  # as if torch were not there: it cannot be imported
    piece = playground()
    piece.one_step()
    assert "✓ Centred differences agree with all 8 gradients of this step; autograd is not asked" in piece.readout.value
    assert piece.trouble.value == ""
    assert verdict(piece.learner, thorough=False) == (True, "Pause, and the gradients of the last step are checked.")
    last = piece.learner.last
    for l in (1, 2):
        wrong = last.gradients._replace(dW={**last.gradients.dW, l: 1.001 * last.gradients.dW[l]})
        piece.learner.last = last._replace(gradients=wrong)
        agree, words = verdict(piece.learner, thorough=True)
        assert not agree and words.startswith(f"Centred differences disagree on dW[{l}];")
    nowhere = {l: np.full_like(b, np.nan) for l, b in last.gradients.db.items()}
    piece.learner.last = last._replace(gradients=last.gradients._replace(db=nowhere))
    assert not verdict(piece.learner, thorough=True)[0]


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "identity"])
def test_without_pytorch_right_gradients_are_found_right_at_kinks_too(activation, monkeypatch):
    monkeypatch.setitem(sys.modules, "utils.autograd", None)
    piece = playground(Settings(activation=activation, hidden=(5, 3), seed=3).encode())
    for _ in range(4):
        piece.learner.step()
        assert verdict(piece.learner, thorough=True)[0]


def test_while_it_plays_nothing_waits_for_torch_to_be_loaded(monkeypatch):
    piece = run(playground(), 1)
    assert "The ledger: all 8 gradients" in piece.readout.value
    piece.task = "playing"
    monkeypatch.delitem(sys.modules, "torch")
    piece.learner.run_epoch()
    piece.update()
    assert "Pause, and the gradients of the last step are checked." in piece.readout.value
    assert "torch" not in sys.modules
    monkeypatch.undo()
    piece.asked = 0.0  # long ago
    piece.update()
    assert "In epoch 2, all 8 gradients of the last step agree with autograd." in piece.readout.value


def test_the_verdict_names_its_epoch_while_the_run_goes_on():
    learner = Learner(Settings())
    for _ in range(3):
        learner.run_epoch()
    assert verdict(learner, False) == (True, "In epoch 3, all 8 gradients of the last step agree with autograd.")
