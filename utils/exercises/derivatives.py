"""Exercises of notebook 01: difference quotients, partial derivatives, gradients, and where nothing changes."""

import numpy as np

from utils.checks.lesson import Lesson

lesson = Lesson("01_derivatives")
rng = np.random.default_rng(1)


@lesson.exercise(
    level=1, minutes=3,
    samples=[(np.sin, 1.0, 0.1), (np.exp, 0.5, 0.01), (np.sqrt, 2.0, -0.25), (np.cos, rng.normal(size=3), 0.5)],
    hints=["Δy is the value after the nudge, less the value before it.",
           "Divide the whole difference by the nudge: mind the brackets."])
def difference_quotient(f, x, h):
    """Return the slope of f between x and x + h."""
    return (f(x + h) - f(x)) / h


@difference_quotient.mistake("wrong sign")
def quotient_negative(f, x, h):
    """Your Δy runs backwards: it is the new value less the old one, and yours has the opposite sign."""
    return (f(x) - f(x + h)) / h


@difference_quotient.mistake()
def quotient_undivided(f, x, h):
    """This is Δy, the change itself. The multiplier is what one unit of x would buy: divide by the nudge."""
    return f(x + h) - f(x)


@difference_quotient.mistake()
def quotient_without_brackets(f, x, h):
    """Division binds more strongly than subtraction, so that only the second value is divided here: add brackets."""
    return f(x + h) - f(x) / h


@difference_quotient.mistake()
def quotient_centred(f, x, h):
    """This is the centred recipe, which nudges both ways. It is the better one, and comes later; here,
    nudge up only."""
    return (f(x + h) - f(x - h)) / (2 * h)


@difference_quotient.mistake()
def quotient_backward(f, x, h):
    """You look back, from x − h to x. It is as good a slope, but here it should be the one from x to x + h."""
    return (f(x) - f(x - h)) / h


@lesson.exercise(
    level=1, minutes=2,
    rtol=0.1, remark="The gap is about ½ f″(x) Δx²: the square of a tenth is a hundredth.",
    hints=["Take f(x) = x² at x = 3. The slope is 6, and Δy = 6 Δx + Δx². What is the gap?",
           "The gap is Δx². What becomes of a square if its side is divided by ten?"])
def ten_times():
    """a number"""
    return 100


ten_times.wrong_answers(
    ten_like_the_step=(10, "So much smaller is the step. The gap shrinks faster: look at x², where it is Δx²."),
    ten_twice=(20, "The step is multiplied by itself, not by 2: look at x², where the gap is Δx²."),
    ten_cubed=(1000, "That is one power too many. Look at x², where the gap is Δx²."),
    ten_the_other_way=(0.01, "So large is the new gap beside the old one. How many times *smaller* is it?"),
    ten_not_at_all=(1, "The gap does not stay the same: look at x², where it is Δx²."))


@lesson.exercise(
    level=2, minutes=5,
    parts=("by_x1", "by_x2"),
    samples=[(2.0, 5.0), (-1.0, 3.0), (0.5, -2.0), (3.0, 0.25)],
    hints=["For the first one, x₂ is a constant like 5. What is the derivative of 5x² by x?",
           "A constant in front stays in front; a term without x₁ does not react to x₁.",
           "For the second one, x₁² is a constant, and x₂ stands once with it and once with the 3."])
def partials(x1, x2):
    """Return ∂q/∂x1 and ∂q/∂x2 of q(x1, x2) = x1² x2 + 3 x2, two numbers."""
    return 2 * x1 * x2, x1**2 + 3


@partials.mistake()
def partials_swapped(x1, x2):
    """Your two answers have changed places: first the one in which x₁ moves."""
    return x1**2 + 3, 2 * x1 * x2


@partials.mistake()
def partials_both_move(x1, x2):
    """In ∂q/∂x₁ only x₁ moves. The 3 x₂ does not react to it, and adds nothing."""
    return 2 * x1 * x2 + 3, x1**2 + 3


