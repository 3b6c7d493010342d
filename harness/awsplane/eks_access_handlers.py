"""Handlers of EKS's access entries."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from .addons import Key
from .dispatch import Handler, answered, raise_refusal
from .eks_access import AccessEntries
from .refusal import Refusal

# Context and request -> the cluster's key; an unknown cluster is answered with EKS's error.
Cluster = Callable[[Any, Mapping[str, Any]], Key]


class AccessHandlers:
    """Handlers over one store of entries."""

    def __init__(self, entries: AccessEntries, cluster: Cluster) -> None:
        self._entries = entries
        self._cluster = cluster

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by operation."""
        return {
            "CreateAccessEntry": self._create,
            "DescribeAccessEntry": self._describe,
            "UpdateAccessEntry": self._update,
            "ListAccessEntries": self._list,
            "DeleteAccessEntry": self._delete,
            "AssociateAccessPolicy": self._associate,
            "ListAssociatedAccessPolicies": self._policies,
            "DisassociateAccessPolicy": self._disassociate,
        }

    def _create(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        key = self._cluster(context, request)
        principal = str(request["principalArn"]).rsplit(":", maxsplit=1)[-1]
        arn = (
            f"arn:aws:eks:{context.region}:{context.account_id}:access-entry/{key[2]}/"
            f"{principal}/{uuid.uuid4()}"
        )
        return {"accessEntry": answered(self._entries.create(key, request, arn=arn))}

    def _describe(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        key = self._cluster(context, request)
        return {"accessEntry": answered(self._entries.describe(key, request["principalArn"]))}

    def _update(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        key = self._cluster(context, request)
        return {"accessEntry": answered(self._entries.update(key, request))}

    def _list(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"accessEntries": self._entries.principals(self._cluster(context, request))}

    def _delete(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        key = self._cluster(context, request)
        return answered(self._entries.delete(key, request["principalArn"]))

    def _associate(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        key = self._cluster(context, request)
        policy = answered(self._entries.associate(key, request))
        return {**_of(request), "associatedAccessPolicy": policy}

    def _policies(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        key = self._cluster(context, request)
        found = self._entries.policies(key, request["principalArn"])
        if isinstance(found, Refusal):
            raise_refusal(found)
        return {**_of(request), "associatedAccessPolicies": found}

    def _disassociate(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        key = self._cluster(context, request)
        principal, policy = request["principalArn"], request["policyArn"]
        return answered(self._entries.disassociate(key, principal, policy))


def _of(request: Mapping[str, Any]) -> dict[str, Any]:
    return {"clusterName": request["clusterName"], "principalArn": request["principalArn"]}
