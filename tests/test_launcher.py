"""The launcher, and the list of what the lecture stands on."""

import ast
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from utils import __main__ as launcher
from utils.lecture import arguments, environment

ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = [ROOT / "utils" / "__main__.py", *sorted((ROOT / "utils" / "lecture").glob("*.py"))]
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
    for name in ("requirements.txt", "pyproject.toml", "setup.py"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    site_packages = folder / ".venv" / "lib" / "python3.12" / "site-packages"

    def run(*command):
        runs.append(" ".join(map(str, command[1:])))
        if "venv" in command:
            site_packages.mkdir(parents=True)
        return 1 if runs.fail and runs.fail in runs[-1] else 0

    def succeeds(python, code, seconds=60):
        return runs.index_answers if "urllib" in code else site_packages.is_dir()

    (folder / "notebooks").mkdir()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        (folder / "notebooks" / path.name).touch()
    for module in (launcher, arguments, environment):
        monkeypatch.setattr(module, "ROOT", folder)
    for module in (launcher, environment):
        monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(environment, "VENV", folder / ".venv")
    monkeypatch.setattr(environment, "STAMP", folder / ".venv" / "stamp")
    monkeypatch.setattr(environment, "succeeds", succeeds)
    monkeypatch.setattr(environment, "is_complete_here", lambda: False)
    monkeypatch.setattr(environment, "DRIVER", folder / "no driver")
    monkeypatch.setattr(environment.shutil, "which", lambda name: runs.nvidia)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(launcher, "check_python", lambda: None)
    monkeypatch.setattr(launcher, "check_utils", lambda python: None)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "")
    runs.site_packages = site_packages
    return runs


INSTALL = "-m pip install -r requirements.txt"


def is_cpu_torch(command):
    return environment.CPU_INDEX in command


# ---------------------------------------------------------------- the environment


def test_first_run_makes_the_environment_and_stamps_it(project):
    python = environment.environment()
    assert project[0].startswith("-m venv")
    assert project[-1] == INSTALL
    assert python.parent.parent == environment.VENV
    assert environment.STAMP.read_text() == environment.fingerprint()


def test_complete_environment_is_used_as_it_is(project):
    python = environment.environment()
    project.clear()
    assert environment.environment() == python
    assert project == []


def test_complete_running_python_is_used_without_a_venv(project, monkeypatch):
    monkeypatch.setattr(environment, "is_complete_here", lambda: True)
    assert environment.environment() == sys.executable
    assert project == [] and not environment.VENV.exists()


def test_interrupted_install_resumes_in_the_same_venv(project, monkeypatch):
    run = environment.run

    def interrupted(*command):
        run(*command)
        if "-r" in command:
            raise KeyboardInterrupt

    monkeypatch.setattr(environment, "run", interrupted)
    assert launcher.main(["test"]) == 130
    assert not environment.STAMP.exists()
    monkeypatch.setattr(environment, "run", run)
    project.clear()
    environment.environment()
    assert project[-1] == INSTALL and not any("venv" in command for command in project)
    assert environment.STAMP.exists()


def test_resumed_install_forgets_what_was_half_unpacked(project):
    project.fail = INSTALL
    with pytest.raises(SystemExit):
        environment.environment()
    half, whole = project.site_packages / "half-1.0.dist-info", project.site_packages / "whole-1.0.dist-info"
    for info in (half, whole):
        info.mkdir()
        (info / "METADATA").touch()
    (whole / "RECORD").touch()
    project.fail = None
    environment.environment()
    assert whole.exists() and not half.exists()


def test_failed_pip_leaves_no_stamp_and_one_sentence(project, capsys):
    project.fail = INSTALL
    with pytest.raises(SystemExit) as stop:
        launcher.main(["test"])
    assert stop.value.code == 1
    assert not environment.STAMP.exists()
    assert "goes on from here" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml", "setup.py"])
def test_changed_list_is_installed_again(project, name):
    environment.environment()
    project.clear()
    (launcher.ROOT / name).write_text("numpy==2.0.0\ntorch==2.13.0\n")
    environment.environment()
    assert INSTALL in project


