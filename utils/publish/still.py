"""Widgets that stand still: each live widget of a notebook replaced by its last state, in words and pictures.

JupyterLab saves of a widget only what differs from its default, so anything may be missing; and what is binary, a
picture for instance, it keeps beside the state, as `buffers`.
"""

import base64
from functools import cache
from html import escape
from itertools import zip_longest

import nbformat
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter

from utils.publish.alts import STATE, VIEW, AltTexts

REFERENCE = "IPY_MODEL_"
DEFAULTS = {**dict.fromkeys(("IntSlider", "IntText", "BoundedIntText"), 0), "FloatLogSlider": 1.0,
            **dict.fromkeys(("FloatSlider", "FloatText", "BoundedFloatText"), 0.0),
            **dict.fromkeys(("Checkbox", "ToggleButton", "Valid"), False)}  # what JupyterLab need not save
MEDIA = {"Image": ("image", "png", "<img alt=\"{alt}\" {size}src=\"{source}\">"),
         "Audio": ("audio", "mp3", "<audio controls src=\"{source}\"></audio>"),
         "Video": ("video", "mp4", "<video controls {size}src=\"{source}\"></video>")}


def with_static_widgets(notebook):
    """Return the notebook with every live widget replaced by its last state, or by the picture that its cell left.

    Where the state was saved, the outputs marked as {"lecture": "saved"}, which stand in for it, go; where it was
    not, they stay, and the widget goes.
    """
    models = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = _still(cell.outputs, models)
    notebook.metadata.pop("widgets", None)
    return notebook


def _still(outputs, models):
    """Return a cell's outputs without live widgets."""
    saved = [output for output in outputs if output.get("metadata", {}).get("lecture") == "saved"]
    alive = any(output.get("data", {}).get(VIEW, {}).get("model_id") in models for output in outputs)
    kept = []
    for output in outputs:
        data = output.get("data", {})
        identifier = data.pop(VIEW, {}).get("model_id")
        if identifier in models:
            made = static_widget(models, identifier)
            if made or models[identifier].get("model_module", "").startswith("@jupyter-widgets/"):
                output["data"] = {"text/html": made}
        elif identifier and saved:
            continue
        if not (alive and output in saved):
            kept.append(output)
    return kept


def static_widget(models, identifier):
    """Return a saved widget as HTML that stands still, or '' for one that has nothing to show, such as a button."""
    model = models.get(identifier.removeprefix(REFERENCE), {})
    state, kind = model.get("state", {}), model.get("model_name", "").removesuffix("Model")
    layout = models.get(str(state.get("layout", "")).removeprefix(REFERENCE), {}).get("state", {})
    if layout.get("display") == "none":
        return ""
    classes = escape(" ".join(["static-widget", *state.get("_dom_classes", [])]))  # they give a picture its scenery
    if "children" in state:
        return _box(models, state, classes, kind == "HBox" or "row" in (layout.get("flex_flow") or ""))
    if kind in ("HTML", "HTMLMath"):
        return f'<div class="{classes}"><div class="widget-html-content">{state.get("value", "")}</div></div>'
    if kind == "Output":
        others = {name: other for name, other in models.items() if other is not model}  # it may hold itself
        shown = _outputs(state.get("outputs", []), others)
        return f'<div class="{classes}">{shown}</div>' if shown else ""
    if kind in MEDIA:
        return _medium(model, kind)
    if kind.endswith("Progress"):
        span = f'value="{state.get("value", 0)}" max="{state.get("max", 100)}"'
        return f'<progress aria-label="{escape(state.get("description") or "progress")}" {span}></progress>'
    value = _in_words(kind, state)
    label = f"{escape(state['description'])}: " if state.get("description") else ""
    return f"<div>{label}<b>{escape(value)}</b></div>" if value else ""


def _box(models, state, classes, row):
    """Return a box with its children, those of tabs and accordions under their titles."""
    shown = [static_widget(models, child) for child in state["children"]]
    older = state.get("_titles") or {}  # as ipywidgets 7 writes them: {"0": title}
    titles = state.get("titles") or [older.get(str(i)) for i in range(len(shown))]
    titles = [f"<div><b>{escape(title)}</b></div>" if title else "" for title in titles]
    inside = "".join(title + child for title, child in zip_longest(titles, shown, fillvalue=""))
    return f'<div class="{classes} {"row" if row else "column"}">{inside}</div>'


def _outputs(outputs, models):
    """Return what an `Output` widget holds as HTML, as the page shows a cell's outputs."""
    cell = nbformat.v4.new_code_cell(outputs=_still([nbformat.from_dict(output) for output in outputs], models))
    body, _ = _plain().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    area = BeautifulSoup(body, "html.parser").select_one(".jp-OutputArea")
    return area.decode_contents().strip() if area else ""


@cache
def _plain():
    """Return the exporter that writes cells alone, without the page around them."""
    return HTMLExporter(template_name="lab", template_file="base.html.j2", preprocessors=[AltTexts])


def _medium(model, kind):
    """Return a picture, a sound or a film as HTML, or '' for an empty one."""
    state = model.get("state", {})
    family, usual, html = MEDIA[kind]
    held = next((held for held in model.get("buffers", []) if held.get("path") == ["value"]), None)
    if not held or not held.get("data"):
        return ""
    content = bytes.fromhex(held["data"]) if held.get("encoding") == "hex" else base64.b64decode(held["data"])
    name = state.get("format") or usual
    if name == "url":
        address = escape(content.decode(errors="replace"))
        return f'<div>{family}: <a href="{address}">{address}</a></div>'
    source = f"data:{family}/{escape(name)};base64,{base64.b64encode(content).decode()}"
    size = "".join(f'{side}="{escape(str(state[side]))}" ' for side in ("width", "height") if state.get(side))
    return "<div>" + html.format(source=source, size=size, alt=escape(state.get("tooltip") or "")) + "</div>"


def _in_words(kind, state):
    """Return what a control is set to, or ''."""
    value = state.get("value", DEFAULTS.get(kind))
    if "_options_labels" in state:  # a choice, or several
        index = state.get("index")
        chosen = index if isinstance(index, list) else [index] if index is not None else []
        value = [state["_options_labels"][i] for i in chosen]
    parts = value if isinstance(value, list) else [value]
    between = " – " if "Range" in kind else ", "
    return between.join({True: "yes", False: "no"}[part] if isinstance(part, bool) else
                        f"{part:.6g}" if isinstance(part, float) else str(part) for part in parts if part is not None)
