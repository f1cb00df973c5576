"""Descriptions for the pictures of a page that nbconvert writes, whatever its template.

An output's metadata may describe its picture, {"image/png": {"alt": …}}, and of nbconvert's templates only "classic"
reads that. `jupyter_nbconvert_config.json`, installed beside this project, makes every `nbconvert --to html` use this.
"""

from html import escape

from nbconvert.preprocessors import Preprocessor

STATE, VIEW = "application/vnd.jupyter.widget-state+json", "application/vnd.jupyter.widget-view+json"
PICTURES = ("image/png", "image/jpeg")


class AltTexts(Preprocessor):
    """Write each described picture as the HTML element that it would become, with its description."""

    def preprocess(self, notebook, resources):
        """Return the notebook with its described pictures as HTML; where HTML is sanitised, they stay as they are."""
        if resources.get("should_sanitize_html"):
            return notebook, resources
        alive = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                shown = [kind for kind in self.display_data_priority if kind in data]
                if shown and shown[0] == VIEW and data[VIEW].get("model_id") not in alive:
                    shown.pop(0)
                if shown and shown[0] in PICTURES and output.metadata.get(shown[0], {}).get("alt"):
                    output["data"] = {**data, "text/html": picture(output, shown[0])}
        return notebook, resources


def picture(output, kind):
    """Return the picture of an output as HTML."""
    known = output.metadata[kind]
    source = output.metadata.get("filenames", {}).get(kind) or f"data:{kind};base64,{output.data[kind].strip()}"
    sizes = "".join(f' {name}="{escape(str(known[name]))}"' for name in ("width", "height") if known.get(name))
    ground = known.get("needs_background")
    classes = [known.get("unconfined") and "unconfined", ground and f"jp-needs-{ground}-background"]
    return (f'<div class="jp-RenderedImage"><img src="{escape(source)}" alt="{escape(known["alt"])}"{sizes} '
            f'class="{escape(" ".join(filter(None, classes)))}"></div>')
