"""Names for sliders, and arrow keys for lists, for who uses no mouse: the one place where a piece needs JavaScript."""

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
CODE = Path(__file__).with_name("names.js")


def names_for(controls):
    """Return what a piece with so many sliders and lists must hold, as a list of widgets, for their names."""
    return [Names(controls=controls)] if AnyWidget else []


def script():
    """Return HTML that does the same for all pieces in the page, for ten seconds; or '', where anywidget does it."""
    functions = CODE.read_text(encoding="utf-8").partition("export default")[0]
    return "" if AnyWidget else f"<script>{{{functions}{EACH_HALF_SECOND}}}</script>"


if AnyWidget:

    class Names(AnyWidget):
        """An empty widget whose script names the controls of the piece around it."""

        _esm = CODE
        controls = traitlets.Int().tag(sync=True)
