"""Each classic bug, put into a copy of the code, is caught; the code without a bug is not.

A mutant is one snippet of a module's source replaced by another (tests/mutation.py). Two detectors look at it: the
gradient ledger of `utils.autograd`, which also names the first gradient that is wrong, and a network of
`torch.nn.functional` and `torch.optim` that knows nothing of `utils`.
The network is square, 4 samples through layers of 4, so that no bug gives itself away by a shape.
"""

import sys
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from mutation import MODULES, code
from torch.nn import functional

from utils.activations import ACTIVATIONS
from utils.autograd import gradient_ledger
from utils.mlp import MLP

D, RATE, SHUFFLE = 4, 0.1, 4  # this seed's shuffle moves every row


class Mutant(NamedTuple):
    """A bug: replacements {old: new} in one module, a loss that shows it, and the gradient the ledger blames first.

    `blamed` is None where the ledger has no say, because a pass forward and a pass backward are not where the bug is.
    """

    module: str
    replace: dict
    blamed: str | None
    loss: str = "cross_entropy"


MLP_FORWARD = "Z[l] = A[l - 1] @ net.W[l].T + net.b[l]"
MLP_DZ = "dZ[l] = net.f[l].pullback(dA[l], A[l])"
MLP_DW = "dW[l] = dZ[l].T @ A[l - 1]"
MLP_DB = "db[l] = dZ[l].sum(0)"
MLP_DA = "dA[l - 1] = dZ[l] @ net.W[l]"
MLP_START = "A, dA, dZ, dW, db = trace.A,"
SQUARED, CROSS, FUSED = "return (A - Y) / len(Y)", "return -Y / (A + (Y == 0)) / len(Y)", "(_softmax(Z) - Y)"
SQUARED_VALUE = "((A - Y) ** 2).sum() / (2 * len(Y))"

