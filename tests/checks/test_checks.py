"""The engine behind the exercises: it never raises, says one sentence, and says the right one."""

import time
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from utils.checks.clock import TookTooLong, limited
from utils.checks.exercise import Exercise
from utils.checks.results import is_close
from utils.checks.verdict import AS_GIVEN, BLANK, Verdict

rng = np.random.default_rng(0)
SAMPLES = [(rng.normal(size=(N, n)), rng.normal(size=(m, n))) for N, n, m in ((4, 5, 3), (2, 3, 7), (3, 3, 3))]


def scores(X, W):
    """Return the scores, shape (N, m)."""
    return X @ W.T


def untransposed(X, W):
    """W enters turned round."""
    return X @ W


def shifted(X, W):
    """Something has been added."""
    return X @ W.T + 1


EXERCISE = Exercise(scores, SAMPLES, ["Look at the shapes.", "n meets n."], [untransposed, shifted])


def moments(x):
    """Return mean and range."""
    return {"mean": x.mean()}, x.max() - x.min()


def negative_mean(x):
    """The mean has the wrong sign."""
    return {"mean": -x.mean()}, x.max() - x.min()


PARTS = Exercise(moments, [(rng.normal(size=5),), (rng.normal(size=3),)], (), [negative_mean], parts=("mean", "range"))


def best():
    """a letter"""
    return "b"


def worst():
    """That one is the worst."""
    return "c"


CHOICE = Exercise(best, hints=["Not c."], mistakes=[worst])
NUMBER = Exercise(lambda: 0.2, rtol=1e-2)
PAIR = Exercise(lambda: (4, 7))


def said(answer, exercise=EXERCISE):
    return exercise.verdict(answer).sentence


# Right, blank, known -------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [
    scores,
    lambda X, W: (W @ X.T).T,
    lambda a, b: np.einsum("in,jn->ij", a, b),
    lambda X, W: (X.astype(np.float32) @ W.T.astype(np.float32)),
    lambda X, W: (X @ W.T).tolist(),
    lambda X, W: torch.from_numpy(X) @ torch.from_numpy(W).T,
    lambda X, W: torch.nn.functional.linear(X, W),  # runs on tensors alone
    lambda *arguments: arguments[0] @ arguments[1].T,
    lambda X, W, extra=0: X @ W.T + extra,
], ids=range(9))
def test_every_right_way_is_right(answer):
    assert EXERCISE.verdict(answer)[:2] == ("right", "Right, in all 3 tests.")


def half_filled(X, W):
    scores = X @ ...
    return scores


def dots_returned(X, W):
    return ...


def only_said(X, W):
    """To be done."""


def to_be_done(X, W):
    raise NotImplementedError


@pytest.mark.parametrize("answer", [None, ..., half_filled, dots_returned, only_said, to_be_done, lambda X, W: None,
                                    lambda X, W: {1: [..., 2]}], ids=range(8))
def test_a_blank_is_a_blank(answer):
    assert EXERCISE.verdict(answer)[:2] == ("blank", BLANK)


@pytest.mark.parametrize("answer", [None, ..., "", "  "])
def test_a_question_without_an_answer_is_a_blank(answer):
    assert CHOICE.verdict(answer)[:2] == ("blank", BLANK)


@pytest.mark.parametrize("mistake", [untransposed, shifted])
def test_a_known_mistake_gets_its_sentence(mistake):
    assert EXERCISE.verdict(mistake)[:2] == ("mistake", mistake.__doc__)
    assert EXERCISE.verdict(lambda X, W: torch.from_numpy(mistake(X, W)))[:2] == ("mistake", mistake.__doc__)


def test_a_mistake_that_never_runs_is_not_taken_for_another_that_never_runs():
    assert said(lambda X, W: X @ W @ W).startswith("It stopped")


def test_a_mistake_in_the_first_wrong_part_is_recognised_whatever_comes_after():
    assert PARTS.verdict(lambda x: ({"mean": -x.mean()}, 0.0)).sentence == "The mean has the wrong sign."


