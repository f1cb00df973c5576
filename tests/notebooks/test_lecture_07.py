"""What notebook 07 says, proven on the variables of its cells, or computed anew: by plain lines, or by autograd."""

import inspect
import os
import re
import socket
import subprocess
import sys
import threading
from fractions import Fraction
from functools import cache, partial
from itertools import pairwise, product
from math import ceil, sqrt
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import cells
import nbformat
import numpy as np
import pytest
import torch
import torch.distributed as dist
from cells import NOTEBOOKS, captions, comes_before, page, prose, run, sources
from test_changes import CHANGES

from utils import distributed
from utils.activations import softmax
from utils.checkpoints import keep, latest
from utils.datasets import digits
from utils.exercises import machines as ex
from utils.losses import softmax_cross_entropy
from utils.mlp import Gradients, convert, forward, load

SMALL, MIDDLE, LARGE = ((64, 64, 10), 32), ((784, 512, 512, 10), 1024), ((784, 512, 512, 10), 65536)
MODELS = {"64-64-10, batch 32": SMALL, "784-512-512-10, batch 1,024": MIDDLE, "784-512-512-10, batch 65,536": LARGE}
SPEEDS = {"50 GFLOP/s": 50e9, "10 TFLOP/s": 10e12}
LAMBDA = 20e-6
LOSSES = ["0.8565", "0.4206", "0.2719"]  # after epochs 1, 2, 3
each_speed = pytest.mark.parametrize("speed", SPEEDS.values(), ids=SPEEDS)
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
each_size = pytest.mark.parametrize("K", [2, 3, 4, 7])


# By other means -------------------------------------------------------------------------------------


def by_autograd(net, X, Y, weight=1.0):
    """The gradients (dW, db) of `weight` times the mean cross-entropy of a network with one hidden layer, by torch."""
    W, b = ({l: v.detach().clone().requires_grad_() for l, v in part.items()} for part in (net.W, net.b))
    Z = torch.relu(X @ W[1].T + b[1]) @ W[2].T + b[2]
    (weight * torch.nn.functional.cross_entropy(Z, Y.argmax(1))).backward()
    return {l: v.grad for l, v in W.items()}, {l: v.grad for l, v in b.items()}


def stepped(net, dW, db, rate=0.2):
    return net._replace(W={l: v - rate * dW[l] for l, v in net.W.items()},
                        b={l: v - rate * db[l] for l, v in net.b.items()})


def rows_of_batches(epoch, size=32):
    """The rows of each batch of an epoch of the 1,347 digits."""
    order = np.random.default_rng([0, epoch]).permutation(1347)
    return [order[first : first + size] for first in range(0, 1347, size)]


@cache
def one_alone():
    """The networks of one worker after each of three epochs, by autograd."""
    X, Y, net = distributed.problem()
    nets = []
    for epoch in (1, 2, 3):
        for rows in rows_of_batches(epoch):
            net = stepped(net, *by_autograd(net, X[rows], Y[rows]))
        nets.append(net)
    return nets


def distance(one, other):
    """By how much two networks differ, relative to the largest entry of each array."""
    return max(float(abs(v - others[l]).max() / abs(others[l]).max())
               for some, others in ((one.W, other.W), (one.b, other.b)) for l, v in some.items())


@cache
def the_program():
    """The worker's program on the page."""
    program, = re.findall(r"```python\n(.+?)```", prose("07"), re.DOTALL)
    return compile(program, "<the program of the page>", "exec")


def workers(world, folder, epochs=2):
    """Run the page's program as so many threads, one a worker; return each one's network, and who has kept one."""
    barrier, sent, nets, kept, errors = threading.Barrier(world, timeout=60), {}, {}, [], []

    def work(rank):
        def all_reduce(gradients):
            sent[rank] = gradients
            barrier.wait()
            total = Gradients({}, {}, *({l: sum(getattr(sent[r], part)[l] for r in range(world)) for l in (1, 2)}
                                        for part in ("dW", "db")))
            barrier.wait()
            return total

        def keep_by(*arguments):
            kept.append(rank)
            keep(*arguments)

        names = {**vars(distributed), "connect": lambda: (rank, world), "all_reduce": all_reduce, "keep": keep_by,
                 "epochs": epochs, "seed": 0, "folder": folder}
        try:
            exec(the_program(), names)
        except Exception as error:
            errors.append(error)
            barrier.abort()
        nets[rank] = names["net"]

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(world)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [nets[rank] for rank in range(world)], kept


def in_a_ring(K):
    """Whose parts each worker's slices hold, after each round, and the messages (round, sender, receiver, slice)."""
    holds, messages = [[{r} for _ in range(K)] for r in range(K)], []
    states = [[list(map(set, mine)) for mine in holds]]
    for k in range(2 * (K - 1)):
        adding = k < K - 1
        sent = [((r - k) % K if adding else (r + 1 - (k - K + 1)) % K) for r in range(K)]
        what = [set(holds[r][s]) for r, s in enumerate(sent)]
        for r, s in enumerate(sent):
            there = (r + 1) % K
            holds[there][s] = holds[there][s] | what[r] if adding else what[r]
            messages.append((k, r, there, s))
        states.append([list(map(set, mine)) for mine in holds])
    return states, messages


def counts(state):
    return [[len(parts) for parts in mine] for mine in state]


def operations(sizes, N):
    """Two for each multiplication: of A Wᵀ, of dZᵀ A, and of dZ W, which layer 1 need not compute."""
    products = [(N, n, m) for n, m in pairwise(sizes)] * 2 + [(N, m, n) for n, m in pairwise(sizes[1:])]
    return sum(2 * a * b * c for a, b, c in products)


def size_in_bytes(sizes, each=8):
    return each * sum(m * (n + 1) for n, m in pairwise(sizes))


def on_the_link(sizes, each=8):
    """B/β of 10 Gbit/s, in seconds."""
    return 8 * size_in_bytes(sizes, each) / 10e9


def T(K, C, bytes_time, lam=LAMBDA):
    return C / K + 2 * (K - 1) / K * bytes_time + 2 * (K - 1) * lam


def best(C, bytes_time, lam=LAMBDA):
    """The K ≥ 1 with the smallest T, sought on ever finer grids."""
    low, high = 1.0, 1e5
    for _ in range(12):
        K = np.geomspace(low, high, 2001)
        i = T(K, C, bytes_time, lam).argmin()
        low, high = K[max(i - 1, 0)], K[min(i + 1, 2000)]
    return (low + high) / 2 if low > 1 + 1e-6 else 1.0


def cost(model, speed):
    """C and B/β, in seconds."""
    sizes, N = model
    return operations(sizes, N) / speed, on_the_link(sizes)


def speed_up(K, model, speed):
    C, bytes_time = cost(model, speed)
    return C / T(K, C, bytes_time)


@cache
def ten_epochs(batch, rate):
    """The training loss after ten epochs of the digits, the mean of three starts, by plain lines of NumPy."""
    data = digits()
    X, Y = data.X_train - data.X_train.mean(0), np.eye(10)[data.labels_train]
    losses = []
    for seed in (1, 2, 3):
        rng = np.random.default_rng(seed)
        W = [rng.normal(size=(64, 64)) * sqrt(2 / 64), rng.normal(size=(10, 64)) * sqrt(2 / 64)]
        b = [np.zeros(64), np.zeros(10)]

        def outputs(x, W=W, b=b):
            A = np.maximum(x @ W[0].T + b[0], 0)
            E = np.exp(A @ W[1].T + b[1])
            return A, E / E.sum(1, keepdims=True)

        for _ in range(10):
            order = rng.permutation(len(X))
            for first in range(0, len(X), batch):
                rows = order[first : first + batch]
                A, P = outputs(X[rows])
                dZ2 = (P - Y[rows]) / len(rows)
                dZ1 = dZ2 @ W[1] * (A > 0)
                for l, (dZ, inputs) in enumerate(((dZ1, X[rows]), (dZ2, A))):
                    W[l] -= rate * dZ.T @ inputs
                    b[l] -= rate * dZ.sum(0)
        losses.append(-np.log((outputs(X)[1] * Y).sum(1)).mean())
    return np.mean(losses)


picture = partial(cells.picture, "07")


