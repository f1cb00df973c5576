"""A process for one handed-in notebook: at home in a folder of its own, ended in time, with all that it has begun.

What is meant to hold back is held back; somebody who means to get out, gets out: it runs with your rights.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress

import psutil

from utils.lecture.environment import ROOT

START = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from utils.publish.examiner import main; main()"
SAID = 64 * 2**20  # bytes that are read of what a process says
SHARE, SOON = 4, 20  # a cell, or a check, may take one part in 4 of the seconds, or 20 seconds if that is more
OFFLINE = dict.fromkeys(("http_proxy", "https_proxy", "ftp_proxy", "all_proxy"), "http://127.0.0.1:9")
ALONE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")
KEPT = ("PATH", "SYSTEMROOT", "LANG", "LC_ALL", "LD_LIBRARY_PATH")


def examined(lecture, cells, seconds):
    """Return what the examiner of a notebook says, a list of dicts, and why it said no more, {place: sentence}.

    Where it is ended, or ends itself, it begins again without that place, as long as there are seconds left.
    """
    until, said, fates = time.monotonic() + seconds, [], {}
    while (left := until - time.monotonic()) > 0:
        done = [str(message["exercise"]) for message in said if "exercise" in message]
        task = {"lecture": lecture, "cells": cells, "seconds": seconds, "done": done, "left_out": fates}
        more, waited = _attempt(task, left, max(seconds / SHARE, SOON))
        said += more
        if any("end" in message for message in more):
            return said, {}
        at = next((str(message["at"])[:100] for message in reversed(more) if "at" in message), "the first step")
        why = f"was ended after {waited:.0f} seconds" if waited else "ended the process in which it ran"
        if at in fates:
            return said, fates
        fates[at] = f"{at[0].upper()}{at[1:]} {why}."
    return said, fates


def _attempt(task, seconds, patience):
    """Return what the examiner says of a task, and how long it stood in one place, if it had to be ended, or 0."""
    token, home = secrets.token_hex(16), tempfile.mkdtemp(prefix="lecture-check-")
    try:
        with tempfile.TemporaryFile() as ear, tempfile.TemporaryFile() as mouth:
            ear.write(json.dumps({**task, "token": token}).encode())
            ear.seek(0)
            process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-c", START], stdin=ear, stdout=mouth, stderr=subprocess.DEVNULL,
                cwd=home, env=environment(home), start_new_session=True)
            try:
                waited = _wait_for(process, mouth, seconds, patience)
            finally:
                end(process, home)
            mouth.seek(0)
            return list(_messages(mouth.read(SAID), token.encode())), waited
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait_for(process, mouth, seconds, patience):
    """Wait until a process has ended; if it has had its seconds, or was silent too long, return how long."""
    began = last = time.monotonic()
    size = 0
    while process.poll() is None:
        now, before, size = time.monotonic(), size, os.fstat(mouth.fileno()).st_size
        last = now if size > before else last
        if now - began > seconds or (size and now - last > patience):
            return now - last
        time.sleep(0.05)
    return 0


def _messages(text, token):
    for line in text.split(b"\n"):
        if line.startswith(token):
            with suppress(ValueError, RecursionError):
                message = json.loads(line[len(token):])
                if isinstance(message, dict):
                    yield message


def environment(home):
    """Return the environment variables for a process that is at home in a folder, alone, and without a network."""
    here = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "LECTURE_PROGRESS", "MPLCONFIGDIR"), home)
    offline = {**OFFLINE, **{name.upper(): value for name, value in OFFLINE.items()}, "PIP_NO_INDEX": "1"}
    return {**{name: os.environ[name] for name in KEPT if name in os.environ}, **here, **offline, **ALONE,
            "MPLBACKEND": "agg"}


def end(process, home):
    """End a process, and whatever it has begun that is still at home in its folder."""
    with suppress(OSError, AttributeError):  # no groups on Windows
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    for _ in range(10):  # one that is ended may just have begun another
        left = [other for other in psutil.process_iter() if _home_of(other) == home]
        for other in left:
            with suppress(psutil.Error):
                other.kill()
        if not left:
            return


def _home_of(process):
    with suppress(psutil.Error, OSError):
        return process.environ().get("LECTURE_PROGRESS")
    return None
