"""A training that is interrupted goes on: networks in a folder, one file for each epoch."""

import os

from utils.arrays import library, numpy_array, shape
from utils.mlp import convert, load, save


def keep(net, folder, seed, epoch):
    """Write the network of an epoch: the file is there whole, or it is not there."""
    draft = folder / "draft"
    save(net, draft)
    with open(draft, "rb+") as file:
        os.fsync(file.fileno())
    draft.replace(folder / f"seed-{seed}-epoch-{epoch:04}.npz")


def latest(folder, seed, start):
    """Return (epoch, net) of this seed's last checkpoint that can be read, or (0, start) if there is none.

    Raises ValueError if it holds another network than `start`: other widths, another precision or activation.
    """
    paths = {int(path.stem.rpartition("-")[2]): path for path in folder.glob(f"seed-{seed}-epoch-*.npz")}
    for epoch, path in sorted(paths.items(), reverse=True):
        try:
            net = load(path)
        except (ValueError, OSError):  # a broken disk: the one before will do
            continue
        if form(net) != form(start):
            raise ValueError(f"{path} holds another network than this run's: take an empty folder")
        return epoch, convert(net, lambda v: library(start.W[1]).asarray(v))
    return 0, start


def form(net):
    """Return what two networks must have in common so that one can go on where the other stopped."""
    return [(l, shape(W), numpy_array(W).dtype, shape(net.b[l]), net.f[l].name) for l, W in net.W.items()]