def after_the_changes():
    """The notebook as it becomes by its three proposals."""
    changes, = (changes for number, changes in CHANGES if number == "07")
    return run("07", changes)


# All numbers, and all printed lines -----------------------------------------------------------------

NUMBERS = [
    ("6.6", lambda: (2 * 6 + 2 * 6 + 1 * 9) / (2 + 2 + 1)),
    ("0.6", lambda: 60 / 100),
    ("0.99", lambda: (100 - 1) / 100),
    ("8.5", lambda: T(100, 60, 4, 0)),
    ("5.6", lambda: speed_up(30, MIDDLE, 50e9)),
    ("0.01", lambda: 1e3 * operations((64, 64, 10), 32) / 50e9),
    ("37.8", lambda: best(*cost(MIDDLE, 50e9))),
    ("39.2", lambda: best(cost(MIDDLE, 50e9)[0], on_the_link(MIDDLE[0], each=4))),
    ("26.7", lambda: best(cost(MIDDLE, 100e9)[0], on_the_link(MIDDLE[0], each=4))),
]
GIVEN = {"0.1"}  # of exercise 7


@cache
def said():
    """The notebook's text and its captions."""
    assert len(captions("07")) == 4
    return prose("07")


@pytest.mark.parametrize(("number", "computed"), NUMBERS)
def test_a_number_of_the_page_is_right_in_all_its_digits(number, computed):
    assert f"{computed():.{len(number.split('.')[1])}f}" == number


def test_no_number_of_the_page_is_left_out_and_none_is_proven_that_is_not_there():
    assert set(re.findall(r"\d+\.\d+", said())) == {number for number, _ in NUMBERS} | GIVEN


@pytest.mark.parametrize("line", [
    "rows: [17, 17, 16]  the plain mean of the three is off by 1.5%",
    "2 workers, epoch 1: loss 0.8565",
    "2 workers, epoch 2: loss 0.4206",
    "2 workers, epoch 3: loss 0.2719",
    "2 workers, life 2: on from epoch 1",
    "✓ after 2 · (4 − 1) rounds everybody has the sum of all",
    "50 GFLOP/s  64-64-10, batch 32            "
    "C     0.01 ms, B/β 0.03 ms, best   1.0 workers:   1.0 times as fast",
    "50 GFLOP/s  784-512-512-10, batch 1,024   "
    "C    65.72 ms, B/β 4.29 ms, best  37.8 workers:   5.7 times as fast",
    "50 GFLOP/s  784-512-512-10, batch 65,536  "
    "C  4206.38 ms, B/β 4.29 ms, best 324.0 workers: 122.1 times as fast",
    "10 TFLOP/s  64-64-10, batch 32            "
    "C     0.00 ms, B/β 0.03 ms, best   1.0 workers:   1.0 times as fast",
    "10 TFLOP/s  784-512-512-10, batch 1,024   "
    "C     0.33 ms, B/β 4.29 ms, best   1.0 workers:   1.0 times as fast",
    "10 TFLOP/s  784-512-512-10, batch 65,536  "
    "C    21.03 ms, B/β 4.29 ms, best  17.6 workers:   2.1 times as fast",
    "batch   32: rate 0.1 0.17, rate 0.1 0.17",
    "batch  128: rate 0.1 0.65, rate 0.4 0.16",
    "batch  512: rate 0.1 1.68, rate 1.6 0.15",
    "batch 1347: rate 0.1 2.11, rate 4.2 0.23",
])
def test_a_printed_line_is_this(line, book):
    assert line in book.printed.splitlines()


def test_nothing_stops_although_seven_exercises_are_open(book):
    assert book.errors == []
    assert book.printed.count("Not filled in yet.") == 7 == len(ex.lesson.exercises)
    assert "0 of 7 exercises done." in book.printed


def test_in_the_explanations_nothing_is_broken_and_all_nine_comparisons_hold(book):
    assert book.broken == [] and book.printed.count("✓") == 9


def test_the_sections_have_these_titles_and_larger_batches_are_in_the_one_that_is_named():
    assert re.findall(r"^## .+", said(), re.MULTILINE) == [
        "## 1 · A mean can be computed in parts", "## 2 · One step of many", "## 3 · All-reduce in a ring",
        "## 4 · Real processes", "## 5 · What it costs", "## 6 · Measured", "## 7 · Larger batches, larger steps",
        "## 8 · The words of the field", "## Recap", "## On your own"]
    assert "the question of section 7" in said() and "the small step of section 4" in said()


def exercises_of_the_page():
    return [c.metadata.tags[0].partition(":")[2] for c in nbformat.read(next(NOTEBOOKS.glob("07_*.ipynb")), 4).cells
            if c.metadata.get("tags", ["figure"]) != ["figure"]]


def test_the_exercises_stand_there_numbered_with_their_effort():
    names = exercises_of_the_page()
    assert sorted(names) == sorted(ex.lesson.exercises)
    efforts = re.findall(r"\*\*✎ Exercise (\d) · (●+ \d min) · ", said())
    assert efforts == [(str(i), ex.lesson.exercises[name].effort) for i, name in enumerate(names, 1)]


def test_the_summary_tells_the_exercises_in_the_order_of_the_page(book):
    names = exercises_of_the_page()
    assert names == list(ex.lesson.exercises) == re.findall(r"^  · (\w+) +open$", book.printed, re.MULTILINE)


def test_the_break_is_after_the_fourth_section():
    assert "in two halves; the break is after section 4" in said()
    assert comes_before("07", "## 4 · Real processes", "> **Half-way.**", "## 5 · What it costs")


def test_the_links_lead_to_notebooks_with_these_titles():
    links = re.findall(r"\[(\d\d · .+?)\]\((.+?\.ipynb)\)", said())
    assert [name for _, name in links] == ["00_learning_a_function.ipynb", "06_training.ipynb"]
    for title, name in links:
        first = nbformat.read(NOTEBOOKS / name, as_version=4).cells[0].source
        assert first.splitlines()[0] == f"# {title}"


# 1 · A mean can be computed in parts ----------------------------------------------------------------


def test_a_month_is_about_thirty_days():
    assert "for a month on one computer could, perhaps, learn in a day on thirty" in said()
    assert round(365 / 12) == 30


def test_what_happens_to_a_sample_does_not_depend_on_the_others_and_the_loss_is_the_mean_of_theirs(n):
    X, Y = n.X_all[:5], n.Y_all[:5]
    each = [softmax_cross_entropy(forward(n.net, X[i : i + 1]).A[2], Y[i : i + 1]) for i in range(5)]
    together = forward(n.net, X).A[2]
    for i in range(5):
        torch.testing.assert_close(forward(n.net, X[i : i + 1]).A[2][0], together[i], rtol=1e-12, atol=1e-14)
    assert float(softmax_cross_entropy(together, Y)) == pytest.approx(np.mean([float(one) for one in each]), rel=1e-13)


def test_workers_are_numbered_from_0_and_are_called_as_in_the_programs_of_this_field(n):
    assert list(inspect.signature(distributed.shard).parameters)[2:] == ["rank", "world"]
    assert list(inspect.signature(n.my_rows_of).parameters) == ["X", "rank", "world"]
    assert dist.get_world_size.__name__ == "get_world_size" and dist.get_rank.__name__ == "get_rank"


@pytest.mark.parametrize(("N", "world"), [(7, 3), (50, 3), (3, 5)])
def test_a_worker_takes_its_own_number_first_and_then_every_world_th(N, world):
    X = np.arange(N)[:, None]
    for rank in range(world):
        rows = [i for i in range(N) if i % world == rank]
        assert ex.rows_of.reference(X, rank, world)[:, 0].tolist() == rows
        assert distributed.shard(X, X, rank, world)[0][:, 0].tolist() == rows
    if world > N:
        assert len(ex.rows_of.reference(X, world - 1, world)) == 0  # somebody gets none


def test_the_means_6_6_and_9_of_2_2_and_1_rows_have_the_mean_6_6():
    assert [2 * 6, 2 * 6, 1 * 9] == [12, 12, 9] and sum([12, 12, 9]) == 33 and sum([2, 2, 1]) == 5
    rows = [5, 7, 4, 8, 9]
    assert [np.mean(rows[:2]), np.mean(rows[2:4]), rows[4]] == [6, 6, 9] and np.mean(rows) == 33 / 5 == 6.6
    assert ex.average.reference([6, 6, 9], [2, 2, 1]) == pytest.approx(6.6, rel=1e-15) and np.mean([6, 6, 9]) == 7
    assert "The sum over all rows is $12 + 12 + 9 = 33$, and the mean is $33/5 = 6.6$" in said()


