"""Where is the mistake? One thing in a student's function is changed after the other, until every test is right.

The edit that does it says what to look at, and in which line. It is tried, and so it is true; the mended line itself
stays untold, for to find it is the exercise.
"""

import copy
import time

from utils.checks.clock import TookTooLong, limited
from utils.checks.edits import edits

SECONDS = 1.2  # of processor time, for the whole search
EACH = 0.03  # for one edited function, beside three times what it took as it was


def repair(source, is_right):
    """Return (what to look at, the line's number) for an edit after which `is_right(function)` holds, or None."""
    began = time.thread_time()
    is_right(source.function)
    each, end = EACH + 3 * (time.thread_time() - began), began + SECONDS
    for what, line, function in edits(copy.deepcopy(source.tree), source):
        if time.thread_time() > end:
            return None
        try:
            with limited(each):
                if is_right(function):
                    return what, line
        except (Exception, TookTooLong):
            continue
    return None
