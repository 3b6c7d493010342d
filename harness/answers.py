"""What goes into a command and what comes out of it: options and an answer, nothing printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from harness.errors import ExitCode
from harness.plan import Lane

AGE_MAX = timedelta(days=30)


@dataclass(frozen=True)
class Options:
    """The arguments of any command, with their defaults."""

    command: str
    json: bool = False
    no_install: bool = False
    empty_account: bool = False
    keep_images: bool = False
    aws: bool = False
    no_chaos: bool = False
    keep: bool = False
    down: bool = False
    experiments: Sequence[str] = ()
    only: Sequence[str] = ()
    full: bool = False
    trials: int | None = None
    seed: int | None = None
    sabotages: str = "missing"
    dry_run: bool = False
    path: str = ""
    key: str | None = None
    plan: str | None = None
    out: str = ""
    attestation: str = ""
    manifests: str | None = None
    commit: str | None = None
    age_max: timedelta = AGE_MAX
    asked_lane: str | None = None
    terraform: Sequence[str] = ()
    kubernetes: Sequence[str] = ()
    monitoring: Sequence[str] = ()
    pipeline: Sequence[str] = ()
    sarif: str = ""
    root: str = ""
    endpoint: str = ""
    provider: str = "auto"
    mirror: str = ""
    var: Sequence[str] = ()
    var_file: Sequence[str] = ()

    @property
    def words(self) -> list[str]:
        """Return the words of --only and the experiments named, commas split."""
        given = [*self.only, *self.experiments]
        return [word.strip() for text in given for word in text.split(",") if word.strip()]

    @property
    def lane(self) -> Lane:
        """Return the lane that was asked for."""
        return Lane.FULL if self.full else Lane.QUICK


@dataclass(frozen=True)
class Answer:
    """What a command has to say, for people and for machines."""

    text: str = ""
    data: Any = None
    exit_code: int = ExitCode.SUPPORTED
