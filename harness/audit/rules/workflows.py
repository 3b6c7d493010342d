"""Rules on workflow files: what runs after what, with which rights, from where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from harness.audit.inventory import Inventory
from harness.audit.rule import FINE, PIPELINE, Mark, Severity, defect, rule
from harness.audit.value import as_list, dig

_DELIVERY = ("section 1.5, CI/CD pipeline deploys", "section 1.2, objective 10")


@rule(
    "workflow-needs-exist",
    promises=_DELIVERY,
    why="a job that needs one that is not there makes the whole workflow invalid",
    source="GitHub workflow syntax, jobs.<id>.needs",
    needs=(PIPELINE,),
)
def needs_exist(inventory: Inventory) -> Iterator[Mark]:
    """Each job that another one needs is in the file."""
    for workflow in inventory.workflows:
        jobs = workflow.get("jobs")
        for name, job in jobs.items() if isinstance(jobs, Mapping) else ():
            for needed in as_list(dig(job, "needs")):
                if needed in jobs:
                    yield FINE
                else:
                    yield defect(
                        workflow,
                        ("jobs", name, "needs"),
                        expected=f"one of {', '.join(jobs)}",
                        got=needed,
                        next_step="correct the name",
                    )


@rule(
    "workflow-actions-pinned",
    promises=("NFR-SEC-01",),
    why="a tag of an action can be moved to other code, which then runs with the pipeline's rights",
    source="GitHub documentation, security hardening: pin actions to a full commit",
    needs=(PIPELINE,),
    severity=Severity.WARNING,
)
def actions_pinned(inventory: Inventory) -> Iterator[Mark]:
    """Actions of others are pinned by commit."""
    for workflow in inventory.workflows:
        jobs = workflow.get("jobs")
        for name, job in jobs.items() if isinstance(jobs, Mapping) else ():
            for index, step in enumerate(as_list(dig(job, "steps"))):
                used = dig(step, "uses")
                if not isinstance(used, str) or used.startswith("./"):
                    continue
                if re.search(r"@([0-9a-f]{40}|sha256:[0-9a-f]{64})$", used):
                    yield FINE
                else:
                    yield defect(
                        workflow,
                        ("jobs", name, "steps", index, "uses"),
                        expected="the full commit of the action",
                        got=used,
                        next_step="pin it, with the version in a comment",
                    )


@rule(
    "workflow-keys-short-lived",
    promises=("NFR-SEC-01",),
    why="a long-lived access key in a repository's secrets is one leak away from the account",
    source="GitHub documentation, OpenID Connect with AWS",
    needs=(PIPELINE,),
)
def keys_short(inventory: Inventory) -> Iterator[Mark]:
    """Workflows assume a role instead of carrying access keys."""
    for workflow in inventory.workflows:
        if "secrets.AWS_SECRET_ACCESS_KEY" in str(workflow.values):
            yield defect(
                workflow,
                ("jobs",),
                expected="role-to-assume with id-token: write",
                got="secrets.AWS_SECRET_ACCESS_KEY",
                next_step="use an OIDC role",
            )
        else:
            yield FINE


@rule(
    "workflow-one-at-a-time",
    promises=_DELIVERY,
    why="two deliveries at once overwrite each other half way",
    source="GitHub workflow syntax, concurrency",
    needs=(PIPELINE,),
    severity=Severity.WARNING,
)
def one_at_a_time(inventory: Inventory) -> Iterator[Mark]:
    """A workflow that applies or deploys has a concurrency group."""
    acts = re.compile(r"terraform apply|kubectl apply|helm upgrade|kubectl set image")
    for workflow in inventory.workflows:
        if not acts.search(str(workflow.values)):
            continue
        jobs = workflow.get("jobs")
        grouped = workflow.get("concurrency") is not None or any(
            dig(job, "concurrency") is not None
            for job in (jobs.values() if isinstance(jobs, Mapping) else ())
        )
        if grouped:
            yield FINE
        else:
            yield defect(
                workflow,
                (),
                expected="a concurrency group",
                got="none",
                next_step="add concurrency: production",
            )


RULES = (needs_exist, actions_pinned, keys_short, one_at_a_time)
