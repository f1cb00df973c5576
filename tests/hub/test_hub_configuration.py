"""What the hub's configuration sets, and what it refuses before the hub starts; no hub is needed for it."""

import ast
import os
import re
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from utils.publish import hub

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the hub's configuration is for Linux.")
CONFIG = hub.HUB / "jupyterhub_config.py"
PASSWORDS = {"students": "a" * 12, "lecturer": "b" * 40}


class Config(dict):
    """Stands for traitlets' `c`: {"JupyterHub.bind_url": value}."""

    def __getattr__(self, section):
        config = self

        class Section:
            def __setattr__(self, name, value):
                config[f"{section}.{name}"] = value

        return Section()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder as `utils hub` prepares it, as far as the configuration looks; whoever starts it is not root."""
    place = tmp_path / "a class"
    for name in ("hub", "class", "template", "records", "state", "passwords"):
        (place / name).mkdir(parents=True)
    (place / "hub" / CONFIG.name).write_bytes(CONFIG.read_bytes())
    (place / "users.txt").write_text("# the class\nteacher lecturer\n\nada\nben-2  # late\n")
    for who, text in PASSWORDS.items():
        (place / "passwords" / who).touch(mode=0o600)
        (place / "passwords" / who).write_text(text + "\n")
        monkeypatch.delenv(f"LECTURE_{who.upper()}_PASSWORD", raising=False)
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("prlimit", "configurable-http-proxy"):
        (tools / tool).touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    uid = os.geteuid() or 65533
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setenv("LECTURE_TRIAL", "1")
    mask = os.umask(0o022)
    yield place
    os.umask(mask)


def load(folder):
    """Return (what the configuration sets, its functions)."""
    config = Config()
    return config, runpy.run_path(str(folder / "hub" / CONFIG.name), {"get_config": lambda: config})


def refusal(folder, capsys):
    """Return the one sentence with which it refuses."""
    with pytest.raises(SystemExit) as stop:
        load(folder)
    sentence = capsys.readouterr().err
    assert stop.value.code == 2 and sentence.count("\n") == 1
    return sentence


# What it sets --------------------------------------------------------------------------------------


def test_the_list_and_the_passwords_are_what_was_written_down(folder):
    config, _ = load(folder)
    assert config["JupyterHub.authenticator_class"] == "shared-password"
    assert config["Authenticator.allowed_users"] == {"teacher", "ada", "ben-2"}
    assert config["Authenticator.admin_users"] == {"teacher"}
    assert config["SharedPasswordAuthenticator.user_password"] == PASSWORDS["students"]
    assert config["SharedPasswordAuthenticator.admin_password"] == PASSWORDS["lecturer"]
    assert "Authenticator.allow_all" not in config
    assert {"root", "daemon"} <= config["Authenticator.blocked_users"]
    assert not {"ada", "ben-2"} & config["Authenticator.blocked_users"]


def test_a_password_from_the_environment_is_taken_and_handed_on_to_nobody(folder, monkeypatch):
    monkeypatch.setenv("LECTURE_STUDENTS_PASSWORD", "from the environment")
    (folder / "passwords" / "students").unlink()
    config, _ = load(folder)
    assert config["SharedPasswordAuthenticator.user_password"] == "from the environment"
    assert "LECTURE_STUDENTS_PASSWORD" not in os.environ


def test_a_trial_says_that_it_is_one(folder, capsys):
    config, _ = load(folder)
    assert capsys.readouterr().err.startswith("A TRIAL: everybody who logs in runs code as you")
    assert config["JupyterHub.spawner_class"] == "simple"
    assert "trial" in config["JupyterHub.template_vars"]["announcement"]


def test_processes_are_limited_and_forgotten_ones_end(folder):
    config, _ = load(folder)
    assert config["Spawner.cmd"][:2] == ["prlimit", f"--as={4 * 2**30}"]
    assert config["Spawner.cmd"][-3:] == [sys.executable, "-m", "jupyterhub.singleuser"]
    assert {"--KernelManager.transport=ipc", "--MappingKernelManager.cull_idle_timeout=2700",
            "--ServerApp.shutdown_no_activity_timeout=3600"} <= {*config["Spawner.args"]}
    assert config["Spawner.http_timeout"] == config["Spawner.start_timeout"] == 180


def test_each_student_has_a_record_and_only_the_lecturer_lecture_mode(folder, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "mine")
    environment = load(folder)[0]["Spawner.environment"]
    spawners = {name: SimpleNamespace(user=SimpleNamespace(name=name)) for name in ("ada", "teacher")}
    assert environment["OMP_NUM_THREADS"] == "1"
    assert environment["JUPYTER_CONFIG_PATH"] == str(folder / "class" / "utils" / "jupyter")
    assert environment["PYTHONPATH"] == f"{folder / 'class'}{os.pathsep}mine"
    assert environment["LECTURE_PROGRESS"](spawners["ada"]) == str(folder / "records" / "ada")
    assert environment["JUPYTER_PATH"](spawners["ada"]) == ""
    assert environment["JUPYTER_PATH"](spawners["teacher"]) == str(folder / "class" / "utils" / "jupyter")
    assert (hub.ROOT / "utils" / "jupyter" / "labextensions" / "lecture-mode").is_dir()


def test_the_network_is_left_to_what_stands_in_front(folder):
    config, _ = load(folder)
    assert config["JupyterHub.bind_url"] == "http://127.0.0.1:8000"
    assert all(str(folder / "state") in config[name] for name in (
        "JupyterHub.cookie_secret_file", "JupyterHub.db_url", "ConfigurableHTTPProxy.pid_file"))


@pytest.mark.parametrize("section", ["what must hold before anything starts", "the configuration"])
def test_every_line_has_its_reason(section):
    """Each statement stands below a comment, beside one, or in a group that has one, or says itself why it refuses."""
    lines = CONFIG.read_text("utf-8").partition(f"-- {section}\n")[2].partition("\n# -----")[0].splitlines()
    assert len(lines) > 20
    if section == "the configuration":
        for number, line in enumerate(lines):
            if line.startswith(("c.", "    c.")):
                block = "\n".join(lines[max(0, number - 3):number])
                assert "#" in block or "#" in line, line


# What it refuses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("line, said", [
    ("root", "\"root\", which is an account of this system already"),
    ("daemon", "\"daemon\", which is an account"),
    ("Ada", "\"Ada\", which is not 1 to 20 lower-case letters"),
    ("../ada", "which is not 1 to 20"),
    ("-ada", "which is not 1 to 20"),
    ("a" * 21, "which is not 1 to 20"),
    ("ada teacher", "the line \"ada teacher\"; expected a login name, and after a lecturer's the word"),
    ("ada lecturer root", "expected a login name"),
])
def test_a_name_that_will_not_do_is_refused(folder, capsys, line, said):
    with (folder / "users.txt").open("a") as file:
        file.write(f"{line}\n")
    assert said in refusal(folder, capsys)


def test_a_class_without_a_lecturer_is_refused(folder, capsys):
    (folder / "users.txt").write_text("ada\n")
    assert "names no lecturer" in refusal(folder, capsys)


def test_a_folder_that_was_not_prepared_is_refused(folder, capsys):
    (folder / "users.txt").unlink()
    assert "python3 -m utils hub --to FOLDER" in refusal(folder, capsys)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_password_that_others_can_read_is_refused(folder, capsys, mode):
    (folder / "passwords" / "lecturer").chmod(mode)
    assert "may be read by its owner alone" in refusal(folder, capsys)


@pytest.mark.parametrize("who, text", [("students", "seven l"), ("lecturer", "b" * 31)])
def test_a_short_password_is_refused_and_not_shown(folder, capsys, who, text):
    (folder / "passwords" / who).write_text(text)
    sentence = refusal(folder, capsys)
    assert f"The password for the {who} has {len(text)} letters and needs" in sentence and text not in sentence


def test_a_missing_password_is_refused(folder, capsys):
    (folder / "passwords" / "students").unlink()
    assert "LECTURE_STUDENTS_PASSWORD is not set" in refusal(folder, capsys)


def test_who_is_not_root_is_refused_unless_it_is_a_trial(folder, capsys, monkeypatch):
    monkeypatch.setenv("LECTURE_TRIAL", "")
    assert "needs to be started by root" in refusal(folder, capsys)


def test_root_is_refused_a_trial(folder, capsys, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "everybody's code would run as root" in refusal(folder, capsys)


@pytest.mark.parametrize("tool", ["prlimit", "configurable-http-proxy"])
def test_a_tool_that_is_missing_is_named(folder, capsys, monkeypatch, tool):
    (folder.parent / "bin" / tool).unlink()
    monkeypatch.setenv("PATH", str(folder.parent / "bin"))
    assert f"There is no {tool}" in refusal(folder, capsys)


def test_another_system_is_refused(folder, capsys, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "needs Linux" in refusal(folder, capsys)


def test_a_folder_that_students_cannot_reach_is_refused(folder, capsys):
    _, names = load(folder)
    capsys.readouterr()
    folder.parent.chmod(0o700)
    with pytest.raises(SystemExit):
        names["check_readable"]()
    assert "cannot reach" in capsys.readouterr().err


def test_an_account_of_the_system_is_never_taken_for_a_student_s(folder):
    _, names = load(folder)
    for name in ("root", "daemon"):
        with pytest.raises(PermissionError, match="is an account of this system already"):
            names["make_account"](name)


def test_what_cannot_be_copied_is_said(folder):
    _, names = load(folder)
    (folder / "template").rmdir()
    with pytest.raises(OSError, match="could not be copied"):
        names["copy_template"]("ada")


# What is in the folder of the repository -----------------------------------------------------------


def test_no_password_stands_in_the_configuration_and_it_needs_the_standard_library_alone():
    tree = ast.parse(CONFIG.read_text("utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names
    assert not re.search(r"password\s*=\s*[\"']", CONFIG.read_text("utf-8"))
    assert CONFIG.read_text("utf-8").count("\n") <= 250


def test_the_hub_is_pinned_and_no_part_of_the_lecture_s_environment():
    lines = (hub.HUB / "requirements.txt").read_text("utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == ["jupyterhub==6.1.1"]
    assert "jupyterhub" not in (hub.ROOT / "requirements.txt").read_text("utf-8")
    assert re.fullmatch(r"configurable-http-proxy@\d+\.\d+\.\d+", hub.PROXY)
    assert hub.PROXY in Path(hub.HUB / "README.md").read_text("utf-8")