MUTANTS = {
    # the loss
    "sign of dA at the output": Mutant("losses", {SQUARED: "return (Y - A) / len(Y)"}, "dA[4]", "squared_error"),
    "sign of dZ at the output": Mutant("losses", {FUSED: "(Y - _softmax(Z))"}, "dA[4]", "softmax_cross_entropy"),
    "1/N forgotten in the gradient": Mutant("losses", {SQUARED: "return A - Y"}, "dA[4]", "squared_error"),
    "1/N forgotten in loss and gradient": Mutant(
        "losses", {SQUARED: "return A - Y", SQUARED_VALUE: "((A - Y) ** 2).sum() / 2"}, None, "squared_error"
    ),
    "1/N twice, in the loss's gradient": Mutant("losses", {CROSS: CROSS + " / len(Y)"}, "dA[4]"),
    "½ forgotten": Mutant("losses", {SQUARED_VALUE: "((A - Y) ** 2).sum() / len(Y)"}, "dA[4]", "squared_error"),
    "log forgotten in the loss": Mutant("losses", {"library(A).log(A + (Y == 0))": "A"}, "dA[4]"),
    "log forgotten in the gradient": Mutant("losses", {CROSS: "return -Y / len(Y)"}, "dA[4]"),
    "right class alone in softmax's gradient": Mutant(
        "losses", {FUSED: "Y * (_softmax(Z) - Y)"}, "dA[4]", "softmax_cross_entropy"
    ),
    # forward
    "bias forgotten in forward": Mutant("mlp", {MLP_FORWARD: "Z[l] = A[l - 1] @ net.W[l].T"}, "dA[4]"),
    "W not transposed in forward": Mutant("mlp", {MLP_FORWARD: "Z[l] = A[l - 1] @ net.W[l] + net.b[l]"}, "dA[4]"),
    "activation forgotten in forward": Mutant(
        "mlp", {"A[l] = net.f[l](Z[l])": "A[l] = net.f[l](Z[l]) if l > 1 else Z[l]"}, "dA[4]"
    ),
    "softmax over the wrong axis": Mutant(
        "activations", {"return E / E.sum(-1, keepdims=True)": "return E / E.sum(0, keepdims=True)"}, "dA[4]"
    ),
    # backward
    "pullback forgotten": Mutant("mlp", {MLP_DZ: "dZ[l] = dA[l]"}, "dZ[4]"),
    "dW transposed": Mutant("mlp", {MLP_DW: "dW[l] = A[l - 1].T @ dZ[l]"}, "dW[4]"),
    "dZ not transposed in dW": Mutant("mlp", {MLP_DW: "dW[l] = dZ[l] @ A[l - 1]"}, "dW[4]"),
    "dW from the wrong A": Mutant("mlp", {MLP_DW: "dW[l] = dZ[l].T @ A[l]"}, "dW[4]"),
    "dW from dA": Mutant("mlp", {MLP_DW: "dW[l] = dA[l].T @ A[l - 1]"}, "dW[4]"),
    "dW from the first row alone": Mutant("mlp", {MLP_DW: "dW[l] = dZ[l][:1].T @ A[l - 1][:1]"}, "dW[4]"),
    "db summed over the wrong axis": Mutant("mlp", {MLP_DB: "db[l] = dZ[l].sum(1)"}, "db[4]"),
    "db forgotten": Mutant("mlp", {MLP_DB: "db[l] = 0 * dZ[l].sum(0)"}, "db[4]"),
    "db of the first row alone": Mutant("mlp", {MLP_DB: "db[l] = dZ[l][0]"}, "db[4]"),
    "1/N twice, in db": Mutant("mlp", {MLP_DB: "db[l] = dZ[l].mean(0)"}, "db[4]"),
    "W transposed in dA": Mutant("mlp", {MLP_DA: "dA[l - 1] = dZ[l] @ net.W[l].T"}, "dA[3]"),
    "the wrong layer's W in dA": Mutant("mlp", {MLP_DA: "dA[l - 1] = dZ[l] @ net.W[max(l - 1, 1)]"}, "dA[3]"),
    "dA from dA, not from dZ": Mutant("mlp", {MLP_DA: "dA[l - 1] = dA[l] @ net.W[l]"}, "dA[3]"),
    "W updated before it is used": Mutant("mlp", {MLP_DA: "dA[l - 1] = dZ[l] @ (net.W[l] - 0.1 * dW[l])"}, "dA[3]"),
    "stale activations": Mutant(
        "mlp", {MLP_START: "A, dA, dZ, dW, db = forward(convert(net, lambda v: 0.9 * v), trace.A[0]).A,"}, "dZ[4]"
    ),
    # derivatives of activations
    "sigmoid's derivative at A": Mutant(
        "activations", {"dZ = 1 - A\n    dZ *= A\n": "dZ = 1 - _sigmoid(A)\n    dZ *= _sigmoid(A)\n"}, "dZ[1]"
    ),
    "sigmoid's derivative without 1 - A": Mutant(
        "activations", {"dZ = 1 - A\n    dZ *= A\n": "dZ = 1 * A\n"}, "dZ[1]"
    ),
    "tanh's derivative 1 - A": Mutant("activations", {"dA * (1 - A * A)": "dA * (1 - A)"}, "dZ[2]"),
    "tanh's derivative at A": Mutant("activations", {"dA * (1 - A * A)": "dA * (1 - _tanh(A) ** 2)"}, "dZ[2]"),
    "relu's mask of dA": Mutant("activations", {"dA * (A > 0)": "dA * (dA > 0)"}, "dZ[3]"),
    "relu's mask A >= 0, always true": Mutant("activations", {"dA * (A > 0)": "dA * (A >= 0)"}, "dZ[3]"),
    "relu pulled back by its value": Mutant("activations", {"dA * (A > 0)": "dA * A"}, "dZ[3]"),
    "softmax without the other outputs": Mutant(
        "activations", {"A * (dA - (dA * A).sum(-1, keepdims=True))": "dA * A * (1 - A)"}, "dZ[4]"
    ),
    "softmax's pullback over the wrong axis": Mutant(
        "activations", {"(dA * A).sum(-1, keepdims=True)": "(dA * A).sum(0, keepdims=True)"}, "dZ[4]"
    ),
    # the step and the loop
    "uphill": Mutant("mlp", {"net.W[l] - rate * dW[l]": "net.W[l] + rate * dW[l]"}, None),
    "b is never learned": Mutant("mlp", {"net.b[l] - rate * db[l]": "net.b[l]"}, None),
    "in place, uphill": Mutant("inplace", {"self.theta -= self.g": "self.theta += self.g"}, None),
    "in place, without the rate": Mutant("inplace", {"        self.g *= rate\n": ""}, None),
    "in place, bias forgotten": Mutant("inplace", {"    Z += b\n": ""}, None),
    "in place, pullback forgotten": Mutant("inplace", {"dZ = pullback[l](dA, A[l])": "dZ = dA"}, None),
    "in place, dW from the wrong A": Mutant("inplace", {"dot(dZ.T, A[l - 1])": "dot(dZ.T, A[l])"}, None),
    "in place, dW transposed": Mutant("inplace", {"dot(dZ.T, A[l - 1])": "dot(A[l - 1].T, dZ)"}, None),
    "in place, db of the first row alone": Mutant("inplace", {"dot(ones, dZ)": "dot(ones[:, :1], dZ[:1])"}, None),
    "in place, W transposed in dA": Mutant("inplace", {"dA = dot(dZ, W[l])": "dA = dot(dZ, W[l].T)"}, None),
    "in place, views that overlap": Mutant("inplace", {"at += m * n + m": "at += m * n"}, None),
    "the last, smaller batch is forgotten": Mutant(
        "training", {"range(0, len(X), batch_size)": "range(0, len(X) - batch_size + 1, batch_size)"}, None
    ),
    "X shuffled without Y": Mutant("training", {"X, Y = X[order], Y[order]": "X = X[order]"}, None),
    "the last batch alone is learned from": Mutant(
        "training", {"in batches(X, Y, batch_size, rng):": "in list(batches(X, Y, batch_size, rng))[-1:]:"}, None
    ),
    "accumulated, not divided by T": Mutant("training", {"{l: v / T for l, v in dW.items()}": "dW"}, None),
    "accumulated, the last sample alone": Mutant(
        "training", {"dW[l] = dW[l] + gradients.dW[l]": "dW[l] = gradients.dW[l]"}, None
    ),
}
by_ledger = pytest.mark.parametrize("mutant", [pytest.param(m, id=name) for name, m in MUTANTS.items() if m.blamed])
by_torch = pytest.mark.parametrize("mutant", [pytest.param(m, id=name) for name, m in MUTANTS.items()])
losses = pytest.mark.parametrize("loss", ["squared_error", "cross_entropy", "softmax_cross_entropy"])


