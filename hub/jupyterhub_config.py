"""A class on one server: the configuration of JupyterHub, in a folder that `python3 -m utils hub` has prepared.

    python -m jupyterhub -f FOLDER/hub/jupyterhub_config.py

It runs as root, on Linux, and gives each student a Unix account. Without root it refuses, unless LECTURE_TRIAL=1 asks
for a trial, in which everybody is the same Unix user: to look at, not for a class.
"""

import asyncio
import atexit
import grp
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent
CLASS, TEMPLATE, RECORDS, STATE = (FOLDER / name for name in ("class", "template", "records", "state"))
JUPYTER = CLASS / "utils" / "jupyter"
ROOT = os.geteuid() == 0
NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")  # a Unix name, and short: a socket's path has 107 letters at most
STUDENTS, TALLY = "lecture-students", "lecture-tally"  # the groups of the accounts made here, and of who reads records
MEMORY = 4 * 2**30  # bytes of address space for each process of a student
LENGTHS = {"students": 8, "lecturer": 32}  # what JupyterHub asks of a password at least


def refuse(sentence):
    """Stop before the hub starts, with one sentence."""
    print(sentence, file=sys.stderr, flush=True)
    sys.exit(2)


def password(who):
    """Return the password of "students" or "lecturer", from the environment or from a file for its owner alone."""
    path = FOLDER / "passwords" / who
    text = os.environ.pop(f"LECTURE_{who.upper()}_PASSWORD", "")  # gone, so that no other process inherits it
    if not text:
        try:
            status, text = path.stat(), path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            refuse(f"There is no password for the {who}: {path} cannot be read ({error}), and "
                   f"LECTURE_{who.upper()}_PASSWORD is not set.")
        if status.st_mode & 0o077 or status.st_uid not in (0, os.geteuid()):
            refuse(f"{path} holds a password and may be read by its owner alone, root or whoever starts the hub: "
                   f"chown and chmod 600 it.")
    if len(text) < LENGTHS[who]:
        refuse(f"The password for the {who} has {len(text)} letters and needs {LENGTHS[who]} or more.")
    return text


def users():
    """Return (all login names, those of lecturers), from users.txt: a name a line, and perhaps the word "lecturer"."""
    path = FOLDER / "users.txt"
    try:
        lines = [line.partition("#")[0].split() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"{path} cannot be read ({error}): \"python3 -m utils hub --to FOLDER\" prepares a folder for the hub.")
    for words in filter(None, lines):
        if words[1:] not in ([], ["lecturer"]):
            refuse(f"{path} has the line \"{' '.join(words)}\"; expected a login name, and after a lecturer's the word "
                   "\"lecturer\".")
        if objection(words[0]):
            refuse(f"{path} has the name \"{words[0]}\", which {objection(words[0])}.")
    names = {words[0] for words in lines if words}
    return names, {words[0] for words in lines if words[1:]}


def objection(name):
    """Return why a login name will not do, as the end of a sentence, or ''."""
    if not NAME.fullmatch(name):
        return "is not 1 to 20 lower-case letters, digits and hyphens that begin with a letter"
    if exists(pwd.getpwnam, name) and STUDENTS not in groups(name):  # root, daemon, the lecturer's own
        return "is an account of this system already, with other rights than a student's: choose another"
    return ""


def exists(look_up, name):
    """Say whether the system knows an account or a group."""
    try:
        return bool(look_up(name))
    except KeyError:
        return False


def groups(name):
    """Return the names of the groups that an account is in."""
    return {group.gr_name for group in grp.getgrall() if name in group.gr_mem}


def check_readable():
    """Refuse a folder or a Python that the students' accounts could not reach."""
    for path in (CLASS, TEMPLATE, Path(sys.executable), Path(sys.executable).resolve()):
        closed = [str(place) for place in (path, *path.parents) if place.exists() and not place.stat().st_mode & 0o001]
        if closed:
            refuse(f"The students' accounts cannot reach {path}, because {closed[-1]} is closed to them.")


def prepare_groups():
    """Make the two groups, and let the second list the records, which others may pass through alone."""
    for group in (STUDENTS, TALLY):
        if not exists(grp.getgrnam, group):
            subprocess.run(["groupadd", "--system", group], check=True)
    shutil.chown(RECORDS, "root", TALLY)
    RECORDS.chmod(0o751)


def make_account(name):
    """Make a student's account if there is none: a home for its owner alone, no password and no login shell."""
    if objection(name):
        raise PermissionError(f"The name \"{name}\" {objection(name)}.")
    if not exists(pwd.getpwnam, name):
        subprocess.run(["useradd", "--create-home", "--user-group", "--groups", STUDENTS, "--key", "HOME_MODE=0700",
                        "--shell", "/usr/sbin/nologin", name], check=True, capture_output=True, text=True)


def make_folders(name):
    """Make the folders for a student's record and sockets, in places where nobody but root can plant a link."""
    for parent, mode, group in ((RECORDS, 0o2750, TALLY), (RUNTIME, 0o700, None)):
        folder = parent / name
        folder.mkdir(exist_ok=True)
        if ROOT:
            shutil.chown(folder, name, group or pwd.getpwnam(name).pw_gid)
        folder.chmod(mode)


def copy_template(name):
    """Copy what the student does not have yet, as the student: root would follow links that a student has planted."""
    home = Path(pwd.getpwnam(name).pw_dir) if ROOT else FOLDER / "homes" / name
    if not ROOT:
        home.mkdir(0o700, parents=True, exist_ok=True)
    became = {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []} if ROOT else {}
    done = subprocess.run(["cp", "-rn", f"{TEMPLATE}/.", str(home)], capture_output=True, text=True, cwd="/",
                          check=False, **became)
    if done.returncode and not (home / "notebooks").is_dir():  # some versions of cp say 1 where a file was there
        raise OSError(f"The notebooks could not be copied to {home}: {done.stderr}")


