"""Undos of faults on database servers; each may run again at any time."""

from __future__ import annotations

from typing import Any

from docker.models.containers import Container

from harness import clock, polling
from harness.chaos import tools
from harness.chaos.database import process
from harness.errors import FaultFailed, ProbeFailed

# pg_rewind and a start took about 10 s; a new base backup, where rewinding is impossible, half
# a minute on a busy two-core host.
REJOIN_LIMIT_SECONDS = 180.0
# A healthy server is fenced or follows within a few seconds of its return.
RESUME_AFTER_SECONDS = 15.0
# A change of the dynamic configuration is read within one loop_wait of 2 s.
CONFIGURE_LIMIT_SECONDS = 60.0


def rejoin(server: str) -> dict[str, Any]:
    """Start or thaw a database server and wait until it leads or streams.

    What a plant left in its way (stopped processes, failover paused) is let go after
    RESUME_AFTER_SECONDS, because the server could never follow with it.
    """
    hand = tools.current()
    container = hand.container(server)
    if container.status == "paused":
        container.unpause()
    elif container.status != "running":
        container.start()
    started = clock.monotonic()

    def serving() -> str | None:
        if clock.monotonic() - started >= RESUME_AFTER_SECONDS:
            _let_go(hand, container)
        return _serving_role(hand, server)

    role = polling.wait_until(
        serving,
        what=f"{server} to lead or to stream from the primary",
        limit_seconds=REJOIN_LIMIT_SECONDS,
        interval_seconds=0.5,
        ignore=(ProbeFailed, FaultFailed),
        hint=f"docker logs {server}",
    )
    return {"server": server, "role": role}


def configure(settings: dict[str, Any], synchronous: bool = False) -> dict[str, Any]:
    """Set the failover manager's settings back and wait for a synchronous standby if wanted."""
    hand = tools.current()
    polling.wait_until(
        lambda: _configured(hand, settings),
        what=f"the failover manager to take {settings}",
        limit_seconds=CONFIGURE_LIMIT_SECONDS,
        interval_seconds=1.0,
        ignore=(ProbeFailed,),
    )
    if synchronous:
        polling.wait_until(
            lambda: hand.patroni.cluster().synchronous,
            what="a synchronous standby",
            limit_seconds=REJOIN_LIMIT_SECONDS,
            interval_seconds=0.5,
            ignore=(ProbeFailed,),
        )
    return {"settings": settings}


def resume(server: str, pids: list[int]) -> dict[str, Any]:
    """Let stopped processes go on; those that are gone meanwhile need nothing."""
    container = tools.current().container(server)
    if container.status != "running":
        return {"server": server, "resumed": []}
    stopped = [p.pid for p in process.running(container) if p.pid in pids and p.stopped]
    if stopped:
        process.send(container, "CONT", stopped)
    return {"server": server, "resumed": stopped}


def _let_go(hand: tools.Tools, container: Container) -> None:
    container.reload()
    stopped = [p.pid for p in process.running(container) if p.stopped]
    if stopped:
        process.send(container, "CONT", stopped)
    if hand.patroni.configuration().get("pause"):
        hand.patroni.configure({"pause": None})


def _serving_role(hand: tools.Tools, server: str) -> str | None:
    member = hand.patroni.cluster().member(server)
    return member.role if member is not None and member.serves else None


def _configured(hand: tools.Tools, settings: dict[str, Any]) -> bool:
    hand.patroni.configure(settings)
    found = hand.patroni.configuration()
    return all(found.get(key) == value for key, value in settings.items())
