"""The launcher, and the list of what the lecture stands on."""

import ast
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from utils import __main__ as launcher

ROOT = Path(__file__).resolve().parent.parent
SOURCE = (ROOT / "utils" / "__main__.py").read_text(encoding="utf-8")
REQUIREMENTS = (ROOT / "requirements.txt").read_text(encoding="utf-8")
HOST = re.compile(r"(?:https?|file)://(?:[\w-]+\.)*(?:pypi|pythonhosted|anaconda|pytorch|conda)\.[\w./-]+", re.I)


def project_files():
    """Return the paths of the project's files, as git knows them: tracked, or new and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git clone")
    return [name for name in listing.splitlines() if (ROOT / name).is_file()]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Put the launcher in an empty folder where no command really runs; return the list of those it would have run.

    `fail` holds the words that make a command fail; `nvidia` and `index_answers` say what the machine has.
    """

    class Runs(list):
        fail, nvidia, index_answers = None, False, True

    runs = Runs()
    folder = tmp_path / "a folder"
    folder.mkdir()
    for name in ("requirements.txt", "pyproject.toml"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    site_packages = folder / ".venv" / "lib" / "python3.12" / "site-packages"

    def run(*command):
        runs.append(" ".join(map(str, command[1:])))
        if "venv" in command:
            site_packages.mkdir(parents=True)
        return 1 if runs.fail and runs.fail in runs[-1] else 0

    def succeeds(python, code, seconds=60):
        return runs.index_answers if "urllib" in code else site_packages.is_dir()

    monkeypatch.setattr(launcher, "ROOT", folder)
    monkeypatch.setattr(launcher, "VENV", folder / ".venv")
    monkeypatch.setattr(launcher, "STAMP", folder / ".venv" / "stamp")
    monkeypatch.setattr(launcher, "run", run)
    monkeypatch.setattr(launcher, "succeeds", succeeds)
    monkeypatch.setattr(launcher, "is_complete_here", lambda: False)
    monkeypatch.setattr(launcher, "DRIVER", folder / "no driver")
    monkeypatch.setattr(launcher.shutil, "which", lambda name: runs.nvidia)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(launcher, "check_python", lambda: None)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "")
    runs.site_packages = site_packages
    return runs


INSTALL = "-m pip install -r requirements.txt"


def is_cpu_torch(command):
    return launcher.CPU_INDEX in command


# ---------------------------------------------------------------- the environment


def test_first_run_makes_the_environment_and_stamps_it(project):
    python = launcher.environment()
    assert project[0].startswith("-m venv")
    assert project[-1] == INSTALL
    assert python.parent.parent == launcher.VENV
    assert launcher.STAMP.read_text() == launcher.fingerprint()


def test_complete_environment_is_used_as_it_is(project):
    python = launcher.environment()
    project.clear()
    assert launcher.environment() == python
    assert project == []


def test_complete_running_python_is_used_without_a_venv(project, monkeypatch):
    monkeypatch.setattr(launcher, "is_complete_here", lambda: True)
    assert launcher.environment() == sys.executable
    assert project == [] and not launcher.VENV.exists()


def test_interrupted_install_resumes_in_the_same_venv(project, monkeypatch):
    run = launcher.run

    def interrupted(*command):
        run(*command)
        if "-r" in command:
            raise KeyboardInterrupt

    monkeypatch.setattr(launcher, "run", interrupted)
    assert launcher.main(["test"]) == 130
    assert not launcher.STAMP.exists()
    monkeypatch.setattr(launcher, "run", run)
    project.clear()
    launcher.environment()
    assert project[-1] == INSTALL and not any("venv" in command for command in project)
    assert launcher.STAMP.exists()


def test_resumed_install_forgets_what_was_half_unpacked(project):
    project.fail = INSTALL
    with pytest.raises(SystemExit):
        launcher.environment()
    half, whole = project.site_packages / "half-1.0.dist-info", project.site_packages / "whole-1.0.dist-info"
    for info in (half, whole):
        info.mkdir()
        (info / "METADATA").touch()
    (whole / "RECORD").touch()
    project.fail = None
    launcher.environment()
    assert whole.exists() and not half.exists()


def test_failed_pip_leaves_no_stamp_and_one_sentence(project, capsys):
    project.fail = INSTALL
    with pytest.raises(SystemExit) as stop:
        launcher.main(["test"])
    assert stop.value.code == 1
    assert not launcher.STAMP.exists()
    assert "goes on from here" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml"])