def test_given_code_is_recognised_and_is_not_an_answer():
    hunt = Exercise(scores, SAMPLES, given=shifted)
    assert hunt.verdict(shifted)[:2] == ("blank", AS_GIVEN)
    assert hunt.verdict(scores)


@pytest.mark.parametrize("answer", ["b", "B", " b ", "(b)", "b)", "b.", "b, because", "b) the best", "b: best",
                                    ["b"]])
def test_a_choice_may_be_written_as_people_write_it(answer):
    assert CHOICE.verdict(answer)


# The general diagnosis -----------------------------------------------------------------------------


def forgot_return(X, W):
    X @ W.T


def stops(X, W):
    return X @ W.T + undefined_name  # noqa: F821


def in_place(X, W):
    product = X @ W.T
    X *= 0
    return product


@pytest.mark.parametrize("answer, words", [
    (lambda X, W: W @ X.T, "transposed: rows and columns are swapped"),
    (lambda X, W: -(X @ W.T), "the wrong sign everywhere"),
    (lambda X, W: 2 * X @ W.T, "2 times too large everywhere"),
    (lambda X, W: X @ W.T / 3, "3 times too small everywhere"),
    (lambda X, W: X @ W.T / -2, "2 times too small everywhere and has the wrong sign"),
    (lambda X, W: len(X) * X @ W.T, "exactly N times too large"),
    (lambda X, W: X @ W.T / len(X), "exactly N times too small"),
    (lambda X, W: X @ W.T * W.shape[0], "a factor that is another one in each test, such as 7"),
    (lambda X, W: X @ W.T + 0.5, "off by the same amount everywhere, 0.5"),
    (lambda X, W: (X @ W.T) * np.nan, "nan or infinite"),
    (lambda X, W: (X @ W.T).ravel(), "the right numbers in the shape (12,), expected (4, 3)"),
    (lambda X, W: X, "an array of shape (4, 5), expected an array of shape (4, 3)"),
    (lambda X, W: 1.0, "one number, expected an array of shape (4, 3)"),
    (lambda X, W: X[:, None] * W, "a sum over the axis 2 is missing"),
    (lambda X, W: X @ W.T * (1 + 1e-3 * np.sin(np.arange(len(W)))), "nearly right"),
    (lambda X, W: np.where(np.arange(len(X))[:, None] == 1, X @ W.T, 7), "Only row 1 is right."),
    (lambda X, W: np.where(np.arange(len(W)) == 1, X @ W.T, 7), "4 of the 12 numbers in your result are right"),
    (lambda X, W: "a matrix", "is a text, expected an array of shape (4, 3)"),
    (lambda X, W: {"Z": X @ W.T}, "is a dict"),
    (lambda X, W: scores, "is a function"),
    (forgot_return, "None: is a return missing?"),
    (stops, "`return X @ W.T + undefined_name  # noqa: F821`, with NameError: name 'undefined_name' is not defined"),
    (lambda X, W: X @ W @ W, "The arguments were X (4, 5), W (3, 5)."),
    (in_place, "but X is not what it was"),
    (lambda X: X, "Your function takes (X), expected (X, W)."),
    (lambda: 1, "Your function takes (), expected (X, W)."),
    (scores(*SAMPLES[0]), "takes the function itself, check(my_scores), and not its result"),
    (lambda X, W: exit(), "SystemExit"),
    (lambda X, W: 1 / 0, "ZeroDivisionError: division by zero"),
    (lambda X, W: (row for row in X @ W.T), "is a generator, expected an array of shape (4, 3)"),
    (lambda X, W: X @ W.T * 1.0001, "nearly right"),
], ids=range(31))
def test_an_unknown_mistake_is_described(answer, words):
    verdict = EXERCISE.verdict(answer)
    assert verdict.kind == "wrong" and words in verdict.sentence


@pytest.mark.parametrize("answer, words", [
    (lambda x: {"mean": x.mean()}, "is a dict, expected 2 results (mean, range)"),
    (lambda x: ({"mean": x.mean()},), "has 1 part, expected 2 results (mean, range)"),
    (lambda x: ({"median": x.mean()}, 0), "mean has the keys 'median', expected a dict with the keys 'mean'"),
    (lambda x: (x.mean(), 0), "mean is a number, expected a dict"),
    (lambda x: ({"mean": x.mean()}, x.max()), "(mean is right.)"),
    (lambda x: ({"mean": 3 * x.mean()}, x.max()), "mean['mean'] is 3 times too large everywhere"),
])
def test_of_several_results_the_first_wrong_one_is_described(answer, words):
    assert words in said(answer, PARTS)


