"""Pictures that follow the hand: matplotlib draws the scenery once, the actors move on an SVG layer above it.

    ax = plots.level_curves(LECTURE.value)
    stage = Stage(ax.figure, plane=ax)
    scene = Scene([path("plane", run.path), points("plane", run.path[-1])], alt="Ten steps down to the valley.")
    stage.show(scene)       # swaps the layer of `stage.widget`, an ipywidgets.VBox
    stage.svg(scene)        # the same picture as one static string; `stage.png(scene)` draws it with matplotlib

Actors (`path`, `points`, `arrow`, `text`, `heat`) stand in the data coordinates of an axes, linear or
logarithmic, and are cut off at its frame.
"""

import hashlib
import io
import itertools
from html import escape
from typing import NamedTuple

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from PIL import Image

from utils.widgets.actors import DPI, address, arrow, heat, path, points, text

SHARPNESS = 2  # the scenery is drawn with SHARPNESS² pixels for each CSS pixel
FONT = "DejaVu Sans, Verdana, sans-serif"

__all__ = ["DPI", "FONT", "Scene", "Stage", "arrow", "blank", "heat", "path", "points", "text"]


class Scene(NamedTuple):
    """All that moves: the actors from back to front, a sentence for who cannot see them, HTML beside the picture.

    `stage` names the stage to play on, for a piece that has several.
    """

    actors: tuple
    alt: str
    readout: str = ""
    stage: str = ""


class Place:
    """One axes as the layer sees it: called with data coordinates (n, 2), it returns pixels, y downwards."""

    def __init__(self, transform, box, height):
        self.transform, self.height = transform, height
        left, top, right, bottom = self.frame = box.x0, height - box.y1, box.x1, height - box.y0
        self.around = left - 50, top - 50, right + 50, bottom + 50

    def __call__(self, xy):
        with np.errstate(all="ignore"):
            return self.transform.transform(xy) * [1, -1] + [0, self.height]


class Stage:
    """A figure, drawn once, with named axes on which actors can stand.

    `Stage(figure, plane=ax)` names its axes; without names they are "0", "1", … in the figure's order.
    """

    def __init__(self, figure, **axes):
        self.figure = figure
        self.axes = axes or {str(i): ax for i, ax in enumerate(figure.axes)}
        self.width, self.height = (round(inches * DPI) for inches in figure.get_size_inches())
        figure.set_size_inches(self.width / DPI, self.height / DPI)
        figure.set_dpi(DPI)
        figure.canvas.draw()
        figure.set_layout_engine(PlaceHolderLayoutEngine(True, True))  # from here on, nothing moves: the layer fits
        self.scenery = self._print(DPI * SHARPNESS)
        self.name = "stage-" + hashlib.sha256(self.scenery).hexdigest()[:10]
        self._places = {name: Place(ax.transData.frozen(), ax.get_window_extent().frozen(), self.height)
                        for name, ax in self.axes.items()}
        plt.close(figure)
        self._layer = ipywidgets.HTML().add_class(self.name)
        self.widget = ipywidgets.VBox([ipywidgets.HTML(f"<style>{self.style}</style>"), self._layer])

    @property
    def style(self):
        """The CSS that puts the scenery behind an HTML widget with the class `name`; sent to the browser once.

        The layer is composited by itself, so that the browser need not paint the scenery again with each new one.
        """
        return (f".{self.name} > .widget-html-content{{width:{self.width}px;max-width:100%;"
                f"background:white url({address(self.scenery)}) 0 0/100% auto no-repeat}}"
                f".{self.name} .lecture-stage{{will-change:transform}}")

    def place(self, where):
        """Return the `Place` that maps data coordinates (n, 2) of an axes to the layer's pixels, y downwards."""
        if where not in self._places:
            raise ValueError(f"there is no axes {where!r} on this stage, expected one of {', '.join(self._places)}")
        return self._places[where]

    def layer(self, scene):
        """Return the scene's SVG without the scenery."""
        return self._svg(scene, 'class="lecture-stage"', "")

    def svg(self, scene):
        """Return the composed picture as one SVG string that needs nothing else."""
        scenery = f'<image width="{self.width}" height="{self.height}" href="{address(self.scenery)}"/>'
        return self._svg(scene, 'xmlns="http://www.w3.org/2000/svg"', scenery)

    def show(self, scene):
        """Put the scene on `widget`: only the layer is sent."""
        self._layer.value = self.layer(scene)

    def png(self, scene):
        """Return the composed picture as PNG, drawn by matplotlib alone, in the 256 colours that suit it best."""
        views = {ax: ax.axis() for ax in self.axes.values()}
        drawn = [artist for actor in scene.actors for artist in actor.draw(self.axes[actor.where])]
        for ax, view in views.items():
            ax.axis(view)
        try:
            return _in_256_colours(self._print(DPI))
        finally:
            for artist in drawn:
                artist.remove()

    def _print(self, dpi):
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
        return buffer.getvalue()

    def _svg(self, scene, attributes, behind):
        alt = escape(scene.alt, quote=True)
        frames = "".join(
            f'<clipPath id="{self.name}-{name}">'
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{u - x:.1f}" height="{v - y:.1f}"/></clipPath>'
            for name, (x, y, u, v) in ((name, place.frame) for name, place in self._places.items())
        )
        actors = "".join(
            f'<g clip-path="url(#{self.name}-{where})">{"".join(actor.svg(self.place(where)) for actor in group)}</g>'
            for where, group in itertools.groupby(scene.actors, lambda actor: actor.where)
        )
        return (f'<svg {attributes} viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
                f'role="img" aria-label="{alt}" font-family="{FONT}" '
                f'style="display:block;max-width:100%;height:auto">'
                f"<defs>{frames}</defs>{behind}{actors}</svg>")


def _in_256_colours(png):
    """Return a PNG with a palette, a third as large: it is saved with the notebook."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def blank(width=6.4, height=4.2, x=(0, 1), y=(0, 1)):
    """Return an Axes without frame and ticks that fills its figure: a stage for drawings of any kind."""
    figure = plt.figure(figsize=(width, height), layout="none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=x, ylim=y)
    ax.axis("off")
    return ax