@partials.mistake()
def partials_constant_dropped(x1, x2):
    """While x₁ moves, x₂ is a constant *factor*: it stays where it is, in front."""
    return 2 * x1, x1**2 + 3


@partials.mistake()
def partials_second_without_3(x1, x2):
    """The second answer lacks what the term 3 x₂ adds to it."""
    return 2 * x1 * x2, x1**2


@partials.mistake()
def partials_second_kept(x1, x2):
    """In ∂q/∂x₂ the derivative of x₂ is 1: the x₂ itself is gone."""
    return 2 * x1 * x2, x1**2 * x2 + 3


@partials.mistake()
def partials_second_square_down(x1, x2):
    """In ∂q/∂x₂ the x₁² is a constant: its exponent does not come down."""
    return 2 * x1 * x2, 2 * x1 + 3


@partials.mistake()
def partials_exponent_kept(x1, x2):
    """The derivative of x₁² is 2 x₁: the exponent comes down, and is then one lower."""
    return 2 * x1**2 * x2, x1**2 + 3


@lesson.exercise(
    level=2, minutes=5,
    samples=[(rng.normal(size=(N, 2)),) for N in (4, 3, 7)],
    hints=["One point a row: `X[:, 0]` are all x₁, `X[:, 1]` all x₂.",
           "Take each column's multiplier from the formula, with the columns in place of x₁ and x₂.",
           "`np.stack` with `axis=1` puts two columns side by side."])
def gradient(X):
    """Return the gradients of f at the rows of X, shape (N, 2)."""
    x1, x2 = X[:, 0], X[:, 1]
    return np.stack([2 * x1 + x2, x1 + 8 * x2], axis=1)


@gradient.mistake("transposed")
def gradient_transposed(X):
    """The numbers are right, but the result is transposed, (2, N): one point a row makes it (N, 2)."""
    x1, x2 = X[:, 0], X[:, 1]
    return np.stack([2 * x1 + x2, x1 + 8 * x2])


@gradient.mistake()
def gradient_without_product(X):
    """The product x₁x₂ has been lost: it adds x₂ to the one partial derivative, and x₁ to the other."""
    x1, x2 = X[:, 0], X[:, 1]
    return np.stack([2 * x1, 8 * x2], axis=1)


@gradient.mistake()
def gradient_power_kept(X):
    """The second multiplier has lost the 2 that comes down from the square of x₂."""
    x1, x2 = X[:, 0], X[:, 1]
    return np.stack([2 * x1 + x2, x1 + 4 * x2], axis=1)


@gradient.mistake()
def gradient_own_variable(X):
    """In the product's share the variables are swapped: while x₁ moves, x₂ stands still and is the factor."""
    x1, x2 = X[:, 0], X[:, 1]
    return np.stack([2 * x1 + x1, x2 + 8 * x2], axis=1)


@gradient.mistake("only the first row")
def gradient_of_first_row(X):
    """This is the gradient at the first point. There are N of them, and each has its own row."""
    x1, x2 = X[0]
    return np.array([2 * x1 + x2, x1 + 8 * x2])


@gradient.mistake("summed over the wrong axis")
def gradient_summed(X):
    """You have added the two partial derivatives of a point. They are multipliers of different things: keep both."""
    x1, x2 = X[:, 0], X[:, 1]
    return 2 * x1 + x2 + x1 + 8 * x2


@gradient.mistake()
def gradient_of_values(X):
    """These are values of f, one a row. A gradient has two numbers, one for each argument."""
    x1, x2 = X[:, 0], X[:, 1]
    return x1**2 + x1 * x2 + 4 * x2**2


@gradient.mistake()
def gradient_added_up(X):
    """You have added up the gradients of all points. Each point keeps its own, in its own row."""
    x1, x2 = X[:, 0], X[:, 1]
    return np.stack([2 * x1 + x2, x1 + 8 * x2], axis=1).sum(0)


