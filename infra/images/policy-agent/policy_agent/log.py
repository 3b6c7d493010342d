"""One JSON object a line on standard output."""

from __future__ import annotations

import json
import sys
import time


def log(**fields: object) -> None:
    """Write ``fields`` with the wall clock as one line."""
    sys.stdout.write(json.dumps({"at": round(time.time(), 3), **fields}) + "\n")
    sys.stdout.flush()
