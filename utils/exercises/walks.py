"""Exercises of notebook 02, its first half: one step, the whole walk, and when to stop."""

import numpy as np

from utils.checks.lesson import Lesson
from utils.descent import LECTURE, gradient_descent, small_gradient

lesson = Lesson("02_gradient_descent")
rng = np.random.default_rng(2)


def tell_riddle(rates):
    """Say how good an answer (best, edge) is; "" if the walk takes at most one step more than with 0.2, and the edge is
    right to within a step of the slider."""
    best, edge = (float(rate) for rate in rates)
    if best <= 0:
        return "A rate is greater than 0."
    runs = [gradient_descent(LECTURE.value, LECTURE.gradient, (3, -1), rate, small_gradient(1e-6), 1000)
            for rate in (best, 0.2)]
    fewest = runs[1].steps
    if runs[0].stopped_by != "small gradient" or runs[0].steps > fewest + 1:
        came = f"arrives after {runs[0].steps} steps" if runs[0].stopped_by == "small gradient" else "does not arrive"
        return f"With η = {best:g} the walk {came}; {fewest} are possible."
    if 0.24 <= edge <= 0.25:
        return ""
    return f"The first rate is right. With η = {edge:g}, does f grow in the long run, or fall?"


@lesson.exercise(
    level=1, minutes=6,
    parts=("best", "edge"), tell=tell_riddle,
    remark="With 0.2 it takes 35 steps, and with 0.25 it flies off. Why just these two?",
    hints=["Move η in its smallest steps, and read at which step rule 2 stops. Is the number still falling?",
           "From 0.15 on the number of steps falls for a while; where does it rise again?",
           "For the second number: at 0.24 the run still comes closer, however slowly. At 0.25 it flies off."])
def riddle():
    """a pair (best, edge)"""
    return 0.2, 0.245


riddle.wrong_answers(
    riddle_swapped=((0.245, 0.2), "They are exchanged: first the η with the fewest steps, then the edge."),
    riddle_start=((0.1, 0.245), "With η = 0.1 it takes 77 steps. Go on: there are faster rates."),
    riddle_no_edge=((0.2, 0.3), "At 0.3 the run has long flown off. Where does that begin?"),
    riddle_small=((0.05, 0.245), "That is a slow rate. Go on to larger ones, and count the steps."))


@lesson.exercise(
    level=1, minutes=2,
    parts=("one", "other"), rtol=1e-3,
    hints=["Write the places down: −1, −0.7, −0.4, and so on.",
           "Left of 1 the slope is negative, so the walker goes right; beyond it goes left. Which places surround 1?"])
def hops():
    """a pair of places"""
    return 0.8, 1.1


hops.wrong_answers(
    hops_around=((0.7, 1.3), "These lie a step to the left and to the right of 1. Count from −1 on in steps of 0.3."),
    hops_too_early=((0.5, 0.8), "At 0.8 the slope is still negative, so the walker goes on to the right."),
    hops_too_late=((1.1, 1.4), "At 1.1 the slope is positive, so the walker turns back to the left."),
    hops_arrives=((1.0, 1.0), "The walker never stands on 1: from −1 it is 6⅔ steps away."),
    hops_ordered=((1.1, 0.8), "Right. Write the smaller one first."))


@lesson.exercise(
    level=2, minutes=4,
    samples=[(2.0, 0.1), (2.0, 0.5), (3.0, 0.25), (1.0, 1.7), (8.0, 0.2)],
    hints=["The slope of ½λx² is λx.",
           "One step leads to x − ηλx. What stands in front of x?"])
def factor(lam, rate):
    """Return the factor by which one step of gradient descent on f(x) = ½ lam x² multiplies x."""
    return 1 - rate * lam


@factor.mistake("wrong sign")
def factor_uphill(lam, rate):
    """This is a step uphill: the step goes *against* the slope."""
    return 1 + rate * lam


@factor.mistake()
def factor_of_step(lam, rate):
    """This is by how much of x the step moves. What is left of x after the step?"""
    return rate * lam


@factor.mistake()
def factor_halved(lam, rate):
    """The ½ of the function goes with the 2 that comes down from the square: the slope is λx."""
    return 1 - 0.5 * rate * lam


