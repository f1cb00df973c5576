"""What leaves the house, pages for the web and copies for class and teacher, and what comes back to be checked."""

import sys

TAG = "exercise:"  # before an exercise's name, among the tags of its cell


def refused(sentence):
    """Say in one sentence what stands in the way, and return the exit status that goes with it."""
    print(sentence, file=sys.stderr)
    return 2
