"""A folder of Terraform files -> resources with file and line, without running Terraform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.audit.hcl_tree import read_attributes
from harness.audit.hcl_value import Scope, evaluate
from harness.audit.inventory import Inventory
from harness.audit.resource import Domain
from harness.audit.terraform_module import Module
from harness.audit.value import Unknown

# Looked for below a folder that has no .tf file itself.
_ROOTS = ("production", "prod", "environments/production")
# Applied once before the root, beside it: it makes the bucket of the state.
_BOOTSTRAP = "bootstrap"


class _NoNames:
    # Values of a .tfvars file are literals.
    def look_up(self, words: tuple[str | int, ...], text: str) -> Any:
        return Unknown(text)


def root_of(folder: Path) -> Path | None:
    """Return the folder with the root module: the folder itself, else its ``production``."""
    return next(
        (path for path in (folder, *(folder / name for name in _ROOTS)) if any(path.glob("*.tf"))),
        None,
    )


def load(folder: Path, problems: list[str]) -> Inventory:
    """Return what a folder declares; problems are added, one sentence with file and line each."""
    root = root_of(folder)
    if root is None:
        problems.append(
            f"{folder}: expected a folder with .tf files (or one below {', '.join(_ROOTS)}), "
            "got none. Next step: name the folder of the root module"
        )
        return Inventory()
    module = Module(root, prefix="", arguments=_values_of(root, problems), problems=problems)
    first = root.parent / _BOOTSTRAP
    modules = [module]
    if any(first.glob("*.tf")):
        prefix = f"{_BOOTSTRAP}."
        values = _values_of(first, problems)
        modules.append(Module(first, prefix=prefix, arguments=values, problems=problems))
    unset = sorted(
        f"var.{name}"
        for name, block in module.variables.items()
        if name not in module.arguments and "default" not in block.attributes
    )
    notes = [f"{root}: read from HCL, no plan: what a provider computes is unknown"]
    if unset:
        notes.append(f"{root}: unknown because nothing sets them: {', '.join(unset)}")
    return Inventory(
        given=frozenset({Domain.TERRAFORM}),
        resources=tuple(r for m in modules for r in m.resources()),
        references=tuple(r for m in modules for r in m.references()),
        not_judged=tuple(n for m in modules for n in m.not_judged()),
        notes=tuple(notes),
    )


def _values_of(root: Path, problems: list[str]) -> dict[str, Any]:
    scope = Scope(_NoNames())
    found: dict[str, Any] = {}
    for path in [root / "terraform.tfvars", *sorted(root.glob("*.auto.tfvars"))]:
        if path.is_file():
            for name, attribute in read_attributes(path, str(path), problems).items():
                found[name] = evaluate(attribute.expression, scope)
    return found
