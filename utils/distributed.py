"""One training, many workers: each takes its rows of every batch, and the gradients are added up over the network.

    torchrun --nproc-per-node 4 -m utils.distributed FOLDER             four workers on this machine
    python -m utils.distributed FOLDER                                  one, without a network

On several machines, the same lines on each of them, with the address of one:

    export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1    # a new meeting place after a restart, see `connect`
    torchrun --nnodes 8 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint HOST:29500 -m utils.distributed FOLDER

world     the number of workers                rank    a worker's number, from 0
share     a worker's part of a batch, its rows over all rows: with it, the workers' gradients add up to the batch's

The network is `utils.mlp`'s, on float64 tensors; one flat tensor goes over the network in each step. All workers take
the same step, so their networks stay equal. Worker 0 writes a checkpoint into FOLDER after each epoch. If a worker
dies, torchrun starts all of them again (with --max-restarts 1, once), and they go on from the furthest checkpoint that
any of them finds; FOLDER is best one that all machines see, for at each start another of them may have worker 0.
"""

import argparse
import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from utils import training
from utils.activations import identity, relu
from utils.checkpoints import keep, latest
from utils.datasets import digits
from utils.inplace import flat, views
from utils.losses import one_hot, softmax_cross_entropy
from utils.mlp import MLP, Gradients, backward, convert, descend, forward, initialize

SIZES, RATE, BATCH = (64, 64, 10), 0.2, 32  # the digits of notebook 06

# One step ------------------------------------------------------------------------------------------


def shard(X, Y, rank, world):
    """Return a worker's rows of a batch, and its share of them; no two workers differ by more than one row."""
    mine = slice(rank, None, world)
    return X[mine], Y[mine], len(X[mine]) / len(X)


def shard_gradients(net, X, Y, share):
    """Return the `Gradients` of `share` times the mean loss of these rows; zeros if there are none."""
    if len(X) == 0:
        zeros = convert(net, torch.zeros_like)
        return Gradients({}, {}, zeros.W, zeros.b)
    trace = forward(net, X)
    dA = softmax_cross_entropy.unchecked.gradient(trace.A[len(net.W)], Y)
    return backward(net, trace, share * dA, to_input=False)


def all_reduce(gradients):
    """Return the sum of all workers' dW and db: one flat tensor, so that one all-reduce a step is enough."""
    g = flat(gradients.dW, gradients.db)
    if dist.is_initialized():
        dist.all_reduce(g)
    return Gradients({}, {}, *views(g, gradients.dW))


# All steps -----------------------------------------------------------------------------------------


def batches(X, Y, seed, epoch, size=BATCH):
    """Yield one epoch's batches, in an order that follows from the seed and the epoch: a restart repeats it."""
    return training.batches(X, Y, size, np.random.default_rng([seed, epoch]))


def train(net, X, Y, seed, epochs, rank=0, world=1, watch=lambda epoch, step: None, size=BATCH):
    """Yield (epoch, net) for each of `epochs`; all workers together take the steps that one would take alone."""
    for epoch in epochs:
        for step, (X_batch, Y_batch) in enumerate(batches(X, Y, seed, epoch, size)):
            watch(epoch, step)
            gradients = all_reduce(shard_gradients(net, *shard(X_batch, Y_batch, rank, world)))
            net = descend(net, gradients, RATE)
        yield epoch, net


def sequential(net, activation):
    """Return an nn.Sequential with copies of a network's parameters, and an activation between every two layers."""
    layers = []
    for W, b in zip(net.W.values(), net.b.values(), strict=True):
        layer = torch.nn.Linear(W.shape[1], W.shape[0], dtype=W.dtype)
        layer.weight.data, layer.bias.data = W.clone(), b.clone()
        layers += [layer, activation()]
    return torch.nn.Sequential(*layers[:-1])


def train_ddp(net, X, Y, seed, epochs, rank, world, size=BATCH):
    """Yield the same from PyTorch's own parts, nn.Sequential, cross_entropy, SGD and DistributedDataParallel.

    Ours are the batches, the shards and the first weights.
    """
    model = sequential(net, torch.nn.ReLU)
    worker = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    for epoch in epochs:
        for X_batch, Y_batch in batches(X, Y, seed, epoch, size):
            X_mine, Y_mine, share = shard(X_batch, Y_batch, rank, world)
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(worker(X_mine), Y_mine.argmax(1))
            (share * world * loss).backward()  # it takes the plain mean over the workers
            optimizer.step()
        linear = dict(enumerate(model[::2], 1))
        yield epoch, MLP({l: m.weight.detach().clone() for l, m in linear.items()},
                         {l: m.bias.detach().clone() for l, m in linear.items()}, net.f)


# The worker ---------------------------------------------------------------------------------------


def furthest(epoch, net):
    """Return the epoch and the network of the worker who has come furthest, to all; an epoch of −1 is a refusal."""
    if dist.is_initialized():
        epochs = [torch.zeros(1, dtype=torch.int64) for _ in range(dist.get_world_size())]
        dist.all_gather(epochs, torch.tensor([epoch]))
        epochs = [int(number) for number in epochs]
        if min(epochs) < 0:
            return -1, net
        epoch = max(epochs)
        for v in (*net.W.values(), *net.b.values()):
            dist.broadcast(v, epochs.index(epoch))
    return epoch, net


