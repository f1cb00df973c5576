"""Notebooks as single HTML files that need no network: formulas typeset, figures described, widgets as pictures.

    python3 -m utils export [NAMES] [--to FOLDER]

The saved file is taken as it is, and nothing is run. A widget becomes a picture of its last state, if that was
saved with the notebook ("Save Widget State Automatically" in JupyterLab's Settings menu), and else the picture
that its cell left.
"""

import argparse
import re
import sys
from html import escape
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup, Comment, NavigableString
from latex2mathml.converter import convert
from nbconvert import HTMLExporter

ROOT = Path(__file__).resolve().parent.parent
STATE, VIEW = "application/vnd.jupyter.widget-state+json", "application/vnd.jupyter.widget-view+json"
FORMULA = re.compile(r"\$\$(?P<block>.+?)\$\$|(?<![\\$])\$(?P<inline>[^$]+?)\$", re.DOTALL)
SETTLED = {"pre", "code", "script", "style", "math", "svg", "title", "textarea"}  # no formulas in here
OFFLINE = dict.fromkeys(("mathjax_url", "require_js_url", "jquery_url", "mermaid_js_url", "widget_renderer_url"), "")
BOLD = {chr(first + i): chr(bold + i) for first, bold, n in ((65, 0x1D400, 26), (97, 0x1D41A, 26), (48, 0x1D7CE, 10))
        for i in range(n)}  # A … Z, a … z, 0 … 9 in bold, from Unicode's mathematical alphabets
MORE_STYLE = """math { font-family: Latin Modern Math, STIX Two Math, Cambria Math, math }
math[display=block] { margin: 0.8em 0 }
menclose { border: 1px solid; padding: 0.3em }
.static-widget { margin: 6px 0 }
main { max-width: 1100px; margin: 0 auto }"""


# Widgets ----------------------------------------------------------------------------------------------


def static_widget(models, identifier):
    """Return a saved widget as HTML that stands still, or '' for one that has nothing to show, such as a button."""
    model = models.get(identifier.removeprefix("IPY_MODEL_"), {"state": {}})
    state, kind = model["state"], model.get("model_name", "")
    if "children" in state:
        row = kind == "HBoxModel" or "row" in (_layout(models, state).get("flex_flow") or "")
        inside = "".join(static_widget(models, child) for child in state["children"])
        style = f"display:flex;flex-wrap:wrap;flex-direction:{'row' if row else 'column'};gap:4px 24px"
        classes = " ".join(state.get("_dom_classes", []))
        return f'<div class="{escape(classes)}" style="{style}">{inside}</div>'
    if _layout(models, state).get("display") == "none":
        return ""
    if kind in ("HTMLModel", "HTMLMathModel"):  # the classes give the picture its scenery
        classes = " ".join(["static-widget", *state.get("_dom_classes", [])])
        return f'<div class="{escape(classes)}"><div class="widget-html-content">{state["value"]}</div></div>'
    if kind.endswith("ProgressModel"):
        return f'<progress value="{state["value"]}" max="{state["max"]}"></progress>'
    value = state["_options_labels"][state["index"]] if state.get("index") is not None else state.get("value")
    if kind == "ButtonModel" or value is None:
        return ""
    value = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
    value = f"{value:.6g}" if isinstance(value, float) else value
    return f"<div>{escape(str(state.get('description', '')))}: <b>{escape(str(value))}</b></div>"


def _layout(models, state):
    return models.get(str(state.get("layout", "")).removeprefix("IPY_MODEL_"), {"state": {}})["state"]


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
    made = convert(latex.strip(), display="block" if block else "inline")
    made = re.sub(r'<m([ino]) mathvariant="([\w-]+)">(\w+)</m[ino]>', _in_characters, made)
    return made.replace("<math ", f'<math aria-label="{escape(latex.strip(), quote=True)}" ', 1)


def _in_characters(found):
    tag, variant, letters = found.groups()
    if variant == "bold":
        letters = "".join(BOLD.get(c, c) for c in letters)
    elif variant == "double-struck":
        letters = letters.replace("R", "ℝ").replace("N", "ℕ")
    return f'<m{tag} mathvariant="normal">{letters}</m{tag}>'


def page(path):
    """Return a notebook file as one HTML page."""
    notebook = with_static_widgets(nbformat.read(path, as_version=4))
    alts = [output.metadata["image/png"]["alt"] for cell in notebook.cells for output in cell.get("outputs", [])
            if "image/png" in output.get("data", {}) and "alt" in output.metadata.get("image/png", {})]
    body, _ = HTMLExporter(template_name="lab", embed_images=True, **OFFLINE).from_notebook_node(notebook)
    soup = BeautifulSoup(body, "html.parser")
    for script in soup.find_all("script"):
        script.decompose()
    for picture, alt in zip(soup.select(".jp-RenderedImage img"), alts, strict=False):
        picture["alt"] = alt
    for link in soup.find_all("a", href=re.compile(r"^[^:]+\.ipynb")):
        link["href"] = link["href"].replace(".ipynb", ".html")
    typeset(soup)
    soup.title.string = next((cell.source.splitlines()[0].lstrip("# ") for cell in notebook.cells), Path(path).stem)
    soup.html["lang"] = "en"
    soup.head.append(BeautifulSoup(f"<style>{MORE_STYLE}</style>", "html.parser"))
    return str(soup)


def main(arguments):
    """Export the notebooks named, or all; return the exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m utils export", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="numbers or names of notebooks, or paths; all, if none is given")
    parser.add_argument("--to", default="build/html", help="the folder to write into (build/html)")
    options = parser.parse_args(arguments)
    every = sorted((ROOT / "notebooks").glob("*.ipynb"))
    chosen = []
    for name in options.names:
        found = [Path(name)] if Path(name).is_file() else [path for path in every if path.name.startswith(name)]
        if not found:
            there = ", ".join(path.stem for path in every)
            print(f"There is no notebook \"{name}\"; there are {there}.", file=sys.stderr)
            return 2
        chosen += found
    folder = Path(options.to)
    folder.mkdir(parents=True, exist_ok=True)
    for path in chosen or every:
        (folder / f"{path.stem}.html").write_text(page(path), encoding="utf-8")
        print(folder / f"{path.stem}.html")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