def test_broken_venv_is_made_anew(project, monkeypatch):
    environment.environment()
    project.clear()
    monkeypatch.setattr(environment, "succeeds", lambda *_, **__: False)
    monkeypatch.setattr(environment, "run", lambda *command: project.append(" ".join(map(str, command[1:]))) or 0)
    environment.environment()
    assert project[0].startswith("-m venv --clear")


def test_failed_venv_is_one_sentence(project, capsys):
    project.fail = "venv"
    with pytest.raises(SystemExit):
        environment.environment()
    assert "could not be made" in capsys.readouterr().err
    assert INSTALL not in project


def test_missing_venv_module_names_the_package(project, monkeypatch, capsys):
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else name)
    with pytest.raises(SystemExit) as stop:
        environment.environment()
    assert stop.value.code == 2 and project == []
    assert f"apt install python3.{sys.version_info.minor}-venv" in capsys.readouterr().err


def test_unwritable_stamp_is_one_sentence(project, monkeypatch, capsys):
    def denied(*_):
        raise PermissionError(13, "Permission denied", "stamp")

    monkeypatch.setattr(environment, "install", denied)
    with pytest.raises(SystemExit) as stop:
        launcher.main(["test"])
    assert stop.value.code == 1
    assert "Permission denied" in capsys.readouterr().err


# ---------------------------------------------------------------- which build of torch


def test_linux_without_a_driver_tries_the_cpu_index_first(project):
    environment.environment()
    tries = [command for command in project if is_cpu_torch(command)]
    assert len(tries) == 1 and project.index(tries[0]) < project.index(INSTALL)
    assert f"torch=={environment.pins()['torch']} " in tries[0]
    assert "--retries 0 --timeout 5" in tries[0]


def test_a_cpu_index_that_fails_falls_back_to_the_default(project):
    project.fail = environment.CPU_INDEX
    environment.environment()
    assert project[-1] == INSTALL and environment.STAMP.exists()


@pytest.mark.parametrize("reason", ["driver", "nvidia-smi", "silent index", "Darwin", "Windows", "torch is there"])
def test_the_cpu_index_is_left_alone(project, monkeypatch, reason):
    project.nvidia = reason == "nvidia-smi"
    if reason == "driver":
        environment.DRIVER.touch()
    project.index_answers = reason != "silent index"
    if reason in ("Darwin", "Windows"):
        monkeypatch.setattr(platform, "system", lambda: reason)
    if reason == "torch is there":
        info = project.site_packages / f"torch-{environment.pins()['torch']}+cpu.dist-info"
        info.mkdir(parents=True)
        (info / "RECORD").touch()
    environment.environment()
    assert not any(map(is_cpu_torch, project)) and INSTALL in project


def test_a_blocked_network_costs_little_time():
    assert not environment.succeeds(sys.executable, "import time; time.sleep(60)", seconds=0.2)
    assert not environment.succeeds(ROOT / "no python here", "pass")
    assert environment.succeeds(sys.executable, "pass")


# ---------------------------------------------------------------- how much disk

ROOMY = {"root": 100, "tmp": 100, "home": 100}


@pytest.fixture
def disks(project, monkeypatch):
    """Give each folder a disk; return a function that sets {disk: GB left} and the folders' disks."""

    def lay(free, root="root", tmp="tmp", home="home"):
        folders = {str(launcher.ROOT): root, environment.tempfile.gettempdir(): tmp, os.path.expanduser("~"): home}
        monkeypatch.setattr(environment, "disk", folders.get)
        monkeypatch.setattr(environment.shutil, "disk_usage",
                            lambda folder: namedtuple("Usage", "free")(free[folders[folder]] * 1e9))

    return lay


@pytest.mark.parametrize("system, driver, answers, words", [
    ("Linux", False, True, "for CPUs it is (there is no NVIDIA driver here): about 1.8 GB of disk, and 0.4 GB"),
    ("Linux", False, False, "does not answer): about 5.8 GB of disk, and 2.8 GB"),
    ("Linux", True, True, "for NVIDIA GPUs it is (there is an NVIDIA driver here): about 5.8 GB"),
    ("Darwin", False, True, "for CPUs it is (there is no other for this system): about 1.8 GB"),
    ("Windows", True, False, "for CPUs it is (there is no other for this system): about 1.8 GB")])
