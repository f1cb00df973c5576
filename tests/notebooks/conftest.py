"""What the proofs of every notebook begin with: its run, its variables, and a generator."""

from types import SimpleNamespace

import numpy as np
import pytest
from cells import run


@pytest.fixture
def book(request):
    """The run of the notebook that the module `test_lecture_NN` is about."""
    return run(request.module.__name__.rpartition("_")[2])


@pytest.fixture
def n(book):
    """The notebook's variables, as its last cell leaves them."""
    return SimpleNamespace(**book.names)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
