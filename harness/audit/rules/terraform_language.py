"""Rules on the Terraform configuration itself: does it plan, does it settle."""

from __future__ import annotations

from collections.abc import Iterator

from harness.audit.hcl_functions import UNSETTLED
from harness.audit.inventory import Inventory
from harness.audit.rule import (
    FINE,
    TERRAFORM,
    Defect,
    Mark,
    Severity,
    defect,
    rule,
)
from harness.audit.value import as_list, as_switch, texts, unknowns

_PLAN = ("section 1.5, Terraform modules apply without errors",)


@rule(
    "terraform-name-declared",
    promises=_PLAN,
    why="a name that nothing declares stops every plan",
    source="Terraform language, References to Named Values: undeclared names are an error",
    needs=(TERRAFORM,),
)
def names_declared(inventory: Inventory) -> Iterator[Mark]:
    """Variables, locals, resources, data sources and module outputs that are used exist."""
    for reference in inventory.references:
        if reference.declared:
            yield FINE
            continue
        kind = "a variable" if reference.name.startswith("var.") else "a declaration"
        yield Defect(
            reference.place,
            reference.name,
            f"{kind} named {reference.name} in this module",
            "none",
            "declare it, or name what is meant",
        )


@rule(
    "terraform-value-settles",
    promises=(*_PLAN, "R-141-02, Terraform state"),
    why="an argument that differs at each plan never gives an empty plan, so drift is not seen",
    source="Terraform functions, timestamp: the result changes at each run",
    needs=(TERRAFORM,),
)
def values_settle(inventory: Inventory) -> Iterator[Mark]:
    """No argument is made of the time of the plan or of a random value."""
    for resource in inventory.resources:
        if resource.kind.startswith("@"):
            continue
        ignored = " ".join(
            str(block.get("ignore_changes"))
            for block in as_list(resource.get("lifecycle"))
            if isinstance(block, dict)
        )
        for field, value in resource.values.items():
            used = [
                name
                for part in unknowns(value)
                for name in sorted(UNSETTLED)
                if f"{name}(" in part.text
            ]
            if used and field not in ignored and "all" not in ignored.split():
                yield defect(
                    resource,
                    (field,),
                    expected=f"{field} that stays the same from plan to plan",
                    got=f"a value of {used[0]}()",
                    next_step="write a fixed name, or ignore_changes for this argument",
                )
        yield FINE


@rule(
    "terraform-provider-configured",
    promises=_PLAN,
    why="a provider without a configuration talks to localhost, or to nothing",
    source="Terraform language, provider configuration; kubernetes and helm provider documentation",
    needs=(TERRAFORM,),
)
def providers_configured(inventory: Inventory) -> Iterator[Mark]:
    """Providers that need an address are configured where they are required."""
    configured = {r.name for r in inventory.of("@provider")}
    for required in inventory.of("@required_providers"):
        for name in required.values:
            if name in ("kubernetes", "helm", "kubectl") and name not in configured:
                yield defect(
                    required,
                    (name,),
                    expected=f'a provider "{name}" block with the cluster\'s endpoint',
                    got="only the requirement",
                    next_step="configure it from the cluster's endpoint and CA, or drop it",
                )
            else:
                yield FINE


@rule(
    "terraform-state-kept",
    promises=("R-141-02, S3 versioning and locking of the state", "section 3, day 701"),
    why="a state bucket that nobody creates stops init, one without versions loses the state",
    source="Terraform, backend type s3: bucket and lock have to exist; DynamoDB locking deprecated",
    needs=(TERRAFORM,),
    required=True,
)
def state_kept(inventory: Inventory) -> Iterator[Mark]:
    """The S3 backend encrypts, locks with its own lock file, and its bucket is made somewhere."""
    for backend in inventory.of("@backend"):
        if backend.name != "s3":
            yield defect(
                backend,
                (),
                expected="a shared, locked state (backend s3)",
                got=f"backend {backend.name}",
                next_step="keep the state in a versioned bucket with use_lockfile = true",
            )
            continue
        if as_switch(backend.get("encrypt")) is not True:
            yield defect(
                backend,
                ("encrypt",),
                expected="encrypt = true",
                got=backend.get("encrypt"),
                next_step="set encrypt = true: the state holds passwords",
            )
        if as_switch(backend.get("use_lockfile")) is not True:
            table = backend.get("dynamodb_table")
            yield defect(
                backend,
                ("dynamodb_table",),
                expected="use_lockfile = true",
                got=f"dynamodb_table {table!r}, which is deprecated" if table else "no lock",
                next_step="set use_lockfile = true (Terraform 1.10 and later)",
            )
        yield FINE


@rule(
    "terraform-state-exists",
    promises=("R-141-02, S3 versioning and locking of the state",),
    why="the backend's bucket and lock table have to exist before the first init",
    source="Terraform, backend type s3",
    needs=(TERRAFORM,),
)
def state_exists(inventory: Inventory) -> Iterator[Mark]:
    """The bucket and table that the backend names are declared in the code that is looked at."""
    buckets = {text for r in inventory.of("aws_s3_bucket") for text in texts(r.get("bucket"))}
    tables = {text for r in inventory.of("aws_dynamodb_table") for text in texts(r.get("name"))}
    for backend in inventory.of("@backend"):
        for field, known in (("bucket", buckets), ("dynamodb_table", tables)):
            name = backend.get(field)
            if not isinstance(name, str):
                continue
            if name in known:
                yield FINE
            else:
                yield defect(
                    backend,
                    (field,),
                    expected=f"a declaration of {name!r} (a bootstrap module)",
                    got="none in the folders that were read",
                    next_step="declare it in a bootstrap configuration and name its folder too",
                )


@rule(
    "terraform-addon-pinned",
    promises=_PLAN,
    why="most_recent picks another version at each plan: what was tested is not what is applied",
    source="terraform-aws-modules/eks documentation, cluster add-ons",
    needs=(TERRAFORM,),
    severity=Severity.NOTE,
)
def addons_pinned(inventory: Inventory) -> Iterator[Mark]:
    """EKS add-ons name their version."""
    for addon in inventory.of("aws_eks_addon"):
        if as_switch(addon.get("most_recent")) and not addon.get("addon_version"):
            yield defect(
                addon,
                ("most_recent",),
                expected="addon_version with the version that was tested",
                got="most_recent = true",
                next_step="pin the version and raise it on purpose",
            )
        else:
            yield FINE


RULES = (
    names_declared,
    values_settle,
    providers_configured,
    state_kept,
    state_exists,
    addons_pinned,
)
