"""The bindings: a control that moves is a picture that follows, by hand or by Python; errors are seen and heard."""

import asyncio
import re
import time
from html import escape
from typing import NamedTuple

import ipywidgets as ipw
import numpy as np
import pytest

from utils import widgets
from utils.widgets import page, saved
from utils.widgets.piece import Piece, descendants, slider
from utils.widgets.playground.motion import Motion
from utils.widgets.playground.settings import Settings
from utils.widgets.slopes import tangent_scene, tangent_stages

PIECES = {
    "tangent_explorer": widgets.tangent_explorer, "gradient_explorer": widgets.gradient_explorer,
    "step_size_lab": widgets.step_size_lab, "forward_explorer": widgets.forward_explorer,
    "backward_stepper": widgets.backward_stepper, "playground": widgets.playground,
    "line_explorer": lambda: widgets.line_explorer([-1.0, 0.0, 0.5, 2.0], [0.3, 1.0, 1.4, 2.0]),
}
needs_page = pytest.mark.skipif(page.AnyWidget is None, reason="there is no anywidget here")
each_piece = pytest.mark.parametrize("make", PIECES.values(), ids=list(PIECES))


def controls(piece):
    kinds = ipw.FloatSlider | ipw.IntSlider | ipw.Dropdown | ipw.SelectionSlider | ipw.Checkbox
    return [w for w in descendants(piece) if isinstance(w, kinds)]


def positions(control):
    """Both ends and then the middle, or all options and then the first."""
    if isinstance(control, ipw.Dropdown | ipw.SelectionSlider):
        return [*(value for _, value in control._options_full), control._options_full[0][1]]
    if isinstance(control, ipw.Checkbox):
        return [not control.value, control.value]
    middle = control.min + round((control.max - control.min) / 2 / control.step) * control.step
    return [control.min, control.max, middle]


def shown(piece):
    more = (piece.panel.state.value, piece.numbers.text.value) if hasattr(piece, "panel") else ()
    return "".join((piece.picture.value, piece.readout.value, *more))


@each_piece
def test_every_control_over_its_range_moves_something_and_raises_nothing(make):
    piece = make()
    seen = {control: set() for control in controls(piece)}
    for control in [*seen, *seen]:  # twice, for some have something to say only after others have moved
        for position in positions(control):
            seen[control].add(shown(piece))
            control.value = position
            seen[control].add(shown(piece))
            assert piece.trouble.value == ""
    assert [c.description for c in seen if len(seen[c]) < 2 and c.layout.display != "none"] == []


@each_piece
def test_the_picture_is_described_and_the_description_changes(make):
    piece = make()
    label = re.search(r'role="img" aria-label="([^"]+)"', piece.picture.value)[1]
    moved = controls(piece)[0]
    moved.value = next(p for p in positions(moved)[::-1] if p != moved.value)
    assert re.search(r'aria-label="([^"]+)"', piece.picture.value)[1] != label


@each_piece
def test_every_control_has_a_name(make):
    for widget in descendants(make()):
        if isinstance(widget, ipw.Button | ipw.ValueWidget) and not isinstance(widget, ipw.HTML):
            assert widget.description.strip()


@each_piece
def test_sliders_stand_on_their_grid(make):
    for control in controls(make()):
        if isinstance(control, ipw.FloatSlider | ipw.IntSlider):
            steps = (control.value - control.min) / control.step
            assert abs(steps - round(steps)) < 1e-9, control.description


@each_piece
def test_no_two_controls_share_a_layout(make):
    layouts = [w.layout for w in descendants(make())]
    assert len(set(map(id, layouts))) == len(layouts)


@each_piece
def test_a_piece_shows_itself_live_and_as_a_picture(make, monkeypatch):
    piece = make()
    outputs = []
    monkeypatch.setattr(saved, "display", lambda data, raw, metadata=None: outputs.append((data, metadata)))
    piece._ipython_display_()
    (picture, aside), (caption, mark), (view, _), *script = outputs
    assert picture["image/png"].startswith(b"\x89PNG")
    assert picture["text/plain"] == repr(piece) == aside["image/png"]["alt"]
    assert aside["lecture"] == mark["lecture"] == "saved" and escape(repr(piece)) in caption["text/html"]
    assert list(view) == [saved.VIEW] and view[saved.VIEW]["model_id"] == piece.model_id
    assert "Box(" not in repr(piece) and len(script) == (page.AnyWidget is None)


@each_piece
def test_a_step_sends_the_layer_alone(make):
    piece = make()
    static = [w for w in descendants(piece) if isinstance(w, ipw.HTML) and "<style>" in w.value]
    before = [w.value for w in static]
    controls(piece)[0].value = positions(controls(piece)[0])[0]
    assert [w.value for w in static] == before
    assert "base64" in before[0] and piece.stages[piece.current.stage].style not in piece.picture.value
    assert piece.picture._dom_classes == (piece.stages[piece.current.stage].name,)


