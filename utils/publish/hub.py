"""A folder from which JupyterHub gives the lecture to a class on one server.

    python3 -m utils hub --to FOLDER

It holds the class's edition, with its solutions sealed; what each student gets a copy of; a place for their records;
the list of users; two new passwords; and the configuration from hub/, whose README says how it goes on.
"""

import compileall
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from utils.lecture.arguments import parse
from utils.lecture.environment import ROOT
from utils.publish import handout, refused

HUB = ROOT / "hub"
PROXY = "configurable-http-proxy@5.3.0"
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that looks like another when it is read from a wall
PASSWORDS = {"students": 12, "lecturer": 40}  # JupyterHub asks for 8 and 32 letters at least
USERS = """\
# Who may log in: a name a line, of lower-case letters, digits and hyphens, and no account that the server has already.
# After a lecturer's name stands the word "lecturer". Read when the hub starts.
teacher lecturer
student-1
student-2
student-3
"""
IGNORED = "passwords\nrecords\nstate\nhomes\nusers.txt\nclass/.venv\n"  # what no image may hold
NEXT = """{folder} is prepared. As root, on the server:

  1. Write the names of the class into {users}
  2. cd {folder}/class
  3. python3 -m utils --version
  4. .venv/bin/python -m pip install -r ../hub/requirements.txt
  5. npm install -g {proxy}
  6. .venv/bin/python -m jupyterhub -f ../hub/jupyterhub_config.py

The passwords are in {folder}/passwords; {folder}/hub/README.md says the rest."""


def write(draft, folder):
    """Write all of it into a draft that will be moved to a folder."""
    handout.write(draft / "class", "class")
    shutil.copytree(draft / "class" / "notebooks", draft / "template" / "notebooks")
    shutil.copytree(HUB, draft / "hub", ignore=shutil.ignore_patterns("__pycache__"))
    (draft / "users.txt").write_text(USERS, encoding="utf-8")
    (draft / ".dockerignore").write_text(IGNORED, encoding="utf-8")
    write_passwords(draft / "passwords")
    for name, mode in (("records", 0o755), ("state", 0o700)):
        (draft / name).mkdir(mode=mode)
    # Students cannot write into the class's folder, and each would compile it again.
    compileall.compile_dir(draft / "class" / "utils", quiet=1, stripdir=str(draft), prependdir=str(folder))
    cache_fonts(draft / "template" / ".cache" / "matplotlib")
    for path in (*draft.joinpath("class").rglob("*"), *draft.joinpath("template").rglob("*")):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o644))  # whatever the clone's files are


def write_passwords(folder):
    """Write a new password for the students and one for the lecturer, each into a file for its owner alone."""
    folder.mkdir(mode=0o700)
    for who, length in PASSWORDS.items():
        (folder / who).touch(mode=0o600)
        (folder / who).write_text("".join(secrets.choice(LETTERS) for _ in range(length)), encoding="utf-8")


def cache_fonts(folder):
    """Let matplotlib look through the fonts once, for everybody; its first picture takes seconds otherwise."""
    folder.mkdir(parents=True)
    subprocess.run([sys.executable, "-c", "import matplotlib.font_manager"], check=True, capture_output=True,
                   env={**os.environ, "MPLCONFIGDIR": str(folder)})


def objection(folder):
    """Return why a folder cannot be prepared, as a sentence, or ''."""
    if not (HUB / "jupyterhub_config.py").is_file():
        return f"{ROOT} has no folder \"hub\": a copy that was handed out cannot prepare a class; the whole series can."
    if folder.exists() or folder.is_symlink():
        return f"{folder} is there already: move it away, or choose another folder with --to."
    if os.pathsep in str(folder):
        return f"{folder} has a \"{os.pathsep}\" in its name, which separates folders in lists of them: choose another."
    return "" if folder.parent.is_dir() else f"{folder.parent} is not a folder, so that {folder} cannot be made in it."


def prepare(folder):
    """Write the folder as a whole, or not at all."""
    mask = os.umask(0o022)  # the students' accounts read what is not closed on purpose
    try:
        with tempfile.TemporaryDirectory(prefix=".hub-", dir=folder.parent) as place:
            draft = Path(place) / folder.name
            draft.mkdir()
            write(draft, folder)
            draft.rename(folder)
    finally:
        os.umask(mask)


def main(words):
    """Prepare the folder, and print how it goes on."""
    folder = parse("hub", words).to.absolute()
    refusal = objection(folder)
    if refusal:
        return refused(refusal)
    try:
        prepare(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        return refused(f"{folder} could not be written: {error}.")
    print(NEXT.format(folder=shlex.quote(str(folder)), users=shlex.quote(str(folder / "users.txt")), proxy=PROXY))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
