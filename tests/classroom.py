"""A real JupyterHub on this machine's loopback, prepared and configured as a lecturer would.

    with Classroom(["ada", "ben"]) as room:
        Student(room, "ada", room.passwords["students"]).open()

JupyterHub and its proxy are no part of the lecture's environment. They are taken from build/hub, where a session with
LECTURE_HUB=install puts them; without them `missing` says so.
"""

import contextlib
import fcntl
import grp
import importlib.metadata
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import requests

from utils.publish import hub

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ROOT / "build" / "hub"
PYTHON, PROXY = ENGINE / "python", ENGINE / "node_modules" / ".bin" / "configurable-http-proxy"
IS_ROOT = os.geteuid() == 0
GROUPS = "lecture-students", "lecture-tally"


def missing():
    """Return why no hub can be started here, as a sentence, or ''; install it first, where that is asked for."""
    if not sys.platform.startswith("linux"):
        return "a hub needs Linux, so none is started."
    if not shutil.which("prlimit"):
        return "there is no prlimit on this machine, so no hub is started."
    wanted = os.environ.get("LECTURE_HUB") == "install"
    with alone(wanted):
        if wanted:
            install()
        if not PROXY.exists() or not installed():
            return ("there is no JupyterHub in build/hub, so none is started; with LECTURE_HUB=install, pip and npm "
                    "would put it there.")
        if IS_ROOT and not everybodys_python():
            return "students' accounts cannot reach this Python or this folder, so no hub is started for them."
    return ""


@contextlib.contextmanager
def alone(wanted):
    """Let one process after the other look into build/hub, so that no two install there at once."""
    if wanted:
        ENGINE.mkdir(parents=True, exist_ok=True)
    elif not ENGINE.is_dir():
        yield
        return
    folder = os.open(ENGINE, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def installed():
    """Say whether build/hub holds what hub/requirements.txt pins, and in its version."""
    wanted = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "hub" / "requirements.txt").read_text("utf-8"), flags=re.M)
    found = {d.name: d.version for d in importlib.metadata.distributions(path=[str(PYTHON)])}
    return all(found.get(name) == version for name, version in wanted)


def install():
    """Put JupyterHub and its proxy into build/hub; what fails is said by `missing`."""
    here = {d.name: d.version for d in importlib.metadata.distributions() if "+" not in d.version}
    here.pop("backpropagation-lecture", None)
    constraints = ENGINE / "constraints.txt"  # beside the lecture's packages, and in their versions
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in here.items()))
    commands = []
    if not installed():
        shutil.rmtree(PYTHON, ignore_errors=True)
        commands.append([sys.executable, "-m", "pip", "install", "-q", "--target", PYTHON, "-c", constraints,
                         "-r", ROOT / "hub" / "requirements.txt"])
    if not PROXY.exists():
        commands.append(["npm", "install", "--prefix", ENGINE, "--no-fund", "--no-audit", "--silent", hub.PROXY])
    for command in commands:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)


def open_to_all(path):
    """Say whether every account can reach a path."""
    return all(place.stat().st_mode & 0o001 for place in (path, *path.parents))


def everybodys_python():
    """Return this Python or, where other accounts cannot reach it, its twin in the system's folders; or None."""
    packages = Path(nbformat.__file__).parents[1]
    if not open_to_all(packages) or not open_to_all(PYTHON):
        return None
    if open_to_all(Path(sys.executable)) and open_to_all(Path(sys.executable).resolve()):
        return sys.executable
    twin = ENGINE / "twin"
    system = Path("/usr/bin/python{}.{}".format(*sys.version_info))
    if not system.exists():
        return None
    if not (twin / "bin" / "python").exists():
        subprocess.run([system, "-m", "venv", "--without-pip", twin], check=True)
        shutil.rmtree(twin / "lib" / packages.parent.name / "site-packages")
        (twin / "lib" / packages.parent.name / "site-packages").symlink_to(packages)
        for name in ("share", "etc"):
            (twin / name).symlink_to(Path(sys.prefix) / name)
    return str(twin / "bin" / "python")