# Errors ---------------------------------------------------------------------------------------------


def fragile(x):
    if x > 2:
        raise ArithmeticError("x < 2 was <expected>")
    return tangent_scene("x²", x, 1.0)


def test_an_error_reaches_the_person_and_the_test():
    piece = Piece(fragile, tangent_stages(), {"x": slider("x", 1, 0, 4, 1)})
    last = piece.picture.value
    with pytest.raises(ArithmeticError):
        piece.controls["x"].value = 3
    assert "x &lt; 2 was &lt;expected&gt;" in piece.trouble.value and 'role=\'alert\'' in piece.trouble.value
    assert piece.picture.value == last
    piece.controls["x"].value = 2
    assert piece.trouble.value == ""


# The explorer, the stepper ---------------------------------------------------------------------------


def press(piece, name):
    next(w for w in descendants(piece) if isinstance(w, ipw.Button) and name in w.description).click()


def test_one_click_is_one_gradient():
    piece = widgets.backward_stepper(step=0)
    seen = []
    for _ in range(14):  # two more than there are
        press(piece, "One gradient back")
        seen.append(re.search(r"(d[AZWb]{1,2}\[\d\])", piece.current.alt)[1])
    assert seen == [f"{kind}[{l}]" for l in (3, 2, 1) for kind in ("dA", "dZ", "dW", "db")] + ["db[1]"] * 2
    press(piece, "Undo")
    assert "dW[1]" in piece.current.alt


def test_forward_and_back_again():
    piece = widgets.forward_explorer(step=0)
    first = piece.picture.value
    press(piece, "Forward")
    assert piece.picture.value != first
    press(piece, "Back")
    press(piece, "Back")
    assert piece.picture.value == first


def test_choosing_another_input_edits_nothing():
    piece = widgets.forward_explorer()
    for column in (2, 5, 3):
        piece.controls["column"].value = column
        assert "Edit an input" in piece.readout.value
    piece.controls["value"].value = 9.5
    assert "The edited input moves" in piece.readout.value


# The playground -------------------------------------------------------------------------------------


def test_the_controls_and_the_state_say_the_same():
    piece = widgets.playground()
    piece.controls["data"].value = "spiral"
    piece.panel.layers.value = 3
    piece.panel.widths[2].value = 7
    piece.panel.inputs[5].value = True
    state = "spiral/0.1/0.5/1100010/4x4x7/tanh/0.1/10/0/classification/0"
    assert piece.panel.state.value == piece.settings.encode() == state
    other = widgets.playground(piece.panel.state.value)
    assert other.settings == piece.settings and other.picture.value == piece.picture.value


def test_a_state_can_be_given_back():
    piece = widgets.playground()
    wanted = Settings("xor", 0.3, 0.7, "0010001", (8, 2), "relu", 0.007, 3, 0.02, "regression", 4321)
    piece.panel.state.value = wanted.encode()
    assert piece.settings == piece.learner.settings == wanted and piece.trouble.value == ""
    assert [w.layout.display for w in piece.panel.widths] == [None, None, *["none"] * 4]


def test_a_state_that_does_not_fit_is_refused_in_a_sentence_and_changes_nothing():
    piece = widgets.playground()
    before = piece.settings
    piece.panel.state.value = "circle/0.1"
    assert "This was not taken up: a state has 11 parts" in piece.trouble.value
    piece.panel.state.value = before._replace(data="own").encode()
    assert "points=X" in piece.trouble.value
    assert piece.settings == before


def test_the_last_input_cannot_be_taken_away():
    piece = widgets.playground()
    for box in piece.panel.inputs:
        box.value = False
    assert sum(box.value for box in piece.panel.inputs) == 1 and "one input has to stay" in piece.trouble.value


def test_rate_batch_and_penalty_go_on_with_the_same_network():
    piece = widgets.playground()
    press(piece, "Epoch")
    net = piece.learner.net
    for name, value in (("rate", 0.01), ("batch", 50), ("l2", 0.1)):
        piece.controls[name].value = value
    assert piece.learner.net is net and piece.learner.settings == piece.settings
    piece.controls["seed"].value = 3
    assert piece.learner.net is not net and piece.learner.epoch == 0


def test_step_epoch_and_reset():
    pytest.importorskip("torch")
    piece = widgets.playground()
    start = piece.picture.value
    press(piece, "Step")
    assert piece.learner.epoch == 0 and "all 8 gradients of this step agree" in piece.readout.value
    press(piece, "Epoch")
    assert piece.learner.epoch == 1
    press(piece, "Reset")
    assert piece.learner.epoch == 0 and piece.picture.value == start


def test_play_leaves_the_kernel_free_and_stops_at_once():
    async def session():
        piece, heard = widgets.playground(), 0
        piece.toggle()
        for _ in range(8):  # another cell's work, in between
            await asyncio.sleep(0.05)
            heard += 1
        piece.toggle()
        epoch = piece.learner.epoch
        await asyncio.sleep(0.15)
        return piece, heard, epoch

    piece, heard, epoch = asyncio.run(session())
    assert heard == 8 and epoch > 0 and piece.learner.epoch == epoch
    assert piece.task is None and "Play" in piece.play_button.description
    assert f"epoch {epoch}:" in piece.current.alt


