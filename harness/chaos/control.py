"""Chaos Toolkit control of every experiment: clients and watchers around the method.

Declared in each experiment under ``controls`` with the workloads and watchers it needs. chaoslib
swallows what a control raises, so every error here is kept as a problem of the session, and an
execution that must not go on is ended with InterruptExecution.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from chaoslib.exceptions import InterruptExecution

from harness.chaos import session
from harness.chaos import workloads as workload_kinds
from harness.chaos.pod import reading
from harness.chaos.watchers import Watchers
from harness.clients.recorder import brief
from harness.clients.workload import Workload

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)

_running: dict[str, Any] = {}


def handle_signals() -> None:
    """Turn a request to stop into the session's stop event.

    Nothing is raised in the handler: an exception inside an action would be recorded as a
    failed activity and the experiment would go on.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        session.current().stop.set()

    for number in STOP_SIGNALS:
        signal.signal(number, handle)


def configure_control(**arguments: Any) -> None:
    """Take the signals back: chaoslib has just installed handlers of its own."""
    handle_signals()


def before_experiment_control(
    context: Any,
    workloads: Sequence[dict[str, Any]] = (),
    watchers: Sequence[str] = (),
    experiment: dict[str, Any] | None = None,
    **arguments: Any,
) -> None:
    """Start the watchers, then the workloads."""
    now = session.current()
    now.notes["hypothesis"] = (experiment or {}).get("steady-state-hypothesis")
    try:
        _start(workloads, watchers)
    # The edge to chaoslib, which would log the error at debug level and go on.
    except Exception as error:
        now.problems.append(f"Clients and watchers did not start: {brief(error)}")
        raise InterruptExecution(str(error)) from error


def after_hypothesis_control(context: Any, state: Any = None, **arguments: Any) -> None:
    """Record whether the steady-state hypothesis held."""
    met = bool(state and state.get("steady_state_met"))
    what = "all probes within tolerance"
    if not met:
        last = (state or {}).get("probes", [{}])[-1]
        name = (last.get("activity") or {}).get("name", "no probe ran")
        what = f"{name}: got {last.get('output')!r}"
    session.current().recorder.observe("steady", {"holds": met, "what": what})


def before_activity_control(context: Any, **arguments: Any) -> None:
    """End the execution before the next activity once the trial was asked to stop."""
    _leave_if_stopped()


def after_activity_control(context: Any, state: Any = None, **arguments: Any) -> None:
    """End the execution after a failed action: what follows it would test nothing."""
    now = session.current()
    _leave_if_stopped()
    failed = state is not None and state.get("status") != "succeeded"
    if failed and context.get("type") == "action" and not now.healing:
        raise InterruptExecution(f"Action {context.get('name')!r} failed; healing.")


def before_rollback_control(context: Any, **arguments: Any) -> None:
    """From here on nothing is cut short by a request to stop."""
    session.current().healing = True


def after_experiment_control(context: Any, **arguments: Any) -> None:
    """Stop the workloads, read back what they wrote, stop the watchers."""
    stop_all()


def stop_all() -> None:
    """Stop everything that was started; each problem is kept, none hides another."""
    now = session.current()
    load = now.notes.pop("load", None)
    if load is not None:
        _kept(now, "stop the load", load.stop)
    for workload in _running.pop("workloads", []):
        _kept(now, "stop a workload", workload.stop)
        if hasattr(workload, "final_read") and not now.stop.is_set():
            _kept(now, "read back what a workload wrote", workload.final_read)
    watchers: Watchers | None = _running.pop("watchers", None)
    if watchers is not None:
        _kept(now, "stop the watchers", watchers.stop)


def _start(descriptions: Sequence[dict[str, Any]], watchers: Sequence[str]) -> None:
    now = session.current()
    if "hpa" in watchers:
        # A plant may remove the request, and the load must still be measured against it.
        now.notes["cpu_request_millicores"] = reading.cpu_request_millicores(now.tools.kube)
    watching = Watchers(now, watchers)
    _running["watchers"] = watching
    now.on_silence = watching.silence
    watching.start()
    started: list[Workload] = []
    _running["workloads"] = started
    for description in descriptions:
        workload = workload_kinds.make(now, description)
        workload.start()
        started.append(workload)


def _kept(now: session.Session, what: str, action: Callable[[], None]) -> None:
    try:
        action()
    # Cleaning up: one failure must not keep the rest from being stopped.
    except Exception as error:
        now.problems.append(f"Could not {what}: {brief(error)}")


def _leave_if_stopped() -> None:
    now = session.current()
    if now.stop.is_set() and not now.healing:
        raise InterruptExecution("The trial was asked to stop.")
