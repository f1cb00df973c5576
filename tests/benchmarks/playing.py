"""How fast the playground learns and draws while it plays, in a real JupyterLab.

    python tests/benchmarks/playing.py [SECONDS]

The Playground's default problem: a 2-4-2 network, 250 training points, batches of 10. Pictures are counted where
they are seen, in the page; epochs by the kernel.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from lab import Lab, ask, missing, write_notebook

PLAYGROUND = "from utils.widgets import playground\npiece = playground()\npiece"
EPOCH = "print(piece.learner.epoch)"
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
        write_notebook(Path(folder) / "playing.ipynb", PLAYGROUND)
        with Lab(folder) as lab, lab.open("playing.ipynb") as opened:
            opened.run_all()
            opened.page.get_by_role("button", name="Play").click()
            opened.page.wait_for_timeout(2000)
            before = int(ask(opened.page, EPOCH))
            pictures = opened.page.evaluate(COUNT, seconds)
            after = int(ask(opened.page, EPOCH))
    print(f"{(after - before) / seconds:.0f} epochs and {pictures / seconds:.1f} pictures a second")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
