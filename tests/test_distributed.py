"""Many workers train the network that one would train alone, and a worker's death changes nothing."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from utils import distributed
from utils.activations import identity, relu, tanh
from utils.checkpoints import keep, latest
from utils.losses import softmax_cross_entropy
from utils.mlp import backward, convert, forward, initialize, load

EPOCHS = 2


def launch(folder, workers, *options, **environment):
    """Start workers with torchrun, as a user does, and return what they printed."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(workers), *options[:2]]
    command = [sys.executable, *(torchrun if workers else []), "-m", "utils.distributed", str(folder)]
    command += ["--epochs", str(EPOCHS), *options[2:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120,
                          env={**os.environ, "OMP_NUM_THREADS": "1", **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout


def last(folder, epoch=EPOCHS):
    return load(folder / f"seed-0-epoch-{epoch:04}.npz")


def assert_same(one, other, rtol=1e-12):
    for some, others in ((one.W, other.W), (one.b, other.b)):
        for l, v in some.items():
            assert abs(v - others[l]).max() <= rtol * abs(v).max()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """One process, no network: what all others are compared with."""
    folder = tmp_path_factory.mktemp("alone")
    launch(folder, 0)
    return last(folder)


def test_workers_end_with_the_weights_of_one(alone, tmp_path):
    """Four; two are in notebook 07, and so is worker 1 that dies."""
    out = launch(tmp_path, 4)
    assert f"4 workers, epoch {EPOCHS}: loss" in out
    assert_same(alone, last(tmp_path))


def test_distributed_data_parallel_ends_there_too(alone, tmp_path):
    launch(tmp_path, 4, "--max-restarts", "0", "--ddp")  # in the last batch, one of the four has no row
    assert_same(alone, last(tmp_path))


@pytest.mark.parametrize("victim, new_store", [(0, "0"), (1, "1")])
def test_a_worker_that_dies_changes_nothing(alone, tmp_path, victim, new_store):
    out = launch(tmp_path, 2, "--max-restarts", "1", "--kill", f"{victim}:{EPOCHS}",
                 TORCH_DISABLE_SHARE_RDZV_TCP_STORE=new_store)
    assert [line.partition(", ")[2] for line in out.splitlines()] == [
        "epoch 1: loss 0.8565", "life 2: on from epoch 1", "epoch 2: loss 0.4206"]
    assert_same(alone, last(tmp_path))


def test_a_finished_training_is_not_trained_again(tmp_path):
    launch(tmp_path, 0)
    before = last(tmp_path)
    assert launch(tmp_path, 0) == "1 worker, life 1: on from epoch 2\n"
    assert_same(before, last(tmp_path), rtol=0)


# The parts -----------------------------------------------------------------------------------------


@pytest.fixture
def problem():
    X, Y, net = distributed.problem()
    return X[:30], Y[:30], net


@pytest.mark.parametrize("world", [1, 2, 3, 7, 40])
def test_shards_are_all_rows_once_and_their_gradients_add_up(problem, world):
    X, Y, net = problem
    shards = [distributed.shard(X, Y, rank, world) for rank in range(world)]
    assert sorted(map(tuple, torch.cat([x for x, *_ in shards]).tolist())) == sorted(map(tuple, X.tolist()))
    assert np.isclose(sum(share for *_, share in shards), 1)
    assert max(len(x) for x, *_ in shards) - min(len(x) for x, *_ in shards) <= 1
    trace = forward(net, X)
    whole = backward(net, trace, softmax_cross_entropy.gradient(trace.A[2], Y))
    found = [distributed.shard_gradients(net, *mine) for mine in shards]
    for kind in ("dW", "db"):
        for l, right in getattr(whole, kind).items():
            total = sum(getattr(gradients, kind)[l] for gradients in found)
            torch.testing.assert_close(total, right, rtol=1e-12, atol=1e-16)


def test_one_flat_tensor_comes_back_in_its_old_shapes(problem):
    X, Y, net = problem
    trace = forward(net, X)
    gradients = backward(net, trace, softmax_cross_entropy.gradient(trace.A[2], Y))
    back = distributed.all_reduce(gradients)
    for l in net.W:
        assert torch.equal(back.dW[l], gradients.dW[l]) and torch.equal(back.db[l], gradients.db[l])


def test_an_epoch_s_batches_depend_on_seed_and_number_alone(problem):
    X, Y, _ = problem
    X, Y = X.repeat(3, 1), Y.repeat(3, 1)
    first, again, other = (list(distributed.batches(X, Y, 0, epoch)) for epoch in (1, 1, 2))
    assert [len(x) for x, _ in first] == [32, 32, 26]
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(first, again))
    assert not torch.equal(first[0][0], other[0][0])
    assert not torch.equal(first[0][0], next(distributed.batches(X, Y, 1, 1))[0])


def test_the_last_checkpoint_that_can_be_read_counts(problem, tmp_path):
    net = problem[2]
    assert latest(tmp_path, 0, net) == (0, net)
    for epoch in (1, 2, 9999, 10_000):
        keep(convert(net, lambda v, k=epoch: k * v), tmp_path, 0, epoch)
    whole = (tmp_path / "seed-0-epoch-10000.npz").read_bytes()
    (tmp_path / "seed-0-epoch-10001.npz").write_bytes(whole[:1000])  # a broken disk
    (tmp_path / "seed-0-epoch-10002.npz").mkdir()
    epoch, found = latest(tmp_path, 0, net)
    assert epoch == 10_000 and torch.equal(found.W[1], 10_000 * net.W[1])
    assert latest(tmp_path, 1, net) == (0, net)  # another order of the samples


@pytest.mark.parametrize("change", [
    lambda net: net._replace(f={1: tanh, 2: identity}),
    lambda net: convert(net, torch.Tensor.float),
    lambda net: initialize((64, 32, 10), [relu, identity], np.random.default_rng(0)),
    lambda net: initialize((64, 10), [identity], np.random.default_rng(0)),
])
def test_another_network_s_checkpoint_is_refused_by_all_workers(problem, tmp_path, change):
    keep(change(problem[2]), tmp_path, 0, 1)
    with pytest.raises(ValueError, match="holds another network than this run's: take an empty folder"):
        latest(tmp_path, 0, problem[2])


def test_a_refusal_ends_all_workers_at_once(problem, tmp_path):
    keep(problem[2]._replace(f={1: tanh, 2: identity}), tmp_path, 0, 1)
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m",
                           "utils.distributed", str(tmp_path)], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode != 0 and done.stderr.count("holds another network") == 2 and done.stdout == ""


def test_a_checkpoint_that_is_interrupted_leaves_the_old_ones(problem, tmp_path, monkeypatch):
    keep(problem[2], tmp_path, 0, 1)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        keep(problem[2], tmp_path, 0, 2)
    assert latest(tmp_path, 0, problem[2])[0] == 1
    assert [path.name for path in tmp_path.glob("*.npz")] == ["seed-0-epoch-0001.npz"]


@pytest.mark.parametrize("arguments, words", [
    (["--kill", "one"], "RANK:EPOCH"), (["--kill", "1:1"], "a worker below 1"), (["--kill", "0:6"], "an epoch of this"),
    (["--kill", "0:0"], "an epoch of this run"), (["--epochs", "0"], "--epochs is 0, expected at least 1"),
    (["--batch", "0"], "--batch is 0, expected at least 1"), (["--hidden", "-3"], "--hidden is -3, expected at"),
    (["--seed", "-1"], "--seed is -1, expected at least 0"), (["--ddp"], "--ddp needs torchrun"),
])
def test_options_that_cannot_be_are_refused(arguments, words, capsys, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        distributed.main([str(tmp_path / "new"), *arguments])
    assert stopped.value.code == 2 and words in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_file_in_the_folder_s_place_is_refused(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit):
        distributed.main([str(tmp_path / "file")])
    assert "is a file, expected a folder" in capsys.readouterr().err


def test_epochs_that_were_handed_out_stay_as_they_were(problem):
    X, Y, net = problem
    first, second = distributed.train(net, X, Y, 0, range(1, 3))
    assert not torch.equal(first[1].W[1], second[1].W[1])
