"""What an input declares, each with file and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from harness.audit.value import dig, references

Path = tuple[str | int, ...]
_INDEX = re.compile(r"\[[^\[\]]*\]")


class Domain(StrEnum):
    """Where an input comes from; a rule names those that it needs."""

    TERRAFORM = "terraform"
    KUBERNETES = "kubernetes"
    MONITORING = "monitoring"
    PIPELINE = "pipeline"


@dataclass(frozen=True, order=True)
class Place:
    """A line of a file; lines count from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        """Return the place as compilers write it."""
        return f"{self.file}:{self.line}"


def _nowhere(path: Path) -> int | None:
    return None


def _silent(path: Path) -> str:
    return ""


@dataclass(frozen=True)
class Resource:
    """One Terraform resource instance, data source or block, or one Kubernetes object.

    ``address`` names it in messages (``module.db.aws_db_instance.main``, or
    ``Deployment smart-dairy-prod/odoo-backend``). ``values`` are arguments as in a plan: nested
    blocks are lists of mappings. ``locate`` returns the line of a field in the same file, or
    None where it is not known.
    """

    domain: Domain
    kind: str
    name: str
    address: str
    values: Mapping[str, Any]
    place: Place
    namespace: str = ""
    locate: Callable[[Path], int | None] = field(default=_nowhere, compare=False, repr=False)
    # The comment behind a field, where the input has comments that are kept.
    remark: Callable[[Path], str] = field(default=_silent, compare=False, repr=False)
    # What an argument is computed from by the configuration, where its value is known by now.
    origins: Mapping[str, frozenset[str]] = field(default_factory=dict, compare=False, repr=False)

    def get(self, *path: str | int) -> Any:
        """Return a value by path; None where nothing is said, Unknown where it is not known."""
        return dig(self.values, *path)

    def at(self, *path: str | int) -> Place:
        """Return the place of a field, else of the nearest field around it."""
        known: Path = path
        while known:
            line = self.locate(known)
            if line is not None:
                return Place(self.place.file, line)
            known = known[:-1]
        return self.place

    def text(self, *path: str | int) -> str:
        """Return a text; empty where there is none or it is not known."""
        value = self.get(*path)
        return value if isinstance(value, str) else ""

    def refers(self, *path: str | int) -> frozenset[str]:
        """Return the addresses that a field is computed from."""
        return references(self.get(*path)) | self.origins.get(str(path[0]), frozenset())

    @property
    def uses(self) -> frozenset[str]:
        """Return the addresses that any field is computed from."""
        return references(dict(self.values)).union(*self.origins.values())

    @property
    def base(self) -> str:
        """Return the address without the indexes of its instance and modules."""
        return without_indexes(self.address)

    @property
    def labels(self) -> Mapping[str, Any]:
        """Return a Kubernetes object's labels."""
        value = self.get("metadata", "labels")
        return value if isinstance(value, Mapping) else {}

    @property
    def annotations(self) -> Mapping[str, Any]:
        """Return a Kubernetes object's annotations."""
        value = self.get("metadata", "annotations")
        return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True)
class Reference:
    """A name that a Terraform folder uses and, if so, does not declare."""

    name: str
    place: Place
    declared: bool
    module: str = ""


@dataclass(frozen=True)
class Script:
    """A shell script: its own file, or a step of a pipeline."""

    name: str
    text: str
    place: Place
    # Variables that the caller sets (env of a workflow).
    given: frozenset[str] = frozenset()
    options: str = ""

    @property
    def lines(self) -> list[tuple[Place, str]]:
        """Return each line with its place."""
        return [
            (Place(self.place.file, self.place.line + index), line)
            for index, line in enumerate(self.text.splitlines())
        ]


@dataclass(frozen=True)
class AlertRule:
    """One alert or recording rule, with the object or file that it comes from."""

    group: str
    name: str
    expression: str
    labels: Mapping[str, Any]
    pause: str
    place: Place
    expression_line: int
    recording: bool = False


@dataclass(frozen=True)
class ScrapeJob:
    """One scrape job of Prometheus."""

    name: str
    values: Mapping[str, Any]
    place: Place


@dataclass(frozen=True)
class Alertmanager:
    """An Alertmanager configuration."""

    values: Mapping[str, Any]
    place: Place
    locate: Callable[[Path], int | None] = field(default=_nowhere, compare=False, repr=False)

    def at(self, *path: str | int) -> Place:
        """Return the place of a field, else of the nearest field around it."""
        known: Path = path
        while known:
            line = self.locate(known)
            if line is not None:
                return Place(self.place.file, line)
            known = known[:-1]
        return self.place


@dataclass(frozen=True)
class NotJudged:
    """Something in the input that no rule looks at: never a pass."""

    what: str
    why: str
    place: Place


def without_indexes(address: str) -> str:
    """Return an address without the indexes of instances and modules."""
    return _INDEX.sub("", address)
