"""Exercises of notebook 02: `walks` has those of its first half; here are rates, a real error, and a search."""

import numpy as np

from utils.exercises.walks import descend, descent_step, factor, hops, lesson, lowest, may_stop, riddle, trap

__all__ = ["backtrack", "best_rate", "descend", "descent_step", "factor", "hops", "lesson", "line_gradient", "lowest",
           "may_stop", "riddle", "trap"]
rng = np.random.default_rng(12)


@lesson.exercise(
    level=2, minutes=6,
    samples=[(np.array([[2.0, 1.0], [1.0, 8.0]]),), (np.diag([4.0, 1.0, 11.0, 7.0]),),
             (np.array([[3.0, 1.0, 0.0], [1.0, 5.0, 2.0], [0.0, 2.0, 9.0]]),)],
    hints=["`np.linalg.eigvalsh(H)` gives the eigenvalues, in ascending order.",
           "The slowest of all directions decides, and it is one of the two at the ends of that list.",
           "Both ends shrink equally fast where 1 − ηλ at one end is minus 1 − ηλ at the other."],
    remark="Only the two ends count, however many eigenvalues lie between them.")
def best_rate(H):
    """Return the fixed rate for which the slowest direction shrinks fastest; H has the shape (d, d)."""
    eigenvalues = np.linalg.eigvalsh(H)
    return 2 / (eigenvalues[0] + eigenvalues[-1])


@best_rate.mistake()
def rate_from_trace(H):
    """That works for two variables only: the trace is the sum of *all* eigenvalues, and only the two ends count."""
    return 2 / np.trace(H)


@best_rate.mistake()
def rate_at_the_edge(H):
    """This is the edge of convergence. There, the steepest direction hops to and fro for ever."""
    return 2 / np.linalg.eigvalsh(H)[-1]


@best_rate.mistake()
def rate_for_the_steepest(H):
    """This is the best rate for the steepest direction alone. The flattest one could go faster, and it is the last to
    arrive."""
    return 1 / np.linalg.eigvalsh(H)[-1]


@best_rate.mistake()
def rate_for_the_flattest(H):
    """This rate suits the flattest direction; in the steepest one it is far beyond the edge, and diverges."""
    return 1 / np.linalg.eigvalsh(H)[0]


@best_rate.mistake()
def rate_of_the_lecture(H):
    """That is the lecture's rate, whatever H is. Compute it from the H that is given."""
    return 0.2


@best_rate.mistake()
def rate_from_the_diagonal(H):
    """You have taken the diagonal for the eigenvalues. They are the same only where all else in H is 0."""
    diagonal = np.diag(H)
    return 2 / (diagonal.min() + diagonal.max())


@best_rate.mistake()
def rate_from_the_mean(H):
    """This is one over the mean of *all* eigenvalues. Only the two ends count: whatever lies between shrinks faster."""
    return len(H) / np.trace(H)


@best_rate.mistake()
def rate_of_unsorted_ends(H):
    """You take the first and the last eigenvalue of `eigvals`, which come in no order. Which ones are the ends?"""
    eigenvalues = np.linalg.eigvals(H)
    return 2 / (eigenvalues[0] + eigenvalues[-1])


@best_rate.mistake()
def rate_from_entries(H):
    """You have taken the smallest and the largest *entry* of H. What counts are its eigenvalues."""
    return 2 / (H.min() + H.max())


def points(N, spread=1.0):
    """Return x and y of N points, shape (N,), that lie about a line."""
    x = spread * rng.normal(size=N)
    return x, 1 + 0.5 * x + rng.normal(size=N)


@lesson.exercise(
    level=2, minutes=8,
    samples=[(np.array([1.0, -2.0]), *points(5)), (np.array([0.3, 0.7]), *points(8, 4.0)), (np.zeros(2), *points(3))],
    hints=["The miss at each point is w[0] + w[1] * x - y, an array of N numbers.",
           "By w₀: the ½ and the square go, and the miss is left. By w₁: the miss times x. Then average.",
           "`np.array([first, second])` puts the two numbers together."])
def line_gradient(w, x, y):
    """Return the gradient with respect to w of the mean of ½ (w[0] + w[1] x − y)², shape (2,)."""
    miss = w[0] + w[1] * x - y
    return np.array([miss.mean(), (miss * x).mean()])


@line_gradient.mistake("wrong sign")
def line_backwards(w, x, y):
    """The miss is turned round: it is what the line says, less what was measured."""
    miss = y - w[0] - w[1] * x
    return np.array([miss.mean(), (miss * x).mean()])


@line_gradient.mistake("1/N forgotten")
def line_summed(w, x, y):
    """You have added over the points; the error is their *average*, and so is its gradient."""
    miss = w[0] + w[1] * x - y
    return np.array([miss.sum(), (miss * x).sum()])


@line_gradient.mistake()
def line_twice(w, x, y):
    """Twice too large: the 2 that comes down from the square meets the ½."""
    miss = w[0] + w[1] * x - y
    return 2 * np.array([miss.mean(), (miss * x).mean()])


