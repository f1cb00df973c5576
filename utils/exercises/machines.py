"""Exercises of notebook 07: rows for every worker, an average of averages, and what the network costs."""

import numpy as np

from utils.checks.lesson import Lesson

lesson = Lesson("07_beyond_one_machine")
rng = np.random.default_rng(7)


@lesson.exercise(
    level=1, minutes=3,
    samples=[(rng.normal(size=(N, d)), rank, world) for N, d, rank, world in ((7, 2, 1, 3), (10, 3, 0, 4), (5, 4, 3, 4),
                                                                              (6, 2, 2, 3), (3, 2, 4, 5))],
    hints=["Worker 0 of three begins with row 0. Which row comes next for it?",
           "A slice can begin anywhere, and have a step: `X[begin::step]`."])
def rows_of(X, rank, world):
    """Return the rows rank, rank + world, rank + 2 world, … of X."""
    return X[rank::world]


@rows_of.mistake()
def rows_in_a_block(X, rank, world):
    """You give each worker a block of neighbours. That is as fair a split; here, every worker takes every world-th
    row."""
    return np.array_split(X, world)[rank]


@rows_of.mistake()
def rows_of_worker_0(X, rank, world):
    """All workers get the rows of worker 0: the rank says where to begin."""
    return X[::world]


@rows_of.mistake()
def rows_between(X, rank, world):
    """These are the rows from rank to world. What is wanted is a *step* of world: two colons."""
    return X[rank:world]


@rows_of.mistake()
def rows_taken_from_columns(X, rank, world):
    """You have split the columns. Rows are samples, and samples are what is independent."""
    return X[:, rank::world]


@rows_of.mistake()
def rows_counted_from_1(X, rank, world):
    """You begin one row too early: workers are counted from 0, as rows are."""
    return X[(rank - 1) % world :: world]


@rows_of.mistake()
def rows_without_the_rest(X, rank, world):
    """The rows that are left over when N is not a multiple of world are lost. Somebody has to take them."""
    return X[: len(X) // world * world][rank::world]


@rows_of.mistake("only the first row")
def rows_first_alone(X, rank, world):
    """This is one row alone. A worker takes all that follow at a distance of world, too."""
    return X[rank : rank + 1]


@lesson.exercise(
    level=2, minutes=5,
    samples=[([rng.normal(size=shape) for _ in counts], counts) for shape, counts in
             (((3, 2), [17, 17, 16]), ((4, 5), [3, 1]), ((2, 3), [10, 20, 0, 5]))],
    hints=["What is the share of a worker who has seen 16 of 50 rows?",
           "Each gradient times its share, and the products added up.",
           "How many rows there are altogether is the sum of the counts."])
def average(gradients, counts):
    """Return the gradient of all rows; worker w has seen counts[w] of them, and gradients[w] is their mean gradient."""
    return sum(n / sum(counts) * g for n, g in zip(counts, gradients))


@average.mistake()
def average_plain(gradients, counts):
    """This is the plain mean of the workers. Whoever has seen fewer rows must have less of a say."""
    return sum(gradients) / len(gradients)


@average.mistake("1/N forgotten")
def average_without_total(gradients, counts):
    """Each gradient is multiplied by its number of rows, and the sum is still to be divided by the number of all
    rows."""
    return sum(n * g for n, g in zip(counts, gradients))


@average.mistake("1/N twice")
def average_divided_twice(gradients, counts):
    """You divide by the number of workers as well. The shares add up to 1 already."""
    return sum(n / sum(counts) * g for n, g in zip(counts, gradients)) / len(counts)


@average.mistake()
def average_added_up(gradients, counts):
    """You have added up means. The sum of means is not the mean of all: each has to be weighed by its share."""
    return sum(gradients)


@average.mistake("only the first row")
def average_of_worker_0(gradients, counts):
    """This is what the first worker knows. The others have seen other rows."""
    return gradients[0]


@lesson.exercise(
    level=1, minutes=3,
    rtol=1e-3,
    hints=["How many knobs has the network? Each has one entry in the gradient.",
           "A float64 has 64 bits, and a byte has 8."])
def bytes_sent():
    """a number of bytes"""
    return 712


@bytes_sent.mistake()
def bytes_as_numbers():
    """That is how many numbers there are. A float64 takes more than one byte."""
    return 89


@bytes_sent.mistake()
def bytes_in_single():
    """That would be for float32, which takes 4 bytes. Ours are float64."""
    return 356


@bytes_sent.mistake("bias missing")
def bytes_without_bias():
    """You have counted the weights alone. The biases have gradients, and those are sent as well."""
    return 600


@bytes_sent.mistake()
def bytes_in_bits():
    """Those are bits. Eight of them make a byte."""
    return 5696


bytes_sent.wrong_answers(
    bytes_both_ways=(1424, "That is twice as much. The gradient is sent once here."),
    bytes_of_layers=(624, "You count one bias for a whole layer. Every unit of it has its own."),
    bytes_of_units=(152, "You have counted units. The gradient has an entry for each weight and for each bias."))


@lesson.exercise(
    level=3, minutes=8,
    samples=[(0.1, 1e6, 1e9, 1e-4), (0.5, 3e6, 2e9, 1e-3), (1e-5, 4e4, 1e9, 2e-5), (4.0, 5e6, 1e9, 2e-5)],
    hints=["Write T(w) as three terms: one over w, one with w, and one without. Only the first two move.",
           "2(w − 1)/w is 2 − 2/w: the bytes have a part that falls with w, against the computing.",
           "The derivative is 0 where w² is one quotient. And what if its numerator is negative?"])
def best_workers(C, B, beta, lam):
    """Return the best w, at least 1, for C seconds of computing, B bytes, beta bytes a second, lam seconds a
    message."""
    return np.sqrt(max(C - 2 * B / beta, 2 * lam) / (2 * lam))


@best_workers.mistake()
def best_without_bytes(C, B, beta, lam):
    """The bytes have been left out. Their term is 2(w − 1)/w times something, and that depends on w, too."""
    return np.sqrt(C / (2 * lam))


@best_workers.mistake("wrong sign")
def best_with_bytes_added(C, B, beta, lam):
    """The bytes have the wrong sign: what is to be sent speaks *against* many workers."""
    return np.sqrt((C + 2 * B / beta) / (2 * lam))


@best_workers.mistake()
def best_without_root(C, B, beta, lam):
    """This is w squared: a root is still to be taken."""
    return max(C - 2 * B / beta, 2 * lam) / (2 * lam)


@best_workers.mistake()
def best_once_round(C, B, beta, lam):
    """A factor 2 is missing: the slices go round the ring twice, once to be added up and once to be handed out."""
    return np.sqrt(max(C - B / beta, lam) / lam)


@best_workers.mistake()
def best_of_a_negative(C, B, beta, lam):
    """Where the bytes take longer than the computing, this is the root of a negative number. What is best then?"""
    return np.sqrt((C - 2 * B / beta) / (2 * lam))
