"""The workflow for GitHub runs what the README tells a reader to type, in the places that the README names."""

import re
from pathlib import Path

import yaml

from utils.lecture.environment import NEWEST, OLDEST, PLATFORMS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
TEXT = (ROOT / ".github" / "workflows" / "tests.yml").read_text("utf-8")
JOB, = yaml.safe_load(TEXT)["jobs"].values()
MATRIX = JOB["strategy"]["matrix"]
SYSTEMS = {"ubuntu-24.04": "Linux x86_64", "ubuntu-24.04-arm": "Linux aarch64", "macos-15": "Darwin arm64",
           "windows-2025": "Windows win-amd64"}  # the runners that GitHub has, and what they are


def test_it_runs_on_every_python_that_is_promised():
    promised = [f"3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]
    assert MATRIX["python"] == promised
    assert f"With Python {', '.join(promised[:-1])} or {promised[-1]}, in the folder" in README
    assert f"On CPython {promised[0]} to {promised[-1]}, on 64-bit Linux" in README


def test_it_runs_on_every_system_that_is_promised():
    assert {SYSTEMS[name] for name in MATRIX["system"]} == {*PLATFORMS} and len(MATRIX["system"]) == len(PLATFORMS)
    assert "Linux (x86-64 or ARM, with glibc), Windows (x86-64) and macOS (Apple silicon)" in README
    assert JOB["runs-on"] == "${{ matrix.system }}" and not JOB["strategy"]["fail-fast"]


def test_it_runs_the_readme_s_command_and_no_other():
    command = re.search(r"To run all tests, notebooks included:\n\n```\n(.+)\n```", README)[1]
    assert [step["run"] for step in JOB["steps"] if "run" in step] == [command]
    setup, = (step["with"] for step in JOB["steps"] if "setup-python" in step.get("uses", ""))
    assert setup["python-version"] == "${{ matrix.python }}"


def test_what_it_uses_is_pinned_and_may_only_read():
    uses = [line for line in TEXT.splitlines() if "uses:" in line]
    assert len(uses) == sum("uses" in step for step in JOB["steps"])
    assert all(re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in uses)
    assert yaml.safe_load(TEXT)["permissions"] == {"contents": "read"}
