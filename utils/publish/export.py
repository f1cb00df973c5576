"""Notebooks as HTML files that need no network: formulas typeset, figures described, widgets as pictures.

    python3 -m utils export [NAMES] [--to FOLDER]

The saved file is taken as it is, and nothing is run. A widget becomes a picture of its last state, if that was
saved with the notebook ("Save Widget State Automatically" in JupyterLab's Settings menu), and else the picture
that its cell left. Pages that an earlier export has left in the folder are joined with the new ones.
"""

import argparse
import re
import sys
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter

from utils.publish import contents
from utils.publish.alts import AltTexts
from utils.publish.formulas import typeset
from utils.publish.still import with_static_widgets

ROOT = Path(__file__).resolve().parents[2]
STYLE = Path(__file__).with_name("page.css").read_text("utf-8")
OFFLINE = dict.fromkeys(("mathjax_url", "require_js_url", "jquery_url", "mermaid_js_url", "widget_renderer_url"), "")


def page(path):
    """Return a notebook file as a page, a soup."""
    notebook = with_static_widgets(nbformat.read(path, as_version=4))
    exporter = HTMLExporter(template_name="lab", embed_images=True, preprocessors=[AltTexts], **OFFLINE)
    body, _ = exporter.from_notebook_node(notebook, {"metadata": {"path": str(Path(path).parent)}})
    soup = BeautifulSoup(body, "html.parser")
    for script in soup.find_all("script"):
        script.decompose()
    for picture in soup.select('img[alt="No description has been provided for this image"]'):
        picture["alt"] = ""
    for code in soup.select(".celltag_figure > .jp-Cell-inputWrapper"):
        folded = code.wrap(soup.new_tag("details", attrs={"class": "figure-code"}))
        folded.insert(0, BeautifulSoup("<summary>code of the figure</summary>", "html.parser"))
    for table in soup.select(".jp-RenderedHTMLCommon table"):
        if not table.find_parent("table"):
            table.wrap(soup.new_tag("div", attrs={"class": "wide"}))
    contents.prepare(soup, _title(soup) or Path(path).stem)
    typeset(soup)
    soup.html["lang"] = "en"
    soup.head.append(BeautifulSoup(f"<style>{STYLE}</style>", "html.parser"))
    return soup


def _title(soup):
    """Return what the first heading says, its formulas as LaTeX without dollars."""
    heading = soup.select_one(".jp-MarkdownCell :is(h1, h2, h3)")
    return re.sub(r"\$|¶$", "", heading.get_text().strip()).strip() if heading else ""


def chosen(names):
    """Return the notebooks named, or all; raise a ValueError for a name that none has, and for names that clash."""
    every = sorted((ROOT / "notebooks").glob("*.ipynb"))
    paths = []
    for name in names:
        found = [path for path in every if name and path.name.startswith(name)]
        found = [Path(name)] if Path(name).is_file() else found
        if not found:
            raise ValueError(f"There is no notebook \"{name}\"; there are {', '.join(path.stem for path in every)}.")
        paths += [path for path in found if path not in paths]
    paths = paths or every
    taken = {Path(contents.INDEX).stem: "the page of contents"}
    for path in paths:
        if path.stem.casefold() in taken:
            raise ValueError(f"{path} would take the place of {taken[path.stem.casefold()]}: rename it.")
        taken[path.stem.casefold()] = str(path)
    return paths


def write(pages, folder):
    """Write pages, {name: soup}, and a page of contents into a folder, joined with those that are there already."""
    pages = {**contents.earlier(folder), **pages}
    contents.join(pages, folder)
    lecture = {f"{path.stem}.html" for path in (ROOT / "notebooks").glob("*.ipynb")}
    readme = (ROOT / "README.md").read_text("utf-8")
    title = readme.partition("\n")[0].lstrip("# ") if pages.keys() <= lecture else "Notebooks"
    texts = {name: str(soup) for name, soup in pages.items()} | {
        contents.INDEX: contents.contents(pages, title, STYLE)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.part").write_text(text, encoding="utf-8")
    for name in texts:
        (folder / f"{name}.part").replace(folder / name)


def main(arguments):
    """Export the notebooks named, or all; return the exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m utils export", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="numbers or names of notebooks, or paths; all, if none is given")
    parser.add_argument("--to", default="build/html", help="the folder to write into (build/html)")
    options = parser.parse_args(arguments)
    folder, pages = Path(options.to), {}
    try:
        paths = chosen(options.names)
    except ValueError as error:
        return _refuse(error)
    for path in paths:
        try:
            pages[f"{path.stem}.html"] = page(path)
        except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError):
            return _refuse(f"{path} is not a notebook.")
        except (ValueError, OSError) as error:
            return _refuse(f"{path.name} could not be exported: {error}.")
    try:
        write(pages, folder)
    except OSError as error:
        return _refuse(f"The pages could not be written into {folder}: {error}.")
    print(*(folder / name for name in (*pages, contents.INDEX)), sep="\n")
    return 0


def _refuse(sentence):
    print(sentence, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
