"""How fast the playground learns and draws while it plays, in a real JupyterLab.

    python tests/benchmarks/playing.py [SECONDS]

The Playground's default problem: a 2-4-2 network, 250 training points, batches of 10. Pictures are counted where
they are seen, in the page; epochs by the kernel.
"""

import sys
import tempfile
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from lab import Lab, missing

ASK = """async code => {
  const future = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({code});
  let text = '';
  future.onIOPub = message => { text += message.content.text || ''; };
  await future.done;
  return Number(text);
}"""
COUNT = """async seconds => {
  const words = () => document.querySelector('.lecture-stage').getAttribute('aria-label');
  let last = words(), pictures = 0;
  const end = performance.now() + 1000 * seconds;
  while (performance.now() < end) {
    await new Promise(requestAnimationFrame);
    if (words() !== last) { pictures += 1; last = words(); }
  }
  return pictures;
}"""


def main(seconds=5):
    """Print epochs and pictures a second."""
    if missing():
        print(missing())
        return 1
    with tempfile.TemporaryDirectory() as folder:
        cell = nbformat.v4.new_code_cell("from utils.widgets import playground\npiece = playground()\npiece")
        notebook = nbformat.v4.new_notebook(cells=[cell])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, Path(folder) / "playing.ipynb")
        with Lab(folder) as lab, lab.open("playing.ipynb") as opened:
            opened.run_all()
            opened.page.get_by_role("button", name="Play").click()
            opened.page.wait_for_timeout(2000)
            before = opened.page.evaluate(ASK, "print(piece.learner.epoch)")
            pictures = opened.page.evaluate(COUNT, seconds)
            after = opened.page.evaluate(ASK, "print(piece.learner.epoch)")
    print(f"{(after - before) / seconds:.0f} epochs and {pictures / seconds:.1f} pictures a second")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
