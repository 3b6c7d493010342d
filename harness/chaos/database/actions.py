"""Faults on the database's primary. WARNING: they kill and freeze the running stack's database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from docker.models.containers import Container

from harness import clock, polling
from harness.chaos import session as sessions
from harness.chaos.database import process
from harness.chaos.session import Session
from harness.clients.recorder import brief
from harness.clients.sql import DatabaseTarget, try_write
from harness.errors import FaultFailed, ProbeFailed

__all__ = ["hang", "kill_container", "kill_postmaster", "return_old_primary"]

# The engine and the process table show an end or a freeze at once; ten seconds covers a host
# without CPU.
PROOF_LIMIT_SECONDS = 10.0
# As fast as a reconnecting application, so that a window without fencing is not slept through.
FENCING_SPACING_SECONDS = 0.1
# Longer than an INSERT on a healthy server takes, shorter than an application would wait.
FENCING_DEADLINE_SECONDS = 2.0


def kill_postmaster() -> dict[str, Any]:
    """Send SIGKILL to the first process of PostgreSQL on the primary; its host stays up."""
    now = sessions.current()
    server, container = _primary(now)
    found = process.postmaster(process.running(container))
    if found is None:
        raise FaultFailed(f"Postmaster of {server}: expected one, got no such process.")
    pid = found.pid

    def proof() -> Mapping[str, Any] | None:
        alive = {p.pid: p for p in process.running(container)}
        left = alive.get(pid)
        if left is not None and left.arguments == found.arguments and "Z" not in left.state:
            return None
        return {"server": server, "pid": [pid, None]}

    return _break(
        now,
        "database_postmaster_kill",
        server,
        what=f"kill -9 of the postmaster on {server}",
        effect=lambda: process.send(container, "KILL", [pid]),
        proof=proof,
    )


def kill_container() -> dict[str, Any]:
    """Kill the primary's container, as the loss of its host does."""
    now = sessions.current()
    server, container = _primary(now)
    return _break(
        now,
        "database_container_kill",
        server,
        what=f"kill of container {server}",
        effect=container.kill,
        proof=lambda: state_proof(container, "exited"),
    )


def hang() -> dict[str, Any]:
    """Freeze the primary's container: its address answers, nothing behind it does."""
    now = sessions.current()
    server, container = _primary(now)
    return _break(
        now,
        "database_hang",
        server,
        what=f"hang of container {server}",
        effect=container.pause,
        proof=lambda: state_proof(container, "paused"),
    )


def return_old_primary(fencing_seconds: float = 5.0) -> dict[str, Any]:
    """Bring the old primary back while writing to it, until it follows the new one.

    Each change in its answer is recorded as ``old_primary_write``; a server that gives no
    answer has refused nothing and is not recorded. Writing goes on for ``fencing_seconds``
    after it is back.
    """
    now = sessions.current()
    server: str = now.notes["database_old_primary"]
    done = threading.Event()
    writer = threading.Thread(
        target=_write_until, args=(now, server, done), name="old-primary-write", daemon=True
    )
    writer.start()
    try:
        now.heal(now.notes["database_undo"])
        polling.pause(fencing_seconds, stop=now.waiting)
    finally:
        done.set()
        writer.join(FENCING_DEADLINE_SECONDS * 4)
    return {"targets": [server]}


def state_proof(container: Container, wanted: str) -> Mapping[str, Any] | None:
    """Return the engine's evidence that a container is in the wanted state."""
    container.reload()
    if container.status != wanted:
        return None
    state = container.attrs.get("State", {})
    return {
        "server": container.name,
        "state": ["running", container.status],
        "started_at": state.get("StartedAt"),
        "finished_at": state.get("FinishedAt") if wanted == "exited" else None,
    }


def _primary(now: Session) -> tuple[str, Container]:
    view = now.tools.patroni.cluster()
    if view.primary is None or view.timeline is None:
        raise FaultFailed(
            "Database fault: expected a primary with a known timeline, got "
            f"{view.observation()}. Next step: python -m harness status"
        )
    now.notes["database_old_primary"] = view.primary.name
    now.notes["database_old_timeline"] = view.timeline
    return view.primary.name, now.tools.container(view.primary.name)


def _break(
    now: Session,
    fault: str,
    server: str,
    *,
    what: str,
    effect: Callable[[], Any],
    proof: Callable[[], Mapping[str, Any] | None],
) -> dict[str, Any]:
    timeline = now.notes["database_old_timeline"]
    now.notes["database_undo"] = now.begin(
        fault,
        what=what,
        undo="harness.chaos.database.undo:rejoin",
        arguments={"server": server},
        evidence={"server": server, "timeline": timeline},
    )
    issued_at = clock.monotonic()
    effect()
    effective_at = clock.monotonic()
    now.prove(
        fault,
        proof,
        what=what,
        limit_seconds=PROOF_LIMIT_SECONDS,
        issued_at=issued_at,
        effective_at=effective_at,
    )
    return {"targets": [server], "timeline": timeline}


def _write_until(now: Session, server: str, done: threading.Event) -> None:
    context = now.tools.context
    target = DatabaseTarget.of(context.credentials)
    address = context.layout.address(server)
    last: object = None
    silent = ""
    while not done.is_set():
        try:
            refused, error = try_write(
                address, target, trial=now.trial, deadline_seconds=FENCING_DEADLINE_SECONDS
            )
            answer = (refused, error)
            if answer != last:
                value = {"server": server, "refused": refused, "error": error}
                now.recorder.observe("old_primary_write", value)
            last = answer
        except ProbeFailed as error:
            silent = brief(error)
        polling.pause(FENCING_SPACING_SECONDS, stop=done)
    if last is None:
        now.recorder.observe("old_primary_silent", {"server": server, "error": silent})