def test_the_build_and_its_room_are_said_before_the_environment_is_made(
        project, disks, monkeypatch, capfd, system, driver, answers, words):
    monkeypatch.setattr(platform, "system", lambda: system)
    project.nvidia, project.index_answers = driver, answers
    disks({**ROOMY, "root": 0.1})
    with pytest.raises(SystemExit) as stop:
        launcher.main([])
    said, refusal = capfd.readouterr()
    assert words in said and said.count("\n") == 1
    assert stop.value.code == 2 and project == [] and not environment.VENV.exists()
    gigabytes = words.partition("about ")[2][:3]
    assert refusal == f"The installation needs {gigabytes} GB of disk in {launcher.ROOT}, and 0.1 GB are left there.\n"


@pytest.mark.parametrize("free, folders, enough", [
    ({"root": 1.9, "tmp": 0.5, "home": 0}, {}, True),  # what pip cannot keep, it does not keep
    ({"root": 1.7, "tmp": 9, "home": 9}, {}, False),
    ({"root": 9, "tmp": 0.3, "home": 9}, {}, False),
    ({"root": 2.5}, {"tmp": "root", "home": "root"}, False),
    ({"root": 2.7}, {"tmp": "root", "home": "root"}, True),
    ({"root": 2.1, "home": 9}, {"tmp": "root"}, False),
    ({"root": 1.9, "tmp": 0.7}, {"home": "tmp"}, False),
    ({"root": 1.9, "tmp": 0.9}, {"home": "tmp"}, True)])
def test_each_disk_has_room_for_what_goes_there(project, disks, capsys, free, folders, enough):
    disks(free, **folders)
    if enough:
        environment.environment()
        assert INSTALL in project
    else:
        with pytest.raises(SystemExit):
            environment.environment()
        assert project == [] and capsys.readouterr().err.count("\n") == 1


def test_what_is_there_already_is_not_asked_for_again(project, disks, monkeypatch, capsys):
    project.fail = INSTALL
    disks(ROOMY)
    with pytest.raises(SystemExit):
        environment.environment()
    with open(project.site_packages / "large", "wb") as file:
        file.truncate(10**9)
    project.fail = None
    disks({**ROOMY, "root": 0.7})
    with pytest.raises(SystemExit):
        environment.environment()
    assert "needs 0.8 GB" in capsys.readouterr().err
    disks({**ROOMY, "root": 0.9})
    environment.environment()
    assert environment.STAMP.exists()


def test_where_the_small_build_fails_the_large_one_must_fit(project, disks, capsys):
    project.fail = environment.CPU_INDEX
    disks({**ROOMY, "root": 3})
    with pytest.raises(SystemExit):
        environment.environment()
    assert INSTALL not in project and "needs 5.8 GB" in capsys.readouterr().err


def test_a_folder_s_disk_is_the_system_s(tmp_path):
    assert environment.disk(str(tmp_path)) == os.stat(tmp_path).st_dev
    assert environment.disk(str(tmp_path / "none")) is None


def test_the_readme_tells_the_same_room():
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Present it")[0]
    (small, _), (large, _) = environment.DISK["CPU"], environment.DISK["CUDA"]
    assert set(re.findall(r"([\d.]+) GB", text)) == {str(small), str(large)}


# ---------------------------------------------------------------- where the lecture can run

Version = namedtuple("Version", "major minor micro")


def refusal(capsys):
    """Return the sentence with which check_python refuses."""
    with pytest.raises(SystemExit) as stop:
        environment.check_python()
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
    monkeypatch.setattr(environment.sysconfig, "get_platform", lambda: build)
    assert "PyTorch has no build" in refusal(capsys)


def test_32_bit_python_is_refused_in_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    assert "32-bit" in refusal(capsys)


def test_musl_is_refused_in_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(environment.sysconfig, "get_config_var", lambda name: "x86_64-unknown-linux-musl")
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
    monkeypatch.setattr(environment.sysconfig, "get_platform", lambda: "win-amd64")
    environment.check_python()


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
    assert launcher.main(["present", *arguments]) == 0
    assert f"--LabApp.default_url=/doc/workspaces/lecture-mode/tree/notebooks/{name}.ipynb" in project[-1]
    assert "labextensions" in project[-1] and project[-1].endswith("--no-browser") == ("--no-browser" in arguments)


