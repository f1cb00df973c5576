"""What may follow a command: its parser, made of the standard library alone, so that a slip costs no installation.

The launcher parses before it installs anything; what the words mean, the command's own module asks here once more:
`options = parse("export", words)`.
"""

import argparse
from pathlib import Path

from utils.lecture.environment import ROOT, refuse

# Of pytest and its plugins in the versions that requirements.txt pins; a test compares.
FLAGS = """
-x --exitfirst --markers --strict-config --strict-markers --strict --fixtures --funcargs --fixtures-per-test --pdb
--trace -s --runxfail --lf --last-failed --ff --failed-first --nf --new-first --cache-clear --sw --stepwise --sw-skip
--stepwise-skip --sw-reset --stepwise-reset -v --verbose --no-header --no-summary --no-fold-skipped -q --quiet
--force-short-summary --disable-warnings --disable-pytest-warnings -l --showlocals --no-showlocals --xfail-tb
--fulltrace --full-trace --nbdime --collectonly --collect-only --co --pyargs --noconftest --keepduplicates
--keep-duplicates --collect-in-virtualenv --continue-on-collection-errors --doctest-modules
--doctest-ignore-import-errors --doctest-continue-on-failure -V --version -h --help --disable-plugin-autoload
--traceconfig --trace-config --setuponly --setup-only --setupshow --setup-show --setupplan --setup-plan
--hypothesis-show-statistics --hypothesis-explain --loadscope-reorder --no-loadscope-reorder -d -f --looponfail
--nbval --nbval-lax --nbval-current-env --current-env
"""
OPTIONAL = "--cache-show --debug"  # a value may follow, or none
VALUED = """
-k -m --maxfail --pdbcls --capture --lfnf --last-failed-no-failures --durations --durations-min --verbosity -r
--report-chars --tb --show-capture --color --code-highlight --pastebin --junitxml --junit-xml --junitprefix
--junit-prefix -W --pythonwarnings --max-warnings --ignore --ignore-glob --deselect --confcutdir --import-mode
--doctest-report --doctest-glob -c --config-file --rootdir --basetemp -p -o --override-ini --assert --log-level
--log-format --log-date-format --log-cli-level --log-cli-format --log-cli-date-format --log-file --log-file-mode
--log-file-level --log-file-format --log-file-date-format --log-auto-indent --log-disable --hypothesis-profile
--hypothesis-verbosity --hypothesis-seed -n --numprocesses --maxprocesses --max-worker-restart --dist --tx --px
--rsyncdir --rsyncignore --testrunuid --maxschedchunk --nbval-sanitize-with --nbval-kernel-name --nbval-cell-timeout
--nbval-kernel-startup-timeout --sanitize-with
"""


class Parser(argparse.ArgumentParser):
    """A parser for one command, whose complaint is one sentence."""

    def __init__(self, command, description, **options):
        super().__init__(prog=f"python3 -m utils {command}", description=description, allow_abbrev=False, **options)

    def error(self, message):
        """Refuse what was typed."""
        refuse(f"{self.prog}: {message} (--help says what it takes).")


def notebooks(name):
    """Return the paths of the notebooks whose names start so, 04 without 04b; refuse a name that none has."""
    every = sorted((ROOT / "notebooks").glob("*.ipynb"))
    alike = [path for path in every if name and path.name.startswith(name)]
    found = [path for path in alike if path.name.startswith(f"{name}_")] or alike
    if not found:
        refuse(f"There is no notebook \"{name}\"; there are {', '.join(path.stem for path in every)}.")
    return found


def pages(name):
    """Return the paths of the notebooks that are given by a number or name, or one given by its path."""
    return [Path(name)] if Path(name).is_file() else notebooks(name)


def tests(name):
    """Return what names tests, a path or one with `::` behind it, as it is; refuse a path that is not there."""
    path = name.partition("::")[0]
    if not (ROOT / path).exists() and not name.startswith("@"):
        refuse(f"There is no file or folder \"{path}\" in {ROOT}.")
    return name


def seconds(text):
    """Return a number of seconds, above 0 and up to an hour."""
    try:
        found = float(text)
    except ValueError:
        found = 0
    if not 0 < found <= 3600:  # nor nan
        raise argparse.ArgumentTypeError(f"\"{text}\" is not a number of seconds above 0, up to 3600")
    return found


