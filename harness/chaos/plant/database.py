"""Planted defects in the database. WARNING: they make the running stack lose data."""

from __future__ import annotations

from typing import Any

from docker.models.containers import Container

from harness import polling
from harness.chaos import session as sessions
from harness.chaos.database import process
from harness.chaos.session import Session
from harness.errors import FaultFailed, LimitExceeded, ProbeFailed
from harness.model.history import Phase
from harness.stack import layout

__all__ = ["hold_back_log", "pause_failover", "stop_failover_agent"]

FAULT = "plant"
# A change of the dynamic configuration is read within one loop_wait (2 s) by each server.
CONFIGURE_LIMIT_SECONDS = 30.0
PROOF_LIMIT_SECONDS = 10.0
SETTLE_SECONDS = 6.0


def hold_back_log(hold_seconds: float) -> dict[str, Any]:
    """Make the standby asynchronous and hold the log back for ``hold_seconds``.

    The primary's log senders are stopped (SIGSTOP), so rows acknowledged from then on exist on
    the primary only; the standby itself stays healthy and can be promoted without hindrance,
    which it could not with its own receiver stopped.
    """
    now = sessions.current()
    primary, container = _make_asynchronous(now)
    senders = [p.pid for p in process.wal_senders(process.running(container))]
    if not senders:
        raise FaultFailed(f"Log senders of {primary}: expected at least one, got none.")
    now.begin(
        FAULT,
        what=f"log held back on {primary}",
        undo="harness.chaos.database.undo:resume",
        arguments={"server": primary, "pids": senders},
        evidence={"server": primary, "pids": senders},
    )
    process.send(container, "STOP", senders)
    now.prove(
        FAULT,
        lambda: _stopped(container, senders),
        what=f"log senders {senders} to be stopped",
        limit_seconds=PROOF_LIMIT_SECONDS,
    )
    if polling.pause(hold_seconds, stop=now.waiting):
        raise LimitExceeded("Stopped while the log was held back.")
    return {"targets": [primary]}


def pause_failover() -> dict[str, Any]:
    """Pause the failover manager, as before maintenance, and leave it so: nobody is promoted."""
    now = sessions.current()
    patroni = now.tools.patroni
    now.begin(
        FAULT,
        what="failover paused",
        undo="harness.chaos.database.undo:configure",
        arguments={"settings": {"pause": patroni.configuration().get("pause")}},
        evidence={"pause": True},
    )
    patroni.configure({"pause": True})
    now.prove(
        FAULT,
        lambda: {"pause": True} if patroni.configuration().get("pause") else None,
        what="the failover manager to be paused",
        limit_seconds=CONFIGURE_LIMIT_SECONDS,
    )
    # Each server reads the setting once in a loop_wait of 2 s; a kill before that would fail over.
    if polling.pause(SETTLE_SECONDS, stop=now.waiting):
        raise LimitExceeded("Stopped while the pause took effect.")
    return {"targets": list(layout.DATABASES)}


def stop_failover_agent() -> dict[str, Any]:
    """Stop the primary's failover agent (SIGSTOP) in an asynchronous pair: nobody fences it.

    A synchronous pair would not acknowledge a write without its standby, which is a fence of
    its own.
    """
    now = sessions.current()
    primary, container = _make_asynchronous(now)
    agent = process.failover_agent(process.running(container))
    if agent is None:
        raise FaultFailed(f"Failover agent of {primary}: expected a process, got none.")
    now.begin(
        FAULT,
        what=f"failover agent stopped on {primary}",
        undo="harness.chaos.database.undo:resume",
        arguments={"server": primary, "pids": [agent.pid]},
        evidence={"server": primary, "pids": [agent.pid]},
    )
    process.send(container, "STOP", [agent.pid])
    now.prove(
        FAULT,
        lambda: _stopped(container, [agent.pid]),
        what=f"process {agent.pid} to be stopped",
        limit_seconds=PROOF_LIMIT_SECONDS,
    )
    return {"targets": [primary]}


def _make_asynchronous(now: Session) -> tuple[str, Container]:
    patroni = now.tools.patroni
    settings = patroni.configuration()
    original = {key: settings.get(key) for key in ("synchronous_mode", "synchronous_mode_strict")}
    now.begin(
        FAULT,
        what="asynchronous standby",
        undo="harness.chaos.database.undo:configure",
        arguments={"settings": original, "synchronous": bool(original["synchronous_mode"])},
        evidence=original,
    )
    patroni.configure({"synchronous_mode": False, "synchronous_mode_strict": None})
    now.wait_until(
        lambda: not patroni.cluster().synchronous,
        what="the pair to be asynchronous",
        limit_seconds=CONFIGURE_LIMIT_SECONDS,
        ignore=(ProbeFailed,),
    )
    primary = patroni.cluster().primary
    if primary is None:
        raise FaultFailed("Asynchronous standby: expected a primary, got none.")
    now.recorder.fault(FAULT, Phase.PROVEN, {"synchronous": []})
    return primary.name, now.tools.container(primary.name)


def _stopped(container: Container, pids: list[int]) -> dict[str, Any] | None:
    states = {p.pid: p.state for p in process.running(container) if p.pid in pids}
    if len(states) != len(pids) or not all(s.startswith("T") for s in states.values()):
        return None
    return {"states": {str(pid): state for pid, state in states.items()}}
