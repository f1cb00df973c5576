"""Notebooks as single HTML files that need no network: formulas typeset, figures described, widgets as pictures.

    python3 -m utils export [NAMES] [--to FOLDER]

The saved file is taken as it is, and nothing is run. A widget becomes a picture of its last state, if that was
saved with the notebook ("Save Widget State Automatically" in JupyterLab's Settings menu), and else the picture
that its cell left.
"""

import re
import sys
from html import escape
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup, Comment, NavigableString
from latex2mathml.converter import convert
from nbconvert import HTMLExporter

from utils.lecture.arguments import parse

ROOT = Path(__file__).resolve().parents[2]
STATE, VIEW = "application/vnd.jupyter.widget-state+json", "application/vnd.jupyter.widget-view+json"
FORMULA = re.compile(r"\$\$(?P<block>.+?)\$\$|(?<![\\$])\$(?P<inline>[^$]+?)\$", re.DOTALL)
PRIME = r"<msup>(<mi>[^<]*</mi>)<mi>(&#x0203[234];)</mi></msup>"  # its character stands high enough by itself
SETTLED = {"pre", "code", "script", "style", "math", "svg", "title", "textarea"}  # no formulas in here
OFFLINE = dict.fromkeys(("mathjax_url", "require_js_url", "jquery_url", "mermaid_js_url", "widget_renderer_url"), "")
BOLD = {chr(first + i): chr(bold + i) for first, bold, n in ((65, 0x1D400, 26), (97, 0x1D41A, 26), (48, 0x1D7CE, 10))
        for i in range(n)}  # A … Z, a … z, 0 … 9 in bold, from Unicode's mathematical alphabets
DEFAULTS = {**dict.fromkeys(("IntSlider", "IntText", "BoundedIntText"), 0), "FloatLogSlider": 1.0,
            **dict.fromkeys(("FloatSlider", "FloatText", "BoundedFloatText"), 0.0),
            **dict.fromkeys(("Checkbox", "ToggleButton", "Valid"), False)}  # what JupyterLab need not save
MORE_STYLE = """math { font-family: Latin Modern Math, STIX Two Math, Cambria Math, DejaVu Math TeX Gyre, math }
math[display=block] { margin: 0.8em 0 }
menclose { border: 1px solid; padding: 0.3em }
.static-widget { margin: 6px 0 }
.static-widget.row, .static-widget.column { display: flex; flex-flow: row wrap; gap: 4px 24px }
.static-widget.column { flex-direction: column }
.figure-code summary { color: #6a6a6a; font-size: 13px; cursor: pointer; margin-left: 80px }
main { max-width: 1100px; margin: 0 auto }"""


# Widgets ----------------------------------------------------------------------------------------------


def static_widget(models, identifier):
    """Return a saved widget as HTML that stands still, or '' for one that has nothing to show, such as a button.

    JupyterLab saves of a widget only what differs from its default, so anything may be missing.
    """
    model = models.get(identifier.removeprefix("IPY_MODEL_"), {})
    state, kind = model.get("state", {}), model.get("model_name", "").removesuffix("Model")
    layout = _layout(models, state)
    if layout.get("display") == "none":
        return ""
    classes = escape(" ".join(["static-widget", *state.get("_dom_classes", [])]))  # they give a picture its scenery
    if "children" in state:
        row = kind == "HBox" or "row" in (layout.get("flex_flow") or "")
        inside = "".join(static_widget(models, child) for child in state["children"])
        return f'<div class="{classes} {"row" if row else "column"}">{inside}</div>'
    if kind in ("HTML", "HTMLMath"):
        return f'<div class="{classes}"><div class="widget-html-content">{state.get("value", "")}</div></div>'
    if kind.endswith("Progress"):
        span = f'value="{state.get("value", 0)}" max="{state.get("max", 100)}"'
        return f'<progress aria-label="{escape(state.get("description") or "progress")}" {span}></progress>'
    value = _in_words(kind, state)
    label = f"{escape(state['description'])}: " if state.get("description") else ""
    return f"<div>{label}<b>{escape(value)}</b></div>" if value else ""


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


def _layout(models, state):
    return models.get(str(state.get("layout", "")).removeprefix("IPY_MODEL_"), {}).get("state", {})


def with_static_widgets(notebook):
    """Return the notebook with every live widget replaced by its last state, or by the picture that its cell left."""
    models = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            view = output.get("data", {}).pop(VIEW, None)
            if view and view["model_id"] in models:
                output["data"] = {"text/html": static_widget(models, view["model_id"])}
    notebook.metadata.pop("widgets", None)
    return notebook


