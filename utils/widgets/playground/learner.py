"""The playground's learner: a network in training, on `utils.mlp` alone, one mini-batch or one epoch at a time."""

from typing import NamedTuple

import numpy as np

from utils.activations import ACTIVATIONS, identity, softmax
from utils.differences import differences
from utils.ledger import DIFFERENCE_RTOL, gap, size
from utils.losses import one_hot, softmax_cross_entropy, squared_error
from utils.mlp import MLP, Gradients, backward, descend, forward, initialize
from utils.training import batches
from utils.widgets.playground.schedule import Course
from utils.widgets.playground.settings import inputs, samples

LATER = "Pause, and the gradients of the last step are checked."
BEYOND = 1e100  # a loss or gradient above this is not worth comparing: its neighbours overflow


class Step(NamedTuple):
    """One step as it was taken: the network before it, its batch, and the gradients found there."""

    net: MLP
    X: np.ndarray
    Y: np.ndarray
    gradients: Gradients


class Learner:
    """A network in training: its data, its parameters, what became of both losses, and its last step.

    course: what it depends on, with every change on the way, and what is in force now.
    history: (epoch, training loss, test loss), at epochs that lie ever further apart, so that it stays short.
    """

    DENSE = 1.02  # the next epoch in the history is later by this factor at least

    def __init__(self, settings, own=None):
        data = samples(settings, own)
        if data.real and settings.task == "classification":
            raise ValueError("these targets are real numbers, no classes: the task is regression")
        self.course, self.data = Course(settings), data
        rng = np.random.default_rng(settings.seed)
        order, kept = rng.permutation(len(data.X)), max(1, round(settings.share * len(data.X)))
        self.train, self.test = order[:kept], order[min(kept, len(data.X) - 1):]
        self.classes = 1 if data.real else max(2, int(data.labels.max()) + 1)
        features, Y = inputs(settings, data.X), self._targets()
        self.loss = softmax_cross_entropy if settings.task == "classification" else squared_error
        self.X_train, self.X_test = features[self.train], features[self.test]
        self.Y_train, self.Y_test = Y[self.train], Y[self.test]
        f = [ACTIVATIONS[settings.activation]] * len(settings.hidden) + [identity]
        self.net = initialize((features.shape[1], *settings.hidden, Y.shape[1]), f, rng)
        self.rng, self.epoch, self.taken, self.diverged, self.last, self._left = rng, 0, 0, False, None, []
        self.by_hand = False  # whether somebody has set the parameters
        self.history = [(0, *self.losses())]

    def _targets(self):
        if self.settings.task == "classification":
            return one_hot(self.data.labels, self.classes)
        labels = self.data.labels[:, None]
        return labels if self.data.real else 2 * labels / (self.classes - 1) - 1.0

    @property
    def settings(self):
        """What the run depends on, with every change on the way."""
        return self.course.settings

    def move(self, name, value):
        """Go on with another rate, batch size or penalty, from the next step on."""
        self.course.move(name, value, (self.epoch, self.taken))

    def put(self, net):
        """Go on with another network of the same form; from here on, no string brings the run back."""
        self.net, self.last, self.by_hand = net, None, True
        self.diverged = not self._finite()

    def step(self):
        """Take one step on the next mini-batch of this epoch, or on the first of a new one; True if it was the last."""
        self.course.reach((self.epoch, self.taken))
        if not self._left:
            self._left = list(batches(self.X_train, self.Y_train, self.course.now["batch"], self.rng))[::-1]
        X, Y = self._left.pop()
        with np.errstate(all="ignore"):
            trace = forward(self.net, X)
            gradients = backward(self.net, trace, self.loss.unchecked.gradient(trace.A[len(self.net.W)], Y))
            self.last = Step(self.net, X, Y, gradients)
            self.net = descend(self.net, self._penalised(gradients), self.course.now["rate"])
        self.taken += 1
        if self._left:
            return False
        self.epoch, self.taken = self.epoch + 1, 0
        self._remember()
        return True

    def run_epoch(self):
        """Take the steps that are left of this epoch, or those of a new one; after a divergence nothing moves."""
        while not self.diverged and not self.step():
            pass

    def _remember(self):
        """Note both losses, if it is time again, and whether the run has diverged."""
        self.diverged = not self._finite()
        if self.diverged or self.epoch >= self.DENSE * self.history[-1][0]:
            losses = self.losses()
            self.diverged |= not np.isfinite(losses).all()
            self.history.append((self.epoch, *losses))

    def _finite(self):
        return all(np.isfinite(array).all() for part in (self.net.W, self.net.b) for array in part.values())

    def losses(self):
        """Return the training loss and the test loss of the network as it is now."""
        return self.loss_of(self.net, self.X_train, self.Y_train), self.loss_of(self.net, self.X_test, self.Y_test)

    def output(self, X):
        """Return the network's answers to the points X (n, 2): probabilities, or numbers in a regression."""
        return self.answers(forward(self.net, inputs(self.settings, X)).A)

    def answers(self, A):
        """Return the last layer of A as probabilities, or as numbers in a regression."""
        last = A[len(self.net.W)]
        return softmax(last) if self.settings.task == "classification" else last

    def _penalised(self, gradients):
        if not self.course.now["l2"]:
            return gradients
        return gradients._replace(dW={l: dW + self.course.now["l2"] * self.net.W[l] for l, dW in gradients.dW.items()})

    def loss_of(self, net, X, Y):
        """Return the loss of a network on inputs X and targets Y; what overflows is inf or nan."""
        with np.errstate(all="ignore"):
            return float(self.loss.unchecked.value(forward(net, X).A[len(net.W)], Y))


