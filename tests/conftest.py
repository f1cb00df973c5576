"""No test opens a window: matplotlib draws into memory."""

import os

os.environ.setdefault("MPLBACKEND", "agg")
