"""Names for sliders, for those who hear a page instead of seeing it: the one place where a piece needs JavaScript."""

from pathlib import Path

import ipywidgets as ipw
import traitlets

try:
    from anywidget import AnyWidget
except ImportError:  # a Jupyter of somebody else's: there the pieces do without
    AnyWidget = None

SLIDERS = ipw.FloatSlider | ipw.IntSlider


def names_for(sliders):
    """Return what a piece with so many sliders must hold, as a list of widgets, so that each gets its name."""
    return [Names(sliders=sliders)] if AnyWidget else []


if AnyWidget:

    class Names(AnyWidget):
        """An empty widget whose script lends each slider of the piece around it the label that stands beside it."""

        _esm = Path(__file__).with_name("names.js")
        sliders = traitlets.Int().tag(sync=True)