@factor.mistake()
def factor_doubled(lam, rate):
    """The slope is λx: the 2 that comes down meets the ½."""
    return 1 - 2 * rate * lam


@factor.mistake()
def factor_of_value(lam, rate):
    """This is the factor for the value of f, which is the square of the one for x."""
    return (1 - rate * lam) ** 2


@factor.mistake()
def factor_without_sign(lam, rate):
    """The size is right. Where the step jumps over the minimum, the sign of x changes, and the factor is negative."""
    return abs(1 - rate * lam)


@factor.mistake()
def factor_turned(lam, rate):
    """The sign is turned: with a very small rate nearly all of x is left, so the factor is close to +1."""
    return rate * lam - 1


@lesson.exercise(
    level=1, minutes=4,
    samples=[(np.array([3.0, 3.0]), 0.1), (np.array([-1.0, 2.0]), 0.2), (np.array([0.5, -4.0]), 0.05)],
    hints=["Compute the gradient at the old point first, both entries of it.",
           "Down is against the gradient, and the rate says how far.",
           "Make a new array; the old point belongs to whoever called you."])
def descent_step(x, rate):
    """Return the point one step downhill from x, shape (2,)."""
    return x - rate * np.array([2 * x[0] + x[1], x[0] + 8 * x[1]])


@descent_step.mistake("wrong sign")
def step_uphill(x, rate):
    """This step goes up: the gradient points to where f grows, and you follow it."""
    return x + rate * np.array([2 * x[0] + x[1], x[0] + 8 * x[1]])


@descent_step.mistake("already updated weights")
def step_hasty(x, rate):
    """The second entry's derivative already sees the new first entry. Take both derivatives at the old point."""
    first = x[0] - rate * (2 * x[0] + x[1])
    return np.array([first, x[1] - rate * (first + 8 * x[1])])


@descent_step.mistake()
def step_without_rate(x, rate):
    """The rate does not appear: you go the whole length of the gradient."""
    return x - np.array([2 * x[0] + x[1], x[0] + 8 * x[1]])


@descent_step.mistake()
def step_alone(x, rate):
    """This is how far to go, and not where one arrives: the old point is missing."""
    return -rate * np.array([2 * x[0] + x[1], x[0] + 8 * x[1]])


@descent_step.mistake()
def step_uphill_alone(x, rate):
    """This is how far the gradient would carry you, uphill. The old point is missing, and downhill is against it."""
    return rate * np.array([2 * x[0] + x[1], x[0] + 8 * x[1]])


@descent_step.mistake()
def step_without_product(x, rate):
    """The product x₁x₂ has been lost from the gradient: it has a share in both partial derivatives."""
    return x - rate * np.array([2 * x[0], 8 * x[1]])


@descent_step.mistake()
def step_of_fixed_length(x, rate):
    """You have divided the gradient by its length, so that every step is equally long, and never ends at a minimum."""
    g = np.array([2 * x[0] + x[1], x[0] + 8 * x[1]])
    return x - rate * g / np.linalg.norm(g)


@lesson.exercise(
    level=2, minutes=4,
    rtol=1e-3, also=("1/8",),
    remark="There f is 54 − 101.25 + 50.625 = 3.375: lower than after a step with 0.1.",
    hints=["A parabola is lowest where its slope is zero. Take the derivative with respect to η.",
           "−810 + 6480 η = 0."])
def lowest():
    """a number"""
    return 0.125


lowest.wrong_answers(
    lowest_back_again=(0.25, "There f is back at 54. The lowest point lies half-way."),
    lowest_rate_of_lab=(0.2, "That is good in the long run. In this *one* step f falls further with another rate."),
    lowest_first_rate=(0.1, "With 0.1 f falls to 5.4. A little further it is lower still."),
    lowest_height=(3.375, "That is the value of f there. The question is for which η."),
    lowest_upside_down=(8, "Upside down: the slope −810 + 6480 η is zero where η is 810 / 6480."))


