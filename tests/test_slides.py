"""Every number printed on the slides, to its last digit, out of `utils`.

`numbers.json` holds them as torch printed them. A claim below says, for one place in that file, how
`utils` computes it, and in which of torch's two formats the slides print it.
"""

import functools
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from utils import activations
from utils.arrays import numpy_array
from utils.datasets import lecture_example, torch_rand
from utils.losses import cross_entropy, one_hot
from utils.mlp import MLP, backward, forward

SLIDES = json.loads((Path(__file__).parent / "numbers.json").read_text())
FORMATS = {"fixed": "{:.4f}", "scientific": "{:.4e}"}
GIVEN = {"linear_one_sample.manual_seed", "linear_batch.manual_seed", "mlp.manual_seed", "softmax_jacobian.z"}
CLAIMS = []  # (path in numbers.json, format, how to compute it); what is GIVEN, the claims start from


def claim(path, style="fixed", variant="utils"):
    """Register a function without arguments as the origin of one number, or array of numbers, on the slides."""

    def register(compute):
        CLAIMS.append(pytest.param(path, style, compute, id=f"{path}-{variant}"))
        return compute

    return register


def slide(path):
    return functools.reduce(dict.__getitem__, path.split("."), SLIDES)


def printed(numbers, style):
    """The numbers as torch prints them: shape, and one text per entry; −0 is printed as 0."""
    numbers = np.asarray(numpy_array(numbers))
    texts = [FORMATS[style].format(float(x)) for x in numbers.ravel()]
    return numbers.shape, ["0.0000" if text == "-0.0000" else text for text in texts]


def agrees(computed, on_slide, style):
    return printed(computed, style) == printed(on_slide, style)


# Where each number comes from ---------------------------------------------------------------------


def linear_draws(section):
    """W and b as the slides draw them, and the one-layer network they make."""
    torch.manual_seed(slide(f"{section}.manual_seed"))
    W, b = torch.rand(5)[None], torch.rand(1)
    return W, b, MLP({1: W}, {1: b}, {1: activations.sigmoid})


def linear(section, X):
    """What the linear model leaves behind for the slide's own X."""
    return forward(linear_draws(section)[2], torch.tensor(slide(f"{section}.{X}")))


claim("linear_one_sample.x")(lambda: lecture_example()[0][:1])
claim("linear_one_sample.W")(lambda: linear_draws("linear_one_sample")[0])
claim("linear_one_sample.b")(lambda: linear_draws("linear_one_sample")[1])
claim("linear_one_sample.z")(lambda: linear("linear_one_sample", "x").Z[1])
claim("linear_one_sample.a")(lambda: linear("linear_one_sample", "x").A[1])
claim("linear_batch.X")(lambda: lecture_example()[0][:3])
claim("linear_batch.Z")(lambda: linear("linear_batch", "X").Z[1])
claim("linear_batch.A")(lambda: linear("linear_batch", "X").A[1])


@claim("linear_one_sample.W", variant="without-torch")
def _linear_weights_without_torch():
    return torch_rand(1)(5)[None]


@claim("linear_one_sample.b", variant="without-torch")
def _linear_bias_without_torch():
    rand = torch_rand(1)
    rand(5)
    return rand(1)


for library in (np.array, torch.tensor):

    def softmax_output(array=library):
        return activations.softmax(array(slide("softmax_jacobian.z")))

    def jacobian(output=softmax_output):
        return activations.softmax_jacobian(output())

    def one_output(i=2, output=softmax_output, array=library):
        """∂a₂/∂z by the pullback: a unit dA asks for one row of the Jacobian."""
        a = output()
        return activations.softmax.pullback(array(np.eye(4, dtype="float32")[i]), a)

    def all_outputs(pull=one_output):
        return np.array([numpy_array(pull(i)) for i in range(4)])

    name = library.__module__ if library is np.array else "torch"
    claim("softmax_jacobian.a", "scientific", name)(softmax_output)
    claim("softmax_jacobian.jacobian", "scientific", name)(jacobian)
    claim("softmax_jacobian.jacobian", "scientific", f"{name}-pullback")(all_outputs)
    claim("softmax_jacobian.grad_of_a2", "scientific", f"{name}-pullback")(one_output)
    claim("softmax_jacobian.grad_of_a2", "scientific", f"{name}-row")(lambda J=jacobian: J()[2])


@claim("softmax_jacobian.grad_of_a2", "scientific", "autograd")
def _one_output_by_autograd():
    z = torch.tensor(slide("softmax_jacobian.z"), requires_grad=True)
    return torch.autograd.grad(activations.softmax(z)[2], z)[0]


