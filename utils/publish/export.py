"""Notebooks as HTML files that need no network: formulas typeset, figures described, widgets as pictures.

    python3 -m utils export [NAMES] [--to FOLDER]

The saved file is taken as it is, and nothing is run. A widget becomes a picture of its last state, if that was
saved with the notebook ("Save Widget State Automatically" in JupyterLab's Settings menu), and else the picture
that its cell left. Pages that an earlier export has left in the folder are joined with the new ones.
"""

import base64
import mimetypes
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import nbformat
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter

from utils.lecture.arguments import parse
from utils.lecture.environment import ROOT
from utils.publish import contents, refused
from utils.publish.alts import AltTexts
from utils.publish.formulas import typeset
from utils.publish.still import with_static_widgets

STYLE = Path(__file__).with_name("page.css").read_text("utf-8")
OFFLINE = dict.fromkeys(("mathjax_url", "require_js_url", "jquery_url", "mermaid_js_url", "widget_renderer_url"), "")


def page(path):
    """Return a notebook file as a page, a soup."""
    notebook = with_static_widgets(nbformat.read(path, as_version=4))
    exporter = HTMLExporter(template_name="lab", preprocessors=[AltTexts], **OFFLINE)
    body, _ = exporter.from_notebook_node(notebook, {"metadata": {"path": str(Path(path).parent)}})
    soup = BeautifulSoup(body, "html.parser")
    for script in soup.find_all("script"):
        script.decompose()
    _embed_pictures(soup, Path(path).parent)
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


def _embed_pictures(soup, folder):
    """Put the files that pictures name into the page (nbconvert would do it, and close every fold as it begins)."""
    for picture in soup.select("img[src]"):
        name = unquote(picture["src"])
        if not re.match(r"[a-z]+:", name) and (folder / name).is_file():
            kind = mimetypes.guess_type(name)[0] or "image/png"
            picture["src"] = f"data:{kind};base64,{base64.b64encode((folder / name).read_bytes()).decode()}"


def _title(soup):
    """Return what the first heading says, its formulas as LaTeX without dollars."""
    heading = soup.select_one(".jp-MarkdownCell :is(h1, h2, h3)")
    return re.sub(r"\$|¶$", "", heading.get_text().strip()).strip() if heading else ""


def without_clash(paths):
    """Return paths, each once; raise a ValueError where two of them would become one page."""
    taken = {Path(contents.INDEX).stem: "the page of contents"}
    paths = list(dict.fromkeys(paths))
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
    drafts = {name: folder / f"{name}.part" for name in texts}
    try:
        for name, draft in drafts.items():
            draft.write_text(texts[name], encoding="utf-8")
        for name, draft in drafts.items():
            draft.replace(folder / name)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def main(words):
    """Export the notebooks named, or all; return the exit status."""
    options = parse("export", words)
    folder, pages = options.to, {}
    named = [path for found in options.names for path in found]
    try:
        paths = without_clash(named or sorted((ROOT / "notebooks").glob("*.ipynb")))
    except ValueError as error:
        return refused(error)
    for path in paths:
        try:
            pages[f"{path.stem}.html"] = page(path)
        except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError):
            return refused(f"{path} is not a notebook.")
        except (ValueError, OSError) as error:
            return refused(f"{path.name} could not be exported: {error}.")
    try:
        write(pages, folder)
    except OSError as error:
        return refused(f"The pages could not be written into {folder}: {error}.")
    print(*(folder / name for name in (*pages, contents.INDEX)), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
