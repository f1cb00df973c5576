"""What a piece leaves in the notebook's file: a picture, its description, and the view of the live piece.

A reader without a kernel sees the picture and the description. Where the piece is alive, it hides both; where its
view is dead, in a notebook that was opened again, the description hides that.
"""

from html import escape

import ipywidgets
from IPython.display import display

from utils.widgets.page import script

VIEW = "application/vnd.jupyter.widget-view+json"
OUTPUT = ".jp-OutputArea-child", ".output_area"  # JupyterLab and Notebook 7; Notebook 6
HIDDEN = "".join(f"{box}:has(.lecture-saved):has(~ {box} .lecture-piece),"
                 f"{box}:has(+ {box} .lecture-saved):has(~ {box} .lecture-piece){{display:none}}" for box in OUTPUT)
DEAD = ".jp-OutputArea-child:has(.lecture-saved) ~ .jp-OutputArea-child > .jupyter-widgets:not(:has(*))"
WHY = getattr(ipywidgets, "WHY", "A saved picture: run this cell in Jupyter, and it moves.")  # a stand-in has its own
CAPTION = (f"<p class='lecture-saved'><em>{{}}</em> ({WHY})</p>"
           f"<style>{DEAD}{{{{display:none}}}}</style>")


def show(piece):
    """Show a piece in the cell that is running."""
    alt, mark = piece.current.alt, {"lecture": "saved"}
    if piece.stages:
        png = piece.stages[piece.current.stage].png(piece.current)
        display({"image/png": png, "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}, **mark})
    display({"text/html": CAPTION.format(escape(alt)), "text/plain": alt}, raw=True, metadata=mark)
    if piece.comm is not None:
        view = {"version_major": 2, "version_minor": 0, "model_id": piece.model_id}
        display({VIEW: view}, raw=True)
        if names := script():
            display({"text/html": names}, raw=True)
