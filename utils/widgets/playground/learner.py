"""The playground's learner: a network in training, on `utils.mlp` alone, one mini-batch or one epoch at a time."""

from typing import NamedTuple

import numpy as np

from utils.activations import ACTIVATIONS, identity, softmax
from utils.losses import one_hot, softmax_cross_entropy, squared_error
from utils.mlp import MLP, Gradients, backward, descend, forward, initialize
from utils.training import batches
from utils.widgets.playground.settings import inputs, samples


class Step(NamedTuple):
    """One step as it was taken: the network before it, its batch, and the gradients found there."""

    net: MLP
    X: np.ndarray
    Y: np.ndarray
    gradients: Gradients


class Learner:
    """A network in training: its data, its parameters, the history of both losses, and its last step."""

    def __init__(self, settings, own=None):
        self.settings = settings
        X, labels = samples(settings, own)
        rng = np.random.default_rng(settings.seed)
        order, kept = rng.permutation(len(X)), max(1, round(settings.share * len(X)))
        train, test = order[:kept], order[min(kept, len(X) - 1):]
        self.X, self.labels, self.train, self.test = X, labels, train, test
        self.classes = max(2, int(labels.max()) + 1)
        if settings.task == "classification":
            Y, self.loss = one_hot(labels, self.classes), softmax_cross_entropy
        else:
            Y, self.loss = (2 * labels[:, None] / (self.classes - 1) - 1.0), squared_error
        features = inputs(settings, X)
        self.X_train, self.Y_train, self.X_test, self.Y_test = features[train], Y[train], features[test], Y[test]
        f = ACTIVATIONS[settings.activation]
        sizes = (features.shape[1], *settings.hidden, Y.shape[1])
        self.net = initialize(sizes, [f] * len(settings.hidden) + [identity], rng)
        self.rng, self.epoch, self.diverged, self.last, self._left = rng, 0, False, None, []
        self.history = [self._losses()]

    def retune(self, settings):
        """Go on with another rate, batch size or penalty; the network stays as it is."""
        self.settings = settings

    def step(self):
        """Take one step on the next mini-batch of this epoch, or on the first of a new one; True if it was the last."""
        if not self._left:
            self._left = list(batches(self.X_train, self.Y_train, self.settings.batch, self.rng))[::-1]
        X, Y = self._left.pop()
        with np.errstate(all="ignore"):
            trace = forward(self.net, X)
            gradients = backward(self.net, trace, self.loss.unchecked.gradient(trace.A[len(self.net.W)], Y))
            self.last = Step(self.net, X, Y, gradients)
            self.net = descend(self.net, self._penalised(gradients), self.settings.rate)
        if self._left:
            return False
        losses = self._losses()
        self.epoch, self.diverged = self.epoch + 1, not np.isfinite(losses).all()
        self.history.append(losses)
        return True

    def run_epoch(self):
        """Take the steps that are left of this epoch, or those of a new one; after a divergence nothing moves."""
        while not self.diverged and not self.step():
            pass

    def verdict(self, thorough):
        """Compare the last step's gradients with autograd's, and with centred differences too if `thorough`.

        Returns (agree, sentence).
        """
        if self.last is None:
            return True, "No step has been taken yet."
        net, X, Y, manual = self.last
        loss = self._loss(net, X, Y)
        if self.diverged or not np.isfinite(loss):
            return False, "The run has diverged: there is nothing to compare."
        from utils.autograd import gradient_ledger  # torch is loaded with the first verdict

        rows = gradient_ledger(net, X, Y, self.loss, manual, nudge=thorough).rows
        wrong = [row.name for row in rows if not row.agrees]
        who = "The ledger" if thorough else "Autograd"
        if wrong:
            return False, f"{who} disagrees on {', '.join(wrong)}."
        if not thorough:
            return True, f"{len(rows)} gradients of this step agree with autograd."
        aside = ", kinks aside" if any("kink" in row.verdict for row in rows) else ""
        who = f"autograd and with differences{aside}"
        return True, f"The ledger: all {len(rows)} gradients of this step agree with {who}."

    def output(self, X):
        """Return the network's answers to the points X (n, 2): probabilities, or numbers in a regression."""
        return self.answers(forward(self.net, inputs(self.settings, X)).A)

    def answers(self, A):
        """Return the last layer of A as probabilities, or as numbers in a regression."""
        last = A[len(self.net.W)]
        return softmax(last) if self.settings.task == "classification" else last

    def _penalised(self, gradients):
        if not self.settings.l2:
            return gradients
        return gradients._replace(dW={l: dW + self.settings.l2 * self.net.W[l] for l, dW in gradients.dW.items()})

    def _losses(self):
        return self._loss(self.net, self.X_train, self.Y_train), self._loss(self.net, self.X_test, self.Y_test)

    def _loss(self, net, X, Y):
        with np.errstate(all="ignore"):
            return float(self.loss.unchecked.value(forward(net, X).A[len(net.W)], Y))
