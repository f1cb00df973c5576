"""The catalogue: solutions pass, each mistake gets exactly its own sentence, nothing wrong is called right."""

import inspect
import itertools
import json
import linecache
import re
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from utils.checks.case import Case
from utils.checks.exercise import KINDS
from utils.checks.results import is_close, leaves, same
from utils.checks.runs import Run, mapped
from utils.checks.text import sentence_of
from utils.checks.verdict import AS_GIVEN, BLANK
from utils.exercises import lessons

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LESSONS = lessons()
EXERCISES = [exercise for lesson in LESSONS for exercise in lesson.exercises.values()]
MISTAKES = [(exercise, mistake) for exercise in EXERCISES for mistake in exercise.mistakes]
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
each_function = pytest.mark.parametrize("exercise", [e for e in EXERCISES if not e.is_question], ids=lambda e: e.name)
each_question = pytest.mark.parametrize("exercise", [e for e in EXERCISES if e.is_question], ids=lambda e: e.name)
each_mistake = pytest.mark.parametrize("exercise, mistake", MISTAKES, ids=lambda x: getattr(x, "__name__", ""))


def answer_of(exercise, function):
    """What a student hands in: the function, or the value that the question's function returns."""
    return function() if exercise.is_question else function


# What there is -------------------------------------------------------------------------------------


def test_there_are_enough_and_every_notebook_has_its_share():
    assert len(EXERCISES) >= 24
    assert all(len(lesson.exercises) >= 4 for lesson in LESSONS)
    assert [f"{lesson.notebook}.ipynb" for lesson in LESSONS] == sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
    assert len({e.name for e in EXERCISES}) == len(EXERCISES)


def test_every_kind_of_mistake_is_recognised_somewhere():
    assert len(KINDS) == 13
    assert {kind for e in EXERCISES for kind in e.kinds} - {""} == set(KINDS)


@each_exercise
def test_an_exercise_knows_three_mistakes_and_two_hints(exercise):
    assert len(exercise.mistakes) >= 3 and len(exercise.hints) >= 2
    assert len(exercise.kinds) == len(exercise.mistakes)


@each_exercise
def test_an_exercise_says_how_hard_it_is_and_how_long_it_takes(exercise):
    assert exercise.level in (1, 2, 3) and 1 <= exercise.minutes <= 15
    assert exercise.effort == f"{'●' * exercise.level} {exercise.minutes} min"


def test_there_is_something_easy_in_every_notebook_and_something_hard_in_most():
    levels = [[exercise.level for exercise in lesson.exercises.values()] for lesson in LESSONS]
    assert all(1 in some for some in levels) and sum(3 in some for some in levels) >= 6


@each_exercise
def test_sentences_are_sentences_and_all_different(exercise):
    said = [sentence_of(mistake) for mistake in exercise.mistakes]
    assert len(set(said)) == len(said)
    assert all(30 < len(s) < 200 and s[-1] in ".?" for s in said)
    assert all(h[-1] in ".?:" for h in exercise.hints)


@each_function
def test_no_sentence_gives_a_line_away(exercise):
    """Neither a line of the solution nor what it computes stands in what a student is told."""
    lines = [line.strip().removeprefix("return ").partition(" = ")[2] or line.strip().removeprefix("return ")
             for line in exercise.source().splitlines()[2:]]
    told = [sentence_of(mistake) for mistake in exercise.mistakes]
    assert not [(line, words) for line in lines if len(line) > 12 for words in told if line in words]


@each_function
def test_sizes_differ_so_that_no_transpose_passes_by_accident(exercise):
    """In at least one sample, no two axes of the array arguments are of the same size by accident."""
    shapes = [[arg.shape for arg in args if isinstance(arg, np.ndarray) and arg.ndim == 2] for args in exercise.samples]
    if exercise.name not in ("best_rate", "ring_round"):  # take square matrices
        assert any(len(set(shape)) == 2 for some in shapes for shape in some) or not any(shapes)


def test_readme_says_how_many_exercises_there_are():
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
    assert re.findall(r"(\d+) exercises", readme) == [str(len(EXERCISES))]


# Right ---------------------------------------------------------------------------------------------


