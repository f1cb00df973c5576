"""Exercises of notebook 07: rows for every worker, averages, a worker's step, a ring, and what it costs."""

import numpy as np

from utils.activations import softmax
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
    """Return the gradient of all rows; worker r has seen counts[r] of them, and gradients[r] is their mean."""
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


# A step of many -------------------------------------------------------------------------------------


class Others:
    """An all-reduce for one worker who is tried alone: it adds what the others would have sent."""

    def __init__(self, theirs):
        self.theirs = theirs

    def __call__(self, gradient):
        return gradient + self.theirs

    def __repr__(self):
        return "all_reduce"


def one_of_many(N, n, m, rank, world):
    """Return arguments for a worker's step: the whole batch, who is asked, and an all-reduce with all others in it."""
    W, X, Y = rng.normal(size=(m, n)), rng.normal(size=(N, n)), np.eye(m)[rng.integers(0, m, N)]
    others = np.arange(N) % world != rank
    theirs = (softmax(X[others] @ W.T) - Y[others]).T @ X[others] / N
    return W, X, Y, rank, world, Others(theirs), 0.5


@lesson.exercise(
    level=2, minutes=7,
    samples=[one_of_many(7, 4, 3, 1, 3), one_of_many(10, 2, 5, 0, 4), one_of_many(5, 3, 2, 4, 5)],
    hints=["First your rows, of X and of Y: the slice from exercise 1.",
           "The gradient of a softmax layer is (A − Y)ᵀ X. By which N is it to be divided, so that the sum over all "
           "workers is the gradient of the whole batch?",
           "Give it to `all_reduce`, and take the step with what comes back."])
def worker_step(W, X, Y, rank, world, all_reduce, rate):
    """Return W (m, n) after one step of all workers on the batch X (N, n), Y (N, m); the model is softmax(X Wᵀ)."""
    X_mine, Y_mine = X[rank::world], Y[rank::world]
    dZ = (softmax(X_mine @ W.T) - Y_mine) / len(X)
    return W - rate * all_reduce(dZ.T @ X_mine)


@worker_step.mistake("1/N forgotten")
def worker_summed(W, X, Y, rank, world, all_reduce, rate):
    """The 1/N is missing: what the workers add up is then the sum over all rows, and not their mean."""
    X_mine, Y_mine = X[rank::world], Y[rank::world]
    dZ = softmax(X_mine @ W.T) - Y_mine
    return W - rate * all_reduce(dZ.T @ X_mine)


@worker_step.mistake()
def worker_own_mean(W, X, Y, rank, world, all_reduce, rate):
    """You divide by your own number of rows. All-reduce *adds*: under each part belongs the N of all."""
    X_mine, Y_mine = X[rank::world], Y[rank::world]
    dZ = (softmax(X_mine @ W.T) - Y_mine) / len(X_mine)
    return W - rate * all_reduce(dZ.T @ X_mine)


@worker_step.mistake()
def worker_alone(W, X, Y, rank, world, all_reduce, rate):
    """This worker steps with its own gradient. Then each ends with other weights: first all-reduce, then the step."""
    X_mine, Y_mine = X[rank::world], Y[rank::world]
    dZ = (softmax(X_mine @ W.T) - Y_mine) / len(X)
    return W - rate * dZ.T @ X_mine


@worker_step.mistake()
def worker_averaged_again(W, X, Y, rank, world, all_reduce, rate):
    """The sum is divided by the number of workers as well. With 1/N in each part it is the mean already."""
    X_mine, Y_mine = X[rank::world], Y[rank::world]
    dZ = (softmax(X_mine @ W.T) - Y_mine) / len(X)
    return W - rate * all_reduce(dZ.T @ X_mine) / world


@worker_step.mistake()
def worker_all_rows(W, X, Y, rank, world, all_reduce, rate):
    """You take all rows, as every other worker would: each row is then counted as often as there are workers."""
    dZ = (softmax(X @ W.T) - Y) / len(X)
    return W - rate * all_reduce(dZ.T @ X)


@worker_step.mistake("wrong sign")
def worker_uphill(W, X, Y, rank, world, all_reduce, rate):
    """This step goes uphill: it adds what has to be taken away."""
    X_mine, Y_mine = X[rank::world], Y[rank::world]
    dZ = (softmax(X_mine @ W.T) - Y_mine) / len(X)
    return W + rate * all_reduce(dZ.T @ X_mine)


@worker_step.mistake()
def worker_sends_the_step(W, X, Y, rank, world, all_reduce, rate):
    """You all-reduce the new weights. They would be added up, too; it is gradients that are sent."""
    X_mine, Y_mine = X[rank::world], Y[rank::world]
    dZ = (softmax(X_mine @ W.T) - Y_mine) / len(X)
    return all_reduce(W - rate * dZ.T @ X_mine)


@lesson.exercise(
    level=2, minutes=6,
    samples=[(rng.integers(1, 9, size=(K, K)).astype(float), k) for K, k in ((3, 0), (4, 1), (5, 3), (4, 2))],
    hints=["In round k worker r sends slice (r − k) mod K. Its neighbour is (r + 1) mod K: after the last comes 0.",
           "Work on a copy: `new = parts.copy()`. Then, for each r, add `parts[r, s]` to `new[(r + 1) % K, s]`."])
def ring_round(parts, k):
    """Return the array (K, K) after round k: worker r has sent slice (r − k) mod K to its neighbour, who adds it."""
    K, new = len(parts), parts.copy()
    for r in range(K):
        s = (r - k) % K
        new[(r + 1) % K, s] += parts[r, s]
    return new


