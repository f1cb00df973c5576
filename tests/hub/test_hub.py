"""A class of five on a real JupyterHub: at once they log in, run notebook 02, solve something, and move a slider.

As root each student is an account of this system, and all accounts are removed afterwards; otherwise the hub is in its
trial mode, where nothing keeps the students apart.
"""

import os
import secrets
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import lab
import nbformat
import pytest

from utils.exercises import lessons

grp = pytest.importorskip("grp", reason="a hub needs Unix accounts.")
import pwd  # noqa: E402

from classroom import IS_ROOT, Classroom, missing  # noqa: E402
from student import Student  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import attendance  # noqa: E402

WHY_NOT = missing()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
apart = pytest.mark.skipif(not IS_ROOT, reason="only root can give each student an account.")
LESSON = next(lesson for lesson in lessons() if lesson.notebook.startswith("02"))
NOTEBOOK = f"notebooks/{LESSON.notebook}.ipynb"
STUDENTS = [f"s{secrets.token_hex(4)}-{i}" for i in range(5)]
SOLVES = dict(zip(STUDENTS, LESSON.exercises))  # each another exercise
EXPOSED = {"jupyter_lab_config.json": {"LabApp": {"expose_app_in_browser": True}}}
ANSWER = """([tag, source]) => {
  const cell = window.jupyterapp.shell.currentWidget.content.widgets.find(
    c => (c.model.getMetadata('tags') || []).includes(tag));
  cell.model.sharedModel.setSource(source);
}"""


class Seen(NamedTuple):
    """What a student has seen: the status and the text of each cell, and the seconds until a picture followed."""

    statuses: list
    texts: list
    seconds: float


@pytest.fixture(scope="module")
def room():
    with Classroom(STUDENTS, EXPOSED) as room:
        yield room


@pytest.fixture(scope="module")
def students(room):
    return {name: Student(room, name, room.passwords["students"]) for name in STUDENTS}


def attend(student):
    """Log in, run notebook 02 with one exercise solved, and move the last slider."""
    student.open()
    book = nbformat.read(student.room.folder / "template" / NOTEBOOK, as_version=4)
    mine = f"exercise:{SOLVES[student.name]}"
    with student.kernel(NOTEBOOK) as kernel:
        seen = [kernel.run(LESSON.exercises[SOLVES[student.name]].source()
                           if mine in cell.metadata.get("tags", []) else cell.source)
                for cell in book.cells if cell.cell_type == "code"]
        return Seen(*map(list, zip(*seen)), kernel.move(kernel.slider("η", last=True), 0.1))


