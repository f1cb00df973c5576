"""Exercises of notebook 07: rows for every worker, an average of averages, and what the network costs."""

import numpy as np

from utils.lesson import Lesson

lesson = Lesson("07_beyond_one_machine")
rng = np.random.default_rng(7)


@lesson.exercise(
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


@rows_of.mistake("only the first row")
def rows_first_alone(X, rank, world):
    """This is one row alone. A worker takes all that follow at a distance of world, too."""
    return X[rank : rank + 1]


@lesson.exercise(
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


@lesson.exercise(
    samples=[(4, 0.1, 1e6, 1e9, 1e-4), (1, 0.5, 3e6, 2e9, 1e-3), (10, 0.02, 5e5, 1e8, 2e-5)],
    hints=["Three terms: computing, bytes, messages.",
           "With one worker, nothing is sent: both terms of the network are 0 then. Are yours?"])
def step_time(w, C, B, beta, lam):
    """Return T(w) for w workers, C seconds of computing, B bytes, beta bytes a second, lam seconds a message."""
    return C / w + 2 * (w - 1) / w * B / beta + 2 * (w - 1) * lam


@step_time.mistake()
def time_not_divided(w, C, B, beta, lam):
    """Computing takes as long as for one worker. That is what the others are for: they share it."""
    return C + 2 * (w - 1) / w * B / beta + 2 * (w - 1) * lam


@step_time.mistake()
def time_once_round(w, C, B, beta, lam):
    """The slices go round the ring *twice*: once to be added up, and once to bring the sum to everybody."""
    return C / w + (w - 1) / w * B / beta + (w - 1) * lam


@step_time.mistake()
def time_without_messages(w, C, B, beta, lam):
    """The messages are missing. Each takes its time, however short it is, and there are more with every worker."""
    return C / w + 2 * (w - 1) / w * B / beta


@step_time.mistake()
def time_without_bytes(w, C, B, beta, lam):
    """The bytes are missing: what is sent takes its time, too."""
    return C / w + 2 * (w - 1) * lam


@step_time.mistake()
def time_all_neighbours(w, C, B, beta, lam):
    """A ring of w workers needs one message less than w to go round: with one worker, nothing is sent at all."""
    return C / w + 2 * B / beta + 2 * w * lam
