"""The Python that everything runs in: where the lecture can run, how much disk it takes, what is installed and when."""

# The standard library alone, in the syntax of Python 3.6: an old Python shall get far enough to say that it is too old.
import ast
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from utils.lecture import hides

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMP = VENV / "lecture-complete"
OLDEST, NEWEST = (3, 11), (3, 14)
PLATFORMS = ("Linux x86_64", "Linux aarch64", "Darwin arm64", "Windows win-amd64")
DRIVER = Path("/proc/driver/nvidia/version")
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
DISK = {"CPU": (1.8, 0.4), "CUDA": (5.8, 2.8)}  # by PyTorch's build, GB: the environment, the downloads on their way
AS_A_KERNEL = """import sys
sys.path = [folder for folder in sys.path if folder]
from IPython.core.shellapp import InteractiveShellApp
InteractiveShellApp().init_path()
from importlib.util import find_spec
found = find_spec("utils")
print(ascii(found and (found.origin or list(found.submodule_search_locations)[0])))"""


def say(sentence):
    """Tell the user what happens now."""
    print("[lecture] " + sentence, flush=True)


def refuse(sentence, status=2):
    """Stop with one sentence."""
    print(sentence, file=sys.stderr)
    sys.exit(status)


def run(*command):
    """Run a command in the project's folder and return its exit status; Ctrl-C ends both."""
    with subprocess.Popen([str(word) for word in command], cwd=str(ROOT)) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            raise


def succeeds(python, code, seconds=60):
    """Say whether a Python starts and runs a piece of code without an error, and in time."""
    try:
        return subprocess.call([str(python), "-c", code], stderr=subprocess.DEVNULL, timeout=seconds) == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


# Where the lecture can run ----------------------------------------------------------------------------


def check_python():
    """Refuse a Python or a platform for which PyTorch has no wheel."""
    python, system = platform.python_implementation(), platform.system()
    if python != "CPython" or not OLDEST <= sys.version_info[:2] <= NEWEST:
        refuse(f"The lecture runs on CPython 3.11, 3.12, 3.13 and 3.14; this is {python} {platform.python_version()}, "
               "so please start it with one of those.")
    # On Windows, what counts is the processor that Python was built for; it may be an emulated one.
    name = system + " " + (sysconfig.get_platform() if system == "Windows" else platform.machine())
    name += " musl" if "musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or "") else ""
    if name not in PLATFORMS or sys.maxsize < 2**32:
        refuse(f"PyTorch has no build for this Python ({name}, {'64' if sys.maxsize > 2**32 else '32'}-bit); the "
               "lecture runs on 64-bit Linux (x86-64 or ARM, glibc), Windows (x86-64) and macOS (Apple silicon).")


def check_utils(python):
    """Refuse where a notebook would find somebody else's `utils` first: beside it, or wherever else Python looks."""
    done = subprocess.run([str(python), "-c", AS_A_KERNEL], cwd=str(ROOT / "notebooks"),
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True)
    found = ast.literal_eval(done.stdout.strip() or "None")
    if found and os.path.realpath(found) != os.path.realpath(str(ROOT / "utils" / "__init__.py")):
        refuse(hides(found))


# What is installed ------------------------------------------------------------------------------------


def pins():
    """Return what requirements.txt pins, as {name: version}."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, flags=re.MULTILINE))


def fingerprint():
    """Return a digest of all that decides what is installed; a moved folder is installed again."""
    parts = [(ROOT / name).read_bytes() for name in ("requirements.txt", "pyproject.toml", "setup.py")]
    return hashlib.sha256(b"\n".join([*parts, os.fsencode(str(ROOT))])).hexdigest()


def is_this_folder(distribution):
    """Say whether an installed distribution is an editable install of this very folder."""
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    return origin.get("dir_info", {}).get("editable", False) and origin["url"] == ROOT.as_uri()


def is_complete_here():
    """Say whether the running Python already has every pinned package, and this project."""
    from importlib import metadata  # not in Python 3.6
    try:
        versions = all(metadata.version(name).split("+")[0] == version for name, version in pins().items())
    except metadata.PackageNotFoundError:
        return False
    return versions and any(map(is_this_folder, metadata.distributions(name="backpropagation-lecture")))


def venv_python():
    """Return the path of the Python in .venv, whether it is there or not."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def venv_starts():
    """Say whether .venv is there, whole, and of a Python that the lecture runs on."""
    return succeeds(venv_python(), f"import pip, sys; assert {OLDEST} <= sys.version_info[:2] <= {NEWEST}")


