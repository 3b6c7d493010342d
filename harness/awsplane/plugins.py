"""LocalStack's entry points of this package; ``package`` has their names.

LocalStack imports this module when it lists its plugins, so that everything heavy is imported
only when a service is loaded. A provider's name must be ``<service>:<name>``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from localstack.runtime import hooks
from localstack.services.plugins import aws_provider

from .package import PROVIDERS
from .wiring import Wiring

LOG = logging.getLogger("awsplane")

# The services of which a module of ours makes the plan; the others are moto alone.
PLANNED = ("cloudfront", "eks", "elasticache", "elbv2", "rds")


def _creator(service: str) -> Callable[[], Any]:
    def create() -> Any:
        import importlib  # noqa: PLC0415

        from .binding import CURRENT  # noqa: PLC0415
        from .dispatch import Plan, make  # noqa: PLC0415

        if service not in PLANNED:
            return make(Plan(service))
        return make(importlib.import_module(f".{service}", __package__).plan(CURRENT))

    return create


SPECS = {
    service: aws_provider(api=service, name=name)(_creator(service))
    for service, name in PROVIDERS.items()
}

autoscaling = SPECS["autoscaling"]
cloudfront = SPECS["cloudfront"]
dynamodb = SPECS["dynamodb"]
dynamodbstreams = SPECS["dynamodbstreams"]
ecr = SPECS["ecr"]
eks = SPECS["eks"]
elasticache = SPECS["elasticache"]
elbv2 = SPECS["elbv2"]
rds = SPECS["rds"]


def _start() -> None:
    # An error that left this hook would end LocalStack's main thread and leave its process
    # running without a port. Without the control routes, ``up`` says at once what is missing.
    try:
        _register()
    except Exception:
        LOG.exception("awsplane could not start")


def _register() -> None:
    """Add the control routes, put the faults before every provider, begin to watch."""
    from localstack.aws.handlers import serve_custom_service_request_handlers  # noqa: PLC0415
    from localstack.services.internal import get_internal_apis  # noqa: PLC0415

    from .binding import CURRENT  # noqa: PLC0415
    from .control import Control  # noqa: PLC0415
    from .fault_handler import FaultHandler  # noqa: PLC0415
    from .faults import Faults  # noqa: PLC0415
    from .rds_watch import Watch  # noqa: PLC0415

    in_force = Faults()
    serve_custom_service_request_handlers.append(FaultHandler(in_force))
    Control(CURRENT, in_force).register(get_internal_apis())
    Watch(CURRENT, _publish).start()


def _publish(wiring: Wiring, event_id: str, server: str) -> None:
    from .rds_publish import Publisher  # noqa: PLC0415

    Publisher(wiring.account, wiring.region, wiring.database).publish(event_id, server=server)


start = hooks.on_infra_start()(_start)
