"""What ``run.json`` says of a run, as far as the gate needs it, read into a frozen type."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.gate import canonical
from harness.report.fields import Fields

COMPLETED = "completed"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class RunFacts:
    """One run: what it tested, when and how. Digests are hexadecimal SHA-256 without a prefix.

    None or empty means that the run did not store it; the policy decides what that costs.
    ``commit`` is whatever was stored, also where it is no commit; ``trial_problems`` is the
    number of trials that did not run as they should.
    """

    run: str
    commit: str
    dirty: bool
    status: str
    lane: str
    seed: int | None
    started: datetime | None
    finished: datetime | None
    code: str
    manifests: str | None
    plan: str | None
    images: Mapping[str, str]
    trial_problems: int

    @property
    def commit_known(self) -> bool:
        """Say whether ``commit`` names a git commit."""
        return is_commit(self.commit)


def is_commit(text: str) -> bool:
    """Say whether a text is the full name of a git commit in lower-case hexadecimal."""
    return _COMMIT.fullmatch(text) is not None


def read_facts(path: Path, data: Mapping[str, Any], problems: list[str]) -> RunFacts:
    """Return the facts in ``run.json``; every malformed field goes to ``problems``."""
    fields = Fields(path, "", dict(data), problems)
    manifests = fields.object("manifest_digests", required=False)
    images = fields.value("image_digests")
    if images is not None and not isinstance(images, dict):
        fields.problem("image_digests", "an object of name and digest", images)
        images = None
    listed = fields.value("trial_problems")
    return RunFacts(
        run=fields.text("run"),
        commit=fields.text("commit", required=False),
        dirty=truth(fields, "dirty", default=True),
        status=fields.text("status", required=False),
        lane=fields.text("lane", required=False),
        seed=whole(fields, "seed"),
        started=moment(fields, "started"),
        finished=moment(fields, "finished"),
        code=fields.text("code", required=False),
        manifests=_digest(manifests, "production") if manifests else None,
        plan=_digest(fields, "plan_digest"),
        images={
            str(name): digest
            for name in sorted(images or {})
            if (digest := _digest(Fields(path, "image_digests.", images or {}, problems), name))
        },
        trial_problems=len(listed) if isinstance(listed, list) else 0,
    )


def truth(fields: Fields, name: str, *, default: bool | None = None) -> bool:
    """Return a boolean; ``default`` stands for an absent one where it may be absent."""
    value = fields.value(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, bool):
        fields.problem(name, "true or false", value)
        return True
    return value


def whole(fields: Fields, name: str) -> int | None:
    """Return a whole number, None when absent."""
    value = fields.value(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        fields.problem(name, "a whole number", value)
        return None
    return value


def moment(fields: Fields, name: str) -> datetime | None:
    """Return a time with its zone, None when absent."""
    text = fields.text(name, required=False)
    if not text:
        return None
    value: datetime | None = None
    with contextlib.suppress(ValueError):
        value = datetime.fromisoformat(text)
    if value is None or value.tzinfo is None:
        fields.problem(name, "a time with its zone, such as 2026-03-02T10:41:12+00:00", text)
        return None
    return value


def _digest(fields: Fields, name: str) -> str | None:
    text = fields.text(name, required=False)
    if not text:
        return None
    digest = text.removeprefix("sha256:")
    if not canonical.is_sha256(digest):
        fields.problem(name, "sha256: and 64 hexadecimal digits", text)
        return None
    return digest