def test_the_right_value_of_a_yes_or_no_is_said_with_its_arguments():
    exercise = Exercise(lambda n: n > 3, [(2,), (5,)])
    assert said(lambda n: True, exercise) == ("Your result is True, expected False. The arguments were "
                                                      "n = 2. The argument n is not used in your function.")


@pytest.mark.parametrize("exercise, answer, words", [
    (CHOICE, "e", "'e' is not the answer"), (CHOICE, 2, "is a number, expected a letter alone, in quotation marks"),
    (CHOICE, "b or c", "is a text, expected a letter alone"), (CHOICE, "not b, but c", "is a text, expected a letter"),
    (NUMBER, 1 / 3, "0.3333 is not the answer"),
    (NUMBER, 0.4, "0.4 is not the answer"), (NUMBER, "two", "Where does the point stand?"),
    (NUMBER, "three", "3 is not the answer"), (NUMBER, "some", "is a text, expected one number"),
    (PAIR, (7, 5), "(7, 5) is not the answer"), (PAIR, (4,), "has 1 part, expected a tuple of 2"),
    (CHOICE, best, "is a function"),
])
def test_a_wrong_answer_to_a_question_does_not_give_the_right_one_away(exercise, answer, words):
    verdict = exercise.verdict(answer)
    assert verdict.kind == "wrong" and words in verdict.sentence
    assert "0.2" not in verdict.sentence and "(4, 7)" not in verdict.sentence and "'b'" not in verdict.sentence


def test_of_a_question_s_parts_those_that_are_right_are_named():
    pair = Exercise(lambda: (2, "b"), parts=("count", "choice"))
    assert pair.verdict((2, "c")).sentence == "Right so far: count. Look again at choice."
    assert pair.verdict([3, "(B)"]).sentence == "Right so far: choice. Look again at count."
    assert "Right so far" not in pair.verdict((3, "c")).sentence
    assert pair.verdict(("two", "B")).kind == "right"


def test_of_several_truths_it_is_said_how_many_are_right_and_not_which():
    truths = Exercise(lambda: (True, False, True), parts=("one", "two", "three"))
    assert truths.verdict((True, True, True)).sentence == "2 of the 3 are right."
    assert truths.verdict((False, False, False)).sentence == "1 of the 3 is right."
    assert truths.verdict(("yes", "no", "true")).kind == "right"


# What careless code would get wrong ------------------------------------------------------------------


def test_advice_is_given_where_a_mistake_has_no_name():
    exercise = Exercise(scores, SAMPLES, mistakes=[shifted], advice="Look at the axes.")
    assert said(lambda X, W: W @ X.T, exercise).endswith(" Look at the axes.")
    assert "axes" not in said(shifted, exercise) + said(scores, exercise) + said(None, exercise)


def test_zero_is_right_up_to_rounding():
    assert is_close([1e-9, 1.0], np.array([0.0, 1.0]))


def test_the_arguments_are_those_of_the_test_that_failed():
    exercise = Exercise(lambda n: n > 3, [(2,), (5,)])
    assert said(lambda n: n < 0, exercise).endswith("n = 5.")


def test_part_of_an_answer_to_a_question_is_no_mistake():
    def swapped():
        """Turned round."""
        return 7, 4

    exercise = Exercise(lambda: (4, 7), mistakes=[swapped])
    assert exercise.verdict((7, 5)).kind == "wrong" and exercise.verdict((7, 4)).kind == "mistake"


def test_a_mistake_is_not_blamed_for_a_later_part_alone():
    def both(x):
        """Both are wrong."""
        return {"mean": -x.mean()}, 0.0

    exercise = Exercise(moments, [(np.array([1.0, 2, 4]),)], mistakes=[both], parts=("mean", "range"))
    assert exercise.verdict(lambda x: ({"mean": x.mean()}, 0.0)).kind == "wrong"
    assert exercise.verdict(lambda x: ({"mean": -x.mean()}, 1.0)).kind == "mistake"


