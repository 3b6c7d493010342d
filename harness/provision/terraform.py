"""Runs Terraform in the scratch copy: init, plan, show, apply; progress and readable errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import command
from harness.errors import AlreadyRunning, EnvironmentUnavailable, HarnessError, InputInvalid
from harness.provision.program import Program

PLAN_FILE = "smart-dairy-harness.tfplan"
# A real provider is a download of 150 MB.
INIT_LIMIT_SECONDS = 900.0
PLAN_LIMIT_SECONDS = 900.0
# Databases and clusters of an emulator take minutes; the real RDS would take far longer.
APPLY_LIMIT_SECONDS = 3600.0
# Calls under way when a person presses Ctrl-C are let to their end, so that the state knows them.
GRACE_SECONDS = 60.0

Report = Callable[[str], None]

_UNREACHABLE = ("EndpointConnectionError", "connection refused", "ConnectTimeoutError")
_LOCKED = "Error acquiring the state lock"
_NO_NETWORK = ("could not connect", "dial tcp", "no such host", "request canceled", "timeout")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Diagnostic:
    """One error or warning of Terraform: where it stands in the configuration, and what it says."""

    severity: str
    summary: str
    detail: str
    place: str
    address: str

    def sentence(self, sources: Mapping[str, str]) -> str:
        """Return one line; ``sources`` maps the copy's folder to the folder it was made from."""
        place = self.place
        if place and not place.startswith("/"):
            place = f"{next(iter(sources.values()), '.')}/{place}"
        for copy, source in sources.items():
            place = place.replace(copy, source)
        parts = [place, self.address, self.summary, " ".join(self.detail.split())]
        text = ": ".join(part for part in parts if part)
        for copy, source in sources.items():
            text = text.replace(copy, source)
        return text


@dataclass
class _Events:
    """What Terraform reported on its machine-readable stream so far."""

    report: Report
    verb: str
    total: int = 0
    done: int = 0
    diagnostics: list[Diagnostic] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)

    def take(self, line: str) -> None:
        """Take one line of output."""
        try:
            event = json.loads(line)
        except ValueError:
            if line.strip():
                self.plain.append(line)
            return
        kind = event.get("type") if isinstance(event, dict) else None
        if kind == "diagnostic":
            self.diagnostics.append(diagnostic(event["diagnostic"]))
        elif kind == "apply_progress":
            hook = event["hook"]
            self.report(
                f"{self.verb}: still at {hook['resource']['addr']} "
                f"({hook.get('action')}, {hook.get('elapsed_seconds', 0)} s)"
            )
        elif kind == "apply_complete" and event["hook"].get("action") != "read":
            self.done += 1
            hook = event["hook"]
            count = f"{self.done} of {self.total}" if self.total else str(self.done)
            self.report(
                f"{self.verb}: {count} done, {hook['resource']['addr']} "
                f"({hook.get('action')}, {hook.get('elapsed_seconds', 0)} s)"
            )

    def warnings(self) -> list[Diagnostic]:
        """Return the warnings, each once."""
        found = [d for d in self.diagnostics if d.severity == "warning"]
        return list(dict.fromkeys(found))

    def errors(self) -> list[Diagnostic]:
        """Return the errors, each once."""
        return list(dict.fromkeys(d for d in self.diagnostics if d.severity == "error"))


