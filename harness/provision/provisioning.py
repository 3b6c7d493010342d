"""Plan, apply and destroy of one configuration against one emulator.

Each call reads and refuses first, then works on a scratch copy below the harness's state folder
under that configuration's lock. The state stays there between calls.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import clock, safety
from harness.errors import HarnessError, InputInvalid
from harness.provision import changes, configuration, program, provider, settings, source_copy
from harness.provision.changes import Row
from harness.provision.configuration import Configuration
from harness.provision.endpoints import names_of
from harness.provision.provider import Choice, Kind, Provider
from harness.provision.standin import afterlife, coverage
from harness.provision.standin.mappings import TYPES
from harness.provision.standin_package import StandIn
from harness.provision.terraform import Terraform
from harness.provision.workspace import Workspace
from harness.stack import lock
from harness.stack.folders import Folders
from harness.stack.layout import Layout

Report = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What a person asked for.

    ``endpoint`` None plans as for an empty account, without any API. ``variables`` are
    ``NAME=VALUE`` texts, ``variable_files`` files of them. ``addresses`` is the stack's own layout,
    whose emulator is an endpoint of this machine.
    """

    source: Path
    endpoint: str | None
    choice: Choice = Choice.AUTO
    mirror: Path | None = None
    variables: tuple[str, ...] = ()
    variable_files: tuple[Path, ...] = ()
    addresses: Layout = field(default_factory=Layout)


@dataclass(frozen=True)
class Outcome:
    """What was planned, and done where it was an apply or destroy.

    ``record`` is what is stored beside the plan: digest, program, provider, endpoint, changes.
    """

    rows: tuple[Row, ...]
    record: Mapping[str, Any]
    plan: bytes
    path: Path


def plan(request: Request, folders: Folders, report: Report) -> Outcome:
    """Plan a configuration and store the plan's JSON with its record."""
    with _run(request, folders, report, "plan") as run:
        return run.plan()


def apply(request: Request, folders: Folders, report: Report) -> Outcome:
    """Bring the emulator to what the configuration says.

    Raises InputInvalid, before anything is created, naming every type and change that the
    stand-in cannot carry out.
    """
    with _run(request, folders, report, "apply") as run:
        planned = run.plan()
        run.refuse_unmapped(planned)
        return run.carry_out(planned, "apply")


def destroy(request: Request, folders: Folders, report: Report) -> Outcome:
    """Remove everything that apply made."""
    with _run(request, folders, report, "destroy") as run:
        planned = run.plan(destroy=True)
        return run.carry_out(planned, "destroy")


@dataclass(frozen=True)
class _Run:
    """One run under the workspace's lock, with Terraform initialised."""

    request: Request
    workspace: Workspace
    terraform: Terraform
    chosen: Provider
    provider_record: Mapping[str, Any]
    init_seconds: float
    report: Report

    def plan(self, *, destroy: bool = False) -> Outcome:
        self.report(f"plan: {self.provider_record['title']}")
        options = [f"-var={text}" for text in self.request.variables]
        options += [f"-var-file={path.resolve()}" for path in self.request.variable_files]
        warnings, seconds = self.terraform.plan(options, destroy=destroy)
        data = self.terraform.show()
        document = json.loads(data)
        rows = changes.summary(document)
        record = {
            "digest": changes.digest(data),
            "source": str(self.request.source),
            "program": self.terraform.program.title,
            "provider": dict(self.provider_record),
            "endpoint": self.request.endpoint,
            "at": clock.wall().isoformat(timespec="seconds"),
            "changes": changes.totals(rows),
            "types": [dataclasses.asdict(row) for row in rows],
            "seconds": {"init": round(self.init_seconds, 2), "plan": round(seconds, 2)},
            "warnings": [w for w in warnings if "Stand-in provider" not in w],
        }
        path = self.workspace.write_plan(data, record)
        return Outcome(tuple(rows), record, data, path)

    def refuse_unmapped(self, planned: Outcome) -> None:
        if self.chosen.kind is not Kind.STANDIN:
            return
        blocks = json.loads(Path(self.chosen.environment["HARNESS_STANDIN_SCHEMA"]).read_text())

        def lost(name: str, values: Mapping[str, Any]) -> list[str]:
            return coverage.lost(TYPES[name], blocks["resources"][name], values)

        missing = changes.unmapped(json.loads(planned.plan), TYPES, lost)
        if missing:
            problems = [f"{m.address}: {m.type}: {m.reason}." for m in missing]
            remedy = (
                "Nothing was created: the stand-in provider can plan these and not apply them. "
                "Next step: use the real provider (--mirror DIR), or leave them out here."
            )
            raise InputInvalid([*problems, remedy])

    def carry_out(self, planned: Outcome, verb: str) -> Outcome:
        total = sum(planned.record["changes"].values())
        self.workspace.write_provider(self.provider_record)
        seconds = self.terraform.apply(total, verb) if total else 0.0
        record = dict(planned.record)
        record["seconds"] = {**record["seconds"], verb: round(seconds, 2)}
        path = self.workspace.write_plan(planned.plan, record)
        return dataclasses.replace(planned, record=record, path=path)


