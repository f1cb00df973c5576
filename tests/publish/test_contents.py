"""What joins exported pages: ways to the next, a page of contents, and no link that leads nowhere."""

import functools
import http.server
import shutil
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup

from utils.publish import contents, export

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
FIRST, SECOND, THIRD = (
    ["# First\n\nSee [the second](b.ipynb), [its part](b.ipynb#A-$x^2$-part), [nothing](c.ipynb), [gone](b.ipynb#gone) "
     "and [here](#Part) or [there](#there); [data](data.csv), [deep](sub/b.ipynb), "
     "[out](https://example.org/x.ipynb), [mail](mailto:a@b.c)."] + ["## Part"] * 2,
    ["# Second & last\n\n[back](a.ipynb)", "## A $x^2$ part", "### Small", "# Another [title](a.ipynb)"],
    ["# Third\n\n[second](./b.ipynb), [umlaut](%C3%BC%20x.ipynb)"])


def write(path, texts):
    cells = [nbformat.v4.new_markdown_cell(text) for text in texts]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return str(path)


def read(folder):
    return {path.name: BeautifulSoup(path.read_text("utf-8"), "html.parser") for path in sorted(folder.glob("*.html"))}


def dead(folder):
    """Serve a folder and return the links inside it that lead nowhere, [(page, link)], and how many there are."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.func.log_message = lambda *words: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    start = f"http://127.0.0.1:{server.server_port}/"
    try:
        return follow(start, [start + urllib.parse.quote(path.name) for path in folder.glob("*.html")])
    finally:
        server.shutdown()
        server.server_close()


def follow(start, addresses):
    """Follow every link of these pages that stays on the server."""
    @functools.cache
    def get(address):
        with urllib.request.urlopen(address, timeout=10) as answer:
            return BeautifulSoup(answer.read(), "html.parser")

    lost, count = [], 0
    for address in addresses:
        for link in get(address).select("a[href]"):
            target, place = urllib.parse.urldefrag(urllib.parse.urljoin(address, link["href"]))
            if not target.startswith(start):
                continue
            count += 1
            try:
                reached = get(target)
                found = not place or reached.find(id=urllib.parse.unquote(place))
            except urllib.error.HTTPError:
                found = False
            lost += [] if found else [(address, link["href"])]
    return lost, count


def test_every_link_of_the_series_leads_somewhere(series):
    lost, count = dead(series)
    assert lost == [] and count > 200


def test_a_dead_link_would_be_seen(series, tmp_path):
    shutil.copytree(series, tmp_path / "copy")
    (tmp_path / "copy" / "03_forward_pass.html").unlink()
    page = tmp_path / "copy" / "02_gradient_descent.html"
    page.write_text(page.read_text("utf-8").replace('id="Recap"', 'id="recap"'), "utf-8")
    lost = [link for _, link in dead(tmp_path / "copy")[0]]
    assert "03_forward_pass.html" in lost and "02_gradient_descent.html#Recap" in lost


def test_each_page_leads_to_its_neighbours_and_to_the_contents(series):
    names = [f"{path.stem}.html" for path in NOTEBOOKS]
    pages = read(series)
    for i, soup in enumerate(pages[name] for name in names):
        navs = soup.select("nav.pages")
        assert [nav["aria-label"] for nav in navs] == ["Pages, above", "Pages, below"]
        assert [child.name for child in soup.body.find_all(recursive=False)] == ["nav", "main", "nav"]
        for nav in navs:
            ways = {link.get("rel", ["contents"])[0]: link["href"] for link in nav.select("a")}
            assert ways == {**({"prev": names[i - 1]} if i else {}), "contents": "index.html",
                            **({"next": names[i + 1]} if i + 1 < len(names) else {})}


def test_the_contents_name_each_notebook_and_its_sections(series):
    index = read(series)["index.html"]
    assert index.title.get_text() == index.h1.get_text() == "Backpropagation: a lecture in notebooks"
    assert index.nav["aria-label"] == "Contents" and index.html["lang"] == "en"
    shown = {link["href"]: link.get_text() for link in index.select("nav a")}
    for path in NOTEBOOKS:
        lines = [line for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown"
                 for line in cell.source.splitlines()]
        title = next(line.removeprefix("# ") for line in lines if line.startswith("# "))
        assert shown[f"{path.stem}.html"] == title
        sections = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
        named = [words for link, words in shown.items() if link.startswith(f"{path.stem}.html#")]
        assert len(named) == len(sections) >= 5
        plain = [(words, line) for words, line in zip(named, sections) if not {*line} & {*"$`*"}]
        assert len(plain) >= 5 and [words for words, line in plain if words != line] == []


def test_no_page_has_a_name_twice_or_links_to_notebooks(series):
    for name, soup in read(series).items():
        names = [element["id"] for element in soup.select("[id]")]
        assert len(names) == len(set(names)), name
        assert [link["href"] for link in soup.select("a[href*='.ipynb']")] == []


def test_a_notebook_alone_leaves_no_dead_link(tmp_path):
    assert export.main(["03", "--to", str(tmp_path)]) == 0
    assert dead(tmp_path)[0] == []
    soup = read(tmp_path)["03_forward_pass.html"]
    assert [link["href"] for link in soup.select("nav.pages a")] == ["index.html"] * 2


def test_what_is_not_there_keeps_its_words(tmp_path):
    html = tmp_path / "html"
    both = write(tmp_path / "a.ipynb", FIRST), write(tmp_path / "b.ipynb", SECOND)
    assert export.main([*both, "--to", str(html)]) == 0
    soup = read(html)["a.html"]
    links = {link.get_text(): link.get("href") for link in soup.p.select("a")}
    assert links == {"the second": "b.html", "its part": "b.html#A-%24x%5E2%24-part", "nothing": None, "gone": "b.html",
                     "here": "#Part", "there": None, "data": None, "deep": "b.html",
                     "out": "https://example.org/x.ipynb", "mail": "mailto:a@b.c"}
    assert [heading["id"] for heading in soup.select("h2")] == ["Part", "Part-2"]
    assert dead(html)[0] == []
    index = read(html)["index.html"]
    assert index.h1.get_text() == "Notebooks"
    assert [link.get_text() for link in index.select("h2 a")] == ["First", "Second & last"]
    sections = index.select("ul a")
    assert [link.get_text() for link in sections] == ["Part", "Part", "A x2 part", "Another title"]
    assert sections[2].math and index.select("a a") == []


def test_a_page_that_comes_later_is_joined_with_the_earlier_ones(tmp_path):
    html = tmp_path / "html"
    html.mkdir()
    (html / "data.csv").write_text("1")
    (html / "foreign.html").write_text("<title>not ours</title>")
    first, second, third = (write(tmp_path / f"{name}.ipynb", texts)
                            for name, texts in (("a", FIRST), ("b", SECOND), ("ü x", THIRD)))
    assert export.main([third, "--to", str(html)]) == 0
    assert read(html)["ü x.html"].find("a", string="second").get("href") is None
    assert export.main([first, "--to", str(html)]) == 0
    assert export.main([second, "--to", str(html)]) == 0
    pages = read(html)
    assert pages["ü x.html"].find("a", string="second")["href"] == "b.html"
    assert pages["ü x.html"].find("a", string="umlaut")["href"] == "%C3%BC%20x.html"
    assert pages["a.html"].find("a", string="data")["href"] == "data.csv"
    ways = [[link["href"] for link in pages[name].nav.select("a")] for name in ("a.html", "b.html")]
    assert ways == [["index.html", "b.html"], ["a.html", "index.html", "%C3%BC%20x.html"]]
    assert [link.get_text() for link in pages["index.html"].select("h2 a")] == ["First", "Second & last", "Third"]
    assert all(len(pages[name].select("nav.pages")) == 2 for name in ("a.html", "b.html", "ü x.html"))
    assert (html / "foreign.html").read_text() == "<title>not ours</title>" and dead(html)[0] == []


def test_an_earlier_page_is_known_by_its_maker(tmp_path):
    (tmp_path / "talk.html").write_text(f"<p>about {contents.GENERATOR}</p>")
    assert contents.earlier(tmp_path) == {} == contents.earlier(tmp_path / "absent")