@pytest.mark.parametrize("parts", [3, 4, 7])
def test_nothing_is_approximated_the_means_by_their_shares_are_the_mean_of_all(parts):
    rows = [Fraction(i * i - 7, i + 3) for i in range(50)]
    mine = [rows[r::parts] for r in range(parts)]
    assert sum(Fraction(len(m), 50) * (sum(m) / len(m)) for m in mine) == sum(rows) / 50
    assert r"\nabla L = \sum_r \frac{N_r}{N}\,\nabla L_r ." in said()


def test_whoever_has_seen_no_row_has_nothing_to_say():
    one, two = ex.average.reference([1.0, 5.0, 3.0], [2, 0, 1]), ex.average.reference([1.0, -99.0, 3.0], [2, 0, 1])
    assert one == two == pytest.approx(5 / 3)


def test_the_digits_are_1347_of_notebook_06_and_the_network_is_64_64_10(n):
    assert len(n.X_all) == 1347 == len(digits().X_train) and "digits()" in "\n".join(sources("06"))
    np.testing.assert_allclose(n.X_all.numpy(), digits().X_train - digits().X_train.mean(0), rtol=1e-14)
    assert n.Y_all.argmax(1).tolist() == digits().labels_train.tolist()
    assert [tuple(v.shape) for v in (*n.net.W.values(), *n.net.b.values())] == [(64, 64), (10, 64), (64,), (10,)]
    assert "The 64-64-10 network of this notebook, in float64" in said()


def test_forward_and_backward_do_not_mind_whether_arrays_are_tensors(n):
    X, Y, net = n.X_all[:9], n.Y_all[:9], n.net
    found = n.gradient_of(net, X, Y)
    assert isinstance(found, torch.Tensor)
    by_numpy = n.gradient_of(convert(net, lambda v: v.numpy()), X.numpy(), Y.numpy())
    np.testing.assert_allclose(by_numpy, found.numpy(), rtol=1e-11, atol=1e-15)


def test_three_workers_cannot_share_50_rows_equally_and_have_17_17_and_16(book):
    assert 50 % 3 != 0 and [len(range(50)[r::3]) for r in range(3)] == [17, 17, 16]
    assert "rows: [17, 17, 16] " in book.printed
    assert "Try it on 50 digits, which three workers cannot share equally" in said()


def three_of_fifty(n):
    X, Y = n.X_all[:50], n.Y_all[:50]
    whole = by_autograd(n.net, X, Y)[0][1]
    return whole, [(len(X[r::3]), by_autograd(n.net, X[r::3], Y[r::3])[0][1]) for r in range(3)]


def test_the_weighted_mean_is_the_gradient_of_the_batch_and_nobody_has_it_alone(n):
    whole, parts = three_of_fifty(n)
    torch.testing.assert_close(n.weighted, whole, rtol=1e-11, atol=1e-15)
    torch.testing.assert_close(n.weighted, sum(k * g for k, g in parts) / 50, rtol=1e-11, atol=1e-15)
    assert all(abs(g - whole).max() > 0.1 * abs(whole).max() for _, g in parts)


def test_the_plain_mean_is_off_by_one_and_a_half_percent(n):
    whole, parts = three_of_fifty(n)
    plain = sum(g for _, g in parts) / 3
    assert f"{float(abs(plain - whole).max() / abs(whole).max()):.1%}" == "1.5%" == f"{n.off:.1%}"


# 2 · One step of many -------------------------------------------------------------------------------


@pytest.mark.parametrize("world", [1, 3, 6])
def test_a_step_of_all_workers_by_the_exercise_is_the_step_of_one_and_everybody_has_it(world, rng):
    W, X, Y = rng.normal(size=(3, 4)), rng.normal(size=(5, 4)), np.eye(3)[[0, 2, 1, 1, 0]]
    given = []
    for rank in range(world):
        ex.worker_step.reference(W, X, Y, rank, world, lambda g: given.append(g) or g, 0.5)
    assert len(given) == world
    alone = W - 0.5 * (softmax(X @ W.T) - Y).T @ X / 5
    for rank in range(world):
        np.testing.assert_allclose(
            ex.worker_step.reference(W, X, Y, rank, world, lambda g: sum(given), 0.5), alone, rtol=1e-13)


def test_no_weights_are_sent_in_a_training_but_one_vector_of_gradients_a_step(n):
    sent = []
    with mock.patch.object(dist, "is_initialized", return_value=True), \
            mock.patch.object(dist, "all_reduce", side_effect=lambda g: sent.append(g.clone())), \
            mock.patch.object(dist, "broadcast", side_effect=AssertionError):
        list(distributed.train(n.net, n.X_all, n.Y_all, seed=0, epochs=[1]))
    assert [g.shape for g in sent] == [(4810,)] * 43
    rows = rows_of_batches(1)[0]
    dW, db = by_autograd(n.net, n.X_all[rows], n.Y_all[rows])
    assert sum(v.numel() for v in (*dW.values(), *db.values())) == 4810
    found = Gradients({}, {}, *distributed.views(sent[0], dW))
    assert distance(SimpleNamespace(W=found.dW, b=found.db), SimpleNamespace(W=dW, b=db)) < 1e-11


def test_shard_returns_a_workers_rows_and_its_share_and_shard_gradients_multiplies_the_mean_loss_by_it(n):
    X, Y = n.X_all[:7], n.Y_all[:7]
    for rank, count in enumerate((3, 2, 2)):
        X_mine, Y_mine, share = distributed.shard(X, Y, rank, 3)
        assert torch.equal(X_mine, X[rank::3]) and torch.equal(Y_mine, Y[rank::3]) and share == count / 7
        found = distributed.shard_gradients(n.net, X_mine, Y_mine, share)
        for mine, right in zip((found.dW, found.db), by_autograd(n.net, X_mine, Y_mine, weight=count / 7)):
            for l, v in right.items():
                torch.testing.assert_close(mine[l], v, rtol=1e-10, atol=1e-15)


def test_three_workers_stay_equal_to_the_last_bit_and_end_where_one_does_to_1e_12(n):
    for other in n.nets[1:]:
        for l in (1, 2):
            assert torch.equal(n.nets[0].W[l], other.W[l]) and torch.equal(n.nets[0].b[l], other.b[l])
    assert 0 < distance(n.nets[0], n.alone) < 1e-12  # not one and the same: the sum is in another order
    assert distance(n.alone, one_alone()[0]) < 1e-11


def test_the_three_were_compared_with_the_weights_of_one_worker_after_a_whole_epoch(book, n):
    assert len(list(distributed.batches(n.X_all, n.Y_all, seed=0, epoch=1))) == 43 == ceil(1347 / 32)
    assert "✓ after an epoch, three workers and one: the same to 6 digits, all 14208 numbers" in book.printed
    assert 3 * (64 * 64 + 64 * 10) == 14208


# 3 · All-reduce in a ring ---------------------------------------------------------------------------


@each_size
def test_by_a_centre_all_messages_go_through_one_line_and_the_more_the_more_workers_there_are(K):
    messages = [(r, 0) for r in range(1, K)] + [(0, r) for r in range(1, K)]  # whole gradients
    assert all(0 in message for message in messages) and len(messages) == 2 * (K - 1)
    assert 2 * (K - 1) >= 2 * (K - 1) / K * K  # K times what a line of the ring carries


@each_size
def test_in_each_round_all_lines_are_busy_with_different_slices(K):
    _, messages = in_a_ring(K)
    for k in range(2 * (K - 1)):
        now = [message for message in messages if message[0] == k]
        assert {(r, there) for _, r, there, _ in now} == {(r, (r + 1) % K) for r in range(K)}
        assert sorted(s for *_, s in now) == list(range(K))
    assert "Four workers, three rounds. In each round all four lines are busy, with four different slices" in said()
    assert r"worker $r$ sends slice $(r - k) \bmod K$ to worker $r + 1$" in said()
    assert r"worker $r$ sends slice $(r + 1 - k) \bmod K$" in said()