def test_present_refuses_a_notebook_that_is_not_there(project, capsys):
    with pytest.raises(SystemExit) as stop:
        launcher.main(["present", "99"])
    assert stop.value.code == 2 and project == []
    assert "no notebook \"99\"; there are 00_learning_a_function, 01_" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["handout", "portable"])
def test_handout_and_portable_hand_over(project, name):
    assert launcher.main([name, "--to", "somewhere"]) == 0
    assert project[-1] == f"-m utils.publish.{name} --to somewhere"


def test_tally_hands_over(project):
    assert launcher.main(["tally", "records", "02", "--every", "5"]) == 0
    assert project[-1] == "-m utils.publish.tally records 02 --every 5"


def test_check_hands_over(project):
    assert launcher.main(["check", "submitted", "--seconds", "60"]) == 0
    assert project[-1] == "-m utils.publish.check submitted --seconds 60"


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
    launcher.main(["test", "-q", "notebooks"])
    assert project[-1] == "-m pytest -q notebooks"
    assert not any("ruff" in command for command in project)


def test_test_returns_the_first_failure_and_still_runs_the_rest(project):
    project.fail = "ruff"
    assert launcher.main(["test"]) == 1
    assert "--nbval" in project[-1]


# ---------------------------------------------------------------- slips, before anything is installed


@pytest.mark.parametrize("words, sentence", [
    (["presnet"], "There is no command \"presnet\"; the commands are: open, present, "),
    (["present", "99"], "There is no notebook \"99\"; there are 00_"),
    (["present", ""], "There is no notebook \"\"; there are 00_"),
    (["export", "99"], "There is no notebook \"99\"; there are 00_"),
    (["export", "02", ""], "There is no notebook \"\"; there are 00_"),
    (["export", "--tp", "x"], "python3 -m utils export: unrecognized arguments: --tp (--help says what it takes)."),
    (["export", "02", "--t", "x"], "unrecognized arguments: --t"),
    (["handout", "--to"], "python3 -m utils handout: argument --to: expected one argument (--help "),
    (["handout", "somewhere"], "unrecognized arguments: somewhere"),
    (["test", "--nosuch"], "python3 -m utils test: unrecognized arguments: --nosuch"),
    (["test", "-q", "tests/nosuch.py::test_it"], "There is no file or folder \"tests/nosuch.py\" in "),
    (["test", "-k"], "argument -k: expected one argument")])
def test_a_slip_is_one_sentence_and_installs_nothing(project, capsys, words, sentence):
    with pytest.raises(SystemExit) as stop:
        launcher.main(words)
    said = capsys.readouterr()
    assert stop.value.code == 2 and project == [] and not environment.VENV.exists()
    assert sentence in said.err and said.err.count("\n") == 1 and said.out == ""


@pytest.mark.parametrize("words", [
    ["export"], ["export", "02", "--to", "x", "04_backward"], ["handout", "--to=x"], ["present", "--port", "8899"],
    ["test", "-xq", "notebooks", "-n2", "-k", "not slow", "--tb=short", "--lf"], ["test", "--debug", "--cache-show"],
    ["test", "--deselect", "tests/gone.py", "-p", "no:cacheprovider", "--basetemp=nowhere", "-W", "error"]])
def test_what_is_right_is_handed_over_as_it_is(project, words):
    assert launcher.main(words) == 0
    assert project[-1].endswith(" ".join(words[1:]))


@pytest.mark.parametrize("command", ["present", "export", "handout"])
def test_a_command_s_help_installs_nothing(project, capsys, command):
    with pytest.raises(SystemExit) as stop:
        launcher.main([command, "--help"])
    assert stop.value.code == 0 and project == []
    assert f"usage: python3 -m utils {command} " in capsys.readouterr().out


def test_every_command_says_what_may_follow_it():
    assert set(arguments.PARSERS) == set(launcher.COMMANDS) - {"open"}


def test_where_pytest_is_at_hand_it_is_pytest_that_knows_its_options(project):
    environment.environment()
    launcher.main(["test", "--of-some-plugin"])
    assert project[-1] == "-m pytest --of-some-plugin"


