"""The script that tries the lecture in other places: what it finds, what it tells, and how it takes what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import places
import pytest

VERSION = "{}.{}".format(*sys.version_info)
WELL = {"place": "3.13", "torch": "no", "notebooks": "251 passed", "tests": "10 passed, 2 skipped"}


def test_every_promised_python_is_a_place_and_colab_is_one_more():
    every = places.places()
    assert list(every) == ["3.11", "3.12", "3.13", "3.14", "colab"]
    assert all(place.promised == (name != "colab") and "torch" not in place.versions for name, place in every.items())
    assert every["3.11"].versions["numpy"] == places.pins()["numpy"] != every["colab"].versions["numpy"]


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for a Python")
def test_a_python_is_found_by_what_it_says_and_not_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert places.find(VERSION) is None
    liar = tmp_path / f"python{VERSION}"
    liar.write_text("#!/bin/sh\necho /somewhere/python 3.1\n")
    liar.chmod(0o755)
    assert places.find(VERSION) is None
    real = tmp_path / ".pyenv" / "versions" / f"{VERSION}.99" / "bin" / "python"
    real.parent.mkdir(parents=True)
    real.symlink_to(sys.executable)
    assert places.find(VERSION) == str(real)


def test_a_python_that_is_not_here_is_a_line_and_no_fault(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(places, "find", lambda version: None)
    assert places.main(["--in", str(tmp_path), "--only", "3.14", "--only", "colab"]) == 0
    assert capsys.readouterr().out == ("3.14: there is no Python 3.14 here that can make environments.\n"
                                       "colab: there is no Python 3.12 here that can make environments.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_not_known_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        places.main(["--only", "3.10"])
    assert stop.value.code == 2 and "3.11" in capsys.readouterr().err


@pytest.mark.parametrize("row, status", [
    (WELL, 0), ({**WELL, "tests": "1 failed, 9 passed\ntests/test_it.py::test_it"}, 1),
    ({**WELL, "notebooks": "did not start"}, 1), ({**WELL, "launcher": "failed"}, 1)])
def test_the_table_tells_what_failed_below_it(tmp_path, monkeypatch, capsys, row, status):
    monkeypatch.setattr(places, "ask", lambda *_: row)
    assert places.main(["--in", str(tmp_path), "--only", "3.13"]) == status
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("| place | torch | notebooks ") and len({len(line) for line in said[:3]}) == 1
    assert said[3].startswith("3.13: no build of PyTorch for CPUs alone")
    assert said[4:] == (["3.13: tests/test_it.py::test_it"] if "\n" in row["tests"] else [])


@pytest.mark.parametrize("source, told", [
    ("def test_it(): pass\ndef test_not(): assert 0", "1 failed, 1 passed\ntest_it.py::test_not"),
    ("import torch_of_ours\ndef test_it(): pass", "1 skipped"), ("def test_it(): import torch_of_ours", "1 skipped"),
    ("import no_such_thing\ndef test_it(): pass", "1 error\ntest_it.py"),
    ("def test_it():\n    assert ['x' * 999, \"No module named 'torch'\"] == []", "1 skipped"),
    ("import warnings\ndef test_it(): warnings.warn('an old one')", "1 passed"), ("def f(:", "1 error\ntest_it.py")])
def test_what_pytest_says_is_told_in_a_line_and_what_needs_pytorch_is_skipped(tmp_path, source, told):
    (tmp_path / "test_it.py").write_text(source + "\n")
    answer = places.pytest(tmp_path / "log", sys.executable, "-c", os.devnull, "--rootdir", tmp_path,
                           tmp_path / "test_it.py", *places.WITHOUT_TORCH)
    assert [os.path.basename(line) for line in answer.splitlines()] == told.splitlines()


def test_a_cell_that_differs_is_told_by_its_number(tmp_path):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1", execution_count=1, outputs=[
        nbformat.v4.new_output("execute_result", {"text/plain": "3"}, execution_count=1)])])
    nbformat.write(book, tmp_path / "book.ipynb")
    answer = places.pytest(tmp_path / "log", sys.executable, "--rootdir", tmp_path, "-c", os.devnull, "--nbval",
                           tmp_path / "book.ipynb")
    assert answer.splitlines()[0] == "1 failed" and answer.endswith("book.ipynb::Cell 0")


def test_it_needs_the_standard_library_alone(tmp_path):
    done = subprocess.run([sys.executable, "-I", "-S", Path(places.__file__), "--help"], capture_output=True, text=True,
                          check=True)
    assert "--quick" in done.stdout
