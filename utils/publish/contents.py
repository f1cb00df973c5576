"""What joins exported pages: the way from each to the next, the links among them, and a page of contents.

Everything is relative, so a folder of pages can be opened from a disk or served from anywhere. What leads to a page
or a place that is not there loses its link and keeps its words, and gets it back when the page comes.
"""

import copy
import re
from html import escape
from urllib.parse import quote, unquote

from bs4 import BeautifulSoup

INDEX = "index.html"
AWAY = re.compile(r"[A-Za-z][\w+.-]*:|//")  # a link that leaves the folder
GENERATOR = "python3 -m utils export"
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head>
<body><main class="contents"><h1>{title}</h1><nav aria-label="Contents"><ol>{entries}</ol></nav></main></body></html>
"""


def prepare(soup, title):
    """Make a page ready to be joined with others: say who made it, give headings names of their own, note its links."""
    soup.title.string = title
    soup.head.append(soup.new_tag("meta", attrs={"name": "generator", "content": GENERATOR}))
    names = set()
    for heading in soup.select(".jp-RenderedMarkdown :is(h1, h2, h3, h4, h5, h6)[id]"):
        plain = unquote(heading["id"])
        name = next(name for name in _versions(plain) if name not in names)
        names.add(name)
        heading["id"] = name
        for link in heading.select("a.anchor-link"):
            link["href"] = f"#{quote(name)}"
            link["aria-label"] = "Link to this section"
    for link in soup.select("a[href]"):
        if not AWAY.match(link["href"]):
            link["data-to"] = re.sub(r"^(?:[^#?]*/)?([^/#?]+)\.ipynb(?=#|$)", r"\1.html", link["href"])


def _versions(name):
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1


def earlier(folder):
    """Return the pages that an earlier export has left in a folder, {name: soup}."""
    paths = [path for path in folder.glob("*.html") if path.name != INDEX] if folder.is_dir() else []
    soups = {path.name: BeautifulSoup(text, "html.parser") for path in paths
             if GENERATOR in (text := path.read_text("utf-8", errors="replace"))}
    return {name: soup for name, soup in soups.items() if soup.find("meta", attrs={"name": "generator"})}


def join(pages, folder):
    """Give each page, {name: soup}, its links to the others and to the page of contents."""
    places = {name: {unquote(element["id"]): element["id"] for element in soup.select("[id]")}
              for name, soup in pages.items()}
    names = sorted(pages)
    for i, name in enumerate(names):
        for link in pages[name].select("a[data-to]"):
            if address := _address(link["data-to"], name, places, folder):
                link["href"] = address
            else:
                link.attrs.pop("href", None)
        ways = [(names[i - 1], "prev")] * (i > 0) + [(INDEX, "")] + [(after, "next") for after in names[i + 1 : i + 2]]
        _navigate(pages[name], "".join(_way(pages, *way) for way in ways))


def _address(wanted, here, places, folder):
    """Return where a link leads, or '' if that is not there."""
    name, _, place = wanted.partition("#")
    target = unquote(name) or here
    if target in places:
        found = places[target].get(unquote(place))
        return (quote(target) if name else "") + (f"#{quote(found)}" if found else "" if name else "#" * (not place))
    return wanted if target == INDEX or (folder / target.partition("?")[0]).exists() else ""


def _way(pages, name, relation):
    if not relation:
        return f'<a href="{name}">Contents</a>'
    title = escape(pages[name].title.get_text())
    words = f"← Previous: {title}" if relation == "prev" else f"Next: {title} →"
    return f'<a rel="{relation}" href="{quote(name)}">{words}</a>'


def _navigate(soup, links):
    """Put the ways to other pages above and below what a page says."""
    for before in soup.select("nav.pages"):
        before.decompose()
    for where, place in (("above", 0), ("below", len(soup.body.contents))):
        nav = f'<nav class="pages" aria-label="Pages, {where}">{links}</nav>'
        soup.body.insert(place + (where == "below"), BeautifulSoup(nav, "html.parser"))


def contents(pages, title, style):
    """Return the page of contents as HTML: each page, and the sections in it."""
    entries = []
    for name in sorted(pages):
        headings = pages[name].select(".jp-MarkdownCell :is(h1, h2)[id]")
        sections = "".join(f'<li><a href="{quote(name)}#{quote(heading["id"])}">{_words(heading)}</a></li>'
                           for heading in headings if _plain(heading) != pages[name].title.get_text())
        entries.append(f'<li><h2><a href="{quote(name)}">{escape(pages[name].title.get_text())}</a></h2>'
                       f"<ul>{sections}</ul></li>")
    return PAGE.format(title=escape(title), style=style, entries="".join(entries))


def _words(heading):
    """Return what a heading says as HTML, without links."""
    heading = copy.copy(heading)
    for link in heading.select("a"):
        link.decompose() if "anchor-link" in link.get("class", []) else link.unwrap()
    return heading.decode_contents()


def _plain(heading):
    return BeautifulSoup(_words(heading), "html.parser").get_text().strip()