@lesson.exercise(
    level=3, minutes=10,
    samples=[(lambda x: x @ np.array([[2.0, 1.0], [1.0, 8.0]]), np.array([3.0, 3.0]), 0.2, 1e-3, 50),
             (lambda x: 2 * (x - 1), np.array([4.0]), 0.3, 1e-2, 40),
             (lambda x: x * np.array([1.0, 2.0, 3.0]), np.array([1.0, -2.0, 3.0]), 0.1, 1e-6, 7),
             (lambda x: x, np.array([1e-9, 0.0]), 0.5, 1e-6, 5), (lambda x: x, np.array([1.0, -1.0]), 0.25, 0.2, 20),
             (lambda x: x, np.full(4, 0.013), 0.25, 0.01, 20)],
    hints=["Keep the places in a list that begins with the start.",
           "A `for` loop over max_steps cannot run for ever. Leave it with `break` where the ground is flat.",
           "Look at the gradient *before* you step: a start that is flat already must not move.",
           "`np.array(places)` makes an array of k + 1 rows out of the list."])
def descend(gradient, start, rate, eps, max_steps):
    """Return the places that were visited, the start first, shape (k + 1, d)."""
    places = [start]
    for _ in range(max_steps):
        g = gradient(places[-1])
        if np.linalg.norm(g) < eps:
            break
        places.append(places[-1] - rate * g)
    return np.array(places)


@descend.mistake()
def descend_without_start(gradient, start, rate, eps, max_steps):
    """The start is missing from the path: k steps pass through k + 1 places."""
    x, places = start, []
    for _ in range(max_steps):
        g = gradient(x)
        if np.linalg.norm(g) < eps:
            break
        x = x - rate * g
        places.append(x)
    return np.array(places)


@descend.mistake("wrong sign")
def descend_uphill(gradient, start, rate, eps, max_steps):
    """This walk goes uphill: it follows the gradient, which points to where f grows."""
    places = [start]
    for _ in range(max_steps):
        g = gradient(places[-1])
        if np.linalg.norm(g) < eps:
            break
        places.append(places[-1] + rate * g)
    return np.array(places)


@descend.mistake()
def descend_to_the_end(gradient, start, rate, eps, max_steps):
    """All max_steps are taken, however flat the ground: the gradient's length is never compared with ε."""
    places = [start]
    for _ in range(max_steps):
        places.append(places[-1] - rate * gradient(places[-1]))
    return np.array(places)


@descend.mistake()
def descend_one_too_far(gradient, start, rate, eps, max_steps):
    """You look at the gradient after the step that it was computed for, and so you take one step too many."""
    places = [start]
    for _ in range(max_steps):
        g = gradient(places[-1])
        places.append(places[-1] - rate * g)
        if np.linalg.norm(g) < eps:
            break
    return np.array(places)


@descend.mistake()
def descend_from_the_start(gradient, start, rate, eps, max_steps):
    """The gradient is taken at the start each time, so that every step is the same. Take it where you are."""
    places = [start]
    for _ in range(max_steps):
        g = gradient(start)
        if np.linalg.norm(g) < eps:
            break
        places.append(places[-1] - rate * g)
    return np.array(places)


@descend.mistake()
def descend_never_leaves(gradient, start, rate, eps, max_steps):
    """Each step begins at the start again: the new place has not become the place where you stand."""
    places = [start]
    for _ in range(max_steps):
        g = gradient(start)
        if np.linalg.norm(g) < eps:
            break
        places.append(start - rate * g)
    return np.array(places)


@descend.mistake()
def descend_one_array(gradient, start, rate, eps, max_steps):
    """All rows are the same place: -= changes one array, which your list holds many times. Make a new array each
    step."""
    x = start.copy()
    places = [x]
    for _ in range(max_steps):
        g = gradient(x)
        if np.linalg.norm(g) < eps:
            break
        x -= rate * g
        places.append(x)
    return np.array(places)


@descend.mistake()
def descend_one_step_less(gradient, start, rate, eps, max_steps):
    """One step is missing where max_steps ends the walk: after max_steps steps there are max_steps + 1 places."""
    places = [start]
    for _ in range(max_steps - 1):
        g = gradient(places[-1])
        if np.linalg.norm(g) < eps:
            break
        places.append(places[-1] - rate * g)
    return np.array(places)