@each_exercise
def test_the_solution_passes_and_takes_well_under_a_second(exercise):
    start = time.perf_counter()
    verdict = exercise.verdict(answer_of(exercise, exercise.reference))
    assert verdict.kind == "right" and verdict.sentence.startswith("Right")
    assert time.perf_counter() - start < 0.5  # measured: under 5 ms


@each_function
def test_an_answer_in_float32_passes(exercise):
    def rounded(*args):
        return mapped(exercise.reference(*args), lambda x: x.astype(np.float32) if x.dtype == float else x)

    assert exercise.verdict(rounded)


@each_function
def test_an_answer_in_tensors_passes_and_a_mistake_in_tensors_is_recognised(exercise):
    def in_tensors(function):
        return lambda *args: mapped(function(*args), torch.from_numpy)

    assert exercise.verdict(in_tensors(exercise.reference))
    for mistake in exercise.mistakes:
        assert exercise.verdict(in_tensors(mistake)).sentence == sentence_of(mistake)


@each_exercise
def test_what_is_printed_as_the_solution_is_one(exercise):
    names = dict(vars(inspect.getmodule(exercise.reference)))
    exec(exercise.source(), names)
    assert exercise.verdict(names[f"my_{exercise.name}"])


@each_exercise
def test_the_blank_is_a_blank(exercise):
    names = dict(vars(inspect.getmodule(exercise.reference)))
    exec(exercise.blank(), names)
    verdict = exercise.verdict(names[f"my_{exercise.name}"])
    assert verdict[:2] == ("blank", BLANK if "..." in exercise.blank() else AS_GIVEN)


# Wrong ---------------------------------------------------------------------------------------------


@each_mistake
def test_a_mistake_gets_exactly_its_own_sentence(exercise, mistake):
    assert exercise.verdict(answer_of(exercise, mistake))[:3] == ("mistake", sentence_of(mistake), mistake.__name__)


@each_exercise
def test_mistakes_can_be_told_from_one_another_and_from_the_solution(exercise):
    with np.errstate(all="ignore"):
        case = Case(exercise, exercise.reference, [])
        every = [case.outcomes(f) for f in (exercise.reference, *exercise.mistakes)]
    for one, other in itertools.combinations(every, 2):
        assert not same(one, other, exercise.rtol)


@each_mistake
def test_a_mistake_runs_on_at_least_one_sample(exercise, mistake):
    assert not all(Run(mistake, args).error for args in exercise.samples)


def altered(value, path, index, change):
    """Return a copy of nested results with one number changed."""
    if path:
        key, *rest = path
        parts = dict(value) if isinstance(value, dict) else list(value)
        parts[key] = altered(parts[key], rest, index, change)
        return parts if isinstance(value, dict) else tuple(parts)
    if isinstance(value, bool | np.bool_):
        return not value
    array = np.array(value, dtype=float)
    array.flat[index % array.size] += change * max(1.0, np.abs(array).max())
    return array


@each_function
@settings(max_examples=25)
@given(data=st.data())
def test_one_wrong_number_anywhere_is_never_called_right(exercise, data):
    rights = [Run(exercise.reference, args).result for args in exercise.samples]
    sample = data.draw(st.integers(0, len(rights) - 1))
    places = leaves(exercise.wrapped(rights[sample]))
    path = data.draw(st.sampled_from(sorted(places, key=str)))
    assume(np.size(places[path]))  # a worker without rows
    change = data.draw(st.floats(1e-3, 10)) * data.draw(st.sampled_from([1, -1]))
    wrong = altered(rights[sample], list(path), data.draw(st.integers(0, 1000)), change)
    calls = iter([*rights[:sample], wrong, *rights[sample + 1:]])
    verdict = exercise.verdict(lambda *_: next(calls))
    assert verdict.kind in ("wrong", "mistake") and "could not be read" not in verdict.sentence


