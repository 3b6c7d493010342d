"""A sabotage: a planted defect under which its claims must be refuted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Sabotage:
    """A planted defect as data.

    ``experiment`` is the document that is run with the defect; ``plant`` are Chaos Toolkit
    activities that go before its method; ``configuration`` replaces values of its own.
    """

    name: str
    what: str
    experiment: str
    claims: tuple[str, ...]
    plant: tuple[Mapping[str, Any], ...]
    configuration: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
