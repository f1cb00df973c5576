"""A pytest plugin for a place without PyTorch: what fails for want of it is skipped, whatever process missed it."""

import re

import pytest

WANT = re.compile(r"No module named 'torch|This notebook needs torch")


def _forgiven(report, where):
    if report.failed and WANT.search(str(report.longrepr)):
        report.outcome, report.longrepr = "skipped", (where, 0, "Skipped: there is no PyTorch here")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Skip a module that imports it."""
    return _forgiven((yield), str(collector.path))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Skip a test that needs it, itself or in a kernel or a process that it starts."""
    return _forgiven((yield), str(item.path))