@each_function
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-3, 1.0, 100.0]))
def test_random_numbers_of_the_right_shape_are_never_called_right(exercise, seed, scale):
    rng = np.random.default_rng(seed)

    def guess(value):
        if isinstance(value, dict):
            return {key: guess(part) for key, part in value.items()}
        if isinstance(value, tuple | list):
            return [guess(part) for part in value]
        return bool(rng.integers(2)) if isinstance(value, bool | np.bool_) else scale * rng.normal(size=np.shape(value))

    rights = [Run(exercise.reference, args).result for args in exercise.samples]
    guesses = [guess(right) for right in rights]
    assume(not all(is_close(mine, right) for mine, right in zip(guesses, rights)))  # ten lucky booleans
    calls = iter(guesses)
    verdict = exercise.verdict(lambda *_: next(calls))
    assert not verdict and "could not be read" not in verdict.sentence


@each_question
@given(value=st.one_of(st.floats(-100, 100), st.integers(-50, 50), st.text(max_size=2),
                       st.tuples(st.integers(0, 9), st.integers(0, 9))))
def test_another_answer_to_a_question_is_never_called_right(exercise, value):
    assume(not is_close(value, exercise.reference(), exercise.rtol))
    assume(not exercise.tell or not isinstance(value, tuple) or exercise.tell(value))
    verdict = exercise.verdict(value)
    assert not verdict and "could not be read" not in verdict.sentence
    if verdict.kind == "wrong" and len(repr(exercise.reference())) > 1:
        assert not re.search(rf"(?<![\w.-]){re.escape(repr(exercise.reference()))}(?![\w.])", verdict.sentence)


# Answers that students have really given, and what they need to hear ------------------------------------


def parts_of(function, **changed):
    """An answer with several results, some of them changed: changed[name](named results, arguments)."""
    def answer(*args):
        named = dict(zip(ROWS.one_row.parts, function(*args)))
        return tuple(changed[name](named, *args) if name in changed else value for name, value in named.items())

    return answer


def row_with(**changed):
    return parts_of(ROWS.one_row.reference, **changed)


def written(head, *lines):
    """Return a student's function, as a cell leaves it."""
    source = "\n    ".join([f"def my_answer({head}):", *lines]) + "\n"
    name, names = f"<cell {len(linecache.cache)}>", {}
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), names)
    return names["my_answer"]


def swept(dz, dw, da, begin="-1 / a[len(w)]"):
    """Return a student's loop for exercise 5 of notebook 04, with these right-hand sides."""
    return written("w, a", f"da, dz, dw = {{len(w): {begin}}}, {{}}, {{}}", "for k in reversed(w):",
                   f"    dz[k] = {dz}", f"    dw[k] = {dw}", f"    da[k - 1] = {da}", "return dz, dw")


def rowed(dz="da * a * (1 - a)", dW="dz.T @ a_before", db="dz[0]", da_before="dz @ W"):
    """Return a student's four lines for exercise 3 of notebook 04b, with these right-hand sides."""
    return written("da, a, a_before, W", f"dz = {dz}", f"dW = {dW}", f"db = {db}", f"da_before = {da_before}",
                   "return dz, dW, db, da_before")


def looped(dW="dZ.T @ A[l - 1]", db="dZ.sum(0)"):
    """Return a student's loop for exercise 4 of notebook 04c, with these right-hand sides."""
    return written("W, A, f, dA", "dW, db = {}, {}", "for l in reversed(W):", "    dZ = f[l].pullback(dA, A[l])",
                   f"    dW[l] = {dW}", f"    db[l] = {db}", "    dA = dZ @ W[l]", "return dW, db")


def sampled(dW="{1: dz1.T @ x, 2: dz2.T @ a1, 3: dz3.T @ a2}", dz2="dz3 @ W[3] * a2 * (1 - a2)"):
    """Return a student's lines for exercise 5 of notebook 04b, with these right-hand sides."""
    return written("x, a1, a2, a3, y, W", "dz3 = a3 - y", f"dz2 = {dz2}", "dz1 = dz2 @ W[2] * a1 * (1 - a1)",
                   f"dW = {dW}", "return dW, {1: dz1[0], 2: dz2[0], 3: dz3[0]}")


UNITS, ROWS, BACKWARD, DESCENT, FORWARD, DERIVATIVES = (import_module(f"utils.exercises.{name}") for name in (
    "units", "rows", "backward", "descent", "forward", "derivatives"))
