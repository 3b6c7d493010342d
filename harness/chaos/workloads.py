"""The clients that an experiment may name under its control, by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.chaos.session import Session
from harness.clients.cache import CacheTarget, CacheWorkload
from harness.clients.http import HttpTarget, HttpWorkload
from harness.clients.resolver import EndpointResolver
from harness.clients.sql import DatabaseTarget, SqlWorkload
from harness.clients.workload import DEADLINE_SECONDS, SPACING_SECONDS, Workload
from harness.stack import layout


def http(
    session: Session,
    *,
    path: str = "/web/health",
    clients: int = 1,
    spacing_seconds: float = SPACING_SECONDS,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> Workload:
    """Return paced requests to the backend Service from outside the cluster."""
    return HttpWorkload(
        session.recorder,
        backend_target(session, path),
        clients=clients,
        spacing_seconds=spacing_seconds,
        deadline_seconds=deadline_seconds,
    )


def sql(
    session: Session,
    *,
    spacing_seconds: float = SPACING_SECONDS,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> Workload:
    """Return paced inserts at the database's primary endpoint."""
    context = session.tools.context
    return SqlWorkload(
        session.recorder,
        DatabaseTarget.of(context.credentials),
        EndpointResolver(context.layout.address(layout.RESOLVER)),
        trial=session.trial,
        spacing_seconds=spacing_seconds,
        deadline_seconds=deadline_seconds,
    )


def cache(
    session: Session,
    *,
    spacing_seconds: float = SPACING_SECONDS,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> Workload:
    """Return paced writes at the cache's primary endpoint."""
    context = session.tools.context
    return CacheWorkload(
        session.recorder,
        CacheTarget.of(context.credentials),
        EndpointResolver(context.layout.address(layout.RESOLVER)),
        trial=session.trial,
        spacing_seconds=spacing_seconds,
        deadline_seconds=deadline_seconds,
    )


KINDS: Mapping[str, Callable[..., Workload]] = {"http": http, "sql": sql, "cache": cache}


def make(session: Session, description: Mapping[str, Any]) -> Workload:
    """Return the workload that ``{"kind": ..., settings}`` describes."""
    settings = {key: value for key, value in description.items() if key != "kind"}
    return KINDS[str(description["kind"])](session, **settings)


def backend_target(session: Session, path: str) -> HttpTarget:
    """Return the backend Service as the host reaches it: the control plane's node port."""
    address = session.tools.context.layout.address(layout.CONTROL_PLANE)
    return HttpTarget(address=address, port=layout.BACKEND_NODE_PORT, path=path)
