"""From the key on a slider to the pixels: the stage beside a plain `interact`, in one JupyterLab, in one run.

    python tests/benchmarks/latency.py [PRESSES]

Both show the step-size scene of notebook 02: its level curves, the path for the rate on the slider, and the
history of f. A key is pressed on the slider; the page is asked on every animation frame whether the picture is
another one. The two are measured in turns; "updates a second" is how many pictures a held key brings.
"""

import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from lab import Lab, missing, write_notebook

PLAIN = """
%matplotlib inline
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact
from utils import plots
from utils.descent import LECTURE, gradient_descent

def draw(rate):
    run = gradient_descent(LECTURE.value, LECTURE.gradient, (3, 3), rate, max_steps=40)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.4, 4.7))
    plots.level_curves(LECTURE.value, left, x1=(-5, 5), x2=(-4.4, 4.4))
    plots.descent_path(run.path, left)
    right.semilogy(run.values, "o-")
    right.semilogy(run.gradient_norms, "s--")
    right.set(xlim=(0, 100), ylim=(1e-9, 1e7))
    plt.show()

_ = interact(draw, rate=FloatSlider(0.1, min=0.005, max=0.3, step=0.005))
"""
STAGE = "from utils.widgets import step_size_lab\nstep_size_lab()"
SOURCES = {"interact": ".jp-OutputArea img", "stage": ".lecture-stage"}
PRESS = """async ([cell, selector, key]) => {
  const root = document.querySelectorAll('.jp-CodeCell')[cell];
  const picture = () => {
    const seen = root.querySelector(selector);
    return seen && (seen.tagName === 'IMG' ? (seen.complete && seen.naturalWidth ? seen.src : null) : seen.outerHTML);
  };
  const frame = () => new Promise(requestAnimationFrame);
  const handle = root.querySelector('.noUi-handle');
  const before = picture(), start = performance.now();
  handle.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
  while (true) {
    await frame();
    const now = picture();
    if (now && now !== before) {  // it is painted right after this frame's callbacks
      await new Promise(done => setTimeout(done, 0));
      return performance.now() - start;
    }
    if (performance.now() - start > 10000) return NaN;
  }
}"""
DRAG = """async ([cell, selector, seconds]) => {
  const root = document.querySelectorAll('.jp-CodeCell')[cell];
  const handle = root.querySelector('.noUi-handle');
  const picture = () => { const s = root.querySelector(selector);
    return s && (s.tagName === 'IMG' ? s.src : s.outerHTML); };
  let last = picture(), pictures = 0, presses = 0;
  const end = performance.now() + 1000 * seconds;
  while (performance.now() < end) {
    const key = Math.floor(presses++ / 40) % 2 ? 'ArrowLeft' : 'ArrowRight';
    handle.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
    await new Promise(requestAnimationFrame);
    const now = picture();
    if (now && now !== last) { pictures += 1; last = now; }
  }
  return pictures / seconds;
}"""


def measure(presses):
    """Return {name: (milliseconds of every press, updates a second)}."""
    with tempfile.TemporaryDirectory() as folder:
        write_notebook(Path(folder) / "latency.ipynb", PLAIN, STAGE)
        with Lab(folder) as lab, lab.open("latency.ipynb", height=1600) as opened:
            opened.run_all()
            opened.page.wait_for_selector(SOURCES["stage"])
            opened.page.wait_for_timeout(2000)
            times = {name: [] for name in SOURCES}
            for i in range(presses):
                key = "ArrowRight" if i // 15 % 2 == 0 else "ArrowLeft"
                for cell, (name, selector) in enumerate(SOURCES.items()):
                    times[name].append(opened.page.evaluate(PRESS, [cell, selector, key]))
                    opened.page.wait_for_timeout(150)
            updates = {}
            for cell, (name, selector) in enumerate(SOURCES.items()):
                updates[name] = opened.page.evaluate(DRAG, [cell, selector, 4])
                opened.page.wait_for_timeout(4000)
            return {name: (times[name][3:], updates[name]) for name in SOURCES}


def main(presses=48):
    """Print the table."""
    if missing():
        print(missing())
        return 1
    found = measure(presses)
    print(f"{'':<10}{'median ms':>10}{'95 % ms':>10}{'worst ms':>10}{'updates/s':>11}")
    for name, (times, updates) in found.items():
        ordered = sorted(times)
        numbers = statistics.median(times), ordered[int(0.95 * len(ordered))], ordered[-1]
        print(f"{name:<10}" + "".join(f"{n:>10.0f}" for n in numbers) + f"{updates:>11.1f}")
    ratio = statistics.median(found["interact"][0]) / statistics.median(found["stage"][0])
    print(f"the stage answers {ratio:.1f} times as fast")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
