"""The scenes of the interactive pieces, without a browser: every control over its range, and what is said is true."""

import itertools
import re
import sys
import xml.etree.ElementTree as ET
from importlib.util import find_spec

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from utils.datasets import lecture_example
from utils.descent import LECTURE, gradient_descent
from utils.losses import cross_entropy
from utils.mlp import backward, forward
from utils.widgets import fits, line_explorer, network, passes, slopes
from utils.widgets.playground import board
from utils.widgets.playground.learner import Learner, verdict
from utils.widgets.playground.own import take_in
from utils.widgets.playground.settings import DATA, HIDDEN, TASKS, Settings, decode, inputs, samples

RNG = np.random.default_rng(0)


def check(stages, scene):
    """A scene that can be shown: well-formed, finite, described."""
    layer = stages[scene.stage].layer(scene)
    ET.fromstring(layer)
    ET.fromstring(f"<div>{scene.readout}</div>")
    assert not re.search(r"nan|\binf\b", re.sub(r'base64,[^"]*', "", layer))
    assert len(scene.alt) > 20 and scene.alt.endswith(".")


def number(readout, name):
    return readout.split(f">{name}</th><td>")[1].split("<")[0]


# 01 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("curve", slopes.CURVES)
def test_the_tangent_over_its_whole_range(curve):
    for x, dx in itertools.product(np.linspace(-3, 3, 13), np.linspace(-2, 2, 17)):
        check(slopes.tangent_stages(), slopes.tangent_scene(curve, float(x), float(dx)))


def test_the_tangents_numbers():
    readout = slopes.tangent_scene("x²", 1.0, 0.5).readout
    assert [number(readout, n) for n in ("slope α at x", "true Δy", "α Δx", "gap", "gap / Δx²")] == [
        "2.000", "1.2500", "1.0000", "0.2500", "1.000"]
    assert number(slopes.tangent_scene("sin x", 1.0, 0.0).readout, "gap / Δx²") == "–"


@pytest.mark.parametrize("curve", slopes.CURVES)
def test_a_curves_slope_is_its_derivative(curve):
    f, slope, (low, high) = slopes.CURVES[curve]
    x = np.linspace(low, high, 50)
    np.testing.assert_allclose(slope(x), (f(x + 1e-6) - f(x - 1e-6)) / 2e-6, rtol=1e-6, atol=1e-8)


def test_the_gradient_over_the_whole_plane():
    for x1, x2, equal in itertools.product(np.linspace(-4, 4, 17), np.linspace(-4, 4, 17), (True, False)):
        check(slopes.gradient_stages(), slopes.gradient_scene(float(x1), float(x2), equal))


def test_unequal_axes_break_the_angle_and_not_the_number():
    for x1, x2 in RNG.uniform(-4, 4, (20, 2)):
        fair, unfair = (slopes.gradient_scene(x1, x2, equal).readout for equal in (True, False))
        assert number(fair, "angle to the eye") == "90°"
        assert number(fair, "size of ∇f · t") == number(unfair, "size of ∇f · t") == "0.0000"
    assert int(number(slopes.gradient_scene(2, 1.5, False).readout, "angle to the eye")[:-1]) < 80


def test_the_angle_to_the_eye_is_the_angle_on_the_screen():
    p = np.array([2.0, 1.5])
    g, place = LECTURE.gradient(p), slopes.gradient_stages()["unequal"].place("plane")
    t = np.array([-g[1], g[0]])
    a, b = (np.diff(place(np.array([p, p + v])), axis=0)[0] for v in (g, t))
    angle = np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    said = int(number(slopes.gradient_scene(*p, False).readout, "angle to the eye")[:-1])
    assert abs(min(angle, 180 - angle) - said) < 1


def test_the_level_curve_has_one_value():
    curve = slopes.gradient_scene(2.0, -1.0).actors[0].xy
    np.testing.assert_allclose(LECTURE.value(curve), LECTURE.value([2.0, -1.0]), rtol=1e-12)


# 02 -------------------------------------------------------------------------------------------------

RATES = np.linspace(0, 0.3, 13).round(3)


@pytest.mark.parametrize("rule", slopes.RULES)
@pytest.mark.parametrize("start", [(3, 3), (0, 0), (-4, 4), (0.25, 0), (4, -4)])
def test_step_sizes_over_their_whole_range(rule, start):
    for rate, steps, eps in itertools.product(RATES, (1, 40, 100), (1e-1, 1e-9)):
        scene = slopes.step_size_scene(float(rate), *start, rule, steps, eps, eps)
        check(slopes.step_size_stages(), scene)