@dataclass(frozen=True)
class Terraform:
    """Terraform in one scratch copy.

    ``sources`` maps the copy's folder to the one it was made from, for messages.
    """

    program: Program
    folder: Path
    environment: Mapping[str, str]
    log: Path
    sources: Mapping[str, str]
    report: Report

    def init(self) -> float:
        """Install providers and local modules; return the seconds it took.

        Raises, with Terraform's own words, EnvironmentUnavailable where a registry does not answer
        and InputInvalid where the configuration asks for what there is not.
        """
        done = self._run(["init", "-input=false", "-no-color"], INIT_LIMIT_SECONDS)
        if done.returncode != 0:
            text = _squeezed(self._own(done.stdout + done.stderr))
            message = f"{self.program.title} init failed: {text}"
            unreachable = any(word in text for word in _NO_NETWORK)
            raise EnvironmentUnavailable(message) if unreachable else InputInvalid(message)
        return done.seconds

    def provider_version(self, source: str) -> str | None:
        """Return the version that init chose for a provider such as ``hashicorp/aws``."""
        done = self._run(["version", "-json"], 60)
        chosen = json.loads(done.stdout).get("provider_selections") or {}
        return next((v for name, v in chosen.items() if name.endswith(source)), None)

    def provider_schema(self) -> dict[str, Any]:
        """Return ``providers schema -json``: of a real provider, tens of seconds."""
        done = self._run(["providers", "schema", "-json"], INIT_LIMIT_SECONDS)
        if done.returncode != 0:
            raise EnvironmentUnavailable(
                f"The provider's schema cannot be read: {_squeezed(self._own(done.stderr))}"
            )
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def plan(self, options: Sequence[str], *, destroy: bool = False) -> tuple[list[str], float]:
        """Make a plan into PLAN_FILE; return its warnings and the seconds it took.

        Raises InputInvalid for an invalid configuration, EnvironmentUnavailable where the
        emulator does not answer.
        """
        events = _Events(self.report, "plan")
        words = ["plan", "-json", "-input=false", f"-out={PLAN_FILE}", *options]
        done = self._run(words + (["-destroy"] if destroy else []), PLAN_LIMIT_SECONDS, events)
        if done.returncode != 0:
            raise self._failure("plan", events)
        return [d.sentence(self.sources) for d in events.warnings()], done.seconds

    def show(self) -> bytes:
        """Return the plan's JSON."""
        done = self._run(["show", "-json", "-no-color", PLAN_FILE], PLAN_LIMIT_SECONDS)
        if done.returncode != 0:
            raise EnvironmentUnavailable(
                f"The plan cannot be shown: {_squeezed(self._own(done.stderr))}"
            )
        return done.stdout.strip().encode()

    def apply(self, total: int, verb: str = "apply") -> float:
        """Carry out the plan in PLAN_FILE; return the seconds it took.

        Raises AlreadyRunning where another run holds the state, EnvironmentUnavailable where
        something failed; what was done by then is in the state.
        """
        events = _Events(self.report, verb, total=total)
        words = ["apply", "-json", "-input=false", PLAN_FILE]
        done = self._run(words, APPLY_LIMIT_SECONDS, events, grace_seconds=GRACE_SECONDS)
        if done.returncode != 0:
            raise self._failure(verb, events)
        return done.seconds

    def _run(
        self,
        words: Sequence[str],
        limit_seconds: float,
        events: _Events | None = None,
        *,
        grace_seconds: float = 0,
    ) -> command.Completed:
        return command.run(
            [self.program.path, f"-chdir={self.folder}", *words],
            limit_seconds=limit_seconds,
            environment=self.environment,
            check=False,
            log=self.log if events is not None else None,
            on_line=events.take if events is not None else None,
            grace_seconds=grace_seconds,
        )

    def _failure(self, verb: str, events: _Events) -> HarnessError:
        errors = events.errors()
        printed = _squeezed(self._own("\n".join(events.plain)))
        sentences = [d.sentence(self.sources) for d in errors] or [
            f"{self.program.title} {verb} failed: {printed}"
        ]
        if any(d.summary == _LOCKED for d in errors):
            return AlreadyRunning(
                "Another run of Terraform holds this configuration's state. "
                "Next step: wait for it to end, or stop it with Ctrl-C there."
            )
        text = " ".join(sentences)
        if any(word in text for word in _UNREACHABLE):
            remedy = "Next step: see that the endpoint answers (python -m harness status)."
            return EnvironmentUnavailable("\n".join([*sentences, remedy]))
        if verb == "plan":
            return InputInvalid(sentences)
        remedy = (
            f"{events.done} of {events.total} changes were done and are in the state. Next step: "
            "correct the cause and run apply again, or destroy."
        )
        return EnvironmentUnavailable("\n".join([*sentences, remedy]))

    def _own(self, text: str) -> str:
        for copy, source in self.sources.items():
            text = text.replace(copy, source)
        return text


def diagnostic(document: Mapping[str, Any]) -> Diagnostic:
    """Return a diagnostic from Terraform's JSON."""
    found = document.get("range") or {}
    place = ""
    if found:
        place = f"{found.get('filename', '')}:{(found.get('start') or {}).get('line', '')}"
    return Diagnostic(
        severity=str(document.get("severity", "error")),
        summary=str(document.get("summary", "")),
        detail=str(document.get("detail", "")),
        place=place,
        address=str(document.get("address", "")),
    )


def _squeezed(text: str) -> str:
    drawn = str.maketrans(dict.fromkeys("╷╵│", " "))
    return " ".join(_COLOUR.sub("", text).translate(drawn).split()) or "nothing was printed"