def test_pytest_s_options_are_those_of_the_pinned_versions(pytestconfig):
    groups = [pytestconfig._parser._anonymous, *pytestconfig._parser._groups]
    real = {name: option.attrs().get("nargs", 1) for group in groups for option in group.options
            for name in option.names() if "anyio" not in name}
    ours = {**dict.fromkeys(arguments.FLAGS.split(), 0), **dict.fromkeys(arguments.OPTIONAL.split(), "?"),
            **dict.fromkeys(arguments.VALUED.split(), 1)}
    assert {name: 1 if nargs is None else nargs for name, nargs in real.items()} == ours


# ---------------------------------------------------------------- somebody else's utils

CELL = "from utils import lecture"  # in the first cell of each notebook
FOUND_LAST = """
import sys
from importlib.util import spec_from_file_location
from pathlib import Path

sys.path.append({site_packages!r})

class Last:
    @staticmethod
    def find_spec(name, path=None, target=None):
        place = Path({series!r}, *name.split("."))
        files = [place / "__init__.py", place.with_suffix(".py")]
        for file in files if name.partition(".")[0] == "utils" else []:
            if file.is_file():
                return spec_from_file_location(name, file)

after = next(i for i, finder in enumerate(sys.meta_path) if getattr(finder, "__name__", "") == "PathFinder")
sys.meta_path.insert(after + 1, Last)
"""
ON_THE_PATH = "import sys; sys.path += [{site_packages!r}, {series!r}]"


@pytest.fixture(params=[ON_THE_PATH, FOUND_LAST], ids=["on the path", "found last"])
def series(request, tmp_path, monkeypatch):
    """Return a folder with a launcher, installed in one of the two ways in which setuptools installs a folder.

    Beside it is `packages`, where Python looks before, as in another folder of site-packages.
    """
    folder, site, packages = tmp_path / "a series", tmp_path / "site", tmp_path / "packages"
    shutil.copytree(ROOT / "utils" / "lecture", folder / "utils" / "lecture")
    for name in ("__init__", "__main__", "mlp"):
        shutil.copy(ROOT / "utils" / f"{name}.py", folder / "utils")
    for path in (folder / "notebooks", site, packages):
        path.mkdir()
    (site / "sitecustomize.py").write_text(request.param.format(series=str(folder), site_packages=str(packages)))
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setattr(environment, "ROOT", folder)
    return folder


def python(*words, cwd):
    """Run Python; return its exit status and the last line of what it says, errors first."""
    done = subprocess.run([sys.executable, *words], cwd=cwd, capture_output=True, text=True, check=False)
    return done.returncode, (done.stderr or done.stdout or "\n").splitlines()[-1]


def test_nobody_is_accused_where_the_lecture_s_own_utils_is_found(series):
    for harmless in (series / "utils.py", series.parent / "utils.py", series / "notebooks" / "my_utils.py"):
        harmless.touch()
    environment.check_utils(sys.executable)
    assert python("-c", CELL, cwd=series / "notebooks") == (0, "")
    assert python("-m", "utils", "presnet", cwd=series)[1].startswith("There is no command \"presnet\"")
    assert python(series / "utils", "presnet", cwd=series.parent)[1].startswith("There is no command \"presnet\"")


