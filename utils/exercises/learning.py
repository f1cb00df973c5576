"""Exercises of notebook 00: measure an error, count knobs, predict."""

import numpy as np

from utils.checks.lesson import Lesson

lesson = Lesson("00_learning_a_function")
rng = np.random.default_rng(0)


@lesson.exercise(
    level=2, minutes=5,
    samples=[(rng.normal(size=(N, m)), rng.normal(size=(N, m))) for N, m in ((5, 3), (4, 2), (7, 1))],
    hints=["Begin with the differences, all entries at once.",
           "The formula has one sum over a sample's outputs and one over the samples; `.sum()` takes both.",
           "What must the sum be divided by: the number of entries, or the number of rows, `len(Y)`?"])
def empirical_error(A, Y):
    """Return 1/N times the sum of all samples' divergences; A and Y have the shape (N, m)."""
    return (0.5 * (A - Y) ** 2).sum() / len(Y)


@empirical_error.mistake("1/N forgotten")
def error_summed(A, Y):
    """You have added up the samples' divergences; an average divides by how many samples there are."""
    return (0.5 * (A - Y) ** 2).sum()


@empirical_error.mistake("1/N twice")
def error_divided_twice(A, Y):
    """You divide by N twice: once is enough for an average. A mean that is divided once more has done it already."""
    return (0.5 * (A - Y) ** 2).sum() / len(Y) ** 2


@empirical_error.mistake()
def error_over_entries(A, Y):
    """You average over all entries; the formula averages over samples, and a sample's outputs are added up."""
    return (0.5 * (A - Y) ** 2).mean()


@empirical_error.mistake()
def error_without_half(A, Y):
    """The factor ½ of this divergence is missing, so everything is twice as large."""
    return ((A - Y) ** 2).sum() / len(Y)


@empirical_error.mistake("only the first row")
def error_of_first_row(A, Y):
    """This is the divergence of the first sample alone; the empirical error looks at all of them."""
    return (0.5 * (A[0] - Y[0]) ** 2).sum()


@empirical_error.mistake()
def error_of_each(A, Y):
    """These are the samples' divergences, one a row. The empirical error is their average, one number."""
    return (0.5 * (A - Y) ** 2).sum(1)


@empirical_error.mistake()
def error_over_outputs(A, Y):
    """You divide by the number of outputs. The average is over the samples, the rows."""
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
    """You take the size of each difference. This divergence squares it, so that a large one counts for more."""
    return abs(A - Y).sum() / len(Y)


@empirical_error.mistake()
def error_of_first_output(A, Y):
    """You look at the first output alone. A sample has m of them, and all of them count."""
    return (0.5 * (A[:, 0] - Y[:, 0]) ** 2).sum() / len(Y)


@lesson.exercise(
    level=1, minutes=2,
    rtol=2e-3, remark="One slip of the pen, and the best constant is 41.56: the mean follows wherever an outlier goes.",
    hints=["Which constant is best for the squared error: the table above says what it is called.",
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
    level=1, minutes=2,
    hints=["Which of the two errors is left when there are infinitely many examples?",
           "A straight line through a million noisy dots is still a straight line."],
    also=("a richer family", "richer family"))
def remedy():
    '''"a", "b", "c" or "d"'''
    return "b"


@remedy.mistake()
def remedy_more_data():
    """More examples would tell more exactly which line is the best one, and the best line still cannot bend."""
    return "a"


@remedy.mistake()
def remedy_more_training():
    """The line's best knobs were computed directly, so there is nothing left for training to find."""
    return "c"


@remedy.mistake()
def remedy_other_div():
    """Another `div` chooses another line, but it is a line: what is missing is not in the family."""
    return "d"


@lesson.exercise(
    level=2, minutes=5,
    rtol=0,
    samples=[([1, 6, 1],), ([5, 7, 4, 3],), ([2, 4, 2],), ([64, 32, 10],)],
    hints=["Take one layer: how many knobs are there between 5 units and 7, and how many belong to the 7 alone?",
           "A layer from n to m units has a weight for each pair, and a bias for each of its m units.",
           "`zip(sizes, sizes[1:])` gives the pairs (n, m), one for each layer."])
def knobs(sizes):
    """Return the number of weights and biases of a network with these widths."""
    return sum(m * n + m for n, m in zip(sizes, sizes[1:]))


@knobs.mistake("bias missing")
def knobs_without_bias(sizes):
    """You have counted the weights alone. Each unit behind the input also has a bias."""
    return sum(m * n for n, m in zip(sizes, sizes[1:]))


@knobs.mistake()
def knobs_bias_per_input(sizes):
    """You give a bias to what a layer takes in. It belongs to the units that the layer puts out."""
    return sum(m * n + n for n, m in zip(sizes, sizes[1:]))


@knobs.mistake()
def knobs_bias_on_inputs(sizes):
    """You give a bias to the inputs as well. They are what is given: only the units behind them have one."""
    return sum(m * n for n, m in zip(sizes, sizes[1:])) + sum(sizes)


@knobs.mistake()
def knobs_first_layers_only(sizes):
    """You have counted the first layer alone. There is one between each two neighbours."""
    return sizes[0] * sizes[1] + sizes[1]


@knobs.mistake()
def knobs_one_bias_per_layer(sizes):
    """You count one bias for a whole layer. Every unit of it has its own."""
    return sum(m * n + 1 for n, m in zip(sizes, sizes[1:]))


@knobs.mistake()
def knobs_units(sizes):
    """These are the units, not the knobs. A knob sits on each line between two units, and one on each unit behind
    the input."""
    return sum(sizes)


@knobs.mistake()
def knobs_of_three_widths(sizes):
    """Your function is made for three widths. A network may have any number of them: go through neighbours."""
    d0, d1, d2 = sizes
    return d0 * d1 + d1 + d1 * d2 + d2


@knobs.mistake()
def knobs_of_two_layers(sizes):
    """You stop after the second layer. There is one between each two neighbours, however many there are."""
    return sum(m * n + m for n, m in zip(sizes[:2], sizes[1:3]))
