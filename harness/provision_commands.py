"""The commands plan, apply and destroy; each returns an answer and prints nothing."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console

from harness import safety
from harness.answers import Answer, Options
from harness.errors import EnvironmentUnavailable, InputInvalid
from harness.progress import Board
from harness.provision import provisioning
from harness.provision.provider import Choice
from harness.provision.provisioning import Outcome, Request
from harness.provision.standin_package import store
from harness.report import provision_tables
from harness.stack import lock
from harness.stack.folders import INFRA, Folders, folders
from harness.stack.layout import Layout


def plan(options: Options, stop: threading.Event) -> Answer:
    """Plan a configuration; needs no stack, then planned as for an empty account."""
    where = folders()
    with _board(options) as board:
        outcome = provisioning.plan(_request(options, needed=False), where, board.report)
    return _answer(options, outcome, done=False)


def apply(options: Options, stop: threading.Event) -> Answer:
    """Apply a configuration to the emulated AWS."""
    where = folders()
    with _board(options) as board:
        request = _request(options, needed=True)
        with _stack_lock(where, options, "apply"):
            outcome = provisioning.apply(request, where, board.report)
    return _answer(options, outcome, done=True)


def destroy(options: Options, stop: threading.Event) -> Answer:
    """Remove what apply made."""
    where = folders()
    with _board(options) as board:
        request = _request(options, needed=True)
        with _stack_lock(where, options, "destroy"):
            outcome = provisioning.destroy(request, where, board.report)
    return _answer(options, outcome, done=True)


COMMANDS: Mapping[str, Callable[[Options, threading.Event], Answer]] = {
    "plan": plan,
    "apply": apply,
    "destroy": destroy,
}


def _request(options: Options, *, needed: bool) -> Request:
    safety.refuse_real_aws(os.environ, Path.home())
    endpoint, addresses = options.endpoint or None, Layout()
    if endpoint is None:
        endpoint, addresses = _of_the_stack(needed=needed)
    return Request(
        addresses=addresses,
        source=Path(options.root) if options.root else INFRA / "terraform" / "production",
        endpoint=endpoint,
        choice=Choice(options.provider),
        mirror=Path(options.mirror) if options.mirror else None,
        variables=tuple(options.var),
        variable_files=tuple(map(Path, options.var_file)),
    )


def _answer(options: Options, outcome: Outcome, *, done: bool) -> Answer:
    files = {"plan": str(outcome.path)}
    if options.out:
        files["out"] = options.out
        _write_out(Path(options.out), outcome)
    text = provision_tables.changes(outcome.rows, outcome.record, done=done)
    return Answer(
        text=text + f"\nPlan:     {files.get('out', files['plan'])}",
        data={**outcome.record, "files": files},
    )


def _write_out(path: Path, outcome: Outcome) -> None:
    try:
        store(path, outcome.plan, mode=0o600)
        record = outcome.path.with_suffix(".record.json").read_bytes()
        store(path.with_name(path.name + ".record.json"), record, mode=0o600)
    except OSError as error:
        raise InputInvalid(
            f"--out {path}: expected a file that can be written, got: {error}."
        ) from error


def _of_the_stack(*, needed: bool) -> tuple[str | None, Layout]:
    # Here, because a plan of a configuration alone needs no engine and not its client library.
    from harness.stack import aws  # noqa: PLC0415
    from harness.stack.attach import attach  # noqa: PLC0415

    try:
        context = attach(lambda line: None)
        return aws.endpoint(context), context.layout
    except EnvironmentUnavailable as error:
        if needed:
            error.add_note("Or name an emulator with --endpoint URL.")
            raise
        return None, Layout()


def _stack_lock(where: Folders, options: Options, purpose: str) -> AbstractContextManager[Any]:
    if options.endpoint:
        return nullcontext()
    return lock.held(where.cache, purpose=purpose)


def _board(options: Options) -> Board:
    return Board(Console(stderr=True), quiet=options.json)
