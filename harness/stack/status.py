"""One row of ``status``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PartStatus:
    """Where one container of the stack stands; ``endpoint`` is what a client would use."""

    part: str
    name: str
    zone: str
    role: str
    state: str
    endpoint: str
