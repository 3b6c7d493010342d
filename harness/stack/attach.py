"""The context of a stack that is up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from harness.errors import EnvironmentUnavailable
from harness.stack import credentials, engine, images, network
from harness.stack.context import Context
from harness.stack.folders import Folders, folders

# In the record of the stack: what the emulated account held when it came up.
ACCOUNT = "account"
SEEDED = "seeded"
EMPTY = "empty"


def attach(report: Callable[[str], None] = print) -> Context:
    """Return the context of the stack that is up.

    Raises EnvironmentUnavailable with the next step when there is none.
    """
    where = folders()
    client = engine.connect()
    record = read_record(where)
    addresses = network.existing(client) if client is not None else None
    if client is None or record is None or addresses is None:
        missing = "engine" if client is None else "state" if record is None else "network"
        raise EnvironmentUnavailable(
            f"The stack is not up: its {missing} was not found. Next step: python -m harness up"
        )
    return Context(
        engine=client,
        run=record["run"],
        layout=addresses,
        folders=where,
        credentials=credentials.ensure(where.state, addresses),
        images=images.ImageStore(client, where, report).references(),
        report=report,
        seeded=is_seeded(record),
    )


def is_seeded(record: Mapping[str, str]) -> bool:
    """Say whether the stack of ``record`` was brought up with the document's resources."""
    return record.get(ACCOUNT, SEEDED) == SEEDED


def read_record(where: Folders) -> dict[str, str] | None:
    """Return the record of the stack that was brought up, or None."""
    try:
        record = json.loads((where.state / "stack.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return record if isinstance(record, dict) and "run" in record else None


def write_record(where: Folders, record: dict[str, str]) -> None:
    """Store the record of the stack, whole or not at all."""
    where.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = where.state / "stack.json.partial"
    partial.write_text(json.dumps(record))
    partial.replace(where.state / "stack.json")
