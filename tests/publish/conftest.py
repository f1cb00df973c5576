"""All notebooks, exported once for all tests that look at the pages."""

import pytest

from utils.publish import export


@pytest.fixture(scope="session")
def series(tmp_path_factory):
    """Return a folder with the pages of all notebooks."""
    folder = tmp_path_factory.mktemp("series")
    assert export.main(["--to", str(folder)]) == 0
    return folder
