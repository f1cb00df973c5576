"""Exercises of notebook 00: measure an error, make it small, bend a line, count parameters, predict."""

import numpy as np

from utils.checks.lesson import Lesson

lesson = Lesson("00_learning_a_function")
rng = np.random.default_rng(0)


def dots():
    """Return the notebook's fourteen examples, X and Y of shape (14,)."""
    X = np.linspace(-1, 1, 14)
    return X, np.sin(3 * X) + X + 0.25 * np.random.default_rng(5).normal(size=14)


def tell_line(line):
    """Say how good a line (w0, w1) is on the examples; "" if Err is less than 2 % above the smallest."""
    (w0, w1), (X, Y) = line, dots()
    least = (0.5 * (np.polynomial.Polynomial.fit(X, Y, 1)(X) - Y) ** 2).mean()
    err = (0.5 * (float(w0) + float(w1) * X - Y) ** 2).mean()
    higher, steeper = (Y - w0 - w1 * X).mean(), ((Y - w0 - w1 * X) * X).mean()
    way = (f"{'raise' if higher > 0 else 'lower'} w0" if abs(higher) > 1.6 * abs(steeper) else
           f"make the line {'steeper' if steeper > 0 else 'less steep'}")
    if err < 1.02 * least:
        return ""
    return f"With these two numbers Err is {err:.3f}; the smallest is {least:.3f}. Try to {way}."


@lesson.exercise(
    level=1, minutes=4,
    parts=("w0", "w1"), tell=tell_line,
    remark="No line does better than Err = 0.1039. Where that number comes from is section 4.",
    hints=["Move one slider until Err no longer falls, then the other one, then the first one again.",
           "A line through the middle of the dots passes the height 0 at x = 0. How steep is it?",
           "The best slope lies just below 2."])
def best_line():
    """a pair (w0, w1)"""
    return 0.0, 1.95


best_line.wrong_answers(
    best_line_flat=((0.0, 0.5), "The piece begins with these settings. Make the line steeper, and watch Err."),
    best_line_swapped=((1.95, 0.0), "The two are exchanged: w0 is the height at x = 0, and w1 the slope."),
    best_line_steep=((0.0, 1.5), "Better, but Err is still 0.143. Make the line steeper."),
    best_line_too_steep=((0.0, 3.0), "Too steep: Err rises again. Somewhere between 1.5 and 3 it is lowest."))


@lesson.exercise(
    level=1, minutes=3,
    rtol=2e-3, hints=["At each x, take what the line says, 1 + x, and how far the dot lies above it.",
           "The misses are 0, 1 and 3. Square each one, halve it, and take the average of the three."])
def by_hand():
    """a number"""
    return 5 / 3


by_hand.wrong_answers(
    hand_neither=(10, "You have added up the squares. Each is to be halved, and then they are averaged."),
    hand_of_heights=(23 / 3, "You have taken the dots' heights themselves. A miss is height less line."),
    hand_without_half=(10 / 3, "The factor ½ is missing: each squared miss is halved."),
    hand_not_averaged=(5, "You have added up the three halved squares. An average is divided by how many there are."),
    hand_not_squared=(2 / 3, "You have halved the misses themselves. Each one is squared first."),
    hand_absolute=(4 / 3, "That is the average size of a miss. Here each one is squared, and then halved."),
    hand_sum_squared=(8 / 3, "You have added up the misses before you squared them. First the squares, then the sum."),
    hand_two_dots=(2.5, "You have divided by 2. There are three dots, and the one on the line counts, too."))


@lesson.exercise(
    level=2, minutes=5,
    samples=[(rng.normal(size=(N, m)), rng.normal(size=(N, m))) for N, m in ((5, 3), (4, 2), (7, 1))],
    hints=["Begin with the differences, all entries at once.",
           "The formula has one sum over an example's outputs and one over the examples; `.sum()` takes both.",
           "What must the sum be divided by: the number of entries, or the number of rows, `len(Y)`?"])
def empirical_error(A, Y):
    """Return the error of the answers A, where Y would be right; both have the shape (N, m)."""
    return (0.5 * (A - Y) ** 2).sum() / len(Y)


@empirical_error.mistake("1/N forgotten")
def error_summed(A, Y):
    """You have added up the examples' errors; an average divides by how many examples there are."""
    return (0.5 * (A - Y) ** 2).sum()


@empirical_error.mistake("1/N twice")
def error_divided_twice(A, Y):
    """You divide by N twice: once is enough for an average. A mean that is divided once more has done it already."""
    return (0.5 * (A - Y) ** 2).sum() / len(Y) ** 2