STUDENTS = [
    (ROWS.one_row, row_with(db=lambda r, *_: r["dz"].sum()), "db is one number, expected an array of"),
    (ROWS.one_row, row_with(db=lambda r, *_: r["dz"]), "db has the right numbers, and is a row"),
    (ROWS.one_row, row_with(db=lambda r, da, *_: da[0]), "db is made from da"),
    (ROWS.one_row, row_with(dW=lambda r, *_: r["dW"] / 4), "dW is 4 times too small everywhere"),
    (ROWS.one_row, row_with(dz=lambda r, *_: -r["dz"]), "dz has the right size everywhere, and the wrong sign"),
    (ROWS.one_row, lambda *args: ROWS.one_row.reference(*args)[:3], "3 parts, expected 4 results (dz,"),
    (ROWS.one_row, lambda da, a, a_before, W: (da @ W.T,) * 4, "a matrix product (a, b) @ (c, d) needs b = c"),
    (ROWS.one_sample, ROWS.one_sample_begun, "Not filled in yet."),
    (BACKWARD.backward, lambda W, A, f, dA: ({**BACKWARD.backward.reference(W, A, f, dA)[0], 1: ...}, {}), "is open"),
    (UNITS.sweep, swept("...", "dz[k] * a[k - 1]", "dz[k] * w[k]"), "`dz[k] = ...`, is still to be filled in"),
    (UNITS.sweep, swept("da[k] * a[k] * (1 - a[k])", "...", "..."), "`dw[k] = ...`, is still to be filled in"),
    (UNITS.sweep, swept("da[k] * a[k] * (1 - a[k])", "...", "dz[k] * w[k]"), "dz is right; dw is open"),
    (UNITS.sweep, swept("da[k] * a[k] * (1 - a[k])", "dz[k] * a[k - 1]", "dz[k] * a[k]"), "look at the name a"),
    (UNITS.sweep, swept("da[k] * a[k] * (1 - a[k])", "dz[k] * w[k]", "dz[k] * a[k - 1]"),
        "dw and da have changed places"),
    (UNITS.sweep, swept("da[k] * a[k] * (1 - a[k])", "dz[k] * a[k - 1]", "dz[k] * w[k]", "1"), "da begins with 1."),
    (UNITS.sweep, swept("da[k] * a[k] * (1 - a[k])", "dz[k] * a[k - 1]", "dz[k] * w[k] * a[k - 1] * (1 - a[k - 1])"),
        "the slope of the unit before does not belong here"),
    (ROWS.one_row, rowed(db="...", da_before="dz @ W.T"), "`da_before = dz @ W.T`, with ValueError"),
    (ROWS.one_row, rowed(dW="dz @ a_before.T", da_before="..."), "And line 5 is still to be filled in."),
    (ROWS.one_row, rowed(db="...", da_before="da @ W"), "da_before is made from da."),
    (ROWS.one_row, rowed(dW="...", db="...", da_before="..."), "dz is right; dW, db and da_before are open."),
    (ROWS.one_row, rowed(da_before="dz @ W * a_before * (1 - a_before)"),
        "the slope of the layer before does not belong"),
    (ROWS.one_sample, sampled(dW="[dz1.T @ x, dz2.T @ a1, dz3.T @ a2]"),
        "dW is a list, expected a dict with the keys 1, 2, 3."),
    (ROWS.one_sample, sampled(dW="{1: dz1.T @ a1, 2: dz2.T @ a1, 3: dz3.T @ a2}"),
        "dW of layer 1 takes what came *in* there"),
    (ROWS.one_sample, sampled(dz2="dz3 @ W[3] * (a2 * (1 - a2)) ** 2"), "A slope is in there twice"),
    (BACKWARD.backward, looped(db="dZ.mean(0)"), "db is an average over the rows"),
    (BACKWARD.backward, looped(db="dZ[0]"), "db hears the first sample only"),
    (ROWS.two_paths, "8(400)", "is a text, expected one number"),
    (BACKWARD.shape_of_dW2, (6, 6), "(6, 6) is not the answer"),
    (BACKWARD.shape_of_dW2, (6,), "That is the shape of the bias"),
    (BACKWARD.shape_of_dW2, (6, 9, 1), "has 3 parts, expected a tuple of 2"),
    (FORWARD.silent_shape, (9,), "how many numbers the difference has"),
    (FORWARD.silent_shape, (3, 3, 3), "has 3 parts, expected a tuple of 2"),
    (FORWARD.silent_shape, "nothing", "'nothing' is not the answer"),
    (FORWARD.extend, lambda X, W, b: (np.hstack([X, np.zeros((len(X), 1))]), W), "numbers in X_ext are right"),
    (FORWARD.extend, lambda X, W, b: (np.hstack([X, np.ones((len(X), 1))]), W), "W_ext is an array of shape (3, 5)"),
    (FORWARD.softmax_rows, lambda Z: np.exp(Z - Z.max(1)[:, None]) / 7, "numbers in your result are right"),
    (DERIVATIVES.predicted_change, [0.9, 0.9], "is a list, expected one number"),
    (DESCENT.trap, "diverged", "'diverged' is not the answer"),
    (DESCENT.trap, True, "is True or False, expected one number"),
    (DESCENT.may_stop, lambda values, norms, eps1, eps2: len(values) > 1 and abs(values[-1] - values[-2]) < eps2
        and norms[-1] < eps1, "eps1 and eps2 change places"),
    (DESCENT.may_stop, lambda values, norms, eps1, eps2: len(values) > 1 and abs(values[-1] - values[-2]) < 1e-6
        and norms[-1] < 1e-6, "expected"),
    (DESCENT.may_stop, lambda values, norms, eps1, eps2: None if len(values) < 2 else True,
        "is None in 4 of 42 tests: is a return missing, or in the wrong place?"),
    (DESCENT.best_rate, lambda H: 0.2, "the lecture's rate, whatever H is"),
    (DERIVATIVES.difference_quotient, lambda f, x, h: (f(x + h) - f(h)) / h,
        "The arguments were f = sin, x = 1, h = 0.1."),
]


