r"""The macros of a page, as MathJax remembers them: \newcommand and its relatives, collected and expanded."""

import re

TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|.", re.DOTALL)
DEEPEST = 100  # macros within macros


class Reader:
    """LaTeX that is read from left to right."""

    def __init__(self, latex):
        self.latex, self.at = latex, 0

    def token(self):
        """Return the next control word or character, or '' at the end."""
        found = TOKEN.match(self.latex, self.at)
        self.at = found.end() if found else self.at
        return found[0] if found else ""

    def starts(self, mark):
        """Say whether a mark comes next, spaces aside, and if so go on behind it."""
        found = re.compile(r"\s*" + re.escape(mark)).match(self.latex, self.at)
        self.at = found.end() if found else self.at
        return bool(found)

    def until(self, mark):
        """Return what comes before a mark that stands outside all braces, and go on behind it."""
        start, depth = self.at, 0
        while token := self.token():
            if token == mark and not depth:
                return self.latex[start : self.at - len(mark)]
            depth += (token == "{") - (token == "}")
        raise ValueError(f"a \"{mark}\" is missing")

    def argument(self):
        """Return what stands in braces, or else the next control word or character."""
        if self.starts("{"):
            return self.until("}")
        self.starts("")
        token = self.token()
        if not token:
            raise ValueError("a macro lacks an argument")
        return token

    def optional(self, default):
        """Return what stands in square brackets, or else the default."""
        return self.until("]") if self.starts("[") else default


class Macros:
    r"""What has been defined so far, by \newcommand, \def, \let, \DeclareMathOperator or \newenvironment."""

    def __init__(self):
        self.known = {}  # name: (body, how many arguments, the first one's default or None)

    def expand(self, latex, depth=0):
        """Return LaTeX in which every macro stands for itself; a definition is remembered, and leaves nothing.

        A ValueError says what is wrong with a macro that never ends, or lacks an argument.
        """
        if depth > DEEPEST:
            raise ValueError("a macro that stands for itself has no end")
        read, made = Reader(latex), []
        while token := read.token():
            if token in DEFINITIONS:
                DEFINITIONS[token](self, read)
                continue
            if token in ("\\begin", "\\end"):
                token += f"{{{read.argument().strip()}}}"
            made.append(self.expand(self._applied(token, read), depth + 1) if token in self.known else token)
        return "".join(made)

    def _applied(self, name, read):
        body, count, default = self.known[name]
        first = [] if default is None else [read.optional(default)]
        arguments = first + [read.argument() for _ in range(count - len(first))]
        return _apart(re.sub(r"#([1-9])", lambda found: _apart(arguments[int(found[1]) - 1]), body))

    def _remember(self, name, read):
        count, default = int(read.optional("0")), read.optional(None)
        self.known[name] = (read.argument(), count, default)

    def newcommand(self, read):
        r"""Remember \newcommand{name}[count][default]{body}."""
        read.starts("*")
        self._remember(read.argument().strip(), read)

    def providecommand(self, read):
        """Remember the same, unless there is such a macro."""
        before = dict(self.known)
        self.newcommand(read)
        self.known |= before

    def newenvironment(self, read):
        r"""Remember \newenvironment{name}[count][default]{begin}{end}."""
        read.starts("*")
        name = read.argument().strip()
        self._remember(rf"\begin{{{name}}}", read)
        self.known[rf"\end{{{name}}}"] = (read.argument(), 0, None)

    def define(self, read):
        r"""Remember \def\name#1#2{body}."""
        name, parameters = read.argument(), read.until("{")
        if not re.fullmatch(r"\s*(#[1-9]\s*)*", parameters):
            raise ValueError(f"only braces may set off the arguments of {name}")
        self.known[name] = (read.until("}"), parameters.count("#"), None)

    def let(self, read):
        r"""Remember \let\name=other."""
        name = read.argument()
        read.starts("=")
        other = read.argument()
        self.known[name] = self.known.get(other, (other, 0, None))

    def operator(self, read):
        r"""Remember \DeclareMathOperator{name}{words}; with a star, its index goes beneath it."""
        star = "*" if read.starts("*") else ""
        name = read.argument().strip()
        self.known[name] = (rf"\operatorname{star}{{{read.argument()}}}", 0, None)


def _apart(latex):
    """Return LaTeX that a letter may follow: a control word at its end gets a space."""
    return latex + " " if re.search(r"\\[A-Za-z]+$", latex) else latex


DEFINITIONS = {
    **dict.fromkeys((r"\newcommand", r"\renewcommand"), Macros.newcommand), r"\providecommand": Macros.providecommand,
    **dict.fromkeys((r"\newenvironment", r"\renewenvironment"), Macros.newenvironment),
    **dict.fromkeys((r"\def", r"\gdef"), Macros.define), r"\let": Macros.let, r"\DeclareMathOperator": Macros.operator}