@ring_round.mistake()
def ring_replaced(parts, k):
    """The neighbour's own part is overwritten. It *adds* what comes to what it has."""
    K, new = len(parts), parts.copy()
    for r in range(K):
        s = (r - k) % K
        new[(r + 1) % K, s] = parts[r, s]
    return new


@ring_round.mistake()
def ring_other_way(parts, k):
    """You send to the neighbour on the other side: worker r sends to worker r + 1."""
    K, new = len(parts), parts.copy()
    for r in range(K):
        s = (r - k) % K
        new[(r - 1) % K, s] += parts[r, s]
    return new


@ring_round.mistake()
def ring_other_slice(parts, k):
    """Worker r sends slice (r + k) mod K. It is (r − k) mod K: what it has just received."""
    K, new = len(parts), parts.copy()
    for r in range(K):
        s = (r + k) % K
        new[(r + 1) % K, s] += parts[r, s]
    return new


@ring_round.mistake()
def ring_same_slice(parts, k):
    """Every worker sends slice k. Then this slice is on all lines at once, and all others rest; each sends another."""
    K, new = len(parts), parts.copy()
    for r in range(K):
        new[(r + 1) % K, k] += parts[r, k]
    return new


@ring_round.mistake()
def ring_all_slices(parts, k):
    """Everything is sent in one round. A round sends one slice for each worker."""
    return parts + np.roll(parts, 1, axis=0)


@ring_round.mistake()
def ring_moved(parts, k):
    """The sender loses what it sends. It sends a copy: its own part stays."""
    K, new = len(parts), parts.copy()
    for r in range(K):
        s = (r - k) % K
        new[(r + 1) % K, s] += parts[r, s]
        new[r, s] -= parts[r, s]
    return new


@ring_round.mistake("only the first row")
def ring_one_worker(parts, k):
    """Only worker 0 has sent something. In a round all send at the same time."""
    new = parts.copy()
    new[1 % len(parts), -k % len(parts)] += parts[0, -k % len(parts)]
    return new


# What it costs --------------------------------------------------------------------------------------


@lesson.exercise(
    level=1, minutes=3,
    rtol=1e-4,
    hints=["How many parameters has the network? Each has one entry in the gradient.",
           "A float64 has 64 bits, and a byte has 8."])
def bytes_sent():
    """a number of bytes"""
    return 38480


bytes_sent.wrong_answers(
    bytes_as_numbers=(4810, "That is how many numbers there are. A float64 takes more than one byte."),
    bytes_in_single=(19240, "That would be for float32, which takes 4 bytes. Ours are float64."),
    bytes_without_bias=(37888, "You have counted the weights alone. The biases have gradients, too."),
    bytes_in_bits=(307840, "Those are bits. Eight of them make a byte."),
    bytes_both_ways=(76960, "That is twice as much. The gradient is sent once here."),
    bytes_of_layers=(37904, "You count one bias for a whole layer. Every unit of it has its own."),
    bytes_of_units=(592, "You have counted units. The gradient has an entry for each weight and for each bias."))


@lesson.exercise(
    level=3, minutes=8,
    samples=[(0.1, 1e6, 1e9, 1e-4), (0.5, 3e6, 2e9, 1e-3), (1e-5, 4e4, 1e9, 2e-5), (4.0, 5e6, 1e9, 2e-5)],
    hints=["Write T(K) as three terms: one over K, one with K, and one without. Only the first two move.",
           "2(K − 1)/K is 2 − 2/K: the bytes have a part that falls with K, against the computing.",
           "The derivative is 0 where K² is one quotient. And what if its numerator is negative?"])
def best_workers(C, B, beta, lam):
    """Return the best number of workers, at least 1: C seconds of computing, B bytes, beta bytes a second, lam seconds
    a message."""
    return np.sqrt(max(C - 2 * B / beta, 2 * lam) / (2 * lam))


@best_workers.mistake()
def best_without_bytes(C, B, beta, lam):
    """The bytes have been left out. Their term is 2(K − 1)/K times something, and that depends on K, too."""
    return np.sqrt(C / (2 * lam))


@best_workers.mistake("wrong sign")
def best_with_bytes_added(C, B, beta, lam):
    """The bytes have the wrong sign: what is to be sent speaks *against* many workers."""
    return np.sqrt((C + 2 * B / beta) / (2 * lam))


@best_workers.mistake()
def best_without_root(C, B, beta, lam):
    """This is K squared: a root is still to be taken."""
    return max(C - 2 * B / beta, 2 * lam) / (2 * lam)


@best_workers.mistake()
def best_once_round(C, B, beta, lam):
    """A factor 2 is missing: the slices go round the ring twice, once to be added up and once to be handed out."""
    return np.sqrt(max(C - B / beta, lam) / lam)


@best_workers.mistake()
def best_of_a_negative(C, B, beta, lam):
    """Where the bytes take longer than the computing, this is the root of a negative number. What is best then?"""
    return np.sqrt((C - 2 * B / beta) / (2 * lam))


@lesson.exercise(
    level=2, minutes=4,
    rtol=5e-3,
    hints=["The step is over when the *last* of the four has finished. When does it take 1 second?",
           "All four are in time with the probability 0.9⁴. Otherwise it takes 2 seconds."])
def straggler():
    """a number of seconds"""
    return 2 - 0.9**4


straggler.wrong_answers(
    straggler_one=(1.1, "That is the mean time of one worker. All four have to be in time."),
    straggler_sum=(1.4, "Two may be late at once, and late together: take the probability that nobody is."),
    straggler_all=(1.0001, "That would be if all four had to be late. One late worker is enough."),
    straggler_in_time=(0.6561, "That is the probability that all are in time. With it, what is the mean time?"))