def test_what_runs_is_not_a_mistake_that_stops():
    assert EXERCISE.verdict(lambda X, W: X @ W if len(X) == 3 else X @ W.T).kind == "wrong"


def test_a_shape_that_is_wrong_in_a_later_test_alone_is_described():
    assert "shape (2, 3), expected an array of shape (2, 7)" in said(lambda X, W: X @ W.T if len(X) == 4 else X)


def test_the_worst_number_is_the_worst():
    exercise = Exercise(lambda x: 2 * x, [(np.arange(1.0, 4),)])
    assert "The worst is your result[2]: 11, expected 6." in said(lambda x: 2 * x + np.array([0, 1, 5]), exercise)


def test_a_list_that_has_grown_is_noticed():
    exercise = Exercise(lambda v: v[-1], [([1.0, 2.0],)])
    assert "v is not what it was" in said(lambda v: (v[-1], v.append(0))[0], exercise)


def test_a_notebook_s_own_strictness_stays_outside():
    with np.errstate(all="raise"):
        assert EXERCISE.verdict(lambda X, W: (np.exp(np.float64(-1e4)), X @ W.T)[1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert EXERCISE.verdict(lambda X, W: (warnings.warn("old", stacklevel=1), X @ W.T)[1])


# It stands aside -----------------------------------------------------------------------------------


def for_ever(X, W):
    while True:
        X = X + 1


def test_a_loop_that_never_ends_is_stopped_once(monkeypatch):
    monkeypatch.setattr("utils.checks.clock.SECONDS", 0.2)
    start = time.monotonic()
    assert "does a loop never end?" in said(for_ever)
    assert time.monotonic() - start < 1.5


def test_a_loop_that_never_ends_in_a_later_test_is_stopped(monkeypatch):
    monkeypatch.setattr("utils.checks.clock.SECONDS", 0.2)

    def later(X, W):
        while len(X) == 2:
            pass
        return X @ W.T

    assert "does a loop never end?" in said(later)


def test_a_loop_that_stays_in_its_line_is_stopped_too(monkeypatch):
    monkeypatch.setattr("utils.checks.clock.SECONDS", 0.2)
    names = {}
    exec("def my_scores(X, W):\n    while True: pass", names)
    assert "does a loop never end?" in said(names["my_scores"])


@pytest.mark.parametrize("answer", [0.2, [0.2], np.array([0.2]), torch.tensor([[0.2]]), np.float32(0.2)])
def test_the_right_number_may_come_in_brackets(answer):
    assert NUMBER.verdict(answer)


def test_a_debugger_gets_its_trace_back():
    import sys

    def trace(*_):
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        EXERCISE.verdict(scores)
        found = sys.gettrace()
    finally:
        sys.settrace(before)
    assert found is trace


def test_what_takes_too_long_cannot_be_caught_as_an_exception(monkeypatch):
    monkeypatch.setattr("utils.checks.clock.SECONDS", 0.05)

    def stubborn():
        while True:
            try:
                for _ in range(10):
                    pass
            except Exception:
                pass

    with pytest.raises(TookTooLong), limited():
        stubborn()


class Hostile:
    """An object that objects to everything."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __eq__(self, other):
        raise RuntimeError("eq")

    __hash__ = None

    def __array__(self, *_, **__):
        raise RuntimeError("array")

    def __repr__(self):
        raise RuntimeError("repr")


@pytest.mark.parametrize("exercise", [EXERCISE, PARTS, CHOICE, NUMBER])
@pytest.mark.parametrize("answer", [Hostile(), Hostile, lambda *_: Hostile(), lambda *_: [Hostile(), Hostile()],
                                    lambda *_: ({"mean": Hostile()}, Hostile()), print, np.sin, object()], ids=range(8))
def test_no_object_gets_a_check_to_raise(exercise, answer, capsys):
    assert exercise.check(answer).kind in ("wrong", "blank")
    assert capsys.readouterr().out.count("\n") == 1 + (answer is print and not exercise.is_question)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.integers() | st.just(...),
                    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner)
                    | st.dictionaries(st.text(max_size=3), inner, max_size=3)))
def test_no_value_is_called_right_or_raises(value):
    for exercise in (EXERCISE, PARTS):
        assert exercise.verdict(lambda *_: value).kind in ("wrong", "blank", "open")
        assert not exercise.verdict(value)


def test_a_check_prints_one_line_and_what_the_student_prints(capsys):
    def chatty(X, W):
        print("here I am")
        return X @ W.T

    assert EXERCISE.check(chatty)
    assert capsys.readouterr().out == "Right, in all 3 tests.\nYour function printed: here I am\n"


def test_the_samples_stay_as_they_were():
    before = [[a.copy() for a in args] for args in SAMPLES]
    EXERCISE.verdict(in_place)
    assert all(np.array_equal(a, b) for old, new in zip(before, SAMPLES) for a, b in zip(old, new))


def test_a_single_argument_need_not_be_wrapped():
    assert Exercise(lambda x: 2 * x, [np.arange(3.0)]).verdict(lambda x: x + x)


# Hints, solution, use ------------------------------------------------------------------------------


def test_hints_come_one_at_a_time_and_begin_again(capsys):
    exercise = Exercise(scores, SAMPLES, ["first", "second"])
    for _ in range(3):
        exercise.hint()
    assert capsys.readouterr().out.splitlines() == [
        "Hint 1 of 2: first", "Hint 2 of 2: second", "That was the last one; ex.scores.solution() shows the whole way.",
        "Hint 1 of 2: first"]
    Exercise(scores, SAMPLES).hint()
    assert capsys.readouterr().out == "There is no hint here.\n"


def test_the_solution_is_the_source_of_what_is_compared_with(capsys):
    EXERCISE.solution()
    source = capsys.readouterr().out
    assert source.startswith("def my_scores(X, W):")
    names = {}
    exec(source, names)
    assert EXERCISE.verdict(names["my_scores"])


def test_the_solution_of_a_question_is_an_assignment(capsys):
    CHOICE.solution()
    assert capsys.readouterr().out == 'my_best = "b"\n'


def test_a_blank_is_made_from_the_solution():
    assert EXERCISE.blank() == 'def my_scores(X, W):\n    """Return the scores, shape (N, m)."""\n    ...'
    assert PARTS.blank().splitlines()[2:] == ["    mean = ...", "    range = ...", "    return mean, range"]
    assert CHOICE.blank() == "my_best = ...     # a letter"
    assert Exercise(scores, SAMPLES, given=shifted).blank().startswith("def my_scores(X, W):")


def test_use_goes_on_with_what_is_right(capsys):
    mine = lambda X, W: X @ W.T  # noqa: E731
    assert EXERCISE.use(mine) is mine
    assert EXERCISE.use(shifted) is scores and EXERCISE.use(None) is scores
    assert CHOICE.use("c") == "b" and CHOICE.use("B") == "B"
    assert capsys.readouterr().out.splitlines()[:2] == ["Going on with your answer.",
                                                        "Going on with the solution, until yours is right."]


def test_a_verdict_shows_nothing_of_itself_in_a_notebook():
    assert Verdict("right", "Right.")._ipython_display_() is None
    assert bool(Verdict("right", "")) and not Verdict("mistake", "")


def test_an_exercise_says_what_can_be_done_with_it():
    assert repr(EXERCISE) == "exercise scores: .check(my_scores)  .hint()  .solution()  .use(my_scores)"


def test_an_exercise_may_judge_the_answer_to_a_question_by_itself():
    def even():
        """an even number"""
        return 2

    even = Exercise(even, tell=lambda n: "" if n % 2 == 0 else f"{n} is odd.")
    even.wrong_answers(seven=(7, "Seven is the number of days in a week."))
    said = [even.verdict(n)[:2] for n in (2, 4, 5, 7, "many")]
    assert said[:4] == [("right", "Right."), ("right", "Right."), ("wrong", "5 is odd."),
                        ("mistake", "Seven is the number of days in a week.")]
    assert said[4][0] == "wrong" and "odd" not in said[4][1]
