"""Which piece stands in which cell: a cell that runs again closes what it showed before."""

from contextlib import suppress

from IPython import get_ipython

SHOWN = {}  # cell: (the run that made or showed them, its pieces)


def settle(piece):
    """Note that the running cell makes or shows this piece; in a Jupyter that does not name its cells, do nothing."""
    cell, run = here()
    if cell is None:
        return
    if not SHOWN:
        get_ipython().events.register("post_run_cell", _after)
    before, pieces = SHOWN.get(cell, (run, []))
    if before != run:
        _leave(cell)
        pieces = []
    SHOWN[cell] = run, pieces if piece in pieces else [*pieces, piece]


def here():
    """Return (the cell that is running, this run of it), or (None, None)."""
    with suppress(AttributeError, KeyError, LookupError):
        parent = get_ipython().kernel.get_parent("shell")
        return parent["metadata"]["cellId"], parent["header"]["msg_id"]
    return None, None


def _leave(cell):
    """Close the pieces that stood in a cell alone."""
    _, pieces = SHOWN.pop(cell)
    elsewhere = [piece for _, others in SHOWN.values() for piece in others]
    for piece in pieces:
        if piece not in elsewhere:
            piece.close()


def _after(result):
    """A cell has run: what it showed in an earlier run goes; and if it was interrupted, everything stops."""
    cell, run = here()
    if cell in SHOWN and SHOWN[cell][0] != run:
        _leave(cell)
    if isinstance(result.error_in_exec, KeyboardInterrupt):
        for _, pieces in SHOWN.values():
            for piece in pieces:
                piece.stop()
