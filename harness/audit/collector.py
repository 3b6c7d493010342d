"""Keeps the cyclic garbage collector out of bulk work."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Leave the collector out while many objects without cycles are made.

    Each of its full passes looks at everything that was made so far, so that reading would grow
    faster than its text. What was made is then left out of later passes too; it still goes away
    with its last reference.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was:
            gc.enable()
