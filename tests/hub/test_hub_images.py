"""More than one machine: image and values agree with the configuration for one, and with what was measured.

The chart itself is not here: hub/README.md says what was tried with it.
"""

import re
from types import SimpleNamespace

import pytest
import yaml

from utils.publish import hub

DOCKERFILE = (hub.HUB / "Dockerfile").read_text("utf-8")
README = (hub.HUB / "README.md").read_text("utf-8")
VALUES = yaml.safe_load((hub.HUB / "values.yaml").read_text("utf-8"))
CONFIG = (hub.HUB / "jupyterhub_config.py").read_text("utf-8")
UNITS = {"M": 2**20, "G": 2**30}  # as KubeSpawner reads them


def instructions(name):
    """Return the arguments of the Dockerfile's instructions of one kind."""
    return re.findall(rf"^{name} ((?:.*\\\n)*.+)", DOCKERFILE, flags=re.MULTILINE)


def variables():
    """Return what the Dockerfile's ENV sets."""
    return dict(word.split("=", 1) for word in instructions("ENV")[0].replace("\\\n", " ").split())


def size(text):
    return float(text[:-1]) * UNITS[text[-1]]


def test_the_image_copies_what_is_prepared_and_no_secret(tmp_path):
    assert hub.main(["--to", str(tmp_path / "class")]) == 0
    sources = {line.split()[0] for line in instructions("COPY")}
    assert sources == {"class", "template"} and all((tmp_path / "class" / name).is_dir() for name in sources)
    assert {"passwords", "records", "state"} <= {*(tmp_path / "class" / ".dockerignore").read_text().split()}
    assert (tmp_path / "class" / "hub" / "Dockerfile").read_text("utf-8") == DOCKERFILE


def test_the_image_installs_with_the_launcher_and_the_chart_s_version_of_the_hub():
    assert "cd class && python3 -m utils --version" in instructions("RUN")
    version = re.search(r"jupyterhub==([\d.]+)", DOCKERFILE)[1]
    assert f"JupyterHub {version}" in README and "version 4.4.0" in README and "version 4.4.0" in (
        hub.HUB / "values.yaml").read_text("utf-8")


def test_every_path_of_the_values_is_one_of_the_image():
    place, storage = instructions("WORKDIR")[0], VALUES["singleuser"]["storage"]
    assert place == "/srv/lecture" and variables()["PYTHONPATH"] == f"{place}/class"
    assert variables()["JUPYTER_CONFIG_PATH"] == f"{place}/class/utils/jupyter"
    assert (hub.ROOT / "utils" / "jupyter" / "jupyter_server_config.json").is_file()
    assert [mount["mountPath"] for mount in storage["extraVolumeMounts"]] == [variables()["LECTURE_PROGRESS"]]
    copy = VALUES["singleuser"]["lifecycleHooks"]["postStart"]["exec"]["command"][-1]
    assert copy.startswith(f"cp -rn {place}/template/. {instructions('WORKDIR')[1]}")


def test_each_student_s_record_is_mounted_alone():
    for mounts in (VALUES["singleuser"]["storage"]["extraVolumeMounts"],
                   VALUES["singleuser"]["initContainers"][0]["volumeMounts"]):
        assert mounts == [{"name": "records", "mountPath": "/srv/records", "subPath": "{username}"}]
    assert VALUES["singleuser"]["initContainers"][0]["image"] == "{name}:{tag}".format(**VALUES["singleuser"]["image"])


def test_the_limits_are_those_of_one_server():
    limit = int(VALUES["singleuser"]["cmd"][1].removeprefix("--as="))
    assert VALUES["singleuser"]["cmd"][0] == "prlimit" and limit == 4 * 2**30 and "MEMORY = 4 * 2**30" in CONFIG
    assert limit < size(VALUES["singleuser"]["memory"]["limit"]) < 12 * 2**30
    assert VALUES["cull"]["timeout"] == int(re.search(r"shutdown_no_activity_timeout=(\d+)", CONFIG)[1])
    assert VALUES["singleuser"]["defaultUrl"] in CONFIG


def test_the_guarantees_are_what_was_measured():
    measured = int(re.search(r"with 06 open too .*?\| (\d+) MB", README)[1])
    promised = size(VALUES["singleuser"]["memory"]["guarantee"]) / 1e6
    assert measured < promised < 2 * measured
    students, processors = map(int, re.search(r"For (\d+) students.*?(\d+) processors", README, flags=re.S).groups())
    assert VALUES["singleuser"]["cpu"]["guarantee"] == processors / students
    assert f"{round(students * promised / 1000)} GB" in README


def test_the_values_hold_no_password_and_let_nobody_in_by_themselves():
    assert VALUES["hub"]["config"] == {"JupyterHub": {"authenticator_class": "shared-password"}}
    assert "allow_all" not in str(VALUES)
    for who in hub.PASSWORDS:
        assert f"passwords/{who}" in README


@pytest.mark.parametrize("text, allowed, lecturers", [
    ("teacher lecturer\n# all\nada\n\nben # late\n", {"teacher", "ada", "ben"}, {"teacher"}), ("", set(), set())])
def test_the_list_of_users_is_read_as_on_one_server(tmp_path, text, allowed, lecturers):
    (tmp_path / "users.txt").write_text(text)
    users, c = VALUES["hub"]["extraFiles"]["users"], SimpleNamespace(
        Authenticator=SimpleNamespace(), KubeSpawner=SimpleNamespace(environment={"OMP_NUM_THREADS": "1"}))
    source = VALUES["hub"]["extraConfig"]["class"]
    assert users["mountPath"] in source
    exec(source.replace(users["mountPath"], str(tmp_path / "users.txt")), {"c": c})
    assert (c.Authenticator.allowed_users, c.Authenticator.admin_users) == (allowed, lecturers)
    for name in allowed:
        path = c.KubeSpawner.environment["JUPYTER_PATH"](SimpleNamespace(user=SimpleNamespace(name=name)))
        assert path == (variables()["JUPYTER_CONFIG_PATH"] if name in lecturers else "")
