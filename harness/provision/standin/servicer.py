"""The provider's side of the plugin protocol (version 6): every request, answered from the schemas.

Schemas come as data, so one servicer serves any type; what a plan says needs no API. The engine
(and with it the AWS client library) is loaded at the first request that needs it.
"""

from __future__ import annotations

import functools
import json
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

from harness.errors import HarnessError
from harness.provision.standin import checks, messages, planning, wire
from harness.provision.standin.afterlife import Afterlife
from harness.provision.standin.journal import Journal
from harness.provision.standin.mapping import ResourceType, Values
from harness.provision.standin_marker import MARKER

if TYPE_CHECKING:
    from harness.provision.standin.engine import Engine

Schemas = Mapping[str, Any]
_DEFAULT_REGION = "us-east-1"


class Servicer(rpc.ProviderServicer):  # type: ignore[misc]
    """Answers the requests of one provider process: one configuration, one endpoint."""

    def __init__(
        self,
        schemas: Schemas,
        types: Mapping[str, ResourceType],
        *,
        endpoint: str,
        version: str,
        journal: Journal | None = None,
        afterlife: Afterlife | None = None,
    ) -> None:
        self._change: Callable[[], AbstractContextManager[None]] = nullcontext
        if afterlife is not None:
            self._change = afterlife.change
        self._journal = journal
        self._schemas = schemas
        self._types = types
        self._endpoint = endpoint
        self._version = version
        self._around = planning.Surroundings(_DEFAULT_REGION, {})
        self._lock = threading.Lock()
        self._made: Engine | None = None

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        """Return the schemas of the provider and of every type that is served."""
        return pb.GetProviderSchema.Response(
            provider=messages.schema(self._schemas["provider"]),
            resource_schemas={n: messages.schema(b) for n, b in self._schemas["resources"].items()},
            data_source_schemas={n: messages.schema(b) for n, b in self._schemas["data"].items()},
            server_capabilities=pb.ServerCapabilities(get_provider_schema_optional=True),
        )

    def GetMetadata(self, request: Any, context: Any) -> Any:
        """Return the names of the types that are served."""
        response = pb.GetMetadata.Response
        return response(
            resources=[response.ResourceMetadata(type_name=n) for n in self._schemas["resources"]],
            data_sources=[response.DataSourceMetadata(type_name=n) for n in self._schemas["data"]],
            server_capabilities=pb.ServerCapabilities(get_provider_schema_optional=True),
        )

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        """Accept the provider's configuration; Terraform has checked it against the schema."""
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        """Refuse values that no provider would take."""
        block = self._schemas["resources"][request.type_name]
        found = checks.problems(block, wire.read(request.config) or {})
        return pb.ValidateResourceConfig.Response(diagnostics=list(map(_diagnostic, found)))

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        """Refuse values that no provider would take."""
        block = self._schemas["data"][request.type_name]
        found = checks.problems(block, wire.read(request.config) or {})
        return pb.ValidateDataResourceConfig.Response(diagnostics=list(map(_diagnostic, found)))

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        """Take region and default tags; refuse an endpoint that is not the one given."""
        config = wire.read(request.config) or {}
        endpoints = {
            url
            for block in config.get("endpoints") or []
            for url in block.values()
            if isinstance(url, str)
        }
        foreign = sorted(endpoints - {self._endpoint})
        if foreign:
            detail = f"expected only {self._endpoint}, got {', '.join(foreign)}"
            refused = messages.error("Endpoint refused", detail)
            return pb.ConfigureProvider.Response(diagnostics=[refused])
        tags: dict[str, str] = {}
        for block in config.get("default_tags") or []:
            tags.update(wire.known(block.get("tags")) or {})
        region = config.get("region")
        self._around = planning.Surroundings(
            region if isinstance(region, str) and region else _DEFAULT_REGION, tags
        )
        return pb.ConfigureProvider.Response(
            diagnostics=[
                messages.warning(
                    "Stand-in provider",
                    f"Planned with the stand-in for hashicorp/aws (schema {self._version}), not "
                    "with the provider itself: value checks, defaults and replacement rules "
                    "of the provider are only partly there.",
                )
            ]
        )

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        """Return a stored state as it is; there is one schema version."""
        stored = json.loads(request.raw_state.json)
        return pb.UpgradeResourceState.Response(upgraded_state=wire.write(stored))

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        """Return what a change would make of a resource."""
        name = request.type_name
        planned = planning.plan(
            self._schemas["resources"][name],
            self._types.get(name),
            wire.read(request.prior_state),
            wire.read(request.proposed_new_state),
            self._around,
        )
        return pb.PlanResourceChange.Response(
            planned_state=wire.write(planned.state),
            requires_replace=[messages.attribute_path(n) for n in planned.replaced_for],
            planned_private=MARKER,
            # As the real provider's own framework says it: unset may come back as zero.
            legacy_type_system=True,
        )

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        """Carry out a change; on failure the state is what is known to be there."""
        name = request.type_name
        prior, planned = wire.read(request.prior_state), wire.read(request.planned_state)
        try:
            with self._change():
                state = self._apply(name, prior, planned)
        except Exception as cause:
            kept = getattr(cause, "values", prior)
            return pb.ApplyResourceChange.Response(
                new_state=wire.write(wire.known(kept)),
                private=MARKER,
                diagnostics=[_failure(name, cause)],
            )
        return pb.ApplyResourceChange.Response(
            new_state=wire.write(wire.known(state)), private=MARKER, legacy_type_system=True
        )

    def _apply(self, name: str, prior: Values | None, planned: Values | None) -> Values | None:
        if planned is None:
            self._engine.delete(name, prior or {})
            return None
        if prior is None:
            return self._engine.create(name, planned)
        return self._engine.update(name, prior, planned)

    def ReadResource(self, request: Any, context: Any) -> Any:
        """Return a resource as the API shows it now."""
        stored = wire.read(request.current_state)
        try:
            state = self._engine.read(request.type_name, stored)
        except Exception as cause:
            return pb.ReadResource.Response(
                new_state=request.current_state, diagnostics=[_failure(request.type_name, cause)]
            )
        return pb.ReadResource.Response(new_state=wire.write(wire.known(state)), private=MARKER)

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        """Return what a data source finds."""
        from harness.provision.standin import data_sources  # noqa: PLC0415 (loads the API client)

        config = wire.read(request.config)
        block = self._schemas["data"][request.type_name]
        try:
            state = data_sources.read(self._session, request.type_name, block, config)
        except Exception as cause:
            return pb.ReadDataSource.Response(diagnostics=[_failure(request.type_name, cause)])
        return pb.ReadDataSource.Response(state=wire.write(wire.known(state)))

    def ImportResourceState(self, request: Any, context: Any) -> Any:
        """Refuse: nothing that exists outside a configuration is taken over."""
        detail = "The stand-in provider imports nothing. Next step: remove the import block."
        refused = messages.error(f"{request.type_name}: import is not supported", detail)
        return pb.ImportResourceState.Response(diagnostics=[refused])

    def StopProvider(self, request: Any, context: Any) -> Any:
        """Agree to stop; calls that are under way are finished, so that their result is kept."""
        return pb.StopProvider.Response()

    @functools.cached_property
    def _session(self) -> Any:
        from harness.provision.standin.cloud import Session  # noqa: PLC0415 (loads the API client)

        return Session(self._endpoint, self._around.region, self._around.default_tags)

    @property
    def _engine(self) -> Engine:
        from harness.provision.standin.engine import Engine  # noqa: PLC0415 (as above)

        with self._lock:
            if self._made is None:
                self._made = Engine(
                    self._session, self._types, self._schemas["resources"], self._journal
                )
            return self._made


def _diagnostic(problem: checks.Problem) -> pb.Diagnostic:
    return messages.error(problem.summary, problem.detail, problem.path)


def _failure(name: str, cause: BaseException) -> pb.Diagnostic:
    origin = getattr(cause, "cause", cause)
    if not isinstance(origin, HarnessError) and type(origin).__module__.split(".")[0] != "botocore":
        # Terraform keeps the provider's standard error in its log.
        traceback.print_exception(origin, file=sys.stderr)
    return messages.error(f"{name}: {type(origin).__name__}", str(origin))