def test_a_kernel_looks_into_pythonpath_before_the_notebook_s_folder(series, monkeypatch):
    (series / "notebooks" / "utils.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(series))
    environment.check_utils(sys.executable)


@pytest.mark.parametrize("place", ["a series/notebooks", "packages"])
@pytest.mark.parametrize("theirs", ["utils.py", "utils/__init__.py", "utils/mlp.py"])
def test_somebody_else_s_utils_is_named_by_the_launcher_and_by_the_first_cell(series, request, capsys, place, theirs):
    path = series.parent / place / theirs
    path.parent.mkdir(exist_ok=True)
    path.touch()
    if theirs == "utils/mlp.py" and "on the path" in request.node.name:  # no package: Python looks on, and finds ours
        environment.check_utils(sys.executable)
        assert python("-c", CELL, cwd=series / "notebooks") == (0, "")
        return
    with pytest.raises(SystemExit) as stop:
        environment.check_utils(sys.executable)
    said = capsys.readouterr().err
    named = path if theirs != "utils/mlp.py" else path.parent
    assert stop.value.code == 2 and said.startswith(f"{named} is found before the lecture's own \"utils\": please")
    status, line = python("-c", CELL, cwd=series / "notebooks")
    assert status == 1 and line.startswith("ImportError: ")
    assert str(path if theirs == "utils.py" else path.parent) in line


@pytest.mark.parametrize("series", [FOUND_LAST], ids=["found last"], indirect=True)
def test_a_launcher_that_is_started_beside_somebody_else_s_folder_names_it(series, tmp_path):
    homework = tmp_path / "homework"
    (homework / "utils").mkdir(parents=True)
    (homework / "utils" / "__init__.py").touch()
    status, line = python("-m", "utils", "presnet", cwd=homework)
    assert status == 2 and line.startswith(f"{homework / 'utils'} is found before the lecture's own")


def test_the_launcher_looks_before_jupyterlab_starts(project, monkeypatch, capsys):
    monkeypatch.setattr(launcher, "check_utils", lambda python: environment.refuse(f"with {python}"))
    for words in ([], ["present", "02"]):
        with pytest.raises(SystemExit):
            launcher.main(words)
        assert capsys.readouterr().err == f"with {environment.venv_python()}\n"
        assert not any("jupyterlab" in command for command in project)


def test_a_kernel_finds_what_the_launcher_has_looked_for(series):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    theirs = series / "notebooks" / "utils.py"
    theirs.touch()
    with pytest.raises(CellExecutionError, match=f"cannot import name 'lecture' .*{re.escape(str(theirs))}"):
        NotebookClient(book, timeout=60, resources={"metadata": {"path": str(theirs.parent)}}).execute()
    theirs.unlink()
    NotebookClient(book, timeout=60, resources={"metadata": {"path": str(theirs.parent)}}).execute()


# ---------------------------------------------------------------- the project's own house


@pytest.mark.parametrize("path", [ROOT / "utils" / "__init__.py", *LAUNCHER], ids=lambda path: path.stem)
def test_an_old_python_can_read_the_launcher(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_utils_itself_imports_nothing():
    tree = ast.parse((ROOT / "utils" / "__init__.py").read_text(encoding="utf-8"))
    assert len(tree.body) == 1 and ast.get_docstring(tree)


def test_every_requirement_is_an_exact_pin_and_the_project_comes_last():
    lines = [line for line in REQUIREMENTS.splitlines() if line and not line.startswith("#")]
    assert lines[-1] == "-e ."
    assert all(re.fullmatch(r"[\w.-]+==\d+(\.\d+)+", line) for line in lines[:-1])
    assert environment.pins() == dict(line.split("==") for line in lines[:-1])


def test_environment_yml_repeats_no_requirement():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    entries = re.findall(r"^\s*- (.+)$", text.partition("dependencies:")[2], flags=re.MULTILINE)
    assert [entry.partition("=")[0] for entry in entries] == [
        "python", "pip", "pip:", f"--extra-index-url {environment.CPU_INDEX}", "-r requirements.txt"]
    minor = int(entries[0].removeprefix("python=3."))
    assert environment.OLDEST <= (3, minor) <= environment.NEWEST


def test_pyproject_and_launcher_agree_on_the_pythons():
    (_, oldest), (_, newest) = environment.OLDEST, environment.NEWEST
    assert f'requires-python = ">=3.{oldest},<3.{newest + 1}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_readme_says_why_each_requirement_is_there():
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## What it stands on")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", table, flags=re.MULTILINE) == list(environment.pins())


def test_nothing_else_ships_a_package_called_utils():
    assert set(importlib.metadata.packages_distributions()["utils"]) == {"backpropagation-lecture"}


def test_no_file_names_a_package_registry_or_a_path_of_one_machine():
    machine = re.compile("/" + "(?:work|root)" + "/")
    for name in project_files():
        text = (ROOT / name).read_text(encoding="utf-8", errors="ignore")
        assert {url.rstrip("/.") for url in HOST.findall(text)} <= {environment.CPU_INDEX}, name
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
        "CONTRIBUTING.md",
        "pyproject.toml",
        "setup.py",
        "LICENSE",
        ".gitignore",
        ".ci",
        ".github",
    }
    assert {Path(name).parts[0] for name in project_files()} <= allowed