def test_changed_list_is_installed_again(project, name):
    launcher.environment()
    project.clear()
    (launcher.ROOT / name).write_text("numpy==2.0.0\ntorch==2.13.0\n")
    launcher.environment()
    assert INSTALL in project


def test_broken_venv_is_made_anew(project, monkeypatch):
    launcher.environment()
    project.clear()
    monkeypatch.setattr(launcher, "succeeds", lambda *_, **__: False)
    monkeypatch.setattr(launcher, "run", lambda *command: project.append(" ".join(map(str, command[1:]))) or 0)
    launcher.environment()
    assert project[0].startswith("-m venv --clear")


def test_failed_venv_is_one_sentence(project, capsys):
    project.fail = "venv"
    with pytest.raises(SystemExit):
        launcher.environment()
    assert "could not be made" in capsys.readouterr().err
    assert INSTALL not in project


def test_missing_venv_module_names_the_package(project, monkeypatch, capsys):
    monkeypatch.setattr(launcher.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else name)
    with pytest.raises(SystemExit) as stop:
        launcher.environment()
    assert stop.value.code == 2 and project == []
    assert f"apt install python3.{sys.version_info.minor}-venv" in capsys.readouterr().err


def test_full_disk_is_one_sentence(project, monkeypatch, capsys):
    monkeypatch.setattr(launcher.shutil, "disk_usage", lambda _: namedtuple("Usage", "free")(10**8))
    with pytest.raises(SystemExit) as stop:
        launcher.environment()
    assert stop.value.code == 2 and project == []
    assert "0.1 GB left" in capsys.readouterr().err


def test_unwritable_stamp_is_one_sentence(project, monkeypatch, capsys):
    def denied(*_):
        raise PermissionError(13, "Permission denied", "stamp")

    monkeypatch.setattr(launcher, "install", denied)
    with pytest.raises(SystemExit) as stop:
        launcher.main(["test"])
    assert stop.value.code == 1
    assert "Permission denied" in capsys.readouterr().err


# ---------------------------------------------------------------- which build of torch


def test_linux_without_a_driver_tries_the_cpu_index_first(project):
    launcher.environment()
    tries = [command for command in project if is_cpu_torch(command)]
    assert len(tries) == 1 and project.index(tries[0]) < project.index(INSTALL)
    assert f"torch=={launcher.pins()['torch']} " in tries[0]
    assert "--retries 0 --timeout 5" in tries[0]


def test_a_cpu_index_that_fails_falls_back_to_the_default(project):
    project.fail = launcher.CPU_INDEX
    launcher.environment()
    assert project[-1] == INSTALL and launcher.STAMP.exists()


@pytest.mark.parametrize("reason", ["driver", "nvidia-smi", "silent index", "Darwin", "Windows", "torch is there"])
def test_the_cpu_index_is_left_alone(project, monkeypatch, reason):
    project.nvidia = reason == "nvidia-smi"
    if reason == "driver":
        launcher.DRIVER.touch()
    project.index_answers = reason != "silent index"
    if reason in ("Darwin", "Windows"):
        monkeypatch.setattr(platform, "system", lambda: reason)
    if reason == "torch is there":
        info = project.site_packages / f"torch-{launcher.pins()['torch']}+cpu.dist-info"
        info.mkdir(parents=True)
        (info / "RECORD").touch()
    launcher.environment()
    assert not any(map(is_cpu_torch, project)) and INSTALL in project


def test_a_blocked_network_costs_little_time():
    assert not launcher.succeeds(sys.executable, "import time; time.sleep(60)", seconds=0.2)
    assert not launcher.succeeds(ROOT / "no python here", "pass")
    assert launcher.succeeds(sys.executable, "pass")


# ---------------------------------------------------------------- where the lecture can run

Version = namedtuple("Version", "major minor micro")


def refusal(capsys):
    """Return the sentence with which check_python refuses."""
    with pytest.raises(SystemExit) as stop:
        launcher.check_python()
    assert stop.value.code == 2
    sentence = capsys.readouterr().err
    assert sentence.count("\n") == 1
    return sentence


@pytest.mark.parametrize("version", [(3, 8, 18), (3, 10, 13), (3, 15, 0), (4, 0, 0)])
def test_unsupported_python_is_refused_in_a_sentence(monkeypatch, capsys, version):
    monkeypatch.setattr(sys, "version_info", Version(*version))
    assert "3.11, 3.12, 3.13 and 3.14" in refusal(capsys)


