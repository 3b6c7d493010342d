"""Reading the seed of the emulated AWS account, with every problem of the file named at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from harness.errors import InputInvalid
from harness.stack.aws_seed import (
    MANAGED_ALGORITHM,
    Bucket,
    Certificate,
    HostedZone,
    Key,
    LogGroup,
    Secret,
    Seed,
    Tags,
)
from harness.stack.folders import INFRA

SEED = INFRA / "aws" / "seed.yaml"

T = TypeVar("T")


def load(path: Path = SEED) -> Seed:
    """Return the seed of a file. Raises InputInvalid with every problem found."""
    try:
        raw = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InputInvalid(f"{path}: expected a readable YAML document, got: {error}") from error
    return parse(raw, str(path))


def parse(raw: object, source: str) -> Seed:
    """Return the seed of a parsed document. Raises InputInvalid with every problem found."""
    problems: list[str] = []
    top = _Fields(raw, source, problems)
    default_tags = top.mapping("default_tags", {})

    def tags(fields: _Fields) -> Tags:
        return {**default_tags, **fields.mapping("tags", {})}

    seed = Seed(
        region=top.text("region"),
        keys=top.items(
            "keys",
            lambda f: Key(f.text("alias"), f.text("description"), f.flag("rotation"), tags(f)),
        ),
        buckets=top.items(
            "buckets",
            lambda f: Bucket(
                f.text("name"),
                f.flag("versioning"),
                f.text("encryption"),
                f.flag("public_access_blocked"),
                f.items("cors", _cors),
                f.items("lifecycle", _lifecycle),
                tags(f),
            ),
        ),
        secrets=top.items(
            "secrets",
            lambda f: Secret(
                f.text("name"),
                f.text("description"),
                f.text("key"),
                f.mapping("content"),
                tags(f),
            ),
        ),
        hosted_zones=top.items("hosted_zones", lambda f: HostedZone(f.text("name"))),
        certificates=top.items(
            "certificates",
            lambda f: Certificate(
                f.text("domain"),
                f.text("region"),
                f.texts("alternative_names"),
                f.text("zone"),
                tags(f),
            ),
        ),
        log_groups=top.items(
            "log_groups",
            lambda f: LogGroup(f.text("name"), f.number("retention_days", None), tags(f)),
        ),
    )
    top.end()
    problems = problems or _dangling(seed, source)
    if problems:
        raise InputInvalid(problems)
    return seed


def _dangling(seed: Seed, source: str) -> list[str]:
    aliases = {key.alias for key in seed.keys}
    zones = {zone.name for zone in seed.hosted_zones}
    problems = [
        f"{source}: bucket {bucket.name}: encryption: expected {MANAGED_ALGORITHM} or one of "
        f"{sorted(aliases)}, got {bucket.encryption!r}"
        for bucket in seed.buckets
        if bucket.encryption not in {MANAGED_ALGORITHM, *aliases}
    ]
    problems += [
        f"{source}: secret {secret.name}: key: expected one of {sorted(aliases)}, "
        f"got {secret.key!r}"
        for secret in seed.secrets
        if secret.key not in aliases
    ]
    problems += [
        f"{source}: certificate {certificate.domain}: zone: expected one of {sorted(zones)}, "
        f"got {certificate.zone!r}"
        for certificate in seed.certificates
        if certificate.zone not in zones
    ]
    return problems


def _cors(fields: _Fields) -> Mapping[str, Any]:
    return {
        "allowed_headers": list(fields.texts("allowed_headers")),
        "allowed_methods": list(fields.texts("allowed_methods")),
        "allowed_origins": list(fields.texts("allowed_origins")),
        "expose_headers": list(fields.texts("expose_headers")),
        "max_age_seconds": fields.number("max_age_seconds", None),
    }


def _lifecycle(fields: _Fields) -> Mapping[str, Any]:
    return {
        "id": fields.text("id"),
        "transitions": list(
            fields.items(
                "transitions",
                lambda f: {"days": f.number("days"), "storage_class": f.text("storage_class")},
            )
        ),
        "expiration_days": fields.number("expiration_days", None),
    }


_REQUIRED: Any = object()


class _Fields:
    """One mapping of the document: reads its fields and notes every problem."""

    def __init__(self, raw: object, where: str, problems: list[str]) -> None:
        self._where, self._problems = where, problems
        self._raw: dict[Any, Any] = raw if isinstance(raw, dict) else {}
        self._read: set[str] = set()
        self._is_mapping = isinstance(raw, dict)
        if not self._is_mapping:
            problems.append(f"{where}: expected a mapping, got {type(raw).__name__}")

    def _value(self, name: str, default: Any, kind: type, noun: str) -> Any:
        self._read.add(name)
        value = self._raw.get(name, default)
        if not self._is_mapping:
            return kind()
        if value is _REQUIRED:
            self._problems.append(f"{self._where}: {name}: expected {noun}, got nothing")
        elif value is not default and not _is_a(value, kind):
            self._problems.append(f"{self._where}: {name}: expected {noun}, got {value!r}")
        else:
            return value
        return kind()

    def text(self, name: str) -> str:
        return str(self._value(name, _REQUIRED, str, "text"))

    def flag(self, name: str) -> bool:
        return bool(self._value(name, _REQUIRED, bool, "true or false"))

    def number(self, name: str, default: Any = _REQUIRED) -> int | None:
        value = self._value(name, default, int, "a whole number")
        return None if value is None else int(value)

    def texts(self, name: str) -> tuple[str, ...]:
        values = self._value(name, [], list, "a list of texts")
        bad = [value for value in values if not isinstance(value, str)]
        if bad:
            self._problems.append(f"{self._where}: {name}: expected texts, got {bad!r}")
        return tuple(str(value) for value in values)

    def mapping(self, name: str, default: Any = _REQUIRED) -> dict[str, str]:
        values: dict[Any, Any] = self._value(name, default, dict, "a mapping of texts")
        bad = {k: v for k, v in values.items() if not (isinstance(k, str) and isinstance(v, str))}
        if bad:
            self._problems.append(f"{self._where}: {name}: expected texts, got {bad!r}")
        return {str(key): str(value) for key, value in values.items()}

    def items(self, name: str, make: Callable[[_Fields], T]) -> tuple[T, ...]:
        entries: Sequence[object] = self._value(name, [], list, "a list")
        made = []
        for position, entry in enumerate(entries):
            fields = _Fields(entry, f"{self._where}: {name}[{position}]", self._problems)
            made.append(make(fields))
            fields.end()
        return tuple(made)

    def end(self) -> None:
        unknown = sorted(str(key) for key in self._raw if key not in self._read)
        if unknown:
            self._problems.append(
                f"{self._where}: expected only {', '.join(sorted(self._read))}, "
                f"got also {', '.join(unknown)}"
            )


def _is_a(value: object, kind: type) -> bool:
    # bool is an int to isinstance, and `days: yes` is a mistake.
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))
