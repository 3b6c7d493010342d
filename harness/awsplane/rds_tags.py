"""Tags of DB cluster parameter groups, which moto 5.1 makes without tags and does not find by ARN.

Tags of everything else in RDS are left to moto.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.rds.models import rds_backends

from .dispatch import Handler, ask_moto, raise_refusal
from .rds_cluster_state import parameter_group_in
from .refusal import Refusal


def handlers() -> dict[str, Handler]:
    """Return the handlers of the operations that set, read and remove tags."""
    return {
        "AddTagsToResource": add,
        "CreateDBClusterParameterGroup": create,
        "ListTagsForResource": show,
        "RemoveTagsFromResource": remove,
    }


def create(context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """Have moto make the group, and give it its tags."""
    answer = ask_moto(context)
    _group(context, str(request["DBClusterParameterGroupName"]).lower()).add_tags(_tags(request))
    return answer


def add(context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """Add tags; those of the same key are replaced."""
    name = parameter_group_in(str(request["ResourceName"]))
    if name is None:
        return ask_moto(context)
    _group(context, name).add_tags(_tags(request))
    return {}


def show(context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer with the tags."""
    name = parameter_group_in(str(request["ResourceName"]))
    return ask_moto(context) if name is None else {"TagList": _group(context, name).get_tags()}


def remove(context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """Remove the tags with these keys."""
    name = parameter_group_in(str(request["ResourceName"]))
    if name is None:
        return ask_moto(context)
    _group(context, name).remove_tags(list(request["TagKeys"]))
    return {}


def _group(context: Any, name: str) -> Any:
    groups = rds_backends[context.account_id][context.region].db_cluster_parameter_groups
    if name not in groups:
        message = f"DBClusterParameterGroup not found: {name}"
        raise_refusal(Refusal("DBParameterGroupNotFound", message, 404))
    return groups[name]


def _tags(request: Mapping[str, Any]) -> list[dict[str, str]]:
    given = request.get("Tags") or []
    return [{"Key": str(tag["Key"]), "Value": str(tag.get("Value", ""))} for tag in given]
