"""A class on one server: how long twenty students wait, and what they take, on a real JupyterHub on this machine.

    python tests/benchmarks/attendance.py [--students 20] [--moves 50]

All log in at once, run notebook 02 from its first cell to its last, then 06 with 02 still open, move a slider once and
then five times a second, and play with the playground: one, then all. Needs root, since each student is an account
(all are removed), and JupyterHub in build/hub (LECTURE_HUB=install puts it there). The students run on this machine
too, as plain websockets without a browser.
"""

import argparse
import os
import pwd
import secrets
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from classroom import IS_ROOT, Classroom, missing
from student import Student

PLAYGROUND = "from utils.widgets import playground\nplayer = playground()\nplayer"


def usage(name):
    """Return (memory in MB, its PSS; processor time in seconds) of all that an account runs."""
    uid, memory, ticks = pwd.getpwnam(name).pw_uid, 0, 0
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and process.stat().st_uid == uid:
                lines = dict(line.split(":", 1) for line in (process / "smaps_rollup").read_text().splitlines()[1:])
                memory += int(lines["Pss"].split()[0]) / 1000
                ticks += sum(map(int, (process / "stat").read_text().rpartition(")")[2].split()[11:15]))
        except (FileNotFoundError, ProcessLookupError, KeyError):  # it has just ended
            continue
    return memory, ticks / os.sysconf("SC_CLK_TCK")


class Hall:
    """The students of a room, each in a thread, who do everything at the same time."""

    def __init__(self, room):
        self.students = [Student(room, name, room.passwords["students"]) for name in room.students]
        self.kernels, self.stack = {}, ExitStack()
        self.pool = self.stack.enter_context(ThreadPoolExecutor(len(self.students)))

    def together(self, action):
        """Let everybody do something at once, and return what each got."""
        return list(self.pool.map(action, self.students))

    def taken(self):
        """Return the median memory and processor time of a student."""
        return [statistics.median(numbers) for numbers in zip(*(usage(student.name) for student in self.students))]

    def log_in(self, student):
        """Return the seconds from the login to the page."""
        began = time.perf_counter()
        student.open()
        return time.perf_counter() - began

    def read(self, notebook):
        """Return what opens a notebook, and returns the seconds to the first cell's result and to the last's."""
        def action(student):
            book = nbformat.read(student.room.folder / "template" / "notebooks" / f"{notebook}.ipynb", as_version=4)
            began, times = time.perf_counter(), []
            kernel = self.stack.enter_context(student.kernel(f"notebooks/{notebook}.ipynb"))
            for cell in (cell for cell in book.cells if cell.cell_type == "code"):
                status, text = kernel.run(cell.source)
                assert status == "ok", text
                times.append(time.perf_counter() - began)
            self.kernels[student.name, notebook] = kernel
            return times[0], times[-1]
        return action

    def slide(self, moves, a_second):
        """Return what moves a slider so often, and returns the seconds until each picture."""
        def action(student):
            kernel = self.kernels[student.name, "02_gradient_descent"]
            slider, times = kernel.slider("η", last=True), []
            time.sleep(secrets.randbelow(1000) / 1000 / a_second)  # nobody in step with the others
            for i in range(moves):
                began = time.perf_counter()
                times.append(kernel.move(slider, round(0.05 + 0.005 * (i % 20), 3)))
                time.sleep(max(0, 1 / a_second - (time.perf_counter() - began)))
            return times
        return action

    def set_up(self, student):
        """Open a playground in the student's notebook; nothing plays yet."""
        status, text = self.kernels[student.name, "02_gradient_descent"].run(PLAYGROUND)
        assert status == "ok", text

    def play(self, students, seconds=20):
        """Let some students play at once; return the pictures a second of each, from when all have seen three."""
        ready = threading.Barrier(len(students))

        def action(student):
            kernel = self.kernels[student.name, "02_gradient_descent"]
            button = next(n for n, state in reversed(kernel.comms.items()) if "Play" in str(state.get("description")))
            click = {"comm_id": button, "data": {"method": "custom", "content": {"event": "click"}}}
            kernel.send("comm_msg", click)
            for _ in range(3):
                kernel.picture()
            ready.wait()
            kernel.run("pass")  # and hear what has come meanwhile
            end, pictures = time.perf_counter() + seconds, 0
            while time.perf_counter() < end:
                kernel.picture()
                pictures += 1
            kernel.send("comm_msg", click)
            kernel.run("assert player.task is None")
            return pictures / seconds
        return list(self.pool.map(action, students))


def row(what, *numbers):
    """Print a row of the table."""
    print(f"{what:<58}" + "".join(f"{number:>10}" for number in numbers), flush=True)


def measure(hall, moves):
    """Print the table, row after row."""
    waited = hall.together(hall.log_in)
    row("login to page: median, the last (s)", f"{statistics.median(waited):.1f}", f"{max(waited):.1f}")
    memory, spent = hall.taken()
    row("  memory a student, processor time a student (MB, s)", f"{memory:.0f}", f"{spent:.1f}")
    for notebook in ("02_gradient_descent", "06_training"):
        first, last = zip(*hall.together(hall.read(notebook)))
        row(f"{notebook}: first cell, last result (s, median)", f"{statistics.median(first):.1f}",
            f"{statistics.median(last):.1f}")
        before, (memory, spent) = spent, hall.taken()
        row("  memory with it open, its processor time (MB, s)", f"{memory:.0f}", f"{spent - before:.1f}")
    for a_second in (1, 5):
        times = sorted(1000 * t for times in hall.together(hall.slide(moves, a_second)) for t in times)
        row(f"sliders, {moves} moves each, {a_second} a second: median, 95 % (ms)", f"{statistics.median(times):.0f}",
            f"{times[int(0.95 * len(times))]:.0f}")
    hall.together(hall.set_up)
    row("playground, pictures a second: one plays", f"{hall.play(hall.students[:1])[0]:.1f}")
    row("  all play, each", f"{statistics.median(hall.play(hall.students)):.1f}")


def main(arguments):
    """Print the table of a class."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--students", type=int, default=20)
    parser.add_argument("--moves", type=int, default=50)
    options = parser.parse_args(arguments)
    why_not = missing() or ("" if IS_ROOT else "only root can give each student an account.")
    if why_not:
        print(why_not, file=sys.stderr)
        return 2
    load = os.getloadavg()[0]
    print(f"{options.students} students, {os.cpu_count()} processors; load before: {load:.1f}")
    with Classroom([f"s{secrets.token_hex(4)}-{i}" for i in range(options.students)]) as room:
        hall = Hall(room)
        with hall.stack:
            measure(hall, options.moves)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