@descend.mistake()
def descend_without_limit(gradient, start, rate, eps, max_steps):
    """You go on until the gradient is short, however long that takes: max_steps ends the walk in any case."""
    places = [start]
    while np.linalg.norm(gradient(places[-1])) >= eps:
        places.append(places[-1] - rate * gradient(places[-1]))
    return np.array(places)


@descend.mistake()
def descend_last_place(gradient, start, rate, eps, max_steps):
    """This is where the walk ends. What is wanted is the whole path, the start first, one place a row."""
    x = start
    for _ in range(max_steps):
        g = gradient(x)
        if np.linalg.norm(g) < eps:
            break
        x = x - rate * g
    return x


@descend.mistake()
def descend_by_largest_entry(gradient, start, rate, eps, max_steps):
    """You compare the gradient's largest entry with ε. Its length is larger: all entries count, `np.linalg.norm`."""
    places = [start]
    for _ in range(max_steps):
        g = gradient(places[-1])
        if abs(g).max() < eps:
            break
        places.append(places[-1] - rate * g)
    return np.array(places)


@descend.mistake()
def descend_by_sum(gradient, start, rate, eps, max_steps):
    """You compare the sum of the gradient's entries with ε, in which they can cancel. Take its length."""
    places = [start]
    for _ in range(max_steps):
        g = gradient(places[-1])
        if abs(g.sum()) < eps:
            break
        places.append(places[-1] - rate * g)
    return np.array(places)


@descend.mistake()
def descend_by_length_of_step(gradient, start, rate, eps, max_steps):
    """You stop where the *step* is shorter than ε. With a small rate that is too early: look at the gradient itself."""
    places = [start]
    for _ in range(max_steps):
        step = rate * gradient(places[-1])
        if np.linalg.norm(step) < eps:
            break
        places.append(places[-1] - step)
    return np.array(places)


@descend.mistake()
def descend_in_equal_steps(gradient, start, rate, eps, max_steps):
    """You divide the gradient by its length, so that every step is equally long, and none can end at the minimum."""
    places = [start]
    for _ in range(max_steps):
        g = gradient(places[-1])
        if np.linalg.norm(g) < eps:
            break
        places.append(places[-1] - rate * g / np.linalg.norm(g))
    return np.array(places)
@lesson.exercise(
    level=2, minutes=4,
    hints=["Take the first step by hand: the gradient at (3, 3) is (9, 27).",
           "What is f at the place where the first step ends? And what does rule 1 compare?"],
    remark="At once, and far from the minimum. The text below says why.")
def trap():
    """a number of steps, or the word"""
    return 1


@trap.mistake()
def trap_never():
    """It is true that this run diverges. But the question is when *rule 1* stops it: compute f after the first step."""
    return "never"


@trap.mistake()
def trap_places():
    """You have counted the places, the start among them. Between two places there is one step."""
    return 2


@trap.mistake()
def trap_like_a_tenth():
    """That is the number for η = 0.1. Here η is beyond the edge: take the first step by hand, and compare f."""
    return 37


@trap.mistake()
def trap_like_a_fifth():
    """That is the number for η = 0.2. Here η is beyond the edge: take the first step by hand, and compare f."""
    return 20


trap.wrong_answers(
    trap_by_rule_2=(176, "That is when the run is given up as diverged, by rule 2. Rule 1 stops it much earlier."),
    trap_height=(54, "That is the value of f. The question is after how many *steps* the run stops."),
    trap_at_the_limit=(1000, "That is the limit, max_steps. Rule 1 stops this run before: compute f after one step."))


@trap.mistake()
def trap_before_it_begins():
    """Rule 1 compares two values of f, so at least one step must be taken before it can say anything."""
    return 0