@contextmanager
def _run(request: Request, folders: Folders, report: Report, verb: str) -> Iterator[_Run]:
    _refuse_endpoint(request)
    described = configuration.read(request.source)
    _refuse_missing_files(request)
    found = program.find()
    endpoint = request.endpoint or settings.OFFLINE_ENDPOINT
    workspace = Workspace.of(folders, described.root, endpoint)
    workspace.prepare()
    with lock.held(workspace.folder, purpose=f"{verb} of {described.root}"):
        afterlife.wait_for_others(workspace.alive)
        chosen = provider.choose(
            found,
            described,
            StandIn(folders.cache),
            choice=_settled(workspace, request.choice),
            mirror=request.mirror,
            endpoint=endpoint,
            cache=folders.cache,
            report=report,
        )
        _refuse_other_provider(workspace, chosen)
        yield _initialised(request, folders, described, found, workspace, chosen, endpoint, report)


def _initialised(
    request: Request,
    folders: Folders,
    described: Configuration,
    found: program.Program,
    workspace: Workspace,
    chosen: Provider,
    endpoint: str,
    report: Report,
) -> _Run:
    real = chosen.kind is Kind.REAL
    report(f"init: scratch copy, {found.title}, {chosen.kind} provider ({chosen.why})")
    root = source_copy.make(described, workspace.copy, with_lock=real)
    configured = settings.write_cli_configuration(workspace, chosen.installation)
    terraform = Terraform(
        program=found,
        folder=root,
        environment=settings.environment(
            workspace,
            configured,
            endpoint,
            {**chosen.environment, **_standin_variables(workspace, request)},
        ),
        log=workspace.folder / "terraform.log",
        sources={str(root): str(described.root), str(workspace.copy): str(described.base)},
        report=report,
    )

    def override(attributes: frozenset[str], services: frozenset[str]) -> None:
        source_copy.write_override(
            described,
            workspace.copy,
            attributes=attributes,
            services=services,
            endpoint=endpoint,
            state=workspace.state,
        )

    override(chosen.attributes, chosen.services)
    seconds = _init(terraform, chosen)
    version = chosen.version
    if real:
        # What the real provider's configuration knows is in its own schema, read once a version.
        version = terraform.provider_version(provider.SOURCE)
        override(*names_of(terraform, version, folders.cache, report))
    return _Run(request, workspace, terraform, chosen, chosen.record(version), seconds, report)


def _standin_variables(workspace: Workspace, request: Request) -> dict[str, str]:
    return {
        "HARNESS_STANDIN_NETWORK": request.addresses.prefix,
        "HARNESS_STANDIN_JOURNAL": str(workspace.journal),
        "HARNESS_STANDIN_STATE": str(workspace.state),
        "HARNESS_STANDIN_ALIVE": str(workspace.alive),
    }


def _init(terraform: Terraform, chosen: Provider) -> float:
    try:
        return terraform.init()
    except HarnessError as error:
        if chosen.kind is Kind.STANDIN:
            error.add_note(
                f"The stand-in serves hashicorp/aws {chosen.version} only: a version constraint "
                "that excludes it, or another provider where no registry answers, ends here."
            )
        raise


def _settled(workspace: Workspace, choice: Choice) -> Choice:
    # What one provider made, the same one goes on with.
    made = workspace.provider()
    if choice is Choice.AUTO and made is not None:
        return Choice.STANDIN if made == Kind.STANDIN else Choice.REAL
    return choice


def _refuse_other_provider(workspace: Workspace, chosen: Provider) -> None:
    made = workspace.provider()
    if made is not None and made != chosen.kind:
        raise InputInvalid(
            f"{workspace.state}: was made with the {made} provider, got the {chosen.kind} one: "
            "their states do not mix. Next step: python -m harness destroy with the same "
            "provider first."
        )


def _refuse_endpoint(request: Request) -> None:
    if request.endpoint is not None:
        safety.refuse_foreign_endpoint(request.endpoint, addresses=request.addresses)


def _refuse_missing_files(request: Request) -> None:
    problems = [
        f"--var {text}: expected NAME=VALUE." for text in request.variables if "=" not in text
    ]
    problems += [
        f"--var-file {path}: expected a file, got nothing there."
        for path in request.variable_files
        if not path.is_file()
    ]
    if problems:
        raise InputInvalid(problems)