@empirical_error.mistake()
def error_over_entries(A, Y):
    """You average over all entries; the formula averages over examples, and an example's outputs are added up."""
    return (0.5 * (A - Y) ** 2).mean()


@empirical_error.mistake()
def error_without_half(A, Y):
    """The factor ½ is missing, so everything is twice as large."""
    return ((A - Y) ** 2).sum() / len(Y)


@empirical_error.mistake("only the first row")
def error_of_first_row(A, Y):
    """This is the error of the first example alone; the empirical error looks at all of them."""
    return (0.5 * (A[0] - Y[0]) ** 2).sum()


@empirical_error.mistake()
def error_of_each(A, Y):
    """These are the examples' own errors, one a row. The empirical error is their average, one number."""
    return (0.5 * (A - Y) ** 2).sum(1)


@empirical_error.mistake()
def error_over_outputs(A, Y):
    """You divide by the number of outputs. The average is over the examples, the rows."""
    return (0.5 * (A - Y) ** 2).sum() / Y.shape[1]


@empirical_error.mistake()
def error_squared_late(A, Y):
    """You add up a row's differences before you square them, so that they can cancel. First the squares, then the
    sum."""
    return (0.5 * (A - Y).sum(1) ** 2).sum() / len(Y)


@empirical_error.mistake()
def error_not_squared(A, Y):
    """The differences are not squared, so that errors of opposite signs cancel."""
    return (0.5 * (A - Y)).sum() / len(Y)


@empirical_error.mistake()
def error_absolute(A, Y):
    """You take the size of each difference. This error squares it, so that a large one counts for more."""
    return abs(A - Y).sum() / len(Y)


@empirical_error.mistake()
def error_over_entries_without_half(A, Y):
    """Two things: you average over all entries, where outputs are added up and only examples are averaged; and the ½ is
    missing."""
    return ((A - Y) ** 2).mean()


@empirical_error.mistake()
def error_summed_without_half(A, Y):
    """Two things: you have added up, where the examples are to be averaged; and the ½ is missing."""
    return ((A - Y) ** 2).sum()


@empirical_error.mistake()
def error_of_first_output(A, Y):
    """You look at the first output alone. An example has m of them, and all of them count."""
    return (0.5 * (A[:, 0] - Y[:, 0]) ** 2).sum() / len(Y)


@lesson.exercise(
    level=1, minutes=2,
    hints=["Imagine a million dots about the same hidden curve. What would the best line among them look like?",
           "A straight line among a million dots is still a straight line, and the curve still bends."],
    also=("a richer family", "richer family"),
    remark="What is missing is not in the family, so nothing that chooses within the family helps.")
def remedy():
    '''"a", "b", "c" or "d"'''
    return "b"


@remedy.mistake()
def remedy_more_data():
    """More examples would tell more exactly which line is the best one, and the best line still cannot bend."""
    return "a"


@remedy.mistake()
def remedy_more_training():
    """The best line was computed directly, so there is nothing left for training to find."""
    return "c"


@remedy.mistake()
def remedy_other_div():
    """Another error chooses another line, but it is a line: what is missing is not in the family."""
    return "d"


@lesson.exercise(
    level=1, minutes=2,
    rtol=2e-3, remark="One slip of the pen, and the best constant is 41.56: the mean follows wherever an outlier goes.",
    hints=["Which constant is best for the squared error: the claim above names it.",
           "Compute the mean of the five reports, with 200 in the last place."])
def dragged():
    """a number"""
    return 41.56


@dragged.mistake()
def dragged_nowhere():
    """That was the answer for the old reports. The squared error's constant is their mean, and it has moved."""
    return 5.56


@dragged.mistake()
def dragged_median():
    """That is the median, which the outlier cannot move. It is best for the absolute error, not for the squared one."""
    return 2.0


@dragged.mistake()
def dragged_halfway():
    """That is half-way between the smallest and the largest report. The squared error listens to all five of them."""
    return 100.9


dragged.wrong_answers(
    dragged_sum=(207.8, "This is the sum of the reports. A mean is divided by how many there are."),
    dragged_by_four=(51.95, "You divide by 4, but there are five reports, the wrong one among them."),
    dragged_tenfold=(55.6,
        "Only one report became ten times as large, and not the mean with it. Compute the mean anew."),
    dragged_to_the_outlier=(200, "That is the wrong report itself. The other four have a say as well."),
    dragged_as_a_sixth=(227.8 / 6, "You have added a sixth report. The 200 stands in the place of the 20."))


