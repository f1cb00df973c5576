"""The folder for a class on one server: all that the hub's configuration needs, whole or not at all."""

import importlib.util
import marshal
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from copies import notebook

from utils.exercises import lessons
from utils.publish import hub

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the folder is for a server with Unix accounts.")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder that was prepared with a mask under which nothing would be readable."""
    folder, mask = tmp_path_factory.mktemp("the") / "a class", os.umask(0o077)
    try:
        assert hub.main(["--to", str(folder)]) == 0
    finally:
        os.umask(mask)
    return folder


def modes(folder):
    return {path.name: stat.filemode(path.stat().st_mode) for path in folder.iterdir()}


def test_it_holds_the_class_s_edition_with_its_solutions_sealed(prepared):
    for lesson in lessons():
        tagged = [cell for cell in notebook(prepared / "class", lesson).cells
                  if any(tag.startswith("exercise:") for tag in cell.metadata.get("tags", []))]
        assert [cell.source for cell in tagged] == [e.blank() for e in lesson.exercises.values()]
    assert "def " not in (prepared / "class" / "utils" / "exercises" / "backward.py").read_text("utf-8")


def test_the_template_is_the_notebooks_and_the_fonts_that_matplotlib_has_found(prepared):
    assert {path.name for path in (prepared / "template" / "notebooks").iterdir()} == {
        f"{lesson.notebook}.ipynb" for lesson in lessons()}
    caches = list((prepared / "template" / ".cache" / "matplotlib").glob("fontlist-*.json"))
    assert len(caches) == 1 and "DejaVuSans.ttf" in caches[0].read_text("utf-8")
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", "import logging; logging.basicConfig(level='DEBUG'); "
                           "import matplotlib.font_manager"], capture_output=True, text=True, check=True,
                          env={**os.environ, "MPLCONFIGDIR": str(caches[0].parent)})
    assert "Using fontManager instance from" in done.stderr


def test_students_can_read_what_they_need_and_nothing_else(prepared):
    assert modes(prepared) == {
        "class": "drwxr-xr-x", "template": "drwxr-xr-x", "hub": "drwxr-xr-x", "records": "drwxr-xr-x",
        "users.txt": "-rw-r--r--", ".dockerignore": "-rw-r--r--", "state": "drwx------", "passwords": "drwx------"}
    assert modes(prepared / "passwords") == {"students": "-rw-------", "lecturer": "-rw-------"}
    for place in ("class", "template"):
        for path in (prepared / place).rglob("*"):
            assert path.stat().st_mode & 0o777 in ((0o755,) if path.is_dir() else (0o644, 0o755)), path


def test_the_passwords_are_new_and_long_enough(prepared, tmp_path, capsys):
    assert hub.main(["--to", str(tmp_path / "other")]) == 0
    said = capsys.readouterr().out
    found = [(folder / "passwords" / who).read_text() for folder in (prepared, tmp_path / "other")
             for who in hub.PASSWORDS]
    assert len({*found}) == 4 and [len(text) for text in found] == [12, 40, 12, 40]
    assert not any(text in said for text in found)


def test_the_class_s_edition_is_compiled_for_where_it_lies(prepared):
    source = prepared / "class" / "utils" / "mlp.py"
    compiled = Path(importlib.util.cache_from_source(str(source)))
    assert marshal.loads(compiled.read_bytes()[16:]).co_filename == str(source)
    assert int.from_bytes(compiled.read_bytes()[8:12], "little") == int(source.stat().st_mtime)  # so that it is taken


def test_what_comes_next_is_said_and_can_be_typed(tmp_path, capsys):
    folder = tmp_path / "it's a class"
    assert hub.main(["--to", str(folder)]) == 0
    said = capsys.readouterr().out
    place = subprocess.run(["sh", "-c", next(line for line in said.splitlines() if "cd " in line).split(". ", 1)[1]
                            + "; pwd"], capture_output=True, text=True, check=True).stdout.strip()
    assert place == str(folder / "class")
    for name in ("requirements.txt", "jupyterhub_config.py"):
        assert f"../hub/{name}" in said and (folder / "hub" / name).is_file()
    assert f"npm install -g {hub.PROXY}" in said


def test_what_is_there_already_is_not_touched(prepared, capsys):
    (prepared / "users.txt").write_text("ada\n")
    before = {path: path.stat().st_mtime_ns for path in prepared.rglob("*")}
    assert hub.main(["--to", str(prepared)]) == 2
    assert "is there already: move it away" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in prepared.rglob("*")} == before


@pytest.mark.parametrize("name, said", [("no/where", "is not a folder"), ("a:b", "has a \":\" in its name"),
                                        ("file/x", "is not a folder")])
def test_a_folder_that_cannot_be_is_refused(tmp_path, capsys, name, said):
    (tmp_path / "file").touch()
    assert hub.main(["--to", str(tmp_path / name)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and os.listdir(tmp_path) == ["file"]


def test_without_a_folder_it_says_what_it_needs(capsys):
    with pytest.raises(SystemExit) as stop:
        hub.main([])
    assert stop.value.code == 2 and "--to" in capsys.readouterr().err


@pytest.mark.parametrize("step", ["cache_fonts", "write_passwords"])
def test_an_accident_leaves_nothing_half_written(tmp_path, capsys, monkeypatch, step):
    def accident(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hub, step, accident)
    assert hub.main(["--to", str(tmp_path / "class")]) == 2
    assert "No space left on device" in capsys.readouterr().err and os.listdir(tmp_path) == []


def test_a_copy_that_was_handed_out_says_that_it_cannot(prepared, tmp_path):
    shutil.copytree(prepared / "class", tmp_path / "copy")
    done = subprocess.run([sys.executable, "-m", "utils.publish.hub", "--to", str(tmp_path / "new")],
                          cwd=tmp_path / "copy", capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(tmp_path / "copy")})
    assert done.returncode == 2 and "a copy that was handed out cannot prepare a class" in done.stderr
