"""The lecture's launcher.

  python3 -m utils [options of JupyterLab]     open the lecture
  python3 -m utils present [NUMBER] [options]  give it: a notebook, one idea a screen, in large type
  python3 -m utils export [NUMBERS] [--to DIR] write it as HTML files that need no network
  python3 -m utils handout [--to DIR]          copy it twice: for the class, and with all exercises solved
  python3 -m utils hub --to DIR                prepare a folder for a class on one server
  python3 -m utils test [arguments of pytest]  run its tests

On Windows write "py" for "python3". The first run makes the folder .venv and installs what
requirements.txt lists; interrupted, it goes on where it stopped; complete, it is used as it is.
"""

# The standard library alone, in the syntax of Python 3.6: an old Python shall get far enough to say that it is too old.
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

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
JUPYTER = ROOT / "utils" / "jupyter"
STAMP = VENV / "lecture-complete"
FIRST_NOTEBOOK = "notebooks/00_learning_a_function.ipynb"
OLDEST, NEWEST = (3, 11), (3, 14)
PLATFORMS = ("Linux x86_64", "Linux aarch64", "Darwin arm64", "Windows win-amd64")
DRIVER = Path("/proc/driver/nvidia/version")
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
ROOM = 2 * 10**9  # bytes: the environment, and the downloads on their way into it


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


def pins():
    """Return what requirements.txt pins, as {name: version}."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, flags=re.MULTILINE))


def fingerprint():
    """Return a digest of all that decides what is installed; a moved folder is installed again."""
    parts = [(ROOT / name).read_bytes() for name in ("requirements.txt", "pyproject.toml")]
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


def succeeds(python, code, seconds=60):
    """Say whether a Python starts and runs a piece of code without an error, and in time."""
    try:
        return subprocess.call([str(python), "-c", code], stderr=subprocess.DEVNULL, timeout=seconds) == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def environment():
    """Return a Python that has everything: the running one, or else that of .venv, made or completed first."""
    if is_complete_here():
        return sys.executable
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not succeeds(python, f"import pip, sys; assert {OLDEST} <= sys.version_info[:2] <= {NEWEST}"):
        make_venv()
    if not STAMP.is_file() or STAMP.read_text() != fingerprint():
        install(python)
    return python


def make_venv():
    """Make .venv, in place of a broken one; refuse where it could not be finished."""
    free = shutil.disk_usage(str(ROOT)).free
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        refuse("This Python cannot make virtual environments; on Debian and Ubuntu, \"apt install python{}.{}-venv\" "
               "adds what is missing.".format(*sys.version_info[:2]))
    if free < ROOM:
        refuse(f"The lecture needs {ROOM / 1e9:.1f} GB of disk, and {ROOT} has {free / 1e9:.1f} GB left.")
    say(f"Making a virtual environment in {VENV}.")
    if run(sys.executable, "-m", "venv", "--clear", VENV):
        refuse(f"The virtual environment could not be made in {ROOT}; the reason stands above.", 1)


def install(python):
    """Install the requirements into .venv and, once that is done, stamp it."""
    say("Installing what the lecture stands on; the first time, that takes some minutes.")
    site_packages = next(VENV.glob("lib/python*/site-packages"), VENV / "Lib" / "site-packages")
    for info in site_packages.glob("*.dist-info"):
        if not (info / "RECORD").exists():  # interrupted while it was unpacked: pip shall not take it for installed
            shutil.rmtree(str(info))
    torch = pins()["torch"]
    if platform.system() == "Linux" and not any(site_packages.glob(f"torch-{torch}*.dist-info")):
        try_cpu_torch(python, torch)
    status = run(python, "-m", "pip", "install", "-r", "requirements.txt")
    if status:
        refuse("The installation stopped, and pip says above why (no network? a full disk?); nothing is lost, and the "
               "same command goes on from here.", status)
    STAMP.write_text(fingerprint())


def try_cpu_torch(python, version):
    """Without an NVIDIA driver, try PyTorch's own index for its small CPU build; failing that, the default will do."""
    probe = f"import urllib.request; urllib.request.urlopen('{CPU_INDEX}/torch/')"
    driver = DRIVER.exists() or shutil.which("nvidia-smi")
    if not driver and succeeds(python, probe, seconds=5):
        say("There is no NVIDIA driver here: trying PyTorch's small build for CPUs.")
        run(python, "-m", "pip", "install", f"torch=={version}", "--no-deps",
            "--index-url", CPU_INDEX, "--retries", "0", "--timeout", "5")


def lab(python, url, options):
    """Start JupyterLab on one page, with the settings in utils/jupyter/, for this computer alone and with its token."""
    say("Starting JupyterLab; Ctrl-C ends it.")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(  # the user's own paths stay
        filter(None, [str(JUPYTER), os.environ.get("JUPYTER_CONFIG_PATH")]))
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # as in most containers
    return run(python, "-m", "jupyterlab", "--ip=127.0.0.1", f"--ServerApp.root_dir={ROOT}",
               f"--LabApp.default_url={url}", *root, *options)


def lecture(python, options):
    """Open the first notebook."""
    return lab(python, f"/lab/tree/{FIRST_NOTEBOOK}", options)


def present(python, arguments):
    """Open one notebook in lecture mode."""
    name = arguments[0] if arguments and not arguments[0].startswith("-") else "00"
    return lab(python, f"/doc/tree/notebooks/{notebook(name).name}",
               [f"--LabApp.extra_labextensions_path={JUPYTER / 'labextensions'}",
                *(arguments[1:] if name in arguments else arguments)])


def notebook(name):
    """Return the path of the notebook whose name starts so; refuse a name that none has."""
    every = sorted((ROOT / "notebooks").glob("*.ipynb"))
    found = [path for path in every if path.name.startswith(name)]
    if not found:
        refuse(f"There is no notebook \"{name}\"; there are {', '.join(path.stem for path in every)}.")
    return found[0]


def module(name):
    """Return the command that runs one module of `utils` in the lecture's environment."""
    return lambda python, arguments: run(python, "-m", f"utils.{name}", *arguments)


def test(python, arguments):
    """Check style, code and notebooks, or run pytest as told; return the first status that is not 0."""
    suite = ["ruff check", "pytest tests notebooks --nbval -n 2 --dist loadscope --no-loadscope-reorder"]
    statuses = []
    os.environ["LECTURE_PROGRESS"] = tempfile.mkdtemp()  # what the reader has solved so far stays out of it
    for step in [["pytest", *arguments]] if arguments else [line.split() for line in suite]:
        say(f"Running {' '.join(step)}.")
        statuses.append(run(python, "-m", *step))
    return next(filter(None, statuses), 0)


COMMANDS = {"open": lecture, "present": present, "export": module("publish.export"),
            "handout": module("publish.handout"), "hub": module("publish.hub"), "test": test}


def main(arguments):
    """Run one command, by default the one that opens the lecture, and return its exit status."""
    if not arguments or arguments[0].startswith("-"):
        arguments = ["open", *arguments]
    name, *rest = arguments
    if rest[:1] in (["-h"], ["--help"]) and name == "open":
        print(__doc__.strip())
        return 0
    if name not in COMMANDS:
        refuse(f"There is no command \"{name}\"; the commands are: {', '.join(COMMANDS)} (and --help).")
    try:
        check_python()
        return COMMANDS[name](environment(), rest)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        refuse(f"The set-up stopped ({error}); the same command goes on from here.", 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