@gradient.mistake()
def gradient_exponent_kept(X):
    """The exponents have not come down: the square of x is still a square in your derivative."""
    x1, x2 = X[:, 0], X[:, 1]
    return np.stack([2 * x1**2 + x2, x1 + 8 * x2**2], axis=1)


@lesson.exercise(
    level=1, minutes=3,
    rtol=1e-3, remark="It rises, although the longer of the two moves goes down: the multipliers decide.",
    hints=["Each argument has a multiplier of its own, and what they buy is added up.",
           "The row is (9, 27). Multiply it by the column Δx, signs included."])
def predicted_change():
    """a number"""
    return 0.18


@predicted_change.mistake("wrong sign")
def change_negative():
    """The size is right. Which of the two moves wins, the one that costs or the one that gains?"""
    return -0.18


@predicted_change.mistake()
def change_without_signs():
    """You have added two gains. The first argument moves *down*, so its share is taken away."""
    return 0.9


@predicted_change.mistake()
def change_swapped():
    """The multipliers are swapped: 9 belongs to x₁, and 27 to x₂."""
    return -0.9


@predicted_change.mistake()
def change_one_multiplier():
    """You have added the steps first, and the multipliers, too. Each step is to be multiplied by its own."""
    return -0.72


@predicted_change.mistake()
def change_new_value():
    """That is about the new value of f. What is wanted is by how much it differs from the old value, 54."""
    return 54.18


predicted_change.wrong_answers(
    change_itself=(0.1824,
        "That is the change itself, f after less f before. What is asked for is what the multipliers predict."),
    change_of_first=(-0.36, "That is the share of x₁ alone. The second argument moves as well."),
    change_of_second=(0.54, "That is the share of x₂ alone. The first argument moves as well."),
    change_of_lengths=(float(np.hypot(9, 27) * np.hypot(0.04, 0.02)),
        "You have multiplied two lengths. That would be right if the move went straight uphill; it does not."),
    change_without_product=(0.24, "The product x₁x₂ is missing from your multipliers: at (3, 3) they are 9 and 27."))


@lesson.exercise(
    level=2, minutes=4,
    samples=[(rng.normal(size=2),) for _ in range(3)] + [(np.array([9.0, 27.0]),), (rng.normal(size=3),)],
    hints=["Δy ≈ ‖∇f‖ ε cos φ. For which angle φ between the step and the gradient is this largest?",
           "The direction is that of the gradient itself. Its length has to become 1.",
           "`np.linalg.norm(g)` is the length of g."])
def steepest(g):
    """Return the direction of length 1 in which f grows fastest, where g is its gradient, shape (d,)."""
    return g / np.linalg.norm(g)


@steepest.mistake("wrong sign")
def steepest_down(g):
    """This is the direction in which f *falls* fastest."""
    return -g / np.linalg.norm(g)


@steepest.mistake()
def steepest_long(g):
    """The direction is right, and its length is not 1: divide by the length of the gradient."""
    return g


@steepest.mistake()
def steepest_by_square(g):
    """You have divided by the *square* of the length, the sum of the squares. Its root is missing."""
    return g / (g @ g)


@steepest.mistake()
def steepest_by_sum(g):
    """You have divided by the sum of the entries. The length is the root of the sum of their squares."""
    return g / g.sum()


@steepest.mistake()
def steepest_by_largest(g):
    """You have divided by the largest entry. The length is the root of the sum of the squares."""
    return g / abs(g).max()


@steepest.mistake()
def steepest_along_an_axis(g):
    """This follows only the argument with the largest slope. The others buy something as well."""
    return np.sign(g) * (abs(g) == abs(g).max())


@steepest.mistake()
def steepest_by_signs(g):
    """You have kept the signs alone. An argument with a small slope deserves a small share of the step."""
    return np.sign(g) / np.sqrt(len(g))


@lesson.exercise(
    level=1, minutes=3,
    samples=[(rng.normal(size=2),) for _ in range(3)],
    hints=["What must the dot product of the gradient and the direction be?",
           "Swap the two entries, and one of them changes its sign.",
           "Try it with the gradient (1, 0): counter-clockwise of it lies (0, 1)."])