def free_ports(number):
    """Return ports that nobody listens at."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Classroom:
    """A hub in a folder of its own, with a space in its name: its `url`, `folder`, `passwords`, `lecturer`, `log`."""

    def __init__(self, students, settings=None):
        self.students, self.lecturer = students, f"{students[0][:10]}-teacher"
        self.settings = settings or {}  # JupyterLab's, for each student: {file in ~/.jupyter: what it holds}

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.users = [self.lecturer, *self.students]
        taken = [user.pw_name for user in pwd.getpwall() if user.pw_name in self.users]
        assert not taken, f"{taken} are accounts already"
        with contextlib.ExitStack() as failing:
            failing.push(self.stack)
            place = Path(self.stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            place.chmod(0o755)
            self.folder = place / "a class"
            self._prepare()
            self._start()
            failing.pop_all()
        return self

    def __exit__(self, *error):
        self.stack.close()

    def _prepare(self):
        with contextlib.redirect_stdout(None):
            assert hub.main(["--to", str(self.folder)]) == 0
        (self.folder / "users.txt").write_text("\n".join([f"{self.lecturer} lecturer", *self.students]))
        self.passwords = {who: (self.folder / "passwords" / who).read_text() for who in hub.PASSWORDS}
        for name, values in self.settings.items():
            (self.folder / "template" / ".jupyter").mkdir(exist_ok=True)
            (self.folder / "template" / ".jupyter" / name).write_text(json.dumps(values))
        if IS_ROOT:
            self._promise_to_remove_accounts()

    def _start(self):
        port, inner, proxy = free_ports(3)
        self.url = f"http://127.0.0.1:{port}"
        self.log = self.folder.parent / "hub.log"
        python = everybodys_python() if IS_ROOT else sys.executable
        command = [python, "-m", "jupyterhub", "-f", self.folder / "hub" / "jupyterhub_config.py",
                   f"--JupyterHub.bind_url={self.url}", f"--JupyterHub.hub_port={inner}",
                   f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{proxy}"]
        environment = {**os.environ, "PATH": f"{PROXY.parent}{os.pathsep}{os.environ['PATH']}",
                       "PYTHONPATH": str(PYTHON), **({} if IS_ROOT else {"LECTURE_TRIAL": "1"})}
        for name in ("LECTURE_PROGRESS", "MPLBACKEND"):
            environment.pop(name, None)
        log = self.stack.enter_context(self.log.open("w"))
        process = self.stack.enter_context(subprocess.Popen(command, env=environment, stdout=log, stderr=log,
                                                            cwd=self.folder))
        self.stack.callback(process.terminate)  # it ends the proxy and everybody's server
        for _ in range(300):
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(f"{self.url}/hub/api", timeout=5).ok:
                    return
            if process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"The hub did not start:\n{self.log.read_text()[-3000:]}")

    def home(self, name):
        """Return a student's home."""
        return Path(pwd.getpwnam(name).pw_dir) if IS_ROOT else self.folder / "homes" / name

    def record(self, name, notebook):
        """Return a student's record of a notebook."""
        return json.loads((self.folder / "records" / name / f"{notebook}.progress.json").read_text("utf-8"))

    def _promise_to_remove_accounts(self):
        """Leave the system's accounts and groups as they were, whatever happens."""
        known = {group.gr_name for group in grp.getgrall()}
        for group in GROUPS:
            if group not in known:
                self.stack.callback(subprocess.run, ["groupdel", group], check=False, capture_output=True)
        for name in self.users:
            self.stack.callback(remove_account, name)


def remove_account(name):
    """Remove an account that the hub has made, with its home, and end what it still runs."""
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        return
    subprocess.run(["pkill", "-KILL", "-U", str(uid)], check=False)
    subprocess.run(["userdel", "--remove", "--force", name], check=True, capture_output=True)
    shutil.rmtree(f"/run/lecture-hub/{name}", ignore_errors=True)