def lab(rate, rule="fixed", steps=100, eps=1e-6):
    return slopes.step_size_scene(rate, 3, 3, rule, steps, eps, eps).readout


def test_the_laboratory_knows_the_slides_numbers():
    assert "Rule 1, |Δf| &lt; 1e-06: stops at step 37" in lab(0.1)
    assert "Rule 2, ‖∇f‖ &lt; 1e-06: stops at step 76" in lab(0.1)
    assert "stops at step 20" in lab(0.2) and "stops at step 38" in lab(0.2)


def test_the_trap_can_be_found():
    said = lab(0.25)
    assert "Rule 1 is fooled: it stops at step 1, where the gradient still has length 29.3" in said
    assert "Rule 2, ‖∇f‖ &lt; 1e-06: not yet" in said and "Diverging" in said


@pytest.mark.parametrize("rate", RATES[1:])
def test_diverging_is_said_exactly_beyond_the_edge(rate):
    assert ("Diverging" in lab(float(rate))) == (rate > slopes.EDGE)
    assert "Diverging" not in lab(float(rate), "exact line search")


def test_the_laboratorys_path_is_the_algorithms():
    run = gradient_descent(LECTURE.value, LECTURE.gradient, (3, 3), 0.15, max_steps=25)
    actors = slopes.step_size_scene(0.15, 3, 3, "fixed", 25, 1e-6, 1e-6).actors
    np.testing.assert_array_equal(actors[0].xy, run.path)
    np.testing.assert_array_equal(actors[3].xy[:, 1], run.values)


def test_without_marks_neither_the_best_rate_nor_the_edge_is_given_away():
    marked, bare = (slopes.step_size_stages(marks)[""].axes["rate"] for marks in (True, False))
    assert len(marked.texts) == 2 and len(bare.texts) == len(bare.lines) == 0
    scene = slopes.step_size_scene(0.25, 3.0, 3.0, "fixed", 40)
    assert "Rule 1" not in scene.readout and "Rule 2" in scene.readout
    check(slopes.step_size_stages(False), scene)


def test_no_label_covers_another_whatever_the_rate():
    stage = slopes.step_size_stages()[""]
    renderer = FigureCanvasAgg(stage.figure).get_renderer()
    marks = [mark.get_window_extent(renderer) for mark in stage.axes["rate"].texts]
    for k in range(61):
        scene = slopes.step_size_scene(0.005 * k, 3.0, -1.0, "fixed", 100, 1e-6, 1e-6)
        words = [actor for actor in scene.actors if hasattr(actor, "words")]
        drawn = [artist for actor in words for artist in actor.draw(stage.axes[actor.where])]
        boxes = [artist.get_window_extent(renderer) for artist in drawn]
        for actor, box, artist in zip(words, boxes, drawn):
            frame = stage.axes[actor.where].get_window_extent()
            assert frame.x0 <= box.x0 and box.x1 <= frame.x1, (k, actor.words)
            assert not any(box.overlaps(other) for other in [*marks, *boxes] if other is not box), (k, actor.words)
            artist.remove()


@pytest.mark.parametrize("equal", [True, False])
def test_the_gradient_s_labels_stay_in_the_picture(equal):
    for x1, x2 in itertools.product(np.linspace(-3, 3, 13), np.linspace(-3, 3, 13)):
        scene = slopes.gradient_scene(x1, x2, equal)
        stage = slopes.gradient_stages()[scene.stage]
        renderer, frame = FigureCanvasAgg(stage.figure).get_renderer(), stage.axes["plane"].get_window_extent()
        for actor in (actor for actor in scene.actors if hasattr(actor, "words")):
            artist, = actor.draw(stage.axes["plane"])
            box = artist.get_window_extent(renderer)
            artist.remove()
            assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1


def test_the_marks_stand_at_the_best_rate_and_at_the_edge():
    assert np.isclose(slopes.BEST, 0.2) and np.isclose(slopes.EDGE, 0.24503, atol=5e-6)


