"""An AWS error in place of an answer, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """Error code and message as AWS words them, and the HTTP status."""

    code: str
    message: str
    status: int = 400
