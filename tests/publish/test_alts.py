"""Plain nbconvert, as it is typed in the lecture's environment, keeps the descriptions of pictures."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from lab import Lab, missing
from nbconvert import get_exporter
from traitlets.config import Config

from utils.publish.alts import STATE, VIEW, AltTexts

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "utils" / "publish" / "jupyter_nbconvert_config.json"
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
MISSING = "No description has been provided for this image"


def nbconvert(notebook, folder, *options, installed=True):
    """Run nbconvert with the config where an installation puts it, in etc/jupyter, and return the page."""
    places = folder / "etc" / "jupyter"
    places.mkdir(parents=True, exist_ok=True)
    if installed:
        (places / CONFIG.name).write_bytes(CONFIG.read_bytes())
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": str(places), "JUPYTER_CONFIG_DIR": str(folder / "none"),
                   "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(notebook), "--output-dir", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=120,
                          check=False)
    assert done.returncode == 0, done.stderr
    return BeautifulSoup((folder / f"{notebook.stem}.html").read_text("utf-8"), "html.parser"), done.stderr


def described(notebook):
    return [output.metadata["image/png"]["alt"] for cell in nbformat.read(notebook, 4).cells
            for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]


@pytest.mark.parametrize("template", [(), ("--template", "classic"), ("--template", "basic"), ("--embed-images",)])
def test_plain_nbconvert_finds_every_description(tmp_path, template):
    notebook = ROOT / "notebooks" / "01_derivatives.ipynb"
    soup, complaint = nbconvert(notebook, tmp_path, *template)
    assert [picture["alt"] for picture in soup.select("img")] == described(notebook) and len(described(notebook)) >= 5
    assert "Alternative text is missing" not in complaint


def test_without_it_they_are_lost(tmp_path):
    """If this fails, nbconvert has learned it, and `alts` can go."""
    soup, _ = nbconvert(ROOT / "notebooks" / "01_derivatives.ipynb", tmp_path, installed=False)
    environment_has_it = any(picture["alt"] != MISSING for picture in soup.select("img"))
    installed = (Path(sys.prefix) / "etc" / "jupyter" / CONFIG.name).exists()
    assert environment_has_it == installed


@pytest.mark.parametrize("kind", ["editable", "wheel"])
def test_an_installation_puts_the_setting_where_nbconvert_looks(tmp_path, kind):
    pytest.importorskip("setuptools", minversion="77")  # the one that pyproject.toml asks for
    shutil.copytree(ROOT / "utils", tmp_path / "utils", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    build = [sys.executable, "-c", f"from setuptools import build_meta; build_meta.build_{kind}('built')"]
    subprocess.run(build, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    with zipfile.ZipFile(next((tmp_path / "built").glob("*.whl"))) as wheel:
        data = [name for name in wheel.namelist() if ".data/data/" in name]
        assert [name.partition(".data/data/")[2] for name in data] == [f"etc/jupyter/{CONFIG.name}"]
        assert wheel.read(data[0]) == CONFIG.read_bytes()


def test_jupyterlab_saves_html_with_the_same_setting():
    server = json.loads((ROOT / "utils" / "jupyter" / "jupyter_server_config.json").read_text("utf-8"))
    assert json.loads(CONFIG.read_text("utf-8")) == {"HTMLExporter": server["HTMLExporter"]}


@pytest.mark.browser
@pytest.mark.skipif(bool(missing()), reason=missing())
def test_save_and_export_in_jupyterlab_keeps_every_description(tmp_path):
    notebook = shutil.copy(ROOT / "notebooks" / "05_autograd_cross_check.ipynb", tmp_path)
    with Lab(tmp_path) as lab:
        address = f"http://127.0.0.1:{lab.port}/nbconvert/html/{Path(notebook).name}?token={lab.token}"
        soup = BeautifulSoup(urllib.request.urlopen(address, timeout=60).read(), "html.parser")
    assert [picture["alt"] for picture in soup.select("img")] == described(notebook) != []


def converted(data, metadata, widgets=None, **settings):
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])])
    if widgets:
        notebook.metadata["widgets"] = {STATE: {"state": widgets}}
    config = Config({"HTMLExporter": {"preprocessors": [AltTexts], **settings}})
    body, _ = get_exporter("html")(config=config).from_notebook_node(notebook)
    return BeautifulSoup(body, "html.parser").main


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg"])
def test_a_picture_keeps_all_that_is_known_of_it(kind):
    known = {"alt": 'a "cat" & <dog>', "width": 40, "height": 30, "unconfined": True, "needs_background": "light"}
    picture = converted({kind: DOT, "text/plain": "p"}, {kind: known}).img
    assert picture["alt"] == known["alt"] and picture["src"] == f"data:{kind};base64,{DOT}"
    assert (picture["width"], picture["height"]) == ("40", "30")
    assert picture["class"] == ["unconfined", "jp-needs-light-background"]


@pytest.mark.parametrize("metadata", [
    {}, {"image/png": {"width": 3}}, {"image/png": {"alt": ""}},
])
def test_a_picture_without_a_description_stays_as_it_was(metadata):
    assert converted({"image/png": DOT}, metadata).img["alt"] == MISSING


def test_what_is_richer_than_a_picture_stays():
    shown = converted({"image/png": DOT, "text/html": "<p>richer</p>"}, {"image/png": {"alt": "unseen"}})
    assert shown.img is None and shown.p.get_text() == "richer"


def test_a_live_widget_stays_and_a_dead_one_leaves_its_picture():
    data, metadata = {VIEW: {"model_id": "m"}, "image/png": DOT}, {"image/png": {"alt": "a cat"}}
    model = {"model_name": "LabelModel", "model_module": "@jupyter-widgets/controls", "model_module_version": "2.0.0"}
    alive = converted(data, metadata, widgets={"m": {**model, "state": {}}})
    assert alive.img is None and alive.find("script", type=VIEW)
    assert converted(data, metadata).img["alt"] == "a cat"


def test_where_html_is_sanitised_the_picture_is_still_seen():
    shown = converted({"image/png": DOT}, {"image/png": {"alt": "a cat"}}, sanitize_html=True)
    assert shown.img["src"].endswith(DOT) and "<" not in shown.get_text()