@pytest.mark.parametrize("exercise, answer, words", STUDENTS, ids=range(len(STUDENTS)))
def test_an_answer_of_a_student_gets_a_sentence_that_helps(exercise, answer, words):
    verdict = exercise.verdict(answer)
    assert not verdict and words in verdict.sentence


@pytest.mark.parametrize(("exercise", "answer", "never"), [
    (BACKWARD.backward, looped(db="dZ.mean(0)"), "rows and columns"),  # a transposed (d,) is the same (d,)
    (ROWS.one_row, rowed(dz="da", db="dz"), "besides"),  # dW is what follows from dz, and no second slip
    (ROWS.one_row, rowed(dz="da", dW="a_before.T @ dz"), "besides"),
    (ROWS.one_row, rowed(db="dz.T"), "same object"),  # a copy would be as wrong
    (ROWS.one_sample, sampled(dW="[dz1.T @ x, dz2.T @ a1, dz3.T @ a2]"), "line"),
], ids=range(5))
def test_what_is_right_is_not_blamed(exercise, answer, never):
    verdict = exercise.verdict(answer)
    assert not verdict and never not in verdict.sentence


def test_numbers_borrowed_from_other_cells_are_named():
    cell = {"N": 4, "np": np}
    exec("def my_loss(A, Y):\n    return -1 / N * (Y * np.log(A)).sum()", cell)
    sentence = FORWARD.cross_entropy_loss.verdict(cell["my_loss"]).sentence
    assert sentence.endswith("Your function uses N from outside, not from its arguments.")


# Where they stand ----------------------------------------------------------------------------------


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.notebook)
def test_the_notebook_has_every_exercise_in_order_blank_and_checked(lesson):
    cells = json.loads((NOTEBOOKS / f"{lesson.notebook}.ipynb").read_text("utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells]
    tagged = [(i, tag.removeprefix("exercise:")) for i, cell in enumerate(cells)
              for tag in cell["metadata"].get("tags", []) if tag.startswith("exercise:")]
    assert [name for _, name in tagged] == list(lesson.exercises)
    for number, (i, name) in enumerate(tagged, 1):
        assert texts[i] == lesson.exercises[name].blank()
        assert texts[i - 1].startswith(f"> **✎ Exercise {number} · {lesson.exercises[name].effort} · ")
        assert texts[i + 1].startswith(f"ex.{name}.check(my_{name})") and f"ex.{name}.hint()" in texts[i + 1]
    assert any(text.startswith("ex.lesson.summary()") for text in texts[-3:])
