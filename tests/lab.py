"""A real JupyterLab in a real Chromium, for the tests and benchmarks that look at what a reader sees.

    with Lab(folder) as lab, lab.open("01_derivatives.ipynb") as notebook:
        notebook.run_all()
        notebook.page.keyboard.press("ArrowRight")
        assert notebook.errors() == []
"""

import contextlib
import importlib.util
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
WITH_TORCH = importlib.util.find_spec("torch") is not None
UNFOLDED = {"@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}}  # every cell is in the page
LISTEN = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  window.troubles = [];
  panel.sessionContext.iopubMessage.connect((_, message) => {
    const text = message.content.text || message.content.evalue || '';
    const trouble = message.header.msg_type === 'error' || message.content.name === 'stderr';
    if (trouble && !text.startsWith('No such comm')) window.troubles.push(text);
  });
}"""


ASK = """async code => {
  const future = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({code});
  let text = '';
  future.onIOPub = message => { text += message.content.text || ''; };
  await future.done;
  return text.trim();
}"""


def ask(page, code):
    """Run code in the kernel of the notebook in a page, beside its cells, and return what it prints."""
    return page.evaluate(ASK, code)


def write_notebook(path, *cells):
    """Write a notebook that was never run; of its cells, a text is one of code. Return the file's name."""
    made = [nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernel}), path)
    return Path(path).name


def chromium():
    """Return the path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


def missing():
    """Return why no browser can be driven here, as a sentence, or ''."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "playwright is not installed, so no browser is driven."
    return "" if chromium() else "there is no Chromium on this machine, so no browser is driven."


class Lab:
    """A JupyterLab server on `folder`, with settings of its own, and a browser in front of it."""

    def __init__(self, folder, settings=None, extensions=None):
        self.folder, self.settings, self.extensions = Path(folder), {**UNFOLDED, **(settings or {})}, extensions
        self.token = secrets.token_hex(16)

    def __enter__(self):
        from playwright.sync_api import sync_playwright

        self.stack = contextlib.ExitStack()
        home = Path(self.stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._start(home)
        playwright = self.stack.enter_context(sync_playwright())
        self.browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        self.stack.callback(self.browser.close)
        return self

    def __exit__(self, *error):
        self.stack.close()

    def _start(self, home):
        for plugin, values in self.settings.items():
            name, key = plugin.split(":")
            (home / "settings" / name).mkdir(parents=True, exist_ok=True)
            (home / "settings" / name / f"{key}.jupyterlab-settings").write_text(json.dumps(values))
        places = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
                  "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
                  "IPYTHONDIR": "ipython"}
        environment = {**os.environ, **{name: str(home / place) for name, place in places.items()},
                       "JUPYTER_CONFIG_PATH": str(ROOT / "utils" / "jupyter")}
        command = [sys.executable, "-m", "jupyterlab", "--ip=127.0.0.1", f"--port={self.port}", "--no-browser",
                   f"--IdentityProvider.token={self.token}", "--LabApp.expose_app_in_browser=True", "--allow-root",
                   "--JupyterNotebookApp.expose_app_in_browser=True",
                   f"--ServerApp.root_dir={self.folder}"]
        if self.extensions:
            command.append(f"--LabApp.extra_labextensions_path={self.extensions}")
        log = self.stack.enter_context((home / "server.log").open("w"))
        server = self.stack.enter_context(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        self.stack.callback(server.terminate)
        for _ in range(300):
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api?token={self.token}", timeout=1)
                return
            time.sleep(0.1)
        raise RuntimeError(f"JupyterLab did not start:\n{(home / 'server.log').read_text()[-2000:]}")

    @contextlib.contextmanager
    def open(self, name, width=1280, height=800, mode="doc"):
        """Open a notebook of the folder in a page of its own, as a `Notebook`; "notebooks" is Notebook 7's mode."""
        page = self.browser.new_page(viewport={"width": width, "height": height})
        console = []
        page.on("console", lambda message: message.type == "error" and console.append(message.text))
        page.on("pageerror", lambda error: console.append(str(error)))
        place = mode if mode == "notebooks" else f"{mode}/tree"
        page.goto(f"http://127.0.0.1:{self.port}/{place}/{name}?token={self.token}&reset")
        page.wait_for_function("window.jupyterapp?.shell.currentWidget?.context", timeout=60_000)
        page.evaluate(LISTEN)
        try:
            yield Notebook(page, console)
        finally:
            page.close()


class Notebook:
    """A notebook in a page: `page` is Playwright's, `console` the errors it wrote."""

    def __init__(self, page, console):
        self.page, self.console = page, console

    def run_all(self):
        """Run all cells, and wait until the last has finished."""
        self.page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")

    def errors(self):
        """Return what cells and callbacks complained about: errors, and text on stderr."""
        return self.page.evaluate("window.troubles")

    def output(self, index):
        """Return the outputs of the code cell number `index`, from 0, as a locator."""
        return self.page.locator(".jp-CodeCell").nth(index).locator(".jp-OutputArea").first