@pytest.mark.parametrize(
    ("system", "machine", "build"),
    [
        ("Darwin", "x86_64", "macosx-10.9-x86_64"),
        ("Windows", "ARM64", "win-arm64"),
        ("Windows", "AMD64", "win32"),
        ("Linux", "armv7l", "linux-armv7l"),
        ("Linux", "i686", "linux-i686"),
        ("FreeBSD", "amd64", "freebsd-amd64"),
    ],
)
def test_unsupported_platform_is_refused_in_a_sentence(monkeypatch, capsys, system, machine, build):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(launcher.sysconfig, "get_platform", lambda: build)
    assert "PyTorch has no build" in refusal(capsys)


def test_32_bit_python_is_refused_in_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    assert "32-bit" in refusal(capsys)


def test_musl_is_refused_in_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(launcher.sysconfig, "get_config_var", lambda name: "x86_64-unknown-linux-musl")
    assert "glibc" in refusal(capsys)


@pytest.mark.parametrize(
    ("system", "machine"),
    [("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"), ("Windows", "AMD64"), ("Windows", "ARM64")],
)
@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_supported_places_are_welcome(monkeypatch, system, machine, minor):
    monkeypatch.setattr(sys, "version_info", Version(3, minor, 0))
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(launcher.sysconfig, "get_platform", lambda: "win-amd64")
    launcher.check_python()


# ---------------------------------------------------------------- the commands


def test_unknown_command_is_refused_before_anything_is_installed(project, capsys):
    with pytest.raises(SystemExit) as stop:
        launcher.main(["tset"])
    assert stop.value.code == 2 and project == []
    sentence = capsys.readouterr().err
    assert all(name in sentence for name in ["tset", *launcher.COMMANDS])


def test_help_installs_nothing(project, capsys):
    assert launcher.main(["--help"]) == 0
    assert project == [] and "python3 -m utils test" in capsys.readouterr().out


def test_the_lecture_opens_on_localhost_with_its_token(project):
    assert launcher.main(["--no-browser", "--port", "8899"]) == 0
    command = project[-1]
    assert command.startswith("-m jupyterlab --ip=127.0.0.1")
    assert f"--LabApp.default_url=/lab/tree/{launcher.FIRST_NOTEBOOK}" in command
    assert command.endswith("--no-browser --port 8899")
    assert "token" not in command and "password" not in command


def test_the_lectures_settings_come_before_the_users_own(project, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "mine")
    launcher.main([])
    assert launcher.os.environ["JUPYTER_CONFIG_PATH"] == str(launcher.JUPYTER) + launcher.os.pathsep + "mine"


@pytest.mark.parametrize("arguments, name", [
    (["02"], "02_gradient_descent"), ([], "00_learning_a_function"),
    (["04_backward", "--no-browser"], "04_backward_pass"),
    (["--no-browser"], "00_learning_a_function")])
def test_present_opens_a_notebook_in_lecture_mode(project, monkeypatch, arguments, name):
    (launcher.ROOT / "notebooks").mkdir()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        (launcher.ROOT / "notebooks" / path.name).touch()
    assert launcher.main(["present", *arguments]) == 0
    assert f"--LabApp.default_url=/doc/tree/notebooks/{name}.ipynb" in project[-1]
    assert "labextensions" in project[-1] and project[-1].endswith("--no-browser") == ("--no-browser" in arguments)


def test_present_refuses_a_notebook_that_is_not_there(project, capsys):
    (launcher.ROOT / "notebooks").mkdir()
    (launcher.ROOT / "notebooks" / "01_one.ipynb").touch()
    with pytest.raises(SystemExit) as stop:
        launcher.main(["present", "99"])
    assert stop.value.code == 2 and "no notebook \"99\"; there are 01_one." in capsys.readouterr().err


def test_handout_hands_over(project):
    assert launcher.main(["handout", "--to", "somewhere"]) == 0
    assert project[-1] == "-m utils.publish.handout --to somewhere"


def test_hub_hands_over(project):
    assert launcher.main(["hub", "--to", "somewhere"]) == 0
    assert project[-1] == "-m utils.publish.hub --to somewhere"