async def before_the_server_starts(spawner):
    """Make a student's account and folders, in threads, so that the hub goes on answering the others."""
    name = spawner.user.name
    if ROOT:
        async with ONE_AT_A_TIME:  # useradd locks the system's list of accounts, and fails where it is locked
            await asyncio.to_thread(make_account, name)
    await asyncio.to_thread(make_folders, name)
    await asyncio.to_thread(copy_template, name)


# ---------------------------------------------------------------- what must hold before anything starts

if not sys.platform.startswith("linux"):
    refuse("A class on one server needs Linux: prlimit and Unix accounts keep the students apart.")
if ROOT and os.environ.get("LECTURE_TRIAL"):
    refuse("A trial is not for root, since everybody's code would run as root: start it as another user.")
if not ROOT and os.environ.get("LECTURE_TRIAL") != "1":
    refuse("The hub gives each student a Unix account, and needs to be started by root; LECTURE_TRIAL=1 starts a trial "
           "in which everybody is you, to look at and not for a class.")
for tool in ("prlimit", "configurable-http-proxy"):
    if not shutil.which(tool):
        refuse(f"There is no {tool} on this machine's PATH; hub/README.md says how it is installed.")
NAMES, LECTURERS = users()
if not LECTURERS:
    refuse(f"{FOLDER / 'users.txt'} names no lecturer: after one name, write the word \"lecturer\".")
PASSWORDS = {who: password(who) for who in LENGTHS}
os.umask(0o022)  # records are for the tally's group to read, too
if ROOT:
    check_readable()
    prepare_groups()
    RUNTIME = Path("/run/lecture-hub")  # short, and root's alone: a kernel's sockets have long names
    RUNTIME.mkdir(mode=0o755, exist_ok=True)
else:
    RUNTIME = Path(tempfile.mkdtemp(prefix="hub-"))
    atexit.register(shutil.rmtree, RUNTIME, ignore_errors=True)
    print("A TRIAL: everybody who logs in runs code as you, and can read and delete what you can.", file=sys.stderr)
ONE_AT_A_TIME = asyncio.Lock()

# ---------------------------------------------------------------- the configuration

c = get_config()  # noqa: F821

# Two passwords are enough for an afternoon, and nobody has to register; the lecturer's opens the admin page.
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = PASSWORDS["students"]
c.SharedPasswordAuthenticator.admin_password = PASSWORDS["lecturer"]
# By name: the login name becomes a Unix account, so that "allow all" would let somebody in as root.
c.Authenticator.allowed_users = NAMES
c.Authenticator.admin_users = LECTURERS
# The admin page can add names later: they are held to the same form, and none of the system's accounts gets in.
c.Authenticator.blocked_users = {user.pw_name for user in pwd.getpwall() if objection(user.pw_name)}
c.Authenticator.username_pattern = f"^{NAME.pattern}$"

# Each student is a user of the system with a home of their own; "simple" makes everybody who started the hub.
c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner" if ROOT else "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(FOLDER / "homes" / "{username}")
# A limit for each process, since `mem_limit` does nothing here; a shell, because the account has none to log in with;
# this very Python, because a server started by root does not find its scripts on root's PATH.
c.Spawner.cmd = ["prlimit", f"--as={MEMORY}", "env", "SHELL=/bin/sh", sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = [
    "--KernelManager.transport=ipc",  # over TCP, one kernel in twenty lost its port to another
    "--MappingKernelManager.cull_idle_timeout=2700",  # a forgotten kernel holds 130 MB, and more with PyTorch
    "--ServerApp.shutdown_no_activity_timeout=3600",  # and a forgotten server another 108
    "--ServerApp.terminals_enabled=False",  # the lecture needs none
]
# Twenty students who log in at once took 46 seconds on two processors; the defaults give up after 30 and 60.
c.Spawner.http_timeout = c.Spawner.start_timeout = 180
c.Spawner.pre_spawn_hook = before_the_server_starts
# The list of notebooks is open at once.
c.Spawner.default_url = "/lab/tree/notebooks"
c.Spawner.environment = {
    # One thread each: twenty kernels with a thread for each processor keep one another waiting.
    "OMP_NUM_THREADS": "1",
    # The lecture's settings of Jupyter: small messages leave at once, so that a picture follows its slider.
    "JUPYTER_CONFIG_PATH": str(JUPYTER),
    # `utils` is the class's edition, with its solutions sealed, whatever else is installed in this Python.
    "PYTHONPATH": os.pathsep.join(filter(None, [str(CLASS), os.environ.get("PYTHONPATH")])),
    # What a student has solved, where the tally finds it and no other student.
    "LECTURE_PROGRESS": lambda spawner: str(RECORDS / spawner.user.name),
    # The sockets of kernels, where their paths are short enough.
    "JUPYTER_RUNTIME_DIR": lambda spawner: str(RUNTIME / spawner.user.name),
    # Lecture mode for lecturers alone: students have no use for it.
    "JUPYTER_PATH": lambda spawner: str(JUPYTER) if spawner.user.name in LECTURERS else "",
}

# For this machine alone: TLS stands in front, since passwords would otherwise cross the network in the open.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
# What the hub keeps, in a folder for root alone: its cookies' secret, who is logged in, the proxy's process.
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.JupyterHub.db_url = f"sqlite:///{STATE / 'jupyterhub.sqlite'}"
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")
if not ROOT:
    # Said on every page, too.
    c.JupyterHub.template_vars = {"announcement": "A trial: everybody is the same Unix user. Not for a class."}
