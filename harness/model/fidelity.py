"""How far a local measurement reaches."""

from __future__ import annotations

from enum import StrEnum


class Fidelity(StrEnum):
    """How the emulated part relates to the one that production runs.

    ``same`` is the very software; ``stand-in`` another implementation of the same contract;
    ``documented`` means that only the provider's published figure exists.
    """

    SAME = "same"
    STAND_IN = "stand-in"
    DOCUMENTED = "documented"