def example(loss):
    """Return numbers W, b, X, Y and names of activations: no relu near its corner, no class sure, no class in turn."""
    rng = np.random.default_rng(5)
    W, b = ({l: 0.7 * rng.normal(size=s) for l in range(1, 5)} for s in ((D, D), D))
    names = dict(
        enumerate(["sigmoid", "tanh", "relu", "identity" if loss == "softmax_cross_entropy" else "softmax"], 1)
    )
    return W, b, rng.normal(size=(D, D)), np.eye(D)[[2, 0, 1, 2]], names


def network(activations, W, b, names):
    return MLP(W, b, {l: activations[name] for l, name in names.items()})


def ledger(code, loss):
    """Return the ledger of the copies' gradients; the referees look at the same network with sound activations."""
    W, b, X, Y, names = example(loss)
    function = getattr(code.losses, loss)
    net = network(code.activations.ACTIVATIONS, W, b, names)
    trace = code.mlp.forward(net, X)
    manual = code.mlp.backward(net, trace, function.unchecked.gradient(trace.A[4], Y))
    return gradient_ledger(network(ACTIVATIONS, W, b, names), X, Y, function, manual)


def results(code, loss):
    """Yield (name, value) of what the copies compute: the loss, every gradient, what an epoch learns, twice."""
    W, b, X, Y, names = example(loss)
    function = getattr(code.losses, loss).unchecked
    net = network(code.activations.ACTIVATIONS, W, b, names)
    trace = code.mlp.forward(net, X)
    yield "loss", function.value(trace.A[4], Y)
    yield from parameters(code.mlp.backward(net, trace, function.gradient(trace.A[4], Y)), "dW", "db")
    yield from parameters(code.training.accumulate(net, X, Y, function), "dW", "db")
    stepped = net
    for X_batch, Y_batch in code.training.batches(X, Y, 3, np.random.default_rng(SHUFFLE)):
        stepped = code.training.step(stepped, X_batch, Y_batch, function, RATE)  # by the book, and in place:
    yield from parameters(stepped, "W", "b")
    for epoch in code.training.train(net, X, Y, function, RATE, 1, batch_size=3, rng=np.random.default_rng(SHUFFLE)):
        yield from parameters(epoch.net, "W", "b")