def attend_in_a_browser(room, name):
    """Do the same in Chromium; return (what cells complained about, whether the picture followed, what was said)."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=lab.chromium(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(room.url)
        page.fill("#username_input", name)
        page.fill("#password_input", room.passwords["students"])
        page.click("#login_submit")
        page.wait_for_url(f"{room.url}/user/{name}/lab/tree/notebooks", timeout=120_000)
        page.goto(f"{room.url}/user/{name}/doc/tree/{NOTEBOOK}")
        page.wait_for_function("window.jupyterapp?.shell.currentWidget?.context", timeout=120_000)
        page.evaluate(lab.LISTEN)
        page.evaluate(ANSWER, [f"exercise:{SOLVES[name]}", LESSON.exercises[SOLVES[name]].source()])
        notebook = lab.Notebook(page, [])
        notebook.run_all()
        picture = page.locator(".lecture-stage").last
        before = picture.get_attribute("aria-label")
        page.locator(".lecture-piece").last.locator(".noUi-handle").first.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("before => [...document.querySelectorAll('.lecture-stage')].at(-1)"
                               ".getAttribute('aria-label') !== before", arg=before, timeout=20_000)
        page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        complaints, said = notebook.errors(), page.locator(".jp-Notebook").inner_text()
        browser.close()
        return complaints, picture is not None, said


@pytest.fixture(scope="module")
def attended(room, students):
    """All five at once; the last in a browser, if there is one. What that one has seen is still to be asked for."""
    wired = STUDENTS if lab.missing() else STUDENTS[:-1]
    with ThreadPoolExecutor(len(STUDENTS)) as pool:
        pending = {name: pool.submit(attend, students[name]) for name in wired}
        browser = None if lab.missing() else pool.submit(attend_in_a_browser, room, STUDENTS[-1])
        return {name: one.result() for name, one in pending.items()}, browser


@pytest.fixture(scope="module")
def kernel(students, attended):
    """A kernel of the first student."""
    with students[STUDENTS[0]].kernel(NOTEBOOK) as kernel:
        yield kernel


# Five at once --------------------------------------------------------------------------------------


def test_every_cell_runs_for_every_student(attended):
    for seen in attended[0].values():
        assert set(seen.statuses) == {"ok"}, "\n".join(seen.texts)[-2000:]
        assert "1 of " in seen.texts[-1] and "exercises done" in seen.texts[-1]


def test_the_picture_follows_the_slider(attended):
    assert all(0 < seen.seconds < 5 for seen in attended[0].values())


def test_in_a_browser_the_lecture_is_the_same(room, attended):
    if lab.missing():
        pytest.skip(lab.missing())
    complaints, followed, said = attended[1].result()
    assert complaints == [] and followed and "✎" in said
    saved = nbformat.read(room.home(STUDENTS[-1]) / NOTEBOOK, as_version=4)
    assert any(cell.get("outputs") for cell in saved.cells)


def test_each_student_s_record_is_in_a_folder_of_their_own(room, attended):
    for name, solved in SOLVES.items():
        record = room.record(name, LESSON.notebook)
        assert [key for key, entry in record.items() if entry["verdict"] == "right"] == [solved]
    assert {path.name for path in (room.folder / "records").iterdir()} >= {*STUDENTS}
    assert not list((room.folder / "class").rglob("*.progress.json*"))


def test_utils_is_the_class_s_with_its_solutions_sealed(room, kernel):
    status, text = kernel.run("import utils; print(utils.__file__)")
    assert (status, text) == ("ok", f"{room.folder / 'class' / 'utils' / '__init__.py'}\n")
    assert "with your teacher" in kernel.run("from utils.exercises import descent as ex; ex.riddle.solution()")[1]


# What is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["root", "nobody", "daemon", "stranger", "../root"])
@pytest.mark.parametrize("whose", ["students", "lecturer"])
def test_a_name_that_is_not_on_the_list_cannot_log_in(room, name, whose):
    assert Student(room, name, room.passwords[whose]).log_in() == 403


def test_a_wrong_password_and_the_other_s_are_refused(room):
    assert Student(room, STUDENTS[0], "guessed it").log_in() == 403
    assert Student(room, STUDENTS[0], room.passwords["lecturer"]).log_in() == 403
    assert Student(room, room.lecturer, room.passwords["students"]).log_in() == 403


def test_an_array_of_12_gib_fails_and_the_kernel_goes_on(kernel):
    status, text = kernel.run("import numpy as np; np.ones(12 * 2**30 // 8)")
    assert status == "error" and "MemoryError" in text and "12.0 GiB" in text
    assert kernel.run("print(np.empty(2**30 // 8).nbytes)") == ("ok", f"{2**30}\n")


@apart
@pytest.mark.parametrize("source", [
    "open({records!r} + '/{other}/{notebook}.progress.json').read()",
    "import os; os.listdir({records!r} + '/{other}')",
    "import os; os.listdir({records!r})",
    "open({records!r} + '/{other}/new', 'w')",
    "import os; os.listdir({home!r})",
    "import os; os.listdir('/run/lecture-hub/{other}')",
    "open({passwords!r}).read()",
    "open({state!r} + '/jupyterhub.sqlite').read()",
    "open({utils!r}, 'a')",
    "import os; os.setuid(0)",
])
def test_a_student_cannot_reach_what_is_not_theirs(room, kernel, source):
    places = {"records": str(room.folder / "records"), "other": STUDENTS[1], "notebook": LESSON.notebook,
              "home": str(room.home(STUDENTS[1])), "passwords": str(room.folder / "passwords" / "students"),
              "state": str(room.folder / "state"), "utils": str(room.folder / "class" / "utils" / "__init__.py")}
    status, text = kernel.run(source.format(**places))
    assert status == "error" and "PermissionError" in text


@apart
def test_a_record_is_for_its_owner_and_the_tally_s_group(room, attended):
    for name in STUDENTS:
        status = (room.folder / "records" / name).stat()
        assert stat.filemode(status.st_mode) == "drwxr-s---" and status.st_uid >= 1000
        assert grp.getgrgid(status.st_gid).gr_name == "lecture-tally"
        written = (room.folder / "records" / name / f"{LESSON.notebook}.progress.json").stat()
        assert written.st_gid == status.st_gid and written.st_mode & 0o040
        assert stat.filemode(room.home(name).stat().st_mode) == "drwx------"
    assert len({room.home(name).stat().st_uid for name in STUDENTS}) == 5


@apart
@pytest.mark.parametrize("is_tally", [True, False])
def test_only_a_service_account_in_the_tally_s_group_can_list_and_read_the_records(room, attended, is_tally):
    group = grp.getgrnam("lecture-tally").gr_gid if is_tally else pwd.getpwnam("nobody").pw_gid
    records = room.folder / "records"
    path = records / STUDENTS[0] / f"{LESSON.notebook}.progress.json"
    for command in (["ls", records], ["ls", path.parent], ["cat", path]):
        done = subprocess.run(command, user="nobody", group=group, extra_groups=[], capture_output=True, check=False)
        assert (done.returncode == 0) == is_tally, done.stderr


@apart
def test_the_benchmark_counts_what_a_student_takes(room, kernel):
    memory, seconds = attendance.usage(STUDENTS[0])
    assert 50 < memory < 2000 and 0.5 < seconds < 600  # a server and a kernel; measured: 243 MB and 9.3 s
    kernel.run("block = np.ones(2**28 // 8)")
    assert attendance.usage(STUDENTS[0])[0] > memory + 200


# What comes back -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def again(room, students, attended):
    """A student who has deleted a notebook, changed one, and planted a link, when the server has started again."""
    student, target = students[STUDENTS[2]], room.folder.parent / "somebody else's"
    target.mkdir(mode=0o755)
    with student.kernel(NOTEBOOK) as kernel:
        status, text = kernel.run("import os; os.remove('00_learning_a_function.ipynb'); "
                                  "open('01_derivatives.ipynb', 'w').write('mine'); "
                                  "os.rename('../.cache/matplotlib', '../.cache/old'); "
                                  f"os.symlink({str(target)!r}, '../.cache/matplotlib')")
        assert status == "ok", text
    student.stop()
    student.open()
    return room.home(student.name), target


def test_what_a_student_wrote_stays_and_what_is_missing_comes_back(again):
    home, _ = again
    assert (home / "notebooks" / "01_derivatives.ipynb").read_text() == "mine"
    assert nbformat.read(home / "notebooks" / "00_learning_a_function.ipynb", as_version=4).cells


@apart
def test_a_link_that_a_student_plants_is_not_followed_as_root(again):
    home, target = again
    assert (home / ".cache" / "matplotlib").is_symlink() and os.listdir(target) == []


# The lecturer --------------------------------------------------------------------------------------


def test_lecture_mode_is_the_lecturer_s_alone(room, students, attended):
    lecturer = Student(room, room.lecturer, room.passwords["lecturer"])
    assert "lecture-mode" in lecturer.open()
    assert "lecture-mode" not in students[STUDENTS[0]].open()
    assert lecturer.http.get(f"{room.url}/hub/admin", timeout=60).status_code == 200
    assert students[STUDENTS[0]].http.get(f"{room.url}/hub/admin", timeout=60).status_code == 403


@pytest.mark.parametrize("name, status", [(f"{STUDENTS[0][:-2]}-new", 200), ("root", 403), ("daemon", 403)],
                         ids=["new", "root", "daemon"])  # the first has another name in each process
def test_the_lecturer_can_add_a_name_but_none_of_the_system_s(room, students, attended, name, status):
    lecturer = Student(room, room.lecturer, room.passwords["lecturer"])
    lecturer.open()
    assert lecturer.add(name) == 201
    newcomer = Student(room, name, room.passwords["students"])
    assert newcomer.log_in(then="/hub/home") == status