def along_the_curve(g):
    """Return the gradient g, shape (2,), turned by 90 degrees counter-clockwise."""
    return np.array([-g[1], g[0]])


@along_the_curve.mistake("wrong sign")
def along_clockwise(g):
    """At a right angle it is, but turned clockwise: the other one of the two directions along the curve is
    asked for."""
    return np.array([g[1], -g[0]])


@along_the_curve.mistake()
def along_mirrored(g):
    """The entries are swapped, and that alone is a mirror image. Compute its dot product with the gradient."""
    return np.array([g[1], g[0]])


@along_the_curve.mistake()
def along_downhill(g):
    """This goes straight across the level curve, downhill as fast as f can fall. Along the curve f does not change."""
    return -g


@along_the_curve.mistake()
def along_uphill(g):
    """This is the gradient itself, straight across the level curve and uphill. It has to be turned."""
    return g


@lesson.exercise(
    level=3, minutes=8,
    samples=[(lambda x: (x**3).sum() + x.prod(), rng.normal(size=d), h) for d, h in ((3, 0.1), (2, 0.2), (4, 0.05))],
    hints=["It takes two evaluations for each entry: go through the entries with a loop, or a list.",
           "`np.eye(len(x))` holds the unit vectors as rows: one nudge is h times one of them.",
           "How far apart are the two places at which f is evaluated? That is what the difference is divided by."])
def centred_gradient(f, x, h):
    """Return the gradient of f at x, shape (d,), by centred differences; f returns one number."""
    return np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(len(x))])


@centred_gradient.mistake()
def centred_by_h(f, x, h):
    """You divide by h, but the two places are 2h apart: twice the right value."""
    return np.array([(f(x + h * e) - f(x - h * e)) / h for e in np.eye(len(x))])


@centred_gradient.mistake()
def centred_without_brackets(f, x, h):
    """Division and multiplication go from left to right, so that you divide by 2 and then multiply by h: add
    brackets."""
    return np.array([(f(x + h * e) - f(x - h * e)) / 2 * h for e in np.eye(len(x))])


@centred_gradient.mistake()
def centred_one_number(f, x, h):
    """You nudge all entries together, which gives one number: the slope along the diagonal. Each entry needs its
    turn."""
    return (f(x + h) - f(x - h)) / (2 * h)


@centred_gradient.mistake()
def centred_one_sided(f, x, h):
    """This is the one-sided recipe. It is right in the limit, but the gap shrinks like h only: nudge both ways."""
    return np.array([(f(x + h * e) - f(x)) / h for e in np.eye(len(x))])


@centred_gradient.mistake()
def centred_all_at_once(f, x, h):
    """You nudge all entries at the same time, so that every entry of the result is the sum of all partial
    derivatives."""
    return np.array([(f(x + h) - f(x - h)) / (2 * h) for _ in x])


@centred_gradient.mistake()
def centred_never_back(f, x, h):
    """A nudge is not taken back before the next entry's turn: each derivative is measured a little further away."""
    x, found = x.copy(), []
    for i in range(len(x)):
        x[i] += h
        above = f(x)
        x[i] -= 2 * h
        found.append((above - f(x)) / (2 * h))
    return np.array(found)


@centred_gradient.mistake("wrong sign")
def centred_negative(f, x, h):
    """All signs are reversed: it is the value above less the value below."""
    return np.array([(f(x - h * e) - f(x + h * e)) / (2 * h) for e in np.eye(len(x))])


@centred_gradient.mistake()
def centred_looking_back(f, x, h):
    """You look back, from x − h to x. The centred recipe goes as far to both sides."""
    return np.array([(f(x) - f(x - h * e)) / h for e in np.eye(len(x))])


@centred_gradient.mistake()
def centred_half_a_nudge(f, x, h):
    """You nudge by half of h to each side. Here the nudge itself is h: up by h, and down by h."""
    return np.array([(f(x + h / 2 * e) - f(x - h / 2 * e)) / h for e in np.eye(len(x))])