def reference(loss):
    """Yield the same from torch alone."""
    W, b, X, Y, names = example(loss)
    W, b = ({l: torch.tensor(v, requires_grad=True) for l, v in layers.items()} for layers in (W, b))
    X, Y = torch.tensor(X), torch.tensor(Y)
    f = {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "identity": torch.nn.Identity(),
        "softmax": torch.nn.Softmax(dim=1),
    }

    def error(X, Y):
        for l, name in names.items():
            X = functional.linear(X, W[l], b[l])
            if not (loss == "cross_entropy" and name == "softmax"):  # torch's cross-entropy takes logits
                X = f[name](X)
        if loss == "squared_error":
            return functional.mse_loss(X, Y, reduction="sum") / (2 * len(Y))
        return functional.cross_entropy(X, Y.argmax(1))

    value = error(X, Y)
    value.backward()
    yield "loss", value.item()
    gradients = SimpleNamespace(
        **{kind: {l: v.grad.numpy().copy() for l, v in layers.items()} for kind, layers in (("dW", W), ("db", b))}
    )
    yield from parameters(gradients, "dW", "db")
    yield from parameters(gradients, "dW", "db")
    optimizer = torch.optim.SGD([*W.values(), *b.values()], lr=RATE)
    order = np.random.default_rng(SHUFFLE).permutation(D)
    for rows in (order[:3], order[3:]):
        optimizer.zero_grad()
        error(X[rows], Y[rows]).backward()
        optimizer.step()
    yield from parameters(SimpleNamespace(W=W, b=b), "W", "b")
    yield from parameters(SimpleNamespace(W=W, b=b), "W", "b")


def parameters(owner, *kinds):
    for kind in kinds:
        for l, v in sorted(getattr(owner, kind).items()):
            yield f"{kind}[{l}]", v.detach().numpy() if hasattr(v, "detach") else v


def assert_equals_torch(found, expected):
    """Compare one by one, and stop at the first that differs: what a bug does afterwards does not matter."""
    for (name, value), (same_name, right) in zip(found, expected, strict=True):
        assert name == same_name
        assert np.shape(value) == np.shape(right)
        assert np.abs(value - right).max() <= 1e-9 * np.abs(right).max(), f"{name} differs from torch"


@losses
def test_the_sound_code_passes_both_detectors(loss):
    sound = code()
    ledger(sound, loss).assert_agree(1e-9)
    assert_equals_torch(results(sound, loss), reference(loss))


@by_ledger
def test_the_ledger_catches(mutant):
    book = ledger(code(mutant.module, mutant.replace), mutant.loss)
    with pytest.raises(AssertionError, match="manual gradients that disagree"):
        book.assert_agree(1e-3)  # wrong is wrong by far, not by rounding
    assert next(row.name for row in book.rows if row.verdict != "agree") == mutant.blamed
    assert not [row.verdict for row in book.rows if "shape" in row.verdict]


@by_torch
def test_torch_catches(mutant):
    copies = code(mutant.module, mutant.replace)
    with pytest.raises(AssertionError, match="differs from torch"):
        assert_equals_torch(results(copies, mutant.loss), reference(mutant.loss))


def test_a_snippet_that_is_not_there_exactly_once_is_an_error():
    for snippet in ("no such line", "rate"):
        with pytest.raises(AssertionError, match="holds"):
            code("mlp", {snippet: ""})


def test_the_copies_leave_the_real_modules_alone():
    before = {name: sys.modules.get(f"utils.{name}") for name in MODULES}
    code("mlp", {MLP_DB: "db[l] = None"})
    assert {name: sys.modules.get(f"utils.{name}") for name in MODULES} == before