@each_size
def test_after_the_adding_worker_r_has_slice_r_plus_1_of_all_and_no_other_slice_is_complete(K):
    states, _ = in_a_ring(K)
    for r, mine in enumerate(states[K - 1]):
        assert [s for s in range(K) if mine[s] == set(range(K))] == [(r + 1) % K]
    assert max(map(max, counts(states[K - 2]))) == K - 1
    assert r"After these rounds worker $r$ holds slice $(r + 1) \bmod K$ complete" in said()


@each_size
def test_after_the_other_rounds_everybody_has_everything_and_not_before(K):
    states, _ = in_a_ring(K)
    assert counts(states[2 * (K - 1)]) == [[K] * K] * K != counts(states[2 * (K - 1) - 1])


@each_size
def test_a_worker_sends_2_k_minus_1_messages_of_a_kth_and_altogether_never_more_than_two_gradients(K):
    _, messages = in_a_ring(K)
    for r in range(K):
        mine = [message for message in messages if message[1] == r]
        assert len(mine) == 2 * (K - 1) and Fraction(len(mine), K) == 2 * Fraction(K - 1, K) < 2
    assert r"$2\,(K - 1)$ messages" in said()
    assert r"altogether $2\,\frac{K-1}{K}$ gradients, never more than two" in said()


def test_what_grows_with_the_workers_without_bound_is_the_number_of_messages():
    sizes = [(len(in_a_ring(K)[1]) / K, len(in_a_ring(K)[1]) / K / K) for K in (2, 4, 8, 16)]
    assert [messages for messages, _ in sizes] == [2, 6, 14, 30] and all(volume < 2 for _, volume in sizes)


@each_size
def test_a_round_of_the_exercise_is_the_round_of_the_text(K):
    parts, (states, _) = np.ones((K, K)), in_a_ring(K)
    for k in range(K - 1):
        parts = ex.ring_round.reference(parts, k)
        assert parts.tolist() == counts(states[k + 1])


def test_real_slices_are_added_up_by_the_same_rounds(rng):
    gradients = rng.normal(size=(4, 4))
    parts = gradients
    for k in range(3):
        parts = ex.ring_round.reference(parts, k)
    for r in range(4):
        assert parts[r, (r + 1) % 4] == pytest.approx(gradients[:, (r + 1) % 4].sum(), rel=1e-14)


def test_the_pages_states_are_those_of_a_ring_of_four(n):
    assert [state.tolist() for state in n.states] == list(map(counts, in_a_ring(4)[0]))
    assert counts(in_a_ring(4)[0][1])[1] == [2, 1, 1, 1]  # after round 0, worker 1 has added what worker 0 sent


def test_the_picture_of_the_rings_shows_what_is_sent_in_each_round():
    _, messages = in_a_ring(4)
    for k, ax in enumerate(picture("ring([f")):
        words = [text.get_text() for text in ax.texts]
        assert [word for word in words if word.startswith("slice")] == [f"slice {s}" for j, *_, s in messages if j == k]
        assert [word for word in words if word.isdigit()] == list("0123")
        assert words[-1] == f"round {k}: parts of {k + 1} worker" + "s" * (k > 0)


def test_an_arrow_of_the_picture_leads_from_each_worker_to_the_next():
    for ax in picture("ring([f"):
        workers = [text for text in ax.texts if text.get_text().isdigit()]
        places = {int(text.get_text()): np.array(text.get_position()) for text in workers}
        arrows = [text for text in ax.texts if getattr(text, "arrow_patch", None) is not None]
        assert len(arrows) == 4
        for r, arrow in enumerate(arrows):
            here, there = np.array(arrow.xyann), np.array(arrow.xy)
            assert min(places, key=lambda i: np.linalg.norm(places[i] - here)) == r
            assert min(places, key=lambda i: np.linalg.norm(places[i] - there)) == (r + 1) % 4


@pytest.mark.parametrize("k", range(3))
def test_what_is_sent_in_round_k_holds_the_parts_of_k_plus_1_workers(k):
    states, messages = in_a_ring(4)
    assert {len(states[k][r][s]) for j, r, _, s in messages if j == k} == {k + 1}


def test_slice_0_goes_from_worker_0_to_1_and_on_and_after_three_rounds_worker_3_has_it_of_all():
    states, messages = in_a_ring(4)
    assert [(k, r, there) for k, r, there, s in messages if s == 0 and k < 3] == [(0, 0, 1), (1, 1, 2), (2, 2, 3)]
    assert states[1][1][0] == {0, 1} and states[3][3][0] == {0, 1, 2, 3}
    assert "after three rounds, worker 3 has slice 0 of all four" in said()


def test_the_picture_of_the_counts_shows_the_states_from_round_to_round():
    for ax, state, title in zip(picture('"add 0"'), in_a_ring(4)[0],
                                ("start", "add 0", "add 1", "add 2", "give 0", "give 1", "give 2"), strict=True):
        assert [int(text.get_text()) for text in ax.texts] == [count for mine in counts(state) for count in mine]
        assert ax.get_title() == title


def test_after_three_rounds_of_four_workers_each_has_one_complete_slice():
    assert [mine.count(4) for mine in counts(in_a_ring(4)[0][3])] == [1, 1, 1, 1]
    assert "After three rounds every worker has one slice that is complete (4); in three more rounds" in said()


# 4 · Real processes ---------------------------------------------------------------------------------


def test_torchrun_tells_each_process_its_rank_and_the_world_size():
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
                           "--no-python", "sh", "-c", "echo $RANK of $WORLD_SIZE"], capture_output=True, text=True,
                          env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=60, check=True)
    assert sorted(done.stdout.splitlines()) == ["0 of 2", "1 of 2"]


