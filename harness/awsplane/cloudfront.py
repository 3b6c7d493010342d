"""CloudFront: moto's records, and the policies that moto does not have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .binding import Binding
from .cloudfront_policies import Policies
from .dispatch import Handler, Plan, answered, ask_moto

# Kind -> the plural that its List operation has.
KINDS = {
    "CachePolicy": "CachePolicies",
    "OriginRequestPolicy": "OriginRequestPolicies",
    "ResponseHeadersPolicy": "ResponseHeadersPolicies",
}
LISTED_MAX = 100


def plan(binding: Binding) -> Plan:
    """Return the service CloudFront; nothing of it stands in the stack."""
    # moto makes a distribution with tags under the name of the one without.
    kept: dict[str, Handler] = {"CreateDistributionWithTags": lambda context, _: ask_moto(context)}
    for kind, plural in KINDS.items():
        kept.update(_handlers(Policies(kind), plural))
    return Plan("cloudfront", kept=kept)


def _handlers(policies: Policies, plural: str) -> dict[str, Handler]:
    kind = policies.kind

    def create(context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        made = answered(policies.create(context.account_id, request[f"{kind}Config"]))
        return {**made, "Location": f"/2020-05-31/{made[kind]['Id']}"}

    def get(context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        return answered(policies.get(context.account_id, request["Id"]))

    def config(context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        return answered(policies.config(context.account_id, request["Id"]))

    def update(context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        wanted, match = request[f"{kind}Config"], request.get("IfMatch")
        return answered(policies.update(context.account_id, request["Id"], wanted, match))

    def delete(context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        match = request.get("IfMatch")
        return answered(policies.delete(context.account_id, request["Id"], match))

    def listed(context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        found = policies.listed(context.account_id) if request.get("Type") != "managed" else []
        items = {"MaxItems": LISTED_MAX, "Quantity": len(found), "Items": found}
        return {f"{kind}List": items}

    return {
        f"Create{kind}": create,
        f"Get{kind}": get,
        f"Get{kind}Config": config,
        f"Update{kind}": update,
        f"Delete{kind}": delete,
        f"List{plural}": listed,
    }