# 03 and 04 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", range(8))
def test_forward_over_its_whole_range(step):
    for row, entry, column, value in itertools.product(range(4), range(7), (0, 2, 4), (-10.0, 0.5, 10.0)):
        check(network.network_stages(), passes.forward_scene(step, row, entry, column, value))


def cells(table):
    return [float(v) for v in re.findall(r"<td class='cell[^>]*>(-?[\d.]+)<", table)]


@pytest.mark.parametrize("step, kind, l", [(s, "ZA"[s % 2 == 0], (s + 1) // 2) for s in range(1, 7)])
def test_forward_shows_the_networks_own_numbers(step, kind, l):
    X, _, net = lecture_example("numpy")
    shown = passes.forward_scene(step, 0, 0, 0, X[0, 0]).readout.split("<table>")[-1]
    expected = getattr(forward(net, X), kind)[l]
    np.testing.assert_allclose(cells(shown), expected.ravel(), atol=0.0051)


def test_an_edited_input_moves_its_row_alone():
    assert "moves 7 of these 28 numbers by 0.005 or more, all in row 1" in passes.forward_scene(1, 1, 0, 2, 9.0).readout
    assert "Edit an input" in passes.forward_scene(1, 0, 0, 0, -8.0).readout


def test_the_loss_at_the_end_is_the_slides():
    assert "The mean of the four is L = 1.1394" in passes.forward_scene(7, 0, 0, 0, -8.0).readout


@pytest.mark.parametrize("step", range(13))
@pytest.mark.parametrize("sample", range(passes.BATCH, 4))
def test_backward_over_its_whole_range(step, sample):
    word = "Autograd agrees" if find_spec("torch") else "Autograd cannot be asked"
    for referee in (False, True):
        scene = passes.backward_scene(step, sample, referee)
        check(network.network_stages(), scene)
        assert (word in scene.readout) == (referee and step > 0)


@pytest.mark.parametrize("step", range(1, 13))
@pytest.mark.parametrize("sample", [passes.BATCH, 1])
def test_backward_shows_the_gradients_of_the_core(step, sample):
    X, Y, net = lecture_example("numpy")
    X, Y = (X, Y) if sample == passes.BATCH else (X[[sample]], Y[[sample]])
    trace = forward(net, X)
    gradients = backward(net, trace, cross_entropy.gradient(trace.A[3], Y))
    kind, l = passes.BACKWARD_STEPS[step - 1]
    shown = passes.backward_scene(step, sample).readout.split("<table>")[-1]
    np.testing.assert_allclose(cells(shown), getattr(gradients, kind)[l].ravel(), atol=5.1e-5)


def test_without_pytorch_the_stepper_says_that_autograd_cannot_be_asked(monkeypatch):
    passes._referee.cache_clear()
    monkeypatch.setitem(sys.modules, "utils.autograd", None)
    scene = passes.backward_scene(3, passes.BATCH, referee=True)
    assert "Autograd cannot be asked: PyTorch is not installed here." in scene.readout and "∂L/∂W" in scene.readout


def test_a_referee_that_disagrees_is_heard(monkeypatch):
    found = passes._referee(passes.BATCH)
    monkeypatch.setattr(passes, "_referee", lambda sample: found._replace(dW={l: 2 * g for l, g in found.dW.items()}))
    assert "Autograd disagrees by" in passes.backward_scene(3, passes.BATCH, True).readout


# 00 and 06: the playground --------------------------------------------------------------------------

OWN = take_in(RNG.normal(size=(30, 2)) * 3, np.arange(30) % 3)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("hidden", [(), (1,), (4,), (8,) * 6])
def test_the_playground_over_its_settings(data, task, hidden):
    cases = [("tanh", 0.1, "1100000"), ("relu", 10.0, "1111111"), ("identity", 0.001, "0000001")]
    for activation, rate, features in cases:
        learner = Learner(Settings(data=data, task=task, hidden=hidden, activation=activation, rate=rate,
                                   features=features, batch=50, l2=0.01), OWN)
        check(board.stages(), board.scene(learner))
        learner.step()
        check(board.stages(), board.scene(learner))
        learner.run_epoch()
        check(board.stages(), board.scene(learner))


@pytest.mark.parametrize("activation", HIDDEN)
@pytest.mark.parametrize("task", TASKS)
def test_the_verdict_agrees_with_autograd_and_differences(activation, task):
    learner = Learner(Settings(activation=activation, task=task, hidden=(5, 3), l2=0.1))
    assert verdict(learner, True) == (True, "No step has been taken yet.")
    learner.step()
    assert verdict(learner, False)[0] and verdict(learner, True)[0]
    assert "all 12 gradients" in verdict(learner, True)[1]


def test_the_verdict_hears_a_wrong_gradient():
    pytest.importorskip("torch")
    learner = Learner(Settings())
    learner.step()
    flipped = {l: -g for l, g in learner.last.gradients.dW.items()}
    learner.last = learner.last._replace(gradients=learner.last.gradients._replace(dW=flipped))
    assert verdict(learner, False)[0] is False
    assert verdict(learner, True) == (False, "The ledger disagrees on dW[2], dW[1].")


def test_the_default_problem_is_learned():
    learner = Learner(Settings())
    for _ in range(100):
        learner.run_epoch()
    assert learner.epoch == 100 and max(learner.losses()) < 0.1 < 0.5 < min(learner.history[0][1:])
    assert len(learner.train) == len(learner.test) == 250 and not set(learner.train) & set(learner.test)


def test_an_epoch_of_single_steps_is_an_epoch():
    steps, epochs = Learner(Settings()), Learner(Settings())
    while not steps.step():
        pass
    epochs.run_epoch()
    assert steps.epoch == epochs.epoch == 1 and steps.history == epochs.history


def test_a_penalty_pulls_the_weights_in():
    loose, tight = Learner(Settings()), Learner(Settings(l2=0.1))
    for _ in range(30):
        loose.run_epoch()
        tight.run_epoch()
    assert abs(tight.net.W[1]).sum() < abs(loose.net.W[1]).sum()
    learner = Learner(Settings(l2=0.5, batch=250))
    before, L = learner.net, 2
    learner.step()
    manual = learner.last.gradients
    np.testing.assert_allclose(learner.net.W[L], before.W[L] - 0.1 * (manual.dW[L] + 0.5 * before.W[L]), rtol=1e-12)
    np.testing.assert_allclose(learner.net.b[L], before.b[L] - 0.1 * manual.db[L], rtol=1e-12)


def test_a_diverging_run_stops_says_so_and_keeps_its_history():
    learner = Learner(Settings(task="regression", activation="identity", features="1111111", hidden=(8, 8), rate=10.0))
    for _ in range(50):
        learner.run_epoch()
    assert learner.diverged and learner.epoch < 50 and learner.history[-1][0] == learner.epoch
    scene = board.scene(learner, verdict(learner, True))
    check(board.stages(), scene)
    assert f"Diverged in epoch {learner.epoch}: lower the learning rate" in scene.readout


@pytest.mark.parametrize("settings", [
    Settings(), Settings(hidden=()), Settings("spiral", 0.25, 0.7, "1010101", (8, 1, 3), "relu", 0.003, 1, 1e-4,
                                              "regression", 42)])
def test_a_state_survives_its_string(settings):
    assert decode(settings.encode()) == settings
    assert len(settings.encode()) < 80


@pytest.mark.parametrize("words, complaint", [
    ("", "11 parts"), ("circle", "11 parts"), (Settings().encode() + "/1", "is no change"),
    (Settings().encode() + "//", "11 parts"),
    (Settings(data="moon").encode(), "data is 'moon'"), (Settings(noise=7).encode(), "noise is '7'"),
    (Settings(hidden=(9,)).encode(), "hidden is '9'"), (Settings(hidden=(1,) * 7).encode(), "hidden"),
    (Settings(features="0000000").encode(), "features"), (Settings(features="11").encode(), "features"),
    (Settings(rate=float("nan")).encode(), "rate is 'nan'"), (Settings(rate=-1).encode(), "rate"),
    (Settings(batch=0).encode(), "batch"), (Settings(seed=-1).encode(), "seed"), (Settings(task="x").encode(), "task"),
])
def test_a_state_that_does_not_fit_is_refused(words, complaint):
    with pytest.raises(ValueError, match=complaint):
        decode(words)


@pytest.mark.parametrize("points, labels, complaint", [
    ([1, 2, 3, 4], [0] * 4, r"points has shape \(4,\)"), ([[1], [2], [3], [4]], [0, 1, 0, 1], "or more columns"),
    ([[1, 2]] * 3, [0, 1, 0], "at least 4 rows"),
    ([[np.nan, 1]] * 4, [0, 1, 0, 1], "nan"), ([[1, 2]] * 4, [0, 1], r"labels has shape \(2,\)"),
    ([[1, 2]] * 4, [1, 1, 1, 1], "two or more classes"), ([[1, 2]] * 4, ["a"] * 4, "every label is a"),
    ([[1, "x"]] * 4, [0, 1, 0, 1], "not a number"), ([[1, 2]] * 4, [0.5, np.inf, 1, 2], "infinity"),
    ([[1, 2]] * 12, list("abcdefghijkl"), "at most 10 classes"), ([[1, 2]] * 4, [1j, 2, 3, 4], "expected words"),
])
def test_points_that_do_not_fit_are_refused(points, labels, complaint):
    with pytest.raises(ValueError, match=complaint):
        take_in(points, labels)


def test_features_are_what_their_names_say():
    X = RNG.normal(size=(7, 2))
    np.testing.assert_allclose(inputs(Settings(features="1111111"), X), np.column_stack([
        X[:, 0], X[:, 1], X[:, 0] ** 2 / 5, X[:, 1] ** 2 / 5, X[:, 0] * X[:, 1] / 5, np.sin(X[:, 0]), np.sin(X[:, 1])]))
    assert inputs(Settings(features="0100001"), X).shape == (7, 2)


def test_the_digits_are_seen_along_their_two_widest_directions():
    from sklearn.decomposition import PCA

    from utils.datasets import digits

    data = digits()
    X, labels, *_ = samples(Settings(data="digits"))
    theirs = PCA(2).fit_transform(np.vstack([data.X_train, data.X_test]))
    for k in range(2):
        assert abs(np.corrcoef(X[:, k], theirs[:, k])[0, 1]) > 1 - 1e-9
    assert len(X) == 1797 and set(labels) == set(range(10))
    np.testing.assert_allclose([X.min(0), X.max(0)], [[-5, -5], [5, 5]], rtol=1e-12)


# 00 -------------------------------------------------------------------------------------------------


DOTS = np.array([0.0, 1.0, 2.0, 4.0]), np.array([1.0, 3.0, 6.0, 7.0])


def test_the_line_s_error_is_half_the_mean_square_of_its_misses():
    X, Y = DOTS
    scene = fits.line_scene(X, Y, 1.0, 1.0)  # misses 0, 1, 3, 2
    assert number(scene.readout, "Err") == "1.7500" and "Err is 1.7500" in scene.alt
    check(fits.line_stages(X, Y), scene)


def test_no_line_beats_the_best_one_and_only_it_is_called_as_good_as_it_gets():
    X, Y = DOTS
    w0, w1 = fits.best_line(X, Y)
    np.testing.assert_allclose([w0, w1], np.polyfit(X, Y, 1)[::-1], rtol=1e-12)
    assert "as good as a straight line gets" in fits.line_scene(X, Y, w0, w1).alt
    stages = fits.line_stages(X, Y)
    for w in itertools.product(np.linspace(-4, 4, 9), np.linspace(-4, 4, 9)):
        scene = fits.line_scene(X, Y, *w)
        check(stages, scene)
        assert fits.error(X, Y, *w) > fits.error(X, Y, w0, w1) and "as good as" not in scene.alt


@pytest.mark.parametrize("X, Y", [
    (np.arange(5.0), 1 + 2 * np.arange(5.0)), (np.arange(3), np.zeros(3, dtype=np.uint8)),
    (1e6 * np.arange(4.0), 1e-6 * np.arange(4.0)), (np.arange(2000), np.arange(2000) % 7),
])
def test_a_line_among_dots_of_one_s_own(X, Y):
    piece = line_explorer(X[:, None], Y)
    for control in piece.controls.values():
        for end in (control.min, control.max):
            control.value = end
            check(piece.stages, piece.current)
    assert piece.picture.value.count("<g") < 20


@pytest.mark.parametrize("X, Y, words", [
    ([1.0, 1.0], [0.0, 2.0], "every x is 1"), ([1.0, 2.0], [1.0], "expected both"),
    (np.ones((2, 2)), [1.0, 2.0], "expected both"), ([0.0, np.nan], [1.0, 2.0], "nan"), ([], [], "expected both"),
])
def test_dots_without_a_line_are_refused(X, Y, words):
    with pytest.raises(ValueError, match=words):
        line_explorer(X, Y)