def connect():
    """Meet the other workers, and return (rank, world); a process that torchrun has not started is alone.

    Workers find one another by what they write into a store. torchrun 2.13 keeps the store over a restart, and in it
    the addresses of workers that are dead; so on one machine each life looks under a name of its own. On several, the
    machines may have counted different numbers of lives; TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 gives each a new store.
    """
    if "RANK" not in os.environ:
        return 0, 1
    store, rank, world = next(dist.rendezvous("env://"))
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
        store = dist.PrefixStore(f"life {os.environ['TORCHELASTIC_RESTART_COUNT']}", store)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=world, timeout=timedelta(seconds=60))
    return rank, world


def problem(hidden=SIZES[1]):
    """Return X, Y and the untrained network as float64 tensors: notebook 06's digits, their mean subtracted."""
    data = digits()
    X, Y = data.X_train - data.X_train.mean(0), one_hot(data.labels_train, 10)
    net = initialize((SIZES[0], hidden, SIZES[2]), [relu, identity], np.random.default_rng(1), scheme="he")
    return torch.from_numpy(X), torch.from_numpy(Y), convert(net, torch.from_numpy)


def accident(victim, when, rank):
    """Return what kills one worker in the middle of an epoch, the first time that it comes there."""
    first_life = life() == 1

    def watch(epoch, step):
        if first_life and (rank, epoch, step) == (victim, when, 21):
            os.kill(os.getpid(), signal.SIGKILL)

    return watch


def life():
    """Return how many times torchrun has started this worker."""
    return 1 + int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def options_of(arguments):
    """Return the options, or end with a sentence on what does not fit."""
    parser = argparse.ArgumentParser(prog="utils.distributed", description="Train on the digits, one worker of many.")
    parser.add_argument("folder", type=Path, help="where the checkpoints go")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0, help="of the samples' order; the first weights stay")
    parser.add_argument("--batch", type=int, default=BATCH, help="how many samples make a step, all workers' together")
    parser.add_argument("--hidden", type=int, default=SIZES[1], help="how many units the network has in its middle")
    parser.add_argument("--clock", action="store_true", help="print the milliseconds of a step as well")
    parser.add_argument("--ddp", action="store_true", help="train with DistributedDataParallel instead, to compare")
    parser.add_argument("--kill", metavar="RANK:EPOCH", help="an accident: the worker dies in this epoch")
    options = parser.parse_args(arguments)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    for name, least in (("epochs", 1), ("seed", 0), ("batch", 1), ("hidden", 1)):
        if getattr(options, name) < least:
            parser.error(f"--{name} is {getattr(options, name)}, expected at least {least}")
    if options.folder.exists() and not options.folder.is_dir():
        parser.error(f"{options.folder} is a file, expected a folder")
    if options.ddp and ("RANK" not in os.environ or options.kill):
        parser.error("--ddp needs torchrun, and takes no --kill")
    if options.kill:
        rank, _, epoch = options.kill.partition(":")
        if not (rank.isdecimal() and epoch.isdecimal() and int(rank) < world and 1 <= int(epoch) <= options.epochs):
            parser.error(f"--kill takes RANK:EPOCH, a worker below {world}, an epoch of this run; not {options.kill}")
        options.kill = int(rank), int(epoch)
    return options


def main(arguments):
    """Be one worker: train to the end, or on from the last checkpoint, and leave the checkpoints in a folder."""
    options = options_of(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    rank, world = connect()
    X, Y, start = problem(options.hidden)
    try:
        done, net = latest(options.folder, options.seed, start)
    except ValueError as error:
        done, net = -1, start
        print(error, file=sys.stderr)
    done, net = furthest(done, net)
    workers = f"{world} worker{'s' * (world > 1)}"
    if rank == 0 and done > 0:
        print(f"{workers}, life {life()}: on from epoch {done}", flush=True)
    epochs = range(done + 1, options.epochs + 1) if done >= 0 else ()
    if options.ddp:
        run = train_ddp(net, X, Y, options.seed, epochs, rank, world, options.batch)
    else:
        watch = accident(*options.kill, rank) if options.kill else lambda epoch, step: None
        run = train(net, X, Y, options.seed, epochs, rank, world, watch, options.batch)
    began = time.perf_counter()
    for epoch, net in run:
        if rank == 0:
            taken = 1e3 * (time.perf_counter() - began) / -(-len(X) // options.batch)
            keep(net, options.folder, options.seed, epoch)
            loss = softmax_cross_entropy(forward(net, X).A[len(net.W)], Y)
            print(f"{workers}, epoch {epoch}: loss {loss:.4f}" + f", {taken:.3f} ms a step" * options.clock, flush=True)
        began = time.perf_counter()
    if dist.is_initialized():
        dist.barrier()  # nobody leaves while another still waits for something
        dist.destroy_process_group()
    return 0 if done >= 0 else 2


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # at once: as Python winds up, torch may abort a worker that has done its work
