"""What a piece needs in the page, and JavaScript for it, here alone: names, arrow keys, and answers.

Sliders get names and lists their arrow keys, for who uses no mouse. And the page answers when it is asked how far it
has come, so that a piece that moves by itself sends no more pictures than are seen.
"""

import time
from pathlib import Path

import ipywidgets as ipw
import traitlets

try:
    from anywidget import AnyWidget
except ImportError:  # a Jupyter of somebody else's: there, a script in the page does it
    AnyWidget = None

CONTROLS = ipw.FloatSlider | ipw.IntSlider | ipw.SelectionSlider | ipw.Dropdown
EACH_HALF_SECOND = """let left = 20;
const timer = setInterval(() => {
  document.querySelectorAll('.lecture-piece').forEach(lend);
  if (!--left) clearInterval(timer);
}, 500);"""
CODE = Path(__file__).with_name("page.js")


def page_of(controls):
    """Return the `Page` of a piece with so many sliders and lists; None where there is no anywidget."""
    return Page(controls=controls) if AnyWidget else None


def script():
    """Return HTML that names the controls of all pieces in the page, for ten seconds; '' where anywidget does it."""
    functions = CODE.read_text(encoding="utf-8").partition("export default")[0]
    return "" if AnyWidget else f"<script>{{{functions}{EACH_HALF_SECOND}}}</script>"


if AnyWidget:

    class Page(AnyWidget):
        """An empty widget in a piece whose script names the controls around it, and answers when it is asked.

        A piece in motion sends pictures, and asks from time to time whether the page has come so far: `asked` counts
        the questions, from 1; when the page has drawn all that came before, it sets `answered` to that number. As long
        as that is 0 there is no page, or none that answers.
        """

        _esm = CODE
        controls = traitlets.Int().tag(sync=True)
        asked = traitlets.Int(1).tag(sync=True)
        answered = traitlets.Int().tag(sync=True, echo_update=False)
        when = 0.0

        def ask(self, seconds):
            """Ask whether the page has come so far, so many seconds after the last question if that was answered."""
            now = time.perf_counter()
            if self.answered == self.asked and now > self.when + seconds:
                self.asked, self.when = self.asked + 1, now

        def is_late(self, seconds):
            """Say whether a page that has answered before has had a question for more than so many seconds."""
            return 0 < self.answered < self.asked and time.perf_counter() > self.when + seconds