HISTORIES = [
    ([54.0, 54.0], [28.5, 29.3]), ([54.0], [28.5]), ([0.0], [0.0]), ([54.0, 5.4, 2.6], [28.5, 4.0, 3.0]),
    ([9.0, 8.0], [1.0, 1e-9]), ([3.0, 2.0, 2.0], [5.0, 1.0, 1e-9]), ([1.0, 7.0], [2.0, 9.0]),
    ([2.0, 2.0], [1e-9, 1e-9]), ([2.0, 5.0, 2.0], [1.0, 3.0, 1e-9]),
    ([4.0, 3.0, 3.0 + 1e-9], [2.0, 1.0, 1e-9]), ([3.0, 5.0], [1.0, 1e-9]),
    ([5.0, 4.0, 4.0], [1.0, 1e-9, 2.0]), ([1e6, 1e6 - 0.05], [1.0, 1e-9]), ([1e-9, 3e-9], [1.0, 1e-9]),
    ([2.0, 2.0 - 7e-7], [1.0, 7e-7]), ([6e-7, 6.5e-7], [1.0, 1e-9]),
    ([5.0, 4.0, 4.0 - 1.5e-6], [1.0, 1.0, 1e-9]), ([5.0, 4.0, 4.0], [1.0, 1.0, 1.5e-6]),
    ([5.0, 5.0, 4.0], [1e-9, 1e-9, 2.0]), ([3.0, 3.0 - 1e-5], [1.0, 1e-9]), ([3.0, 3.0], [1.0, 1e-5]),
]


@lesson.exercise(
    level=2, minutes=6,
    samples=[(np.array(values), np.array(norms), eps1, eps2) for values, norms in HISTORIES
             for eps1, eps2 in ((1e-6, 1e-6), (1e-4, 1e-8))],
    hints=["The last entries count: `values[-1]` and `norms[-1]`.",
           "At the start there is one value only. Ask for `len(values)` before you look at the one before the last.",
           "A change is small if its *size* is; and both rules have to hold, not one of them."])
def may_stop(values, norms, eps1, eps2):
    """Return True if rule 1 (with eps1) and rule 2 (with eps2) both hold at the last place, else False."""
    return len(values) > 1 and abs(values[-1] - values[-2]) < eps1 and norms[-1] < eps2


@may_stop.mistake()
def stop_on_change(values, norms, eps1, eps2):
    """This is rule 1 alone: with η = 0.25 it stops on the flank of the valley."""
    return len(values) > 1 and abs(values[-1] - values[-2]) < eps1


@may_stop.mistake()
def stop_on_gradient(values, norms, eps1, eps2):
    """This is rule 2 alone. Here *both* rules have to hold."""
    return norms[-1] < eps2


@may_stop.mistake()
def stop_on_either(values, norms, eps1, eps2):
    """You stop as soon as *one* of the rules holds, and so rule 1 can still decide by itself."""
    return (len(values) > 1 and abs(values[-1] - values[-2]) < eps1) or norms[-1] < eps2


@may_stop.mistake("wrong sign")
def stop_on_fall(values, norms, eps1, eps2):
    """A change has a sign: where f falls, new less old is negative, and so below any ε. Take its size."""
    return len(values) > 1 and values[-1] - values[-2] < eps1 and norms[-1] < eps2


@may_stop.mistake()
def stop_against_the_start(values, norms, eps1, eps2):
    """You compare the last value with the first one. The rule looks at the last *step*."""
    return len(values) > 1 and abs(values[-1] - values[0]) < eps1 and norms[-1] < eps2


@may_stop.mistake()
def stop_on_relative_change(values, norms, eps1, eps2):
    """You compare the change with the size of f. The rule here compares the change itself with ε."""
    return len(values) > 1 and abs(values[-1] - values[-2]) < eps1 * abs(values[-2]) and norms[-1] < eps2


@may_stop.mistake()
def stop_on_shortest(values, norms, eps1, eps2):
    """You look at the shortest gradient so far. What counts is how flat the ground is at the *last* place."""
    return len(values) > 1 and abs(values[-1] - values[-2]) < eps1 and min(norms) < eps2


@may_stop.mistake()
def stop_on_value(values, norms, eps1, eps2):
    """You ask whether f itself is small. A minimum may lie at any height: the rule looks at the change."""
    return len(values) > 1 and abs(values[-1]) < eps1 and norms[-1] < eps2


@may_stop.mistake()
def stop_upside_down(values, norms, eps1, eps2):
    """It is upside down: you say True where one has to go on, and False where one may stop."""
    return not (len(values) > 1 and abs(values[-1] - values[-2]) < eps1 and norms[-1] < eps2)