@lesson.exercise(
    level=2, minutes=6,
    samples=[(x, rng.normal(size=K), rng.normal(size=K), rng.normal(size=K), c)
             for x, K, c in ((0.7, 6, 0.3), (-1.2, 4, -0.5), (0.0, 1, 2.0), (2.5, 3, 0.0))],
    hints=["One unit first: what is w[k] * x + b[k], and what does tanh make of it?",
           "NumPy takes all the units at once: w * x + b has one entry for each.",
           "Multiply each bend by its own v, add them up, and add c once, at the end."])
def bends(x, w, b, v, c):
    """Return c plus the sum of all v[k] tanh(w[k] x + b[k]); w, b and v have the shape (K,)."""
    return c + (v * np.tanh(w * x + b)).sum()


@bends.mistake()
def bends_without_offset(x, w, b, v, c):
    """The number c is missing: it lifts the whole curve."""
    return (v * np.tanh(w * x + b)).sum()


@bends.mistake()
def bends_offset_for_each(x, w, b, v, c):
    """You add c once for each unit. It belongs to the sum, once."""
    return (c + v * np.tanh(w * x + b)).sum()


@bends.mistake("bias missing")
def bends_without_bias(x, w, b, v, c):
    """The b of each unit is missing, so that all the bends sit at x = 0."""
    return c + (v * np.tanh(w * x)).sum()


@bends.mistake()
def bends_not_bent(x, w, b, v, c):
    """Nothing is bent: without tanh, a sum of lines is a line."""
    return c + (v * (w * x + b)).sum()


@bends.mistake()
def bends_bias_outside(x, w, b, v, c):
    """You add b after the bending. It stands inside the tanh, where it moves the bend to the left or right."""
    return c + (v * (np.tanh(w * x) + b)).sum()


@bends.mistake()
def bends_unweighted(x, w, b, v, c):
    """The bends are added as they are. Each has its own v in front."""
    return c + np.tanh(w * x + b).sum()


@bends.mistake()
def bends_not_added(x, w, b, v, c):
    """These are the units one by one. Their sum, one number, is what is wanted."""
    return c + v * np.tanh(w * x + b)


@bends.mistake()
def bends_mixed_first(x, w, b, v, c):
    """You bend the sum. Each unit is bent by itself, and then they are added up."""
    return c + np.tanh((v * (w * x + b)).sum())


@lesson.exercise(
    level=2, minutes=5,
    rtol=0,
    samples=[([1, 6, 1],), ([5, 7, 4, 3],), ([2, 4, 2],), ([64, 32, 10],)],
    hints=["Take one layer: how many parameters are there between 5 units and 7, and how many belong to the 7 alone?",
           "A layer from n to m units has a weight for each pair, and a bias for each of its m units.",
           "`zip(sizes, sizes[1:])` gives the pairs (n, m), one for each layer."])
def parameters(sizes):
    """Return the number of weights and biases of a network with these widths."""
    return sum(m * n + m for n, m in zip(sizes, sizes[1:]))


@parameters.mistake("bias missing")
def parameters_without_bias(sizes):
    """You have counted the weights alone. Each unit behind the input also has a bias."""
    return sum(m * n for n, m in zip(sizes, sizes[1:]))


@parameters.mistake()
def parameters_bias_per_input(sizes):
    """You give a bias to what a layer takes in. It belongs to the units that the layer puts out."""
    return sum(m * n + n for n, m in zip(sizes, sizes[1:]))


@parameters.mistake()
def parameters_bias_on_inputs(sizes):
    """You give a bias to the inputs as well. They are what is given: only the units behind them have one."""
    return sum(m * n for n, m in zip(sizes, sizes[1:])) + sum(sizes)


@parameters.mistake()
def parameters_first_layers_only(sizes):
    """You have counted the first layer alone. There is one between each two neighbours."""
    return sizes[0] * sizes[1] + sizes[1]


@parameters.mistake()
def parameters_one_bias_per_layer(sizes):
    """You count one bias for a whole layer. Every unit of it has its own."""
    return sum(m * n + 1 for n, m in zip(sizes, sizes[1:]))


@parameters.mistake()
def parameters_units(sizes):
    """These are the units. A parameter sits on each line between two units, and one on each unit behind the
    input."""
    return sum(sizes)


@parameters.mistake()
def parameters_of_three_widths(sizes):
    """Your function is made for three widths. A network may have any number of them: go through neighbours."""
    d0, d1, d2 = sizes
    return d0 * d1 + d1 + d1 * d2 + d2


@parameters.mistake()
def parameters_of_two_layers(sizes):
    """You stop after the second layer. There is one between each two neighbours, however many there are."""
    return sum(m * n + m for n, m in zip(sizes[:2], sizes[1:3]))
