"""What the proofs of every notebook begin with: its run, its variables, and a generator."""

from types import SimpleNamespace

import numpy as np
import pytest
from cells import run


@pytest.fixture
def notebook_number(request):
    """The number of the notebook that the module `test_lecture_NN` is about."""
    return request.module.__name__.rpartition("_")[2]


@pytest.fixture
def book(notebook_number):
    """The run of the notebook."""
    return run(notebook_number)


@pytest.fixture
def n(book):
    """The notebook's variables, as its last cell leaves them."""
    return SimpleNamespace(**book.names)


@pytest.fixture
def torchs(notebook_number):
    """All gradients of the lecture's network and batch, by autograd."""
    from reference import of_batch  # torch is not everywhere

    return of_batch(notebook_number)


@pytest.fixture
def rows(notebook_number):
    """The gradients of each sample alone, by autograd."""
    from reference import of_rows

    return of_rows(notebook_number)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