@line_gradient.mistake()
def line_half(w, x, y):
    """Half of it: the ½ meets the 2 that comes down from the square, and both are gone."""
    miss = w[0] + w[1] * x - y
    return 0.5 * np.array([miss.mean(), (miss * x).mean()])


@line_gradient.mistake()
def line_without_x(w, x, y):
    """If w₁ moves by a little, the line moves by x times as much at each point: a factor x is missing in the second."""
    miss = w[0] + w[1] * x - y
    return np.array([miss.mean(), miss.mean()])


@line_gradient.mistake()
def line_swapped(w, x, y):
    """The two entries have changed places: first the one for w₀."""
    miss = w[0] + w[1] * x - y
    return np.array([(miss * x).mean(), miss.mean()])


@line_gradient.mistake()
def line_mean_first(w, x, y):
    """You have averaged the misses and the x by themselves. First multiply at each point, then average."""
    miss = w[0] + w[1] * x - y
    return np.array([miss.mean(), miss.mean() * x.mean()])


@line_gradient.mistake()
def line_of_each(w, x, y):
    """These are the gradients of the single points. The error averages over them."""
    miss = w[0] + w[1] * x - y
    return np.array([miss, miss * x])


def bowl(x):
    """x₁² + x₁x₂ + 4x₂², the lecture's function."""
    return x[0] ** 2 + x[0] * x[1] + 4 * x[1] ** 2


def sunk(x):
    """The same a hundred lower, so that its values are negative."""
    return bowl(x) - 100


def slope_of_bowl(x):
    """Its gradient."""
    return np.array([2 * x[0] + x[1], x[0] + 8 * x[1]])


def quartic(x):
    """A function that is neither quadratic nor even."""
    return ((x - 1) ** 4).sum() + 20 * x[0]


def slope_of_quartic(x):
    """Its gradient."""
    return 4 * (x - 1) ** 3 + 20 * np.eye(len(x))[0]


@lesson.exercise(
    level=3, minutes=10,
    samples=[(bowl, slope_of_bowl, np.array([3.0, 3.0]), 1.0), (bowl, slope_of_bowl, np.array([3.0, -1.0]), 1.0),
             (bowl, slope_of_bowl, np.array([3.0, 3.0]), 0.24),
             (sunk, slope_of_bowl, np.array([0.75, 0.0]), 0.1), (sunk, slope_of_bowl, np.array([3.0, 3.0]), 0.7),
             (quartic, slope_of_quartic, np.array([1.0, 0.5]), 3.0),
             (quartic, slope_of_quartic, np.array([-1.0, 2.0]), 0.7)],
    hints=["Take g = gradient(x) first. Then a `while` loop: as long as the try is not good enough, halve eta.",
           "The try is good enough if f(x − eta g) lies at least 0.1 · eta · g·g below f(x).",
           "`g @ g` is the square of the gradient's length. Return the first eta that is good enough."])
def backtrack(f, gradient, x, eta):
    """Return the first of eta, eta/2, eta/4, … for which f(x − eta g) ≤ f(x) − 0.1 · eta · g·g; g = gradient(x)."""
    g = gradient(x)
    while f(x - eta * g) > f(x) - 0.1 * eta * (g @ g):
        eta = eta / 2
    return eta


@backtrack.mistake()
def backtrack_not_at_all(f, gradient, x, eta):
    """You return the first try, however bad it is: ask whether f has fallen."""
    return eta


@backtrack.mistake()
def backtrack_once_too_often(f, gradient, x, eta):
    """You halve once too often: the first eta that is good enough is the one to return."""
    g = gradient(x)
    while f(x - eta * g) > f(x) - 0.1 * eta * (g @ g):
        eta = eta / 2
    return eta / 2


@backtrack.mistake()
def backtrack_only_once(f, gradient, x, eta):
    """You halve once. Go on until the try is good enough."""
    g = gradient(x)
    return eta / 2 if f(x - eta * g) > f(x) - 0.1 * eta * (g @ g) else eta


@backtrack.mistake()
def backtrack_by_ten(f, gradient, x, eta):
    """You divide by ten. Here each try is half of the one before."""
    g = gradient(x)
    while f(x - eta * g) > f(x) - 0.1 * eta * (g @ g):
        eta = eta / 10
    return eta


@backtrack.mistake()
def backtrack_the_place(f, gradient, x, eta):
    """This is the new place. What is wanted is the rate that leads there."""
    g = gradient(x)
    while f(x - eta * g) > f(x) - 0.1 * eta * (g @ g):
        eta = eta / 2
    return x - eta * g


@backtrack.mistake("wrong sign")
def backtrack_uphill(f, gradient, x, eta):
    """You look uphill, at x + eta g, where f does not fall, however small the step."""
    g = gradient(x)
    for _ in range(60):
        if f(x + eta * g) <= f(x) - 0.1 * eta * (g @ g):
            break
        eta = eta / 2
    return eta


@backtrack.mistake()
def backtrack_upside_down(f, gradient, x, eta):
    """You halve as long as the try *is* good enough. Halve as long as it is not."""
    g = gradient(x)
    for _ in range(60):
        if f(x - eta * g) > f(x) - 0.1 * eta * (g @ g):
            break
        eta = eta / 2
    return eta