def test_the_reader_s_progress_stays_out_of_the_tests(project, monkeypatch):
    monkeypatch.setenv("LECTURE_PROGRESS", "mine")
    launcher.main(["test"])
    folder = os.environ["LECTURE_PROGRESS"]
    assert folder != "mine" and os.listdir(folder) == []
    os.rmdir(folder)


def test_export_hands_over(project):
    assert launcher.main(["export", "02", "--to", "somewhere"]) == 0
    assert project[-1] == "-m utils.publish.export 02 --to somewhere"


def test_test_runs_ruff_then_the_tests_and_the_notebooks(project):
    assert launcher.main(["test"]) == 0
    assert project[-2:] == ["-m ruff check",
                            "-m pytest tests notebooks --nbval -n 2 --dist loadscope --no-loadscope-reorder"]


@pytest.mark.parametrize("said, status", [("Jupyter is migrating its paths to use standard platformdirs", 0),
                                          ("something else", 2)])
def test_an_older_jupyter_core_may_warn_as_it_is_imported_and_nobody_else(tmp_path, said, status):
    (tmp_path / "test_it.py").write_text(f"import warnings\nwarnings.warn({said!r}, DeprecationWarning)\n"
                                         "def test_it(): pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path),
               "-p", "no:cacheprovider", str(tmp_path / "test_it.py")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == status


def test_test_hands_its_arguments_to_pytest(project):
    launcher.main(["test", "-q", "tests/test_launcher.py"])
    assert project[-1] == "-m pytest -q tests/test_launcher.py"
    assert not any("ruff" in command for command in project)


def test_test_returns_the_first_failure_and_still_runs_the_rest(project):
    project.fail = "ruff"
    assert launcher.main(["test"]) == 1
    assert "--nbval" in project[-1]


# ---------------------------------------------------------------- the project's own house


def test_launcher_uses_the_standard_library_alone():
    tree = ast.parse(SOURCE)
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize("module", ["__init__", "__main__"])
def test_an_old_python_can_read_the_launcher(module):
    ast.parse((ROOT / "utils" / f"{module}.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_utils_itself_imports_nothing():
    tree = ast.parse((ROOT / "utils" / "__init__.py").read_text(encoding="utf-8"))
    assert len(tree.body) == 1 and ast.get_docstring(tree)


def test_launcher_stays_small():
    assert SOURCE.count("\n") < 240


def test_every_requirement_is_an_exact_pin_and_the_project_comes_last():
    lines = [line for line in REQUIREMENTS.splitlines() if line and not line.startswith("#")]
    assert lines[-1] == "-e ."
    assert all(re.fullmatch(r"[\w.-]+==\d+(\.\d+)+", line) for line in lines[:-1])
    assert launcher.pins() == dict(line.split("==") for line in lines[:-1])


def test_environment_yml_repeats_no_requirement():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    entries = re.findall(r"^\s*- (.+)$", text.partition("dependencies:")[2], flags=re.MULTILINE)
    assert [entry.partition("=")[0] for entry in entries] == ["python", "pip", "pip:", "-r requirements.txt"]
    minor = int(entries[0].removeprefix("python=3."))
    assert launcher.OLDEST <= (3, minor) <= launcher.NEWEST


def test_pyproject_and_launcher_agree_on_the_pythons():
    (_, oldest), (_, newest) = launcher.OLDEST, launcher.NEWEST
    assert f'requires-python = ">=3.{oldest},<3.{newest + 1}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_readme_says_why_each_requirement_is_there():
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## What it stands on")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", table, flags=re.MULTILINE) == list(launcher.pins())


def test_nothing_else_ships_a_package_called_utils():
    assert set(importlib.metadata.packages_distributions()["utils"]) == {"backpropagation-lecture"}


def test_no_file_names_a_package_registry_or_a_path_of_one_machine():
    machine = re.compile("/" + "(?:work|root)" + "/")
    for name in project_files():
        text = (ROOT / name).read_text(encoding="utf-8", errors="ignore")
        assert {url.rstrip("/.") for url in HOST.findall(text)} <= {launcher.CPU_INDEX}, name
        assert not machine.search(text), name


def test_the_top_level_is_tidy():
    allowed = {
        "notebooks",
        "utils",
        "hub",
        "tests",
        "requirements.txt",
        "environment.yml",
        "README.md",
        "pyproject.toml",
        "LICENSE",
        ".gitignore",
        ".ci",
    }
    assert {Path(name).parts[0] for name in project_files()} <= allowed