# The page ---------------------------------------------------------------------------------------------


def typeset(soup):
    """Replace every $formula$ of the page by MathML, which browsers show by themselves."""
    for words in list(soup.find_all(string=FORMULA)):
        if isinstance(words, Comment) or any(parent.name in SETTLED for parent in words.parents):
            continue
        parts, last = [], 0
        for found in FORMULA.finditer(words):
            block = found["block"] is not None
            parts.append(NavigableString(words[last : found.start()]))
            parts.append(BeautifulSoup(mathml(found["block"] or found["inline"], block), "html.parser"))
            last = found.end()
        parts.append(NavigableString(words[last:]))
        words.replace_with(*parts)


def mathml(latex, block=False):
    """Return LaTeX as MathML, labelled with the LaTeX.

    Browsers no longer heed `mathvariant`, so bold and double-struck letters become characters of their own.
    """
    try:
        made = convert(latex.strip(), display="block" if block else "inline")
    except Exception:  # the converter has a dozen of its own, with no common ancestor
        made = None
    if made is None or re.search(r">\\[A-Za-z]+<", made):  # an unknown command is left standing
        raise ValueError(f"the formula \"{latex.strip()}\" cannot be typeset")
    made = re.sub(PRIME, r'<mrow>\1<mo lspace="0" rspace="0">\2</mo></mrow>', made)
    made = re.sub(r'<m([ino]) mathvariant="([\w-]+)">(\w+)</m[ino]>', _in_characters, made)
    return made.replace("<math ", f'<math aria-label="{escape(latex.strip(), quote=True)}" ', 1)


def _in_characters(found):
    tag, variant, letters = found.groups()
    if variant == "bold":
        letters = "".join(BOLD.get(c, c) for c in letters)
    elif variant == "double-struck":
        letters = letters.replace("R", "ℝ").replace("N", "ℕ")
    return f'<m{tag} mathvariant="normal">{letters}</m{tag}>'


def _is_picture(output):
    """Say whether an output is shown as a picture: the page takes HTML, Markdown, SVG and LaTeX before it."""
    kinds, richer = set(output.get("data", {})), {"text/html", "text/markdown", "image/svg+xml", "text/latex"}
    return bool({"image/png", "image/jpeg"} & kinds) and not richer & kinds


def page(path):
    """Return a notebook file as one HTML page."""
    notebook = with_static_widgets(nbformat.read(path, as_version=4))
    alts = [output.metadata.get("image/png", {}).get("alt", "") for cell in notebook.cells
            for output in cell.get("outputs", []) if _is_picture(output)]
    body, _ = HTMLExporter(template_name="lab", embed_images=True, **OFFLINE).from_notebook_node(notebook)
    soup = BeautifulSoup(body, "html.parser")
    for script in soup.find_all("script"):
        script.decompose()
    for picture, alt in zip(soup.select(".jp-RenderedImage img"), alts, strict=True):
        picture["alt"] = alt
    for code in soup.select(".celltag_figure > .jp-Cell-inputWrapper"):
        folded = code.wrap(soup.new_tag("details", attrs={"class": "figure-code"}))
        folded.insert(0, BeautifulSoup("<summary>code of the figure</summary>", "html.parser"))
    for link in soup.find_all("a", href=re.compile(r"^[^:]+\.ipynb")):
        link["href"] = link["href"].replace(".ipynb", ".html")
    typeset(soup)
    lines = (line.lstrip("# ") for cell in notebook.cells for line in cell.source.splitlines())
    soup.title.string = next(lines, Path(path).stem)
    soup.html["lang"] = "en"
    soup.head.append(BeautifulSoup(f"<style>{MORE_STYLE}</style>", "html.parser"))
    return str(soup)


def main(words):
    """Export the notebooks named, or all; return the exit status."""
    options = parse("export", words)
    chosen = [path for found in options.names for path in found]
    for path in chosen or sorted((ROOT / "notebooks").glob("*.ipynb")):
        try:
            options.to.mkdir(parents=True, exist_ok=True)
            (options.to / f"{path.stem}.html").write_text(page(path), encoding="utf-8")
        except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError):
            return _refuse(f"{path} is not a notebook.")
        except (ValueError, OSError) as error:
            return _refuse(f"{path.name} could not be exported: {error}.")
        print(options.to / f"{path.stem}.html")
    return 0


def _refuse(sentence):
    print(sentence, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