# The commands -----------------------------------------------------------------------------------------


def present():
    """Return the parser of `present`, for the word that follows it; all others are JupyterLab's."""
    parser = Parser("present", "One notebook in lecture mode; all options are JupyterLab's.")
    parser.add_argument("number", nargs="?", default="00", help="a notebook's number or name (00)")
    return parser


def export():
    """Return the parser of `export`."""
    parser = Parser("export", "Notebooks as single HTML files that need no network: formulas typeset, figures "
                              "described, widgets as pictures.")
    parser.add_argument("names", nargs="*",
                        help="numbers or names of notebooks, or paths; all, if none is given")
    parser.add_argument("--to", default="build/html", type=Path, help="the folder to write into (build/html)")
    return parser


def handout():
    """Return the parser of `handout`."""
    parser = Parser("handout", "Two copies of the series: the class's, exercises open and solutions sealed, and the "
                               "teacher's, solved.")
    parser.add_argument("--to", default=ROOT / "build" / "handout", type=Path,
                        help="the folder to write into (build/handout)")
    return parser


def portable():
    """Return the parser of `portable`."""
    parser = Parser("portable", "Each notebook as one file that carries its code, for Colab, Kaggle and any Jupyter.")
    parser.add_argument("numbers", nargs="*", help="numbers or names of notebooks; all, if none is given")
    parser.add_argument("--to", default=ROOT / "build" / "portable", type=Path,
                        help="the folder to write into, new or empty (build/portable)")
    return parser


def tally():
    """Return the parser of `tally`."""
    parser = Parser("tally", "What the class got wrong: for each exercise how many have tried and done it, and the "
                             "most frequent mistakes.")
    parser.add_argument("folder", help="the folder with a folder for each student")
    parser.add_argument("numbers", nargs="*", help="notebooks, such as 02 04; all that were begun, if none is given")
    parser.add_argument("--every", metavar="SECONDS", type=seconds,
                        help="go on until Ctrl-C, with a new table every so many seconds")
    parser.add_argument("--csv", metavar="FILE", help="write the table into a file, too, for a spreadsheet")
    parser.add_argument("--page", metavar="FILE", help="write a page to be projected")
    return parser


def check():
    """Return the parser of `check`."""
    parser = Parser("check", "The exercises of handed-in notebooks, checked; a table and a page for each student.")
    parser.add_argument("folder", help="what was handed in: a folder of nbgrader, otter or Moodle, or its zip")
    parser.add_argument("--to", default=ROOT / "build" / "check", type=Path,
                        help="the folder to write into (build/check)")
    parser.add_argument("--seconds", default=120, type=seconds, help="how long a notebook may take (120)")
    return parser


def hub():
    """Return the parser of `hub`."""
    parser = Parser("hub", "A folder from which JupyterHub gives the lecture to a class on one server.")
    parser.add_argument("--to", required=True, metavar="FOLDER", type=Path, help="the folder to write, a new one")
    return parser


def test():
    """Return the parser of `test`: of the options of pytest."""
    parser = Parser("test", "All tests, or what pytest is told to run.", add_help=False)
    parser.add_argument("tests", nargs="*")
    for names, form in [(FLAGS, {"action": "store_true"}), (OPTIONAL, {"nargs": "?"}), (VALUED, {})]:
        for name in names.split():
            parser.add_argument(name, **form)
    return parser


PARSERS = {"present": present, "export": export, "handout": handout, "portable": portable, "tally": tally,
           "check": check, "hub": hub, "test": test}
# What words mean, looked up once all options are known to be right.
MEANINGS = {"number": notebooks, "numbers": notebooks, "names": pages, "tests": tests}


def parse(command, words):
    """Return what the words after a command mean; refuse what it does not take. None: the command reads them itself."""
    if command not in PARSERS:
        return None
    if command == "present":
        words = [word for word in words[:1] if word in ("-h", "--help") or not word.startswith("-")]
    options = PARSERS[command]().parse_intermixed_args(words)
    for name in MEANINGS.keys() & vars(options).keys():
        value = getattr(options, name)
        setattr(options, name, list(map(MEANINGS[name], value)) if isinstance(value, list) else MEANINGS[name](value))
    return options