@claim("softmax_jacobian.jacobian", "scientific", "autograd")
def _jacobian_by_autograd():
    return torch.autograd.functional.jacobian(activations.softmax.apply, torch.tensor(slide("softmax_jacobian.z")))


def drawn_network():
    """The 5-7-4-3 network, drawn as numbers.json says: "rand(7,5) rand(7) …, in this order"."""
    torch.manual_seed(slide("mlp.manual_seed"))
    shapes = re.findall(r"rand\(([\d,]+)\)", slide("mlp.draws"))
    draws = [torch.rand(*(int(n) for n in shape.split(","))) for shape in shapes]
    f = dict(enumerate((activations.sigmoid, activations.sigmoid, activations.softmax), 1))
    return MLP(dict(enumerate(draws[::2], 1)), dict(enumerate(draws[1::2], 1)), f)


@claim("mlp.draws")
def _draws():
    """The shapes that `lecture_example` draws, written as in numbers.json."""
    net = lecture_example()[2]
    shapes = [tuple(v.shape) for l in net.W for v in (net.W[l], net.b[l])]
    return " ".join(f"rand({','.join(map(str, shape))})" for shape in shapes) + ", in this order"


def example(source):
    if source != "drawn":
        return lecture_example(source)
    return torch.tensor(slide("mlp.X")), one_hot(torch.tensor([2, 0, 1, 2]), 3), drawn_network()


def mlp(key, source):
    X, Y, net = example(source)
    trace = forward(net, X)
    A3 = trace.A[3]
    dA3 = cross_entropy.gradient(A3, Y)
    return {
        "X": lambda: X,
        "Y": lambda: Y,
        "A3": lambda: A3,
        "loss": lambda: cross_entropy(A3, Y),
        "wrong_loss": lambda: (Y * A3).sum() / len(Y),
        "dA3": lambda: dA3,
        "dZ3": lambda: backward(net, trace, dA3).dZ[3],
    }[key]()


for source in ("torch", "numpy", "drawn"):
    for key in ("X", "Y", "A3", "wrong_loss", "loss", "dA3", "dZ3"):
        claim(f"mlp.{key}", variant=source)(functools.partial(mlp, key, source))


# The tests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "style", "compute"), CLAIMS)
def test_the_slides_number_comes_out_to_its_last_digit(path, style, compute):
    computed, on_slide = compute(), slide(path)
    if isinstance(on_slide, str):
        assert computed == on_slide
    else:
        assert printed(computed, style) == printed(on_slide, style)


def test_the_draws_in_the_slides_order_are_the_lecture_examples_weights():
    drawn, net = drawn_network(), lecture_example()[2]
    assert all(torch.equal(drawn.W[l], net.W[l]) and torch.equal(drawn.b[l], net.b[l]) for l in (1, 2, 3))


def leaves(tree, path=""):
    """Every path in numbers.json that does not lead to a dict."""
    if not isinstance(tree, dict):
        return {path}
    return set().union(*(leaves(branch, f"{path}.{key}".lstrip(".")) for key, branch in tree.items()))


def test_no_number_on_the_slides_is_left_out():
    assert leaves(SLIDES) == {claim.values[0] for claim in CLAIMS} | GIVEN


STYLE_OF = {claim.values[0]: claim.values[1] for claim in CLAIMS if not isinstance(slide(claim.values[0]), str)}


@pytest.mark.parametrize(("path", "style"), STYLE_OF.items())
def test_one_more_or_less_in_the_last_digit_of_any_number_is_noticed(path, style):
    right = np.asarray(slide(path), dtype=float)
    for place in np.ndindex(right.shape):
        exponent = int(f"{right[place]:e}".split("e")[1]) if style == "scientific" else 0
        for direction in (-1, 1):
            wrong = right.copy()
            wrong[place] += direction * 10.0 ** (exponent - 4)
            assert not agrees(right, wrong, style)


def test_the_comparison_sees_a_wrong_shape():
    assert not agrees(np.zeros((2, 3)), np.zeros((3, 2)), "fixed")
    assert not agrees(np.zeros(3), np.zeros((1, 3)), "fixed")


@pytest.mark.parametrize("path", STYLE_OF)
def test_the_format_shows_every_digit_that_the_slides_printed(path):
    """A format that rounded the slides' own number would compare fewer digits than were printed."""
    on_slide = np.asarray(slide(path), dtype=float)
    texts = printed(on_slide, STYLE_OF[path])[1]
    assert [float(text) for text in texts] == on_slide.ravel().tolist()
