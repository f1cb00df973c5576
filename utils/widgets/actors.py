"""Actors: what moves on a stage. Each writes itself as SVG, and draws itself with matplotlib.

They stand in the data coordinates of the axes named `where`. Lengths such as `width` and `size` are
in CSS pixels, of which a figure has 96 an inch. A point that is not finite lifts the pen.
"""

import base64
import io
from html import escape
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from PIL import Image

from utils.plots import FORWARD, TRUTH

DPI = 96
FAR = 1e6  # pixels: beyond this, a line leaves the picture
HALO = [withStroke(linewidth=3 * 72 / DPI, foreground="white")]  # behind words, as in the SVG
SHAPES = {  # marker → an outline about the point, for a size of 1
    "o": "m-{s},0a{s},{s} 0 1,0 {d},0a{s},{s} 0 1,0 -{d},0z",
    "s": "m-{s},-{s}h{d}v{d}h-{d}z",
    "^": "m0,-{s}l{s},{d}h-{d}z",
    "D": "m0,-{s}l{s},{s}l-{s},{s}l-{s},-{s}z",
    "x": "m-{s},-{s}l{d},{d}m0,-{d}l-{d},{d}",
}


class _Path(NamedTuple):
    where: str
    xy: np.ndarray
    color: str
    width: float
    dash: str
    opacity: float

    def svg(self, place):
        # What lies far outside is cut off here: a browser would draw all its dashes, and crawl.
        seen = Path(place(self.xy)).cleaned(remove_nans=True, clip=place.around)
        pens = {Path.MOVETO: "M", Path.LINETO: "L"}
        strokes = zip(seen.vertices.tolist(), seen.codes.tolist(), strict=True)
        d = "".join(f"{pens[code]}{x:.1f},{y:.1f}" for (x, y), code in strokes if code in pens)
        dash = f' stroke-dasharray="{self.dash}"' if self.dash else ""
        return (f'<path d="{d}" fill="none" stroke="{self.color}" stroke-width="{self.width:g}"{dash} '
                f'stroke-linejoin="round" opacity="{self.opacity:g}"/>')

    def draw(self, ax):
        dash = (0, [float(n) / self.width for n in self.dash.split()]) if self.dash else "-"
        return ax.plot(*self.xy.T, color=self.color, lw=self.width * 72 / DPI, ls=dash, alpha=self.opacity)


class _Points(NamedTuple):
    where: str
    xy: np.ndarray
    color: str
    marker: str
    size: float
    edge: str
    opacity: float

    def svg(self, place):
        if self.marker in "os" and self.edge == self.color:  # without an edge, a dot of the pen is enough, and shorter
            d = "".join(f"M{x:.1f},{y:.1f}h0" for x, y in self._seen(place))
            return (f'<path d="{d}" stroke="{self.color}" stroke-width="{2 * self.size:g}" '
                    f'stroke-linecap="{"round" if self.marker == "o" else "square"}" opacity="{self.opacity:g}"/>')
        outline = SHAPES[self.marker].format(s=f"{self.size:g}", d=f"{2 * self.size:g}")
        d = "".join(f"M{x:.1f},{y:.1f}{outline}" for x, y in self._seen(place))
        line = self.marker == "x" or self.color == "none"
        stroke, width = self.color if self.marker == "x" else self.edge, 2.4 if line else min(1, self.size / 5)
        return (f'<path d="{d}" fill="{self.color}" stroke="{stroke}" stroke-width="{width}" '
                f'opacity="{self.opacity:g}"/>')

    def _seen(self, place):
        return [(x, y) for x, y in place(self.xy).tolist() if abs(x) <= FAR and abs(y) <= FAR]

    def draw(self, ax):
        edge = self.color if self.marker == "x" else self.edge
        return ax.plot(*self.xy.T, self.marker, color=self.color, mec=edge, ms=2 * self.size * 72 / DPI,
                       alpha=self.opacity)


class _Arrow(NamedTuple):
    where: str
    start: np.ndarray
    end: np.ndarray
    color: str
    width: float

    def svg(self, place):
        ends = place(np.array([self.start, self.end]))
        if not (abs(ends) <= FAR).all():
            return ""
        shaft = ends[1] - ends[0]
        length = np.hypot(*shaft)
        if length < 1:
            return ""
        along = shaft / length
        across, head = along[::-1] * [1, -1], min(5 * self.width, length)
        neck = ends[1] - head * along
        tip = [ends[1], neck + 0.45 * head * across, neck - 0.45 * head * across]
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in tip)
        (x, y), (u, v) = ends[0], neck + 0.2 * head * along
        return (f'<path d="M{x:.1f},{y:.1f}L{u:.1f},{v:.1f}" stroke="{self.color}" stroke-width="{self.width:g}"/>'
                f'<polygon points="{corners}" fill="{self.color}"/>')

    def draw(self, ax):
        style = {"arrowstyle": "-|>", "color": self.color, "lw": self.width * 72 / DPI, "shrinkA": 0, "shrinkB": 0}
        return [ax.annotate("", self.end, self.start, arrowprops=style)]