def test_connect_meets_the_others_by_gloo_with_this_rank_and_world(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    with mock.patch.object(dist, "rendezvous", return_value=iter([(dist.HashStore(), 1, 4)])), \
            mock.patch.object(dist, "init_process_group") as meet:
        assert distributed.connect() == (1, 4)
    assert meet.call_args.args == ("gloo",)
    assert (meet.call_args.kwargs["rank"], meet.call_args.kwargs["world_size"]) == (1, 4)


@pytest.mark.parametrize("world", [1, 2, 3])
def test_the_program_of_the_page_run_by_each_of_these_workers_gives_the_network_of_one(world, tmp_path):
    nets, kept = workers(world, tmp_path)
    assert all(distance(net, one_alone()[1]) < 1e-11 for net in nets)
    assert kept == [0, 0]  # worker 0, after each epoch
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seed-0-epoch-0001.npz", "seed-0-epoch-0002.npz"]
    assert distance(convert(load(tmp_path / "seed-0-epoch-0002.npz"), torch.as_tensor), nets[0]) == 0


def test_the_program_of_the_page_works_for_four_workers_too_of_whom_one_has_no_row_in_the_last_batch(tmp_path):
    nets, _ = workers(4, tmp_path)
    assert all(distance(net, one_alone()[1]) < 1e-11 for net in nets)


def test_the_program_with_the_modules_own_functions_is_train_of_the_module(tmp_path):
    names = {**vars(distributed), "epochs": 1, "seed": 0, "folder": tmp_path}
    exec(the_program(), names)  # RANK is not set: alone
    (_, net), = distributed.train(distributed.problem()[2], *distributed.problem()[:2], seed=0, epochs=[1])
    assert (names["rank"], names["world"]) == (0, 1) and distance(names["net"], net) < 1e-12


def test_all_begin_with_the_same_data_and_the_same_weights_and_have_the_same_order():
    one, other = distributed.problem(), distributed.problem()
    assert torch.equal(one[0], other[0]) and torch.equal(one[1], other[1]) and distance(one[2], other[2]) == 0
    for (X, _), rows in zip(distributed.batches(*one[:2], 0, 2), rows_of_batches(2), strict=True):
        assert torch.equal(X, one[0][rows])


def test_three_functions_stand_on_the_page_as_they_stand_in_the_module(book):
    for function in (distributed.shard, distributed.shard_gradients, distributed.all_reduce):
        assert inspect.getsource(function) in book.printed
        assert inspect.getsource(function) in Path(distributed.__file__).read_text("utf-8")


def test_all_reduce_packs_all_gradients_into_one_vector_and_unpacks_the_sum(n):
    dW, db = by_autograd(n.net, n.X_all[:20], n.Y_all[:20])
    with mock.patch.object(dist, "is_initialized", return_value=True), \
            mock.patch.object(dist, "all_reduce", side_effect=lambda g: g.mul_(3)) as summed:
        found = distributed.all_reduce(Gradients({}, {}, dW, db))
    assert summed.call_count == 1 and summed.call_args.args[0].shape == (4810,)
    for mine, right in ((found.dW, dW), (found.db, db)):
        for l in (1, 2):
            torch.testing.assert_close(mine[l], 3 * right[l])


def test_the_cell_starts_what_one_would_type_and_stops_where_a_worker_has_failed(n, tmp_path):
    started, done = [], SimpleNamespace(returncode=0, stdout="said", stderr="broken")
    there = n.torchrun.__globals__
    with mock.patch.dict(there, folders=SimpleNamespace(name=tmp_path)), \
            mock.patch.object(subprocess, "run", side_effect=lambda words, **_: started.append(words) or done):
        folder, words = n.torchrun(2)
        done.returncode = 1
        with pytest.raises(RuntimeError, match="broken"):
            n.torchrun(2)
    assert words == "said" and folder.parent == tmp_path
    line = " ".join(map(str, started[0][1:])).replace("-m torch.distributed.run", "torchrun", 1)
    typed = re.sub(r"--standalone |--max-restarts 0 ", "", line)
    assert typed == f"torchrun --nproc-per-node 2 -m utils.distributed {folder} --epochs 3"
    assert "`torchrun --nproc-per-node 2 -m utils.distributed FOLDER`" in said()


@pytest.mark.parametrize("words", ["two processes and one", "four processes and one",
                                   "DistributedDataParallel and one process",
                                   "after an accident, two processes and one"])
def test_processes_end_where_one_worker_does(words, book, n):
    assert f"✓ {words}: the same to 6 digits, all 4810 numbers" in book.printed.splitlines()
    assert distance(n.by_one, one_alone()[2]) < 1e-11  # which has gone through three epochs, as they have
    assert distance(n.by_one, one_alone()[1]) > 1e-2 and n.EPOCHS == 3


def test_compare_looks_into_the_folder_at_the_last_network_and_tells_where_it_is_another(n, tmp_path, capsys):
    keep(n.by_one, tmp_path, 0, 3)
    n.compare("equal", tmp_path)
    keep(stepped(n.by_one, n.by_one.W, n.by_one.b, rate=1e-4), tmp_path, 0, 4)
    n.compare("other", tmp_path)
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("✓ equal") and out[1].startswith("✗ other") and latest(tmp_path, 0, n.net)[0] == 4


def test_the_losses_that_worker_0_has_printed_are_those_of_one_worker_by_autograd(n):
    for net, loss in zip(one_alone(), LOSSES, strict=True):
        Z = torch.relu(n.X_all @ net.W[1].T + net.b[1]) @ net.W[2].T + net.b[2]
        assert f"{torch.nn.functional.cross_entropy(Z, n.Y_all.argmax(1)).item():.4f}" == loss


def test_1347_rows_make_42_batches_of_32_and_one_of_three(n):
    assert 1347 == 42 * 32 + 3 and distributed.BATCH == 32
    assert [len(X) for X, _ in distributed.batches(n.X_all, n.Y_all, 0, 1)] == [32] * 42 + [3]
    assert "1,347 rows make 42 batches of 32 and one of three" in said()


def test_in_the_last_batch_one_of_four_workers_has_no_row_and_sends_zeros(n):
    *_, (X, Y) = distributed.batches(n.X_all, n.Y_all, 0, 1)
    shards = [distributed.shard(X, Y, rank, 4) for rank in range(4)]
    assert [len(mine) for mine, *_ in shards] == [1, 1, 1, 0] and [share for *_, share in shards][3] == 0
    found = distributed.shard_gradients(n.net, *shards[3])
    assert [v.abs().max().item() for v in (*found.dW.values(), *found.db.values())] == [0] * 4
    assert "four workers have three rows among them: one has *nothing* to do, sends zeros" in said()


def plainly(share_times_world, epochs=1, world=2):
    """The network of workers whose gradients are brought together by the plain mean, in as many epochs."""
    X, Y, net = distributed.problem()
    for epoch in range(1, epochs + 1):
        for rows in rows_of_batches(epoch):
            parts = []
            for r in range(world):
                mine = rows[r::world]
                weight = len(mine) / len(rows) * world if share_times_world else 1.0
                parts.append(by_autograd(net, X[mine], Y[mine], weight))
            net = stepped(net, *({l: sum(part[i][l] for part in parts) / world for l in (1, 2)} for i in (0, 1)))
    return net


def test_by_the_plain_mean_each_worker_must_multiply_its_loss_by_its_share_and_by_k():
    assert distance(plainly(share_times_world=True), one_alone()[0]) < 1e-11
    assert distance(plainly(share_times_world=False), one_alone()[0]) > 1e-5  # for the last batch has 2 rows and 1
    assert "(share * world * loss).backward()" in inspect.getsource(distributed.train_ddp)
    assert r"so each must multiply its loss by $\text{share} \cdot K$" in said()


@pytest.mark.filterwarnings("default")
def test_distributed_data_parallel_sends_while_autograd_is_still_on_its_way_back(n):
    events = []

    def hook(_, bucket):
        events.append(f"sent {sorted(tuple(p.shape) for p in bucket.parameters())}")
        future = torch.futures.Future()
        future.set_result(bucket.buffer())
        return future

    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        model = distributed.sequential(n.net, torch.nn.ReLU)
        worker = torch.nn.parallel.DistributedDataParallel(model, bucket_cap_mb=1e-4)
        worker.register_comm_hook(None, hook)
        model[0].weight.register_hook(lambda g: events.append("dW of layer 1"))
        for _ in range(2):  # in the first pass it finds out in which order gradients come
            events.clear()
            torch.nn.functional.cross_entropy(worker(n.X_all[:8]), n.Y_all[:8].argmax(1)).backward()
    finally:
        dist.destroy_process_group()
    assert events[0] == "sent [(10,), (10, 64)]" and events.index("dW of layer 1") > 0
    assert events[-1] == "sent [(64, 64)]"


def test_of_train_ddp_batches_shards_and_first_weights_are_ours_and_the_rest_is_pytorchs():
    used = set(distributed.train_ddp.__code__.co_names)
    assert {"batches", "shard", "sequential", "DistributedDataParallel", "cross_entropy", "SGD"} <= used
    assert not {"forward", "descend", "all_reduce", "softmax_cross_entropy", "shard_gradients"} & used
    assert {"W", "b"} <= set(distributed.sequential.__code__.co_names)


def test_if_a_machine_fails_once_in_three_years_of_a_thousand_one_fails_every_day():
    assert round(1000 / (3 * 365)) == 1
    assert "a machine fails once in three years, then of a thousand machines one fails every day" in said()


def test_a_checkpoint_is_written_under_another_name_and_then_renamed(n, tmp_path, monkeypatch):
    renamed, rename = [], Path.replace

    def replace(draft, target):
        assert [path.name for path in tmp_path.iterdir()] == [draft.name] != [target.name]
        assert distance(convert(load(draft), torch.as_tensor), n.by_one) == 0  # whole
        renamed.append(target.name)
        return rename(draft, target)

    monkeypatch.setattr(Path, "replace", replace)
    keep(n.by_one, tmp_path, 0, 7)
    assert renamed == ["seed-0-epoch-0007.npz"] == [path.name for path in tmp_path.iterdir()]


def test_an_epoch_that_is_trained_again_is_the_same_epoch(n):
    (_, first), (_, second) = distributed.train(n.net, n.X_all, n.Y_all, seed=0, epochs=[1, 2])
    (_, again), = distributed.train(first, n.X_all, n.Y_all, seed=0, epochs=[2])
    assert distance(again, second) == 0


def test_the_worker_is_killed_after_21_of_43_steps_of_its_epoch_in_its_first_life_only(monkeypatch):
    killed, epochs = [], product((1, 2, 3), range(43))
    monkeypatch.setattr(os, "kill", lambda process, signal: killed.append((process, signal)))
    monkeypatch.delenv("TORCHELASTIC_RESTART_COUNT", raising=False)
    watch, other = distributed.accident(1, 2, 1), distributed.accident(1, 2, 0)
    at = []
    for epoch, step in epochs:
        watch(epoch, step)
        other(epoch, step)
        if len(killed) > len(at):
            at.append((epoch, step))
    assert at == [(2, 21)] and killed == [(os.getpid(), distributed.signal.SIGKILL)]  # steps 0 to 20 are taken: 21
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    distributed.accident(1, 2, 1)(2, 21)
    assert len(killed) == 1 and distributed.life() == 2
    assert "21 of the 43 steps of epoch 2 were lost and taken again" in said()


def test_after_the_accident_epoch_1_is_found_and_epoch_2_is_told_once(n):
    assert n.said.splitlines() == ["2 workers, epoch 1: loss 0.8565", "2 workers, life 2: on from epoch 1",
                                   "2 workers, epoch 2: loss 0.4206", "2 workers, epoch 3: loss 0.2719"]


def test_the_other_worker_finds_its_partner_gone_and_gives_up_by_itself(tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost",
             "MASTER_PORT": str(port)}  # nobody watches over the two
    two = [subprocess.Popen([sys.executable, "-m", "utils.distributed", tmp_path, "--epochs", "1", "--kill", "1:1"],
                            stderr=subprocess.PIPE, text=True, env={**alone, "RANK": str(rank)}) for rank in (0, 1)]
    said_by = [worker.communicate(timeout=120)[1] for worker in two]
    assert [worker.returncode for worker in two] == [1, -9]
    assert "RuntimeError" in said_by[0] and "dist.all_reduce(g)" in said_by[0]


def test_the_readme_has_the_lines_for_several_machines_with_the_address_of_one():
    text = (NOTEBOOKS.parent / "README.md").read_text("utf-8").replace("\\\n", " ")
    assert "with the address of one (README, \"Many machines\")" in said()
    line, = re.findall(r"^\*\*Many machines\*\*.+?^(torchrun --nnodes .+?)$", text, re.MULTILINE | re.DOTALL)
    assert "--rdzv-endpoint" in line and "-m utils.distributed FOLDER" in line


# 5 · What it costs ----------------------------------------------------------------------------------


def test_the_gradient_has_38480_bytes():
    assert 8 * (64 * 64 + 64 + 64 * 10 + 10) == 38480 == size_in_bytes((64, 64, 10)) == ex.bytes_sent.reference()
    X, Y, net = distributed.problem()
    dW, db = by_autograd(net, X[:5], Y[:5])
    assert sum(v.numel() * v.element_size() for v in (*dW.values(), *db.values())) == 38480


def test_the_formula_in_its_three_parts_is_the_code(n, rng):
    assert (r"\frac{C}{K}}_{\text{compute}} + "
            r"\underbrace{2\,\frac{K-1}{K}\cdot\frac{B}{\beta}}_{\text{bytes, in a ring}}"
            r" + \underbrace{2\,(K-1)\,\lambda}_{\text{messages, in a ring}}") in said()
    for C, B, K in zip(rng.random(20), 1e7 * rng.random(20), range(1, 21)):
        assert n.step_time(K, C, B) == pytest.approx(T(K, C, B / 1.25e9), rel=1e-13)
    assert n.step_time(1, 0.7, 1e9) == 0.7  # who is alone sends nothing


@each_size
def test_bytes_and_messages_of_the_formula_are_those_of_the_ring(K):
    mine = [message for message in in_a_ring(K)[1] if message[1] == 0]
    assert T(K, 0, 1.0, 0) == pytest.approx(len(mine) / K) and T(K, 0, 0, 1.0) == len(mine)


def test_two_workers_take_34_ms_a_hundred_8_5_and_no_number_of_workers_less_than_8():
    assert T(2, 60, 4, 0) == 30 + 2 * 1 / 2 * 4 == 34
    assert T(100, 60, 4, 0) == pytest.approx(0.6 + 2 * 0.99 * 4)
    K = np.arange(1, 1e5)
    assert (T(K, 60, 4, 0) > 8).all() and T(1e9, 60, 4, 0) == pytest.approx(8)
    assert r"$30 + 2 \cdot \frac12 \cdot 4 = 34$ ms" in said() and r"\approx 8.5$ ms" in said()
    assert r"a floor of $2B/\beta$ = 8 ms" in said()


@pytest.mark.parametrize(("C", "bytes_time", "lam"), [(0.1, 1e-3, 1e-4), (4.2, 4e-3, 2e-5), (0.066, 4.3e-3, 2e-5),
                                                      (1.0, 0.1, 0.3), (1e-3, 1e-3, 1e-5), (1.0, 0.499, 0.01)])
def test_the_best_number_of_workers_is_the_root_of_the_recap_or_1(C, bytes_time, lam):
    assert r"$\sqrt{(C - 2B/\beta)\,/\,2\lambda}$" in said()
    inside = (C - 2 * bytes_time) / (2 * lam)
    right = sqrt(inside) if inside > 1 else 1
    assert best(C, bytes_time, lam) == pytest.approx(right, rel=1e-4)
    assert ex.best_workers.reference(C, bytes_time * 1e9, 1e9, lam) == pytest.approx(right, rel=1e-12)


def test_where_the_derivative_is_nowhere_0_more_workers_are_a_loss_from_the_start():
    K = np.arange(1, 1001)
    for C, bytes_time, lam in ((1e-3, 1e-3, 1e-5), (1.0, 0.6, 0.1), (1.0, 0.4, 0.2)):
        assert (C - 2 * bytes_time) / (2 * lam) < 1 and (np.diff(T(K, C, bytes_time, lam)) > 0).all()


def test_more_workers_can_help_only_if_computing_takes_longer_than_sending_two_gradients(rng):
    K = np.arange(2, 500)
    for C, bytes_time, lam in rng.random((2000, 3)) * [4, 2, 0.2]:
        helps = (T(K, C, bytes_time, lam) < C).any()
        assert 2 * bytes_time < C or not helps
        assert helps == (2 * bytes_time + 4 * lam < C)  # and four messages, for a second worker
    assert r"The root exists only if $C > 2B/\beta$" in said()
    assert (T(K, 1.0, 0.499, 1e-6) < 1.0).any() and not (T(K, 1.0, 0.501, 0.0) < 1.0).any()
    assert "can help only if computing takes longer than sending two gradients" in said()


def test_the_link_has_10_gbit_a_second_and_20_microseconds(n):
    assert n.BANDWIDTH * 8 == 10e9 and n.LATENCY == 20e-6 and "The link has 10 Gbit/s and 20 µs" in said()


def test_layer_1_takes_two_products_and_the_others_three_each_two_operations_a_multiplication(n):
    for sizes, N in (*MODELS.values(), ((5, 7, 4, 3), 6)):
        assert n.compute_time(sizes, N, 1.0) == operations(sizes, N)
        assert n.gradient_bytes(sizes) == size_in_bytes(sizes)
    assert "Forwards there is one product for each layer," in "\n".join(page("04c"))
    assert "Backwards there are two: `dZ.T @ A[l-1]`" in "\n".join(page("04c"))
    assert "to_input=False" in inspect.getsource(distributed.shard_gradients)


@pytest.mark.parametrize("words", SPEEDS)
@pytest.mark.parametrize("name", MODELS)
def test_a_line_of_the_table_is_computed_anew(words, name, book):
    line, = (line for line in book.printed.splitlines() if line.startswith(f"{words}  {name} "))
    C, bytes_time = cost(MODELS[name], SPEEDS[words])
    K = best(C, bytes_time)
    found = re.search(r"C +(\S+) ms, B/β (\S+) ms, best +(\S+) workers: +(\S+) times as fast", line).groups()
    assert found == (f"{1e3 * C:.2f}", f"{1e3 * bytes_time:.2f}", f"{K:.1f}", f"{C / T(K, C, bytes_time):.1f}")


@each_speed
@each_model
def test_the_best_of_a_thousand_numbers_is_next_to_the_root(model, speed, n):
    found = n.best(cost(model, speed)[0], size_in_bytes(model[0]), n.BANDWIDTH, n.LATENCY)
    K = np.arange(1, 1001)
    assert abs(found - K[speed_up(K, model, speed).argmax()]) < 1


@each_speed
def test_a_small_model_is_slower_on_two_machines_than_on_one(speed):
    assert speed_up(2, SMALL, speed) < 0.5
    assert all(speed_up(K, SMALL, speed) < 1 for K in range(2, 1000))
    assert "A small step, of few samples through a small network, is slower on two machines than on one" in said()


@each_speed
def test_at_any_speed_a_second_worker_is_a_gain_for_the_large_model(speed):
    assert speed_up(2, LARGE, speed) > 1


@each_speed
@each_model
def test_beyond_the_best_number_each_further_worker_costs_more_than_it_brings(model, speed):
    K = np.arange(1, 5001)
    gains = np.diff(speed_up(K, model, speed))
    there = speed_up(K, model, speed).argmax()
    assert (gains[:there] > 0).all() and (gains[there:] < 0).all() and there < 400


@each_model
def test_the_faster_a_worker_computes_the_less_it_gains_from_more_of_them(model):
    K = np.arange(2, 1001)
    slow, fast = speed_up(K, model, 50e9), speed_up(K, model, 10e12)
    assert (fast < slow).all()
    assert best(*cost(model, 10e12)) <= best(*cost(model, 50e9))
    assert "The faster a worker computes, the less it gains from more workers" in said()
    assert "the faster a worker computes, the less it gains from more of them" in said()


@each_speed
def test_a_larger_batch_helps_and_a_link_built_to_be_faster_does(speed):
    K = np.arange(2, 1001)
    assert (speed_up(K, LARGE, speed) > speed_up(K, MIDDLE, speed)).all()
    C, bytes_time = cost(MIDDLE, speed)
    assert (T(K, C, bytes_time / 10) < T(K, C, bytes_time)).all()


def test_even_for_the_large_model_a_thousand_workers_are_not_best_and_a_modest_number_is_for_the_middle_one():
    K = np.arange(1, 1001)
    assert 75 < speed_up(1000, LARGE, 50e9) < 85 and K[speed_up(K, LARGE, 50e9).argmax()] == 324
    assert 5 < speed_up(K, MIDDLE, 50e9).max() < 7 and K[speed_up(K, MIDDLE, 50e9).argmax()] == 38


def test_thirty_workers_are_5_6_times_as_fast_for_the_middle_model_and_28_times_for_the_large_one():
    assert f"{speed_up(30, MIDDLE, 50e9):.1f} {speed_up(30, LARGE, 50e9):.0f}" == "5.6 28"
    assert "thirty workers are 5.6 times as fast with batches of 1,024, and 28 times with batches of 65,536" in said()


def test_the_pictures_of_the_speed_ups_have_two_logarithmic_axes_and_a_ring_at_the_best_number():
    K = np.arange(1, 1001)
    for ax, (words, speed) in zip(picture('xscale="log"'), SPEEDS.items(), strict=True):
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log") and words in ax.get_title()
        ideal, *curves = ax.lines[:4]
        np.testing.assert_array_equal(ideal.get_xydata(), np.column_stack([K, K]))
        for curve, mark, (name, model) in zip(curves, ax.lines[4:], MODELS.items(), strict=True):
            right = speed_up(K, model, speed)
            assert curve.get_label() == name
            np.testing.assert_allclose(curve.get_xydata(), np.column_stack([K, right]), rtol=1e-12)
            np.testing.assert_allclose(mark.get_xydata(), [(K[right.argmax()], right.max())], rtol=1e-12)
            low, high = ax.get_ylim()
            assert low < 1 and right.max() < high and ax.lines[-1].get_markerfacecolor() == "none"


# 6 · Measured ---------------------------------------------------------------------------------------


def test_the_time_of_a_step_is_the_median_of_20_epochs_without_the_first_five(n):
    asked = []

    def torchrun(*words):
        asked.append(words)
        times = [99.0] * 5 + [1.0] * 9 + [2.5, 2.5] + [7.0] * 9
        return None, "".join(f"2 workers, epoch {i}: loss 0.5, {ms:.3f} ms a step\n" for i, ms in enumerate(times, 1))

    with mock.patch.dict(n.milliseconds.__globals__, torchrun=torchrun):
        assert n.milliseconds(2, "--batch", "1347") == 2.5
    assert asked == [(2, "--clock", "--epochs", "25", "--batch", "1347")]


def test_the_cases_are_the_small_step_and_1347_rows_at_once_through_2048_hidden_units(n):
    assert n.cases == {"64-64-10, batch 32": ((64, 64, 10), ()), "64-2048-10, batch 1,347":
                       ((64, 2048, 10), ("--batch", "1347", "--hidden", "2048"))}
    assert len(list(distributed.batches(n.X_all, n.Y_all, 0, 1, size=1347))) == 1
    assert distributed.problem(2048)[2].W[1].shape == (2048, 64)
    assert all(len(times) == 3 for times in n.measured.values())
    assert "1,347 rows at once through 2,048 hidden units" in said()


def test_the_picture_shows_what_was_measured_and_the_formula_that_begins_at_one_worker_and_takes_the_link(n):
    for ax, (name, times) in zip(picture('label="formula"'), n.measured.items(), strict=True):
        formula, points = ax.lines
        assert formula.get_linestyle() == "--" and points.get_linestyle() == "None" and ax.get_title() == name
        np.testing.assert_array_equal(points.get_xydata(), np.column_stack([(1, 2, 4), times]))
        K, ms = formula.get_xydata().T
        assert ms[0] == pytest.approx(times[0])
        bytes_time = on_the_link(n.cases[name][0])
        np.testing.assert_allclose(ms, 1e3 * T(K, times[0] / 1e3, bytes_time), rtol=1e-12)


def test_the_formula_promises_the_small_step_a_gain_as_soon_as_it_takes_longer_than_a_seventh_of_a_millisecond():
    for C in (1.5e-4, 3e-4, 5e-4, 1e-3):
        assert T(4, C, on_the_link((64, 64, 10))) < C or C < 2e-4
        assert T(2, C, on_the_link((64, 64, 10))) < C


def test_on_the_right_the_formula_says_that_each_worker_more_helps():
    for C in (0.01, 0.1):
        times = [T(K, C, on_the_link((64, 2048, 10))) for K in (1, 2, 4)]
        assert times == sorted(times, reverse=True)


def test_at_50_gflops_c_would_be_0_01_ms_on_the_left_and_17_ms_on_the_right():
    found = [1e3 * operations(sizes, N) / 50e9 for sizes, N in (((64, 64, 10), 32), ((64, 2048, 10), 1347))]
    assert f"{found[0]:.2f} {found[1]:.0f}" == "0.01 17"
    assert "at 50 GFLOP/s it would be 0.01 ms on the left and 17 ms on the right" in said()


def test_the_straggler_makes_a_step_of_four_last_1_3439_seconds():
    mean = sum(np.prod([0.1 if late else 0.9 for late in four]) * max(1 + late for late in four)
               for four in product((0, 1), repeat=4))
    assert f"{mean:.4f}" == "1.3439" == f"{ex.straggler.reference():.4f}"
    assert "each of them takes 1 second, but with a probability of 0.1 it takes 2 seconds" in said()


def test_with_a_hundred_workers_somebody_is_late_in_practically_every_step():
    assert 1 - 0.9**100 > 0.9999
    assert "With a hundred workers somebody is late in practically every step" in said()


# 7 · Larger batches, larger steps -------------------------------------------------------------------


def test_a_batch_four_times_as_large_takes_a_quarter_of_the_steps():
    assert [ceil(1347 / size) for size in (32, 128)] == [43, 11] and round(43 / 11) == 4
    assert "a batch four times as large takes a quarter of the steps" in said()


@pytest.mark.parametrize(("batch", "rate", "loss"), [
    (32, 0.1, "0.17"), (128, 0.1, "0.65"), (128, 0.4, "0.16"), (512, 0.1, "1.68"), (512, 1.6, "0.15"),
    (1347, 0.1, "2.11"), (1347, 4.2, "0.23")])
def test_a_loss_after_ten_epochs_is_that_of_plain_lines(batch, rate, loss, book):
    assert f"{ten_epochs(batch, rate):.2f}" == loss
    line, = (line for line in book.printed.splitlines() if line.startswith(f"batch {batch:>4}: "))
    assert f"rate {rate} {loss}" in line


def test_the_rate_is_scaled_with_the_batch_sixteen_and_forty_two_times(n):
    for batch, rate in ((32, 0.1), (128, 0.4), (512, 1.6), (1347, 4.2)):
        assert rate == pytest.approx(0.1 * batch / 32, rel=0.01)
        assert f"rate {rate} {n.loss[batch]:.2f}" in run("07").printed
    assert 512 == 16 * 32 and round(1347 / 32) == 42


def test_with_the_same_rate_a_larger_batch_gets_less_far():
    losses = [ten_epochs(batch, 0.1) for batch in (32, 128, 512, 1347)]
    assert losses == sorted(losses) and losses[1] > 3 * losses[0]
    assert "With the same rate, a larger batch gets less far" in said()


def test_by_the_linear_scaling_rule_sixteen_times_the_batch_does_as_well_and_all_at_once_does_not():
    base, sixteen, all_at_once = ten_epochs(32, 0.1), ten_epochs(512, 1.6), ten_epochs(1347, 4.2)
    assert sixteen <= base < 0.8 * all_at_once
    assert ten_epochs(128, 0.4) <= base
    assert "sixteen times the batch does as well as the original" in said()
    assert "forty-two times, all of them at once, does not" in said()


def test_notebook_02_has_said_that_a_rate_cannot_grow_for_ever():
    assert "diverges" in "\n".join(page("02")) and "the rate cannot grow for ever (notebook 02)" in said()


# 8 · The words of the field, from memory, recap -----------------------------------------------------


def test_in_strong_scaling_the_computing_falls_and_the_messages_do_not_and_in_weak_scaling_it_stays():
    sizes, N = MIDDLE
    computing = [operations(sizes, N) / K for K in (1, 2, 4)]
    assert computing == sorted(computing, reverse=True) and T(2, 0, 1) < T(4, 0, 1)
    assert len({operations(sizes, K * N) / K for K in (1, 2, 4, 8)}) == 1


def test_a_worker_of_data_parallelism_has_the_whole_network_and_a_part_of_the_batch(n):
    assert all({l: tuple(v.shape) for l, v in net.W.items()} == {1: (64, 64), 2: (10, 64)} for net in n.nets)
    assert len(distributed.shard(n.X_all, n.Y_all, 0, 3)[0]) == 449 == 1347 / 3


def test_a_part_of_each_matrix_is_enough_for_tensor_parallelism(rng):
    X, W = rng.normal(size=(5, 6)), rng.normal(size=(8, 6))
    np.testing.assert_allclose(np.hstack([X @ W[:4].T, X @ W[4:].T]), X @ W.T, rtol=1e-13)


@pytest.mark.parametrize(("kind", "share"), [("float32", 1 / 2), ("float16", 1 / 4)])
def test_float32_is_half_and_float16_a_quarter_of_the_bytes(kind, share):
    assert np.dtype(kind).itemsize == share * np.dtype("float64").itemsize
    assert "float32 or float16, half or a quarter of the bytes" in said()


def test_batch_normalisation_mixes_the_samples_of_a_batch(rng):
    X = torch.tensor(rng.normal(size=(4, 3)))
    normal = torch.nn.BatchNorm1d(3, dtype=torch.float64)
    other = X.clone()
    other[0] += 1
    assert not torch.allclose(normal(X)[1:], normal(other)[1:])


def test_adam_has_a_memory_for_each_parameter():
    W = torch.ones(3, 2, requires_grad=True)
    adam = torch.optim.Adam([W])
    W.sum().backward()
    adam.step()
    assert adam.state[W]["exp_avg"].shape == adam.state[W]["exp_avg_sq"].shape == W.shape


def test_in_a_ring_of_three_worker_1_sends_slice_1_and_then_slice_0_which_it_has_just_received_in_4_rounds():
    states, messages = in_a_ring(3)
    sent = [s for k, r, _, s in messages if r == 1]
    assert sent[:2] == [1, 0] and (0, 0, 1, 0) in messages
    assert len(states) - 1 == 4 == 2 * (3 - 1) and counts(states[4]) == [[3] * 3] * 3 != counts(states[3])
    assert "Slice 1, then slice 0, which it has just received. After $2 \\cdot (3 - 1) = 4$ rounds." in said()


def test_the_recaps_rows_are_those_of_its_code():
    assert "| a worker's rows | $r, r + K, r + 2K, \\dots$ | `X[rank::world]` |" in said()
    K = 3
    for r in range(K):
        assert list(range(9)[r::K]) == [r, r + K, r + 2 * K]


def test_the_recaps_code_is_the_code_of_the_page(n):
    X, Y = n.X_all[:7], n.Y_all[:7]
    names = {**vars(distributed), "X": X, "Y": Y, "rank": 1, "world": 3, "step_time": n.step_time, "K": 2, "C": 0.06,
             "B": 1e6}
    assert all(f"`{code}`" in said() for code in ("X[rank::world]", "shard(X, Y, rank, world)", "step_time(K, C, B)"))
    assert torch.equal(eval("X[rank::world]", names), X[1::3])
    assert eval("shard(X, Y, rank, world)", names)[2] == 2 / 7
    assert eval("step_time(K, C, B)", names) == pytest.approx(T(2, 0.06, 8e-4))
    assert (r"$\frac CK + 2\frac{K-1}{K}\frac B\beta + 2(K-1)\lambda$" in said()
            and r"$2(K - 1)$ messages, $2\frac{K-1}{K}$ gradients" in said())


# On your own ----------------------------------------------------------------------------------------


def test_on_your_own_1_float32_halves_b_and_the_best_number_grows_a_little(n):
    assert "`torchrun(2, \"--kill\", \"0:1\", restarts=1)`" in said()
    changed = SimpleNamespace(**after_the_changes().names)
    assert all(2 * changed.gradient_bytes(sizes) == n.gradient_bytes(sizes) for sizes, _ in MODELS.values())
    line, = (line for line in after_the_changes().printed.splitlines() if "50 GFLOP/s  784-512-512-10, batch 1" in line)
    assert "best  39.2 workers" in line
    assert 37.8 < 39.2 < 1.05 * 37.8 and "50 GFLOP/s from 37.8 to 39.2" in said()


def test_on_your_own_1_with_c_halved_too_the_number_falls():
    C, bytes_time = cost(MIDDLE, 50e9)
    assert best(C / 2, bytes_time / 2) == pytest.approx(26.7, abs=0.05)
    assert best(C / 2, bytes_time / 2) < best(C, bytes_time)
    assert "$C$ is halved too, and the number falls to 26.7" in said()


def test_on_your_own_2_worker_0_dies_before_a_checkpoint_and_the_result_is_the_same():
    book = after_the_changes()
    assert book.names["said"].splitlines() == [f"2 workers, epoch {i}: loss {loss}" for i, loss in enumerate(LOSSES, 1)]
    assert "✓ after an accident, two processes and one: the same to 6 digits, all 4810 numbers" in book.printed


def test_on_your_own_3_the_check_says_that_they_are_not_the_same_and_nothing_else_is_broken():
    book = after_the_changes()
    assert [line.split(":")[0] for line in book.broken] == ["✗ after an epoch, three workers and one"]
    nets = [*book.names["nets"], book.names["alone"]]
    assert all(distance(one, other) > 1e-3 for i, one in enumerate(nets) for other in nets[:i])


def test_on_your_own_3_after_the_first_step_alone_all_networks_differ(n):
    rows = rows_of_batches(1)[0]
    X, Y = n.X_all[rows], n.Y_all[rows]
    nets = [stepped(n.net, *by_autograd(n.net, X[r::3], Y[r::3])) for r in range(3)]
    nets.append(stepped(n.net, *by_autograd(n.net, X, Y)))
    assert all(distance(one, other) > 1e-4 for i, one in enumerate(nets) for other in nets[:i])


def test_through_a_centre_99_gradients_come_in_and_99_sums_go_out():
    assert "$2 \\cdot 99 \\cdot 4 = 792$ ms" in said() and 2 * 99 * 4 == 792