def site_packages():
    """Return the folder that packages are installed into."""
    return next(VENV.glob("lib/python*/site-packages"), VENV / "Lib" / "site-packages")


def has_torch():
    """Say whether .venv has the right version of PyTorch, in whichever build, and has it whole."""
    found = site_packages().glob("torch-{}*.dist-info".format(pins()["torch"]))
    return any((info / "RECORD").exists() for info in found)


def ready():
    """Return a Python that has everything: the running one, or that of .venv; None where something is missing."""
    if is_complete_here():
        return sys.executable
    complete = venv_starts() and STAMP.is_file() and STAMP.read_text() == fingerprint()
    return venv_python() if complete else None


def environment():
    """Return a Python that has everything, and make or complete .venv first where none has."""
    python = ready()
    if python:
        return python
    starts = venv_starts()
    build = "" if starts and has_torch() else torch_build()
    if build:
        check_room(build)
    if not starts:
        make_venv()
    install(venv_python(), build)
    return venv_python()


def torch_build():
    """Return the build of PyTorch that will be installed, "CPU" or "CUDA", and say why and how much disk it takes."""
    probe = f"import urllib.request; urllib.request.urlopen('{CPU_INDEX}/torch/')"
    if platform.system() != "Linux":
        build, why = "CPU", "there is no other for this system"
    elif DRIVER.exists() or shutil.which("nvidia-smi"):
        build, why = "CUDA", "there is an NVIDIA driver here"
    elif succeeds(sys.executable, probe, seconds=5):
        build, why = "CPU", "there is no NVIDIA driver here"
    else:
        build, why = "CUDA", f"the small one for CPUs cannot be had: {CPU_INDEX} does not answer"
    say("PyTorch's build for {} it is ({}): about {} GB of disk, and {} GB for the downloads on their way.".format(
        {"CPU": "CPUs", "CUDA": "NVIDIA GPUs"}[build], why, *DISK[build]))
    return build


def disk(folder):
    """Return which disk a folder is on, None for a folder that is not there."""
    return os.stat(folder).st_dev if os.path.isdir(folder) else None


def check_room(build):
    """Refuse where a disk has not the room for the environment, less what is there of it, or for the downloads."""
    size, downloads = DISK[build]
    held = sum(os.lstat(str(path)).st_size for path in VENV.rglob("*")) / 1e9
    wanted, temporary, cache = {}, tempfile.gettempdir(), disk(os.path.expanduser("~"))
    for folder, gigabytes in [(str(ROOT), max(size - held, 0)), (temporary, downloads)]:
        wanted.setdefault(disk(folder), [folder, 0])[1] += gigabytes
    if cache in wanted:  # pip keeps a copy of each download there
        wanted[cache][1] += downloads
    for folder, gigabytes in wanted.values():
        free = shutil.disk_usage(folder).free / 1e9
        if free < gigabytes:
            refuse(f"The installation needs {gigabytes:.1f} GB of disk in {folder}, and {free:.1f} GB are left there.")


def make_venv():
    """Make .venv, in place of a broken one; refuse where it could not be finished."""
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        refuse("This Python cannot make virtual environments; on Debian and Ubuntu, \"apt install python{}.{}-venv\" "
               "adds what is missing.".format(*sys.version_info[:2]))
    say(f"Making a virtual environment in {VENV}.")
    if run(sys.executable, "-m", "venv", "--clear", VENV):
        refuse(f"The virtual environment could not be made in {ROOT}; the reason stands above.", 1)


def install(python, build):
    """Install the requirements into .venv and, once that is done, stamp it."""
    say("Installing what the lecture stands on; the first time, that takes some minutes.")
    for info in site_packages().glob("*.dist-info"):
        if not (info / "RECORD").exists():  # interrupted while it was unpacked: pip shall not take it for installed
            shutil.rmtree(str(info))
    if build == "CPU" and platform.system() == "Linux" and run(
            python, "-m", "pip", "install", "torch=={}".format(pins()["torch"]), "--no-deps",
            "--index-url", CPU_INDEX, "--retries", "0", "--timeout", "5"):
        say("That failed; the build for NVIDIA GPUs, of about {} GB, will do.".format(DISK["CUDA"][0]))
        check_room("CUDA")
    status = run(python, "-m", "pip", "install", "-r", "requirements.txt")
    if status:
        refuse("The installation stopped, and pip says above why (no network? a full disk?); nothing is lost, and the "
               "same command goes on from here.", status)
    STAMP.write_text(fingerprint())