class _Text(NamedTuple):
    where: str
    xy: np.ndarray
    words: str
    color: str
    size: float
    anchor: str
    shift: tuple
    weight: str

    def svg(self, place):
        x, y = place(self.xy[None])[0] + self.shift
        if not (abs(x) <= FAR and abs(y) <= FAR):
            return ""
        return (f'<text x="{x:.1f}" y="{y:.1f}" fill="{self.color}" font-size="{self.size:g}" '
                f'text-anchor="{self.anchor}" font-weight="{self.weight}" '
                f'stroke="white" stroke-width="3" paint-order="stroke">'
                f"{escape(self.words)}</text>")

    def draw(self, ax):
        across = {"start": "left", "middle": "center", "end": "right"}[self.anchor]
        shift = (self.shift[0] * 72 / DPI, -self.shift[1] * 72 / DPI)
        return [ax.annotate(self.words.replace("$", r"\$"), self.xy, shift, textcoords="offset points", ha=across,
                            color=self.color, fontsize=self.size * 72 / DPI, weight=self.weight, path_effects=HALO)]


class _Heat(NamedTuple):
    where: str
    grid: np.ndarray
    extent: tuple
    cmap: object
    low: float
    high: float
    opacity: float
    smooth: bool

    def pixels(self):
        """One palette index for each number, its first row on top; nan is the lowest."""
        shown = np.clip(np.nan_to_num(self.grid, nan=self.low), self.low, self.high)
        return (255 * ((shown - self.low) / (self.high - self.low))).astype(np.uint8)

    def svg(self, place):
        left, right, bottom, top = self.extent
        (x, y), (u, v) = place(np.array([[left, top], [right, bottom]], dtype=float))
        rendering = "auto" if self.smooth else "pixelated"
        return (f'<image x="{x:.1f}" y="{y:.1f}" width="{abs(u - x):.1f}" height="{abs(v - y):.1f}" '
                f'preserveAspectRatio="none" style="image-rendering:{rendering}" opacity="{self.opacity:g}" '
                f'href="{_png_address(self.pixels(), self.cmap)}"/>')

    def draw(self, ax):
        view = ax.axis()
        image = ax.imshow(self.pixels(), cmap=self.cmap, vmin=0, vmax=255, extent=self.extent, alpha=self.opacity,
                          aspect=ax.get_aspect(), interpolation="bilinear" if self.smooth else "nearest",
                          interpolation_stage="rgba")
        ax.axis(view)
        return [image]


def path(where, xy, color=FORWARD, width=2.4, dash="", opacity=1.0):
    """A polyline through `xy` of shape (n, 2) on the axes named `where`; `dash` as in SVG, such as "6 4"."""
    return _Path(where, _pairs(xy), color, width, dash, opacity)


def points(where, xy, color=FORWARD, marker="o", size=5, edge=TRUTH, opacity=1.0):
    """Markers at `xy`, (n, 2) or (2,): "o", "s", "^", "D" or "x"; `color="none"` leaves a ring."""
    if marker not in SHAPES:
        raise ValueError(f"marker is {marker!r}, expected one of {', '.join(SHAPES)}")
    return _Points(where, _pairs(xy), color, marker, size, edge, opacity)


def arrow(where, start, vector, color=FORWARD, width=3.0):
    """An arrow from `start` along `vector`, both of shape (2,); too short to be seen, it is left out."""
    start = np.asarray(start, dtype=float)
    return _Arrow(where, start, start + np.asarray(vector, dtype=float), color, width)


def text(where, xy, words, color=TRUTH, size=14, anchor="start", shift=(0, 0), weight="normal"):
    """`words` at `xy`, moved by `shift` pixels to the right and down; taken as they are, never as HTML."""
    return _Text(where, np.asarray(xy, dtype=float), str(words), color, size, anchor, shift, weight)


def heat(where, grid, extent, cmap="viridis", low=0.0, high=1.0, opacity=1.0, smooth=False):
    """A matrix as a picture, row 0 on top, over `extent` = (left, right, bottom, top).

    One square for each number, or, if it is `smooth`, the colours between the squares' middles as well.
    `cmap` is a matplotlib colour map or the name of one.
    """
    if not high > low:
        raise ValueError(f"low is {low} and high is {high}, expected low < high")
    return _Heat(where, np.atleast_2d(np.asarray(grid, dtype=float)), extent, cmap, low, high, opacity, smooth)


def _pairs(xy):
    xy = np.atleast_2d(np.asarray(xy, dtype=float))
    if xy.ndim != 2 or xy.shape[1] != 2:
        raise ValueError(f"xy has shape {xy.shape}, expected (n, 2): one point a row")
    return xy


def _png_address(indices, cmap):
    image = Image.fromarray(indices, "P")
    image.putpalette(_palette(colormaps[cmap] if isinstance(cmap, str) else cmap))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return address(buffer.getvalue())


def _palette(cmap):
    return (cmap(np.arange(256))[:, :3] * 255).astype(np.uint8).tobytes()


def address(png):
    """Return a PNG as an address that holds the picture itself."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
