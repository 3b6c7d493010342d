"""A LocalStack service out of moto and our handlers.

LocalStack has no generated API classes for these services; its skeleton takes a plain table of
operation -> handler, and the table's names come from botocore's model of the service.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api import CommonServiceException
from localstack.aws.connect import connect_to
from localstack.aws.forwarder import dispatch_to_backend
from localstack.aws.spec import load_service
from localstack.services.moto import dispatch_to_moto
from localstack.services.plugins import Service

from .operations import Operations, classify, unknown_operation
from .operations_moto import implemented_by_moto
from .refusal import Refusal

LOG = logging.getLogger("awsplane")

# Request context and request -> answer in the API's shape.
Handler = Callable[[Any, Mapping[str, Any]], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Plan:
    """One service: ``real`` acts on or answers from the stack, ``kept`` remembers in memory.

    Everything else is moto's, where moto has it.
    """

    service: str
    real: Mapping[str, Handler] = field(default_factory=dict)
    kept: Mapping[str, Handler] = field(default_factory=dict)


PLANS: dict[str, Plan] = {}


def make(plan: Plan) -> Any:
    """Return the LocalStack service of ``plan`` and remember it for ``operations``."""
    PLANS[plan.service] = plan
    provider = _Provider(plan.service)
    return Service.for_provider(provider, dispatch_table_factory=lambda _: table(plan))


def table(plan: Plan) -> dict[str, Handler]:
    """Return the handler of every operation of the service."""
    model = load_service(plan.service)
    listed = operations(plan)
    handlers: dict[str, Handler] = dict.fromkeys(listed.missing, _refuse(model.protocol))
    handlers.update(dict.fromkeys(listed.kept, _moto_or_refuse(model.protocol)))
    handlers.update(plan.kept)
    handlers.update(plan.real)
    return handlers


def operations(plan: Plan) -> Operations:
    """Return which operations of the service are real, kept or missing."""
    model = load_service(plan.service)
    return classify(
        list(model.operation_names),
        real=plan.real,
        kept={*plan.kept, *implemented_by_moto(plan.service, list(model.operation_names))},
    )


def raise_refusal(refusal: Refusal | None) -> None:
    """Answer with the AWS error of ``refusal``, where there is one."""
    if refusal is not None:
        raise CommonServiceException(refusal.code, refusal.message, refusal.status)


def answered(found: dict[str, Any] | Refusal) -> dict[str, Any]:
    """Return ``found``, or answer with the AWS error that it is."""
    if isinstance(found, Refusal):
        raise_refusal(found)
        return {}
    return found


def internal_client(context: Any, service: str) -> Any:
    """Return a client of this emulator in the account and region of ``context``.

    Faults spare its calls.
    """
    factory = connect_to(region_name=context.region, aws_access_key_id=context.account_id)
    return getattr(factory, service)


def ask_moto(context: Any) -> dict[str, Any]:
    """Return moto's answer to the call; its errors are answered as they are."""
    answer: dict[str, Any] = dispatch_to_backend(context, _moto, False)
    return answer


def ask_here(context: Any, service: str, operation: str, **request: Any) -> dict[str, Any]:
    """Return this emulator's own answer to another call; an AWS error is answered as it is.

    ``operation`` is boto3's name of the method.
    """
    try:
        method = getattr(internal_client(context, service), operation)
        answer: dict[str, Any] = method(**request)
        return answer
    except ClientError as error:
        said = error.response.get("Error", {})
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))
        raise CommonServiceException(
            said.get("Code", "InternalFailure"), said.get("Message", str(error)), status
        ) from error


def _moto(context: Any) -> Any:
    """Call moto; the header with the kind of an error is renamed as botocore looks it up.

    Without that, the errors of EKS would have the HTTP status as their code.
    """
    response = dispatch_to_moto(context)
    kind = response.headers.pop("x-amzn-ErrorType", None)
    if kind:
        response.headers["x-amzn-errortype"] = kind
    return response


def _refuse(protocol: str) -> Handler:
    def refuse(context: Any, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        raise_refusal(
            unknown_operation(context.service.service_name, context.operation.name, protocol)
        )
        return None

    return refuse


def _moto_or_refuse(protocol: str) -> Handler:
    refuse = _refuse(protocol)

    def ask(context: Any, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        try:
            return ask_moto(context)
        except NotImplementedError:
            # moto has a method of that name which leaves a part of the operation out.
            return refuse(context, request)

    return ask


@dataclass(frozen=True)
class _Provider:
    service: str
