"""What opens the lecture, for the launcher; and whose `utils` this is, for the first cell of a notebook.

    from utils import lecture

fails where somebody else's `utils.py`, or folder `utils`, is found before the lecture's, and names it. Where theirs is
a file, Python says so itself; where it is a folder, in which Python may still find our modules, this module does.
"""

import os

import utils

OURS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
OTHERS = [folder for folder in utils.__path__ if os.path.realpath(folder) != OURS]


def hides(path):
    """Return the sentence on somebody else's `utils` that is found before the lecture's."""
    return (f"{path} is found before the lecture's own \"utils\": please rename it, or uninstall the package that it "
            "belongs to, and start again.")


if OTHERS:
    raise ImportError(hides(OTHERS[0]))
