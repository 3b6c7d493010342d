"""What each command does; returns an answer, prints nothing."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from harness import audit_lane, command, evidence, gate_commands, lanes, provision_commands, safety
from harness.answers import Answer, Options
from harness.chaos.undo import UndoLog
from harness.errors import ExitCode, FaultFailed
from harness.plan import Sabotages
from harness.progress import Board
from harness.report import stack_tables
from harness.stack import aws, containers, credentials, engine, host, layout, lifecycle, lock
from harness.stack.attach import attach, read_record
from harness.stack.aws_control import Control
from harness.stack.folders import Folders, folders


def doctor(options: Options, stop: threading.Event) -> Answer:
    """Say what is missing on this host and what mends it."""
    checks = host.inspect(folders())
    problems = [check for check in checks if check.state is host.State.PROBLEM]
    return Answer(
        text=stack_tables.checks(checks),
        data=host.as_json(checks),
        exit_code=ExitCode.UNAVAILABLE if problems else ExitCode.SUPPORTED,
    )


def up(options: Options, stop: threading.Event) -> Answer:
    """Bring the whole stack up."""
    refuse_real_accounts()
    where = folders()
    with _locked(where, "up"), _board(options) as board:
        timing = bring_up(where, options, board)
        rows = lifecycle.status(attach(board.report))
    seconds = {name: round(value, 1) for name, value in timing.seconds.items()}
    return Answer(
        text=stack_tables.status(rows) + "\nThe stack is up. Take it down: python -m harness down",
        data={"parts": [dataclasses.asdict(row) for row in rows], "seconds": seconds},
    )


def down(options: Options, stop: threading.Event) -> Answer:
    """Remove everything but the cache."""
    where = folders()
    with _locked(where, "down"), _board(options) as board:
        removed = lifecycle.down(where, board.report, keep_images=options.keep_images)
    text = f"Removed {len(removed)} things of the stack." if removed else "Nothing was up."
    return Answer(text=text, data={"removed": removed})


def status(options: Options, stop: threading.Event) -> Answer:
    """Show the parts of the stack and where its credentials stand."""
    context = attach(lambda line: None)
    if options.aws:
        listed = Control(aws.endpoint(context)).operations()
        return Answer(
            text=stack_tables.operations(listed),
            data={service: groups.as_json() for service, groups in listed.items()},
        )
    rows = lifecycle.status(context)
    places = {
        "kubeconfig": str(context.folders.kubeconfig),
        **credentials.public_view(context.credentials),
    }
    return Answer(
        text=stack_tables.status(rows) + "\n" + stack_tables.places(places),
        data={"run": context.run, "parts": [dataclasses.asdict(r) for r in rows], "files": places},
    )


def emulate(options: Options, stop: threading.Event) -> Answer:
    """Bring the stack up, run the experiments, judge and report."""
    refuse_real_accounts()
    where = folders()
    prepared = lanes.prepare(_request(options), where)
    if options.dry_run:
        return Answer(text=lanes.plan_text(prepared), data=lanes.plan_data(prepared))
    with _locked(where, "emulate"):
        with _board(options) as board:
            bring_up(where, options, board)
            context = attach(board.report)
            if options.no_chaos:
                rows = lifecycle.status(context)
                return Answer(
                    text=stack_tables.status(rows)
                    + "\nThe stack is up, nothing was broken. "
                    + "Take it down: python -m harness down",
                    data={"parts": [dataclasses.asdict(row) for row in rows]},
                )
            outcome = lanes.execute(prepared, context, stop)
        if options.down:
            with _board(options) as board:
                lifecycle.down(where, board.report)
    kept = "" if options.down else "\nThe stack stays up. Take it down: python -m harness down"
    return _verdict(outcome, kept)


def run(options: Options, stop: threading.Event) -> Answer:
    """Run experiments on the stack that is up."""
    refuse_real_accounts()
    where = folders()
    prepared = lanes.prepare(_request(options), where)
    if options.dry_run:
        return Answer(text=lanes.plan_text(prepared), data=lanes.plan_data(prepared))
    with _locked(where, "run"), _board(options) as board:
        context = attach(board.report)
        heal(where, board)
        outcome = lanes.execute(prepared, context, stop)
    return _verdict(outcome, "")


def judge(options: Options, stop: threading.Event) -> Answer:
    """Judge stored histories again."""
    return _verdict(lanes.judge_again(Path(options.path), folders()), "")


def report(options: Options, stop: threading.Event) -> Answer:
    """Write the report of a stored run again."""
    written = lanes.report_again(Path(options.path))
    return Answer(
        text="\n".join(str(path) for path in written), data={"files": list(map(str, written))}
    )


def differences(options: Options, stop: threading.Event) -> Answer:
    """List what the emulation changes against production; needs no stack."""
    found = evidence.differences(None)
    return Answer(text=stack_tables.differences(found), data={"differences": found})


def recover(options: Options, stop: threading.Event) -> Answer:
    """Heal what an interrupted run left behind."""
    where = folders()
    with _locked(where, "recover"), _board(options) as board:
        if read_record(where) is None:
            return Answer(text="No stack is up: nothing to heal.", data={"healed": []})
        engine.ensure(where, install=False, report=board.report)
        healed = heal(where, board)
    text = "\n".join(f"healed: {what}" for what in healed) or "No fault was left."
    return Answer(text=text, data={"healed": healed})


def audit(options: Options, stop: threading.Event) -> Answer:
    """Judge plans, manifests, monitoring and pipelines without running anything."""
    sources = audit_lane.sources_of(
        options.terraform, options.kubernetes, options.monitoring, options.pipeline
    )
    outcome = audit_lane.run(sources, sarif=Path(options.sarif) if options.sarif else None)
    return Answer(text=outcome.text, data=outcome.document, exit_code=outcome.exit_code)


COMMANDS: Mapping[str, Callable[[Options, threading.Event], Answer]] = {
    "audit": audit,
    "doctor": doctor,
    "up": up,
    "down": down,
    "status": status,
    "emulate": emulate,
    "run": run,
    "judge": judge,
    "report": report,
    "recover": recover,
    "differences": differences,
    **gate_commands.COMMANDS,
    **provision_commands.COMMANDS,
}


def refuse_real_accounts() -> None:
    """Refuse, before anything starts, whatever could reach a real AWS account."""
    safety.refuse_real_aws(os.environ, Path.home())
    safety.refuse_remote_engine(os.environ)


def bring_up(where: Folders, options: Options, board: Board) -> lifecycle.Timing:
    """Check the host, heal what is left over, and bring every part up."""
    host.require(host.inspect(where))
    context = lifecycle.prepare(
        where,
        install=not options.no_install,
        report=board.report,
        empty_account=options.empty_account,
    )
    heal(where, board)
    return lifecycle.up(context)


def heal(where: Folders, board: Board) -> list[str]:
    """Replay the undo log and return what was healed.

    Starts first what is stopped: after a crash of the engine everything is, and healing a fault
    needs the parts around it. Raises FaultFailed when something could not be healed.
    """
    log = UndoLog.of(where)
    if not log.pending():
        return []
    command.allow_again()
    context = attach(board.report)
    containers.resume(context, layout.all_containers())
    results = log.replay(board.report)
    failed = [r for r in results if not r.healed]
    if failed:
        raise FaultFailed(
            "Not everything could be healed: "
            + " ".join(f"{r.entry.what if r.entry else 'undo log'}: {r.error}." for r in failed)
            + " Next step: python -m harness down, then up"
        )
    return [r.entry.what for r in results if r.entry is not None]


def _locked(where: Folders, purpose: str) -> Any:
    return lock.held(where.cache, purpose=purpose)


def _board(options: Options) -> Board:
    return Board(Console(stderr=True), quiet=options.json)


def _request(options: Options) -> lanes.Request:
    return lanes.Request(
        lane=options.lane,
        only=tuple(options.words),
        trials=options.trials,
        seed=options.seed,
        sabotages=Sabotages(options.sabotages),
    )


def _verdict(outcome: lanes.Outcome, suffix: str) -> Answer:
    codes = {
        "supported": ExitCode.SUPPORTED,
        "refuted": ExitCode.REFUTED,
        "inconclusive": ExitCode.INCONCLUSIVE,
    }
    return Answer(
        text=outcome.text + f"\nReport: {outcome.report}{suffix}",
        data=outcome.document,
        exit_code=codes[str(outcome.document["verdict"])],
    )