def test_only_one_plays_at_a_time():
    async def session():
        first, second = widgets.playground(), widgets.playground()
        first.toggle()
        await asyncio.sleep(0.05)
        second.toggle()
        state = first.task, second.task
        second.pause()
        return state

    assert asyncio.run(session())[0] is None


class Sent(NamedTuple):
    """A picture that a playground has sent: when, after how many questions, the last one when, and was that late?"""

    at: float
    asked: int
    asked_at: float
    late: bool


def pictures_in_motion(answers, monkeypatch, enough, seconds=60):
    """Let a playground play before a page until `enough(pictures, piece)`; return the pictures that it was sent.

    `answers` says after how many questions the page falls silent; None: it never answers. How long that takes is left
    to the machine.
    """
    async def session():
        piece, pictures, end = widgets.playground(), [], time.perf_counter() + seconds

        def sent(_):
            page = piece.page
            pictures.append(Sent(time.perf_counter(), page.asked, page.when, page.is_late(piece.LATE)))

        monkeypatch.setattr(piece, "play", sent)
        piece.page.answered = int(answers is not None)
        piece.toggle()
        while not enough(pictures, piece):
            assert time.perf_counter() < end, f"{len(pictures)} pictures in {seconds} s"
            await asyncio.sleep(0.004)
            if answers and piece.page.asked <= answers:
                piece.page.answered = piece.page.asked
        sent_by_then = list(pictures)
        piece.pause()
        return sent_by_then

    return asyncio.run(session())


@needs_page
def test_a_page_that_keeps_up_gets_picture_after_picture_and_is_asked_twice_a_second(monkeypatch):
    pictures = pictures_in_motion(99, monkeypatch, lambda pictures, piece: piece.page.asked == 4)
    questions = {picture.asked: picture.asked_at for picture in pictures}
    assert list(questions) == [1, 2, 3] and questions[3] - questions[2] > Motion.ASKING
    assert len(pictures) > 2 * len(questions)


@needs_page
def test_a_page_that_is_late_is_sent_no_more_pictures_and_the_training_goes_on(monkeypatch):
    monkeypatch.setattr(Motion, "PATIENCE", 60.0)
    epochs = []  # since the page is late

    def enough(_, piece):
        if piece.page.is_late(Motion.LATE):
            epochs.append(piece.learner.epoch)
        return epochs and epochs[-1] > epochs[0] + 40

    pictures = pictures_in_motion(2, monkeypatch, enough)
    late = [picture for picture in pictures if picture.late and picture.asked == 3]
    assert pictures[-1].asked == 3 and len(late) <= 1  # one may be on its way when the time is up


@needs_page
def test_a_page_that_sleeps_is_sent_a_picture_from_time_to_time(monkeypatch):
    monkeypatch.setattr(Motion, "PATIENCE", 0.3)
    pictures = pictures_in_motion(1, monkeypatch, lambda pictures, _: sum(picture.late for picture in pictures) == 4)
    times = [picture.at for picture in pictures if picture.late]
    assert min(np.diff(times[1:])) >= Motion.PATIENCE


@needs_page
def test_a_page_that_has_never_answered_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(Motion, "PATIENCE", 60.0)
    pictures = pictures_in_motion(None, monkeypatch, lambda pictures, _: len(pictures) == 6)
    assert not any(picture.late for picture in pictures)


def test_a_diverging_run_stops_by_itself():
    async def session():
        piece = widgets.playground("circle/0.1/0.5/1111111/8x8/identity/10/10/0/regression/0")
        piece.toggle()
        for _ in range(100):
            await asyncio.sleep(0.02)
            if piece.task is None:
                return piece

    piece = asyncio.run(session())
    assert piece.learner.diverged and "Diverged in epoch" in piece.readout.value


def test_an_error_while_playing_stops_it_and_is_said(monkeypatch):
    async def session():
        piece = widgets.playground()
        monkeypatch.setattr(piece, "update", lambda: 1 / 0)
        piece.toggle()
        task = piece.task
        with pytest.raises(ZeroDivisionError):
            await task
        return piece

    piece = asyncio.run(session())
    assert "division by zero" in piece.trouble.value and piece.task is None


def test_ones_own_points():
    X = np.random.default_rng(0).normal(size=(40, 2)) * 100
    piece = widgets.playground(points=X, labels=np.arange(40) % 3)
    assert piece.settings.data == "own" and piece.learner.classes == 3
    assert "own" in piece.controls["data"].options and "own" not in widgets.playground().controls["data"].options
    press(piece, "Epoch")
    assert piece.learner.epoch == 1
    with pytest.raises(ValueError, match="points has shape"):
        widgets.playground(points=X.T, labels=[0, 1])