def verdict(learner, thorough):
    """Compare a learner's last step's gradients with autograd's, and with centred differences too if `thorough`.

    Returns (agree, sentence). Where there is no PyTorch, differences are asked alone.
    """
    if learner.last is None:
        return True, "No step has been taken yet."
    net, X, Y, manual = learner.last
    sizes = [learner.loss_of(net, X, Y), *(abs(g).max() for part in (manual.dW, manual.db) for g in part.values())]
    if not all(size < BEYOND for size in sizes):  # nan, too
        return False, "The run has blown up: its numbers are too large to be compared."
    try:
        from utils.autograd import gradient_ledger  # torch is loaded with the first verdict
    except ModuleNotFoundError:
        return _by_differences(learner) if thorough else (True, LATER)

    rows = gradient_ledger(net, X, Y, learner.loss, manual, nudge=thorough).rows
    wrong = [row.name for row in rows if not row.agrees]
    if wrong:
        return False, f"{'The ledger' if thorough else 'Autograd'} disagrees on {', '.join(wrong)}."
    if not thorough:
        return True, f"In epoch {learner.epoch}, all {len(rows)} gradients of the last step agree with autograd."
    aside = ", kinks aside" if any("kink" in row.verdict for row in rows) else ""
    who = f"autograd and with differences{aside}"
    return True, f"The ledger: all {len(rows)} gradients of this step agree with {who}."


def _by_differences(learner):
    """The verdict of centred differences on a learner's last step, where they have one: not at a kink."""
    net, X, Y, manual = learner.last
    found, doubt = differences(net, X, Y, learner.loss)
    wrong, places = [], [(kind, l) for kind in Gradients._fields for l in net.W]
    for kind, l in places:
        mine, other, off = (getattr(gradients, kind)[l] for gradients in (manual, found, doubt))
        sure = np.isfinite(off)
        if not gap(mine[sure], other[sure], off[sure]) <= DIFFERENCE_RTOL * (size(other[sure]) or 1):
            wrong.append(f"{kind}[{l}]")
    said = f"disagree on {', '.join(wrong)}" if wrong else f"agree with all {len(places)} gradients of this step"
    return not wrong, f"Centred differences {said}; autograd is not asked, since PyTorch is not installed here."
