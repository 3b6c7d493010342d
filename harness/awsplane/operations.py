"""Which operations of a service are real, kept or missing; pure.

real: acts on the running stack, or answers from it. kept: remembered by the emulator, nothing
else happens. missing: answered with the error that AWS has for an operation it does not know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from .refusal import Refusal

# What AWS answers to an operation that the service does not have, by wire protocol.
_UNKNOWN = {"query": "InvalidAction", "ec2": "InvalidAction"}
_UNKNOWN_DEFAULT = "UnknownOperationException"


@dataclass(frozen=True)
class Operations:
    """All operations of one service by what they do, each group in alphabetic order."""

    real: tuple[str, ...]
    kept: tuple[str, ...]
    missing: tuple[str, ...]

    def as_json(self) -> dict[str, list[str]]:
        """Return what the control route answers for the service."""
        return {"real": [*self.real], "kept": [*self.kept], "missing": [*self.missing]}


def classify(names: Iterable[str], *, real: Collection[str], kept: Collection[str]) -> Operations:
    """Return the operations by group; an operation that is both real and kept is real.

    Raises ValueError for a real or kept operation that the service does not have: a handler
    under a misspelt name would never be called.
    """
    names = sorted(set(names))
    unknown = sorted((set(real) | set(kept)) - set(names))
    if unknown:
        raise ValueError(f"Handlers for operations that do not exist: {', '.join(unknown)}")
    return Operations(
        real=tuple(name for name in names if name in real),
        kept=tuple(name for name in names if name in kept and name not in real),
        missing=tuple(name for name in names if name not in real and name not in kept),
    )


def unknown_operation(service: str, operation: str, protocol: str) -> Refusal:
    """Return the error for an operation that is missing."""
    return Refusal(
        _UNKNOWN.get(protocol, _UNKNOWN_DEFAULT),
        f"{service} {operation} is not emulated here. What is: python -m harness status --aws",
    )
