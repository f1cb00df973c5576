"""What an interactive piece is made of: a scene, the stages it plays on, and the controls that move it."""

from html import escape

import ipywidgets as ipw

from utils.widgets import saved, shown
from utils.widgets.page import CONTROLS, page_of
from utils.widgets.stage import FONT

STYLE = f"""
.lecture-piece {{padding: 6px 2px; font-family: {FONT}}}
.lecture-readout {{font-size: 15px; line-height: 1.45; max-width: 75em}}
.lecture-readout table {{border-collapse: collapse; font-variant-numeric: tabular-nums; color: inherit}}
.lecture-readout th, .lecture-readout td {{padding: 2px 9px; text-align: right}}
.lecture-readout th[scope=row] {{text-align: left; font-weight: normal}}
.lecture-readout p {{margin: 8px 0; padding-left: 9px; border-left: 4px solid #8A8A8A}}
.lecture-readout p.lecture-mistake {{border-color: #AA3377}}
.lecture-readout p.lecture-backward {{border-color: #D55E00}}
.lecture-readout p.lecture-error {{border-color: #AA3377; font-weight: bold}}
.lecture-readout td.cell {{min-width: 2.6em; padding: 1px 5px; font-size: 13.5px}}
.lecture-readout td.cell {{border: 1px solid rgba(128, 128, 128, .35)}}
.lecture-readout td.mark {{outline: 3px solid #1A1A1A; outline-offset: -3px; font-weight: bold}}
.lecture-readout caption {{text-align: left; font-weight: bold; padding: 3px 0}}
.lecture-readout .side {{display: flex; flex-wrap: wrap; gap: 0 40px; align-items: flex-start}}
.lecture-readout .matrices {{display: flex; flex-wrap: wrap; gap: 6px 26px; align-items: flex-start}}
.lecture-readout .formula {{font-size: 20px; margin: 6px 0}}
.lecture-piece .widget-label {{width: auto !important; min-width: 7.5em; font-size: 14px}}
"""
WIDE = {"width": "350px", "max_width": "100%"}
PLAIN = {"description_width": "initial"}


class Piece(ipw.VBox):
    """A picture that follows its controls.

    `scene` is a function of the controls' values, by name, that returns a `Scene`; `stages` are the
    sceneries it may choose from. A scene that raises leaves the last picture and says what happened;
    the error goes on, so that tests see it. The controls stand "beside" the picture or "above" it,
    the scene's numbers "beside" or "below"; a widget that comes `last` stands beneath it all.
    """

    def __init__(self, scene, stages, controls, rows=None, hands="beside", numbers="beside", last=None):
        self.scene, self.stages, self.controls, self.on = scene, stages, controls, None
        self.picture, self.readout, self.trouble = ipw.HTML(), ipw.HTML(), ipw.HTML()
        style = "".join(stage.style for stage in stages.values())
        rows = rows if rows is not None else list(controls.values())
        board = ipw.VBox([self.picture], layout=ipw.Layout(flex="0 1 auto", min_width="0"))
        side = ipw.VBox([], layout=ipw.Layout(flex="1 1 320px", min_width="0"))
        hand = ipw.VBox(rows) if hands == "beside" else in_rows(rows)
        side.children = [part for part, where in ((hand, hands), (self.readout, numbers)) if where == "beside"]
        body = ipw.Box([board, side], layout=ipw.Layout(flex_flow="row wrap", align_items="flex-start"))
        parts = [*[hand] * (hands == "above"), body, *[self.readout] * (numbers == "below"), *[last] * bool(last)]
        self.page = page_of(sum(isinstance(widget, CONTROLS) for widget in descendants(hand)))
        look = ipw.HTML(f"<style>{STYLE}{saved.HIDDEN}{style}</style>")
        super().__init__([look, *[self.page] * bool(self.page), *parts, self.trouble])
        self.add_class("lecture-piece")
        for control in controls.values():
            control.observe(self._moved, "value")
        self.update()
        shown.settle(self)

    @property
    def values(self):
        """What the controls say, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def update(self):
        """Play the scene that the controls ask for."""
        self.play(self.scene(**self.values))

    def play(self, scene):
        """Show a scene: the layer, and the numbers beside it."""
        self.current = scene
        if self.stages:
            stage = self.stages[scene.stage]
            if stage is not self.on:
                self.picture._dom_classes, self.on = [stage.name], stage
            self.picture.value = stage.layer(scene)
        self.readout.value = f"<div class='lecture-readout' role='status'>{scene.readout}</div>"
        self.trouble.value = ""

    def _moved(self, change):
        self.guarded(self.update)

    def guarded(self, action):
        """Call `action`; if it raises, say so beneath the picture, and let the error go on."""
        try:
            action()
        except Exception as error:
            self.complain(f"This setting could not be shown ({error or type(error).__name__}); the picture is older.")
            raise

    def complain(self, words):
        """Say beneath the picture what went wrong."""
        self.trouble.value = (f"<div class='lecture-readout' role='alert'><p class='lecture-error'>✗ {escape(words)}"
                              "</p></div>")

    def _ipython_display_(self, **kwargs):
        """Show the picture and its description, for readers without a kernel, and the live piece, which hides both."""
        shown.settle(self)
        saved.show(self)

    def stop(self):
        """Stop what goes on by itself."""

    def close(self):
        """Stop, and let go of this piece and of every widget in it; what is left in the page is the picture."""
        self.stop()
        for widget in [*descendants(self)]:
            for part in (widget.layout, getattr(widget, "style", None)):
                if isinstance(part, ipw.Widget):
                    ipw.Widget.close(part)
            ipw.Widget.close(widget)

    def __repr__(self):
        return self.current.alt


def descendants(widget):
    """Yield a widget, and all that it holds."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from descendants(child)


def in_rows(controls):
    """Return controls side by side, in as many rows as it takes."""
    return ipw.Box(controls, layout=ipw.Layout(flex_flow="row wrap", width="100%"))


def slider(name, value, low, high, step, digits=2):
    """A slider over low, low + step, …, high; the value is moved onto that grid."""
    value = low + round((value - low) / step) * step
    return ipw.FloatSlider(value=value, min=low, max=high, step=step, description=name, readout_format=f".{digits}f",
                           layout=ipw.Layout(**WIDE), style=PLAIN)


def count(name, value, low, high):
    """A slider over whole numbers."""
    return ipw.IntSlider(value=value, min=low, max=high, description=name, layout=ipw.Layout(**WIDE), style=PLAIN)


def choice(name, options, value=None):
    """A drop-down list."""
    value = options[0] if value is None else value
    return ipw.Dropdown(options=options, value=value, description=name, layout=ipw.Layout(**WIDE), style=PLAIN)


def steps(name, options):
    """A slider over a few values, each of which can be any number."""
    return ipw.SelectionSlider(options=options, description=name, layout=ipw.Layout(**WIDE), style=PLAIN)


def switch(name, value):
    """A box to tick."""
    return ipw.Checkbox(value=value, description=name, indent=False)


def button(name, action, tooltip=""):
    """A button that calls `action` without arguments."""
    made = ipw.Button(description=name, tooltip=tooltip or name, layout=ipw.Layout(width="auto"))
    made.on_click(lambda _: action())
    return made
