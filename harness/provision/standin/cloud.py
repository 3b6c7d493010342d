"""The API session of one provider configuration: clients by service and region, and templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jmespath
from botocore.exceptions import ClientError

from harness.provision.settings import OFFLINE_ENDPOINT
from harness.provision.standin.mapping import Act, Call, Values
from harness.provision.standin.shapes import encode, member_of
from harness.stack.aws_client import isolated_client

_ABSENT = re.compile(
    r"NotFound|NoSuch|DoesNotExist|NotExist|^404$|InvalidVpcID|Unknown.*(Policy|Host)"
)
_SKIPPED = frozenset({"tags", "tags_all", "region", "id", "arn", "timeouts"})


class Session:
    """Calls to one endpoint in one region; ``at`` gives the same for another region."""

    def __init__(self, endpoint: str, region: str, default_tags: Mapping[str, str]) -> None:
        self.endpoint = endpoint
        self.region = region
        self.default_tags = dict(default_tags)
        self._clients: dict[tuple[str, str], Any] = {}
        self._accounts: list[str] = []

    def at(self, region: str | None) -> Session:
        """Return the session for a region, with the same clients."""
        if not region or region == self.region:
            return self
        other = Session(self.endpoint, region, self.default_tags)
        other._clients, other._accounts = self._clients, self._accounts
        return other

    @property
    def offline(self) -> bool:
        """Say whether no emulator was named: there is no account and no call can be made."""
        return self.endpoint == OFFLINE_ENDPOINT

    @property
    def account(self) -> str:
        """Return the account number that the endpoint answers for."""
        if not self._accounts:
            self._accounts.append(str(self.call("sts", "get_caller_identity")["Account"]))
        return self._accounts[0]

    def client(self, service: str) -> Any:
        """Return the client of a service in this region, made once."""
        key = (service, self.region)
        if key not in self._clients:
            self._clients[key] = isolated_client(self.endpoint, service, self.region)
        return self._clients[key]

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Call an operation and return its answer."""
        answer: dict[str, Any] = getattr(self.client(service), operation)(**params)
        return answer

    def shape(self, service: str, operation: str) -> Any:
        """Return the botocore shape of an operation's parameters."""
        client = self.client(service)
        name = client.meta.method_to_api_mapping[operation]
        return client.meta.service_model.operation_model(name).input_shape

    def find(self, service: str, operation: str, path: str, **params: Any) -> Any:
        """Return what a JMESPath finds in an operation's answer; None where nothing is there."""
        try:
            return jmespath.search(path, self.call(service, operation, **params))
        except ClientError as error:
            if is_absent(error):
                return None
            raise

    def act(
        self,
        act: Act,
        service: str,
        wanted: Values,
        prior: Values | None,
        names: Mapping[str, str],
        *,
        only: frozenset[str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Any:
        """Carry out a call or a hook; ``only`` limits which attributes are converted by name."""
        if not isinstance(act, Call):
            return act(self, wanted, prior)
        service = act.service or service
        shape = self.shape(service, act.operation)
        taken = {
            name: value
            for name, value in wanted.items()
            if name not in _SKIPPED
            and (name in act.fields if act.fields is not None else _fits(name, act, shape, names))
            and (only is None or name in only)
        }
        params = (encode(shape, taken, names) or {}) if taken and shape is not None else {}
        for name, template in act.params.items():
            value = self.resolve(template, wanted)
            if value is not None:
                params[name] = value
        if tags:
            params.update(_tag_parameters(shape, tags, params))
        return self.call(service, act.operation, **params)

    def resolve(self, template: Any, values: Values) -> Any:
        """Return a template with the resource's attributes put in."""
        if callable(template):
            return template(values)
        if isinstance(template, Mapping):
            resolved = {name: self.resolve(inner, values) for name, inner in template.items()}
            return {name: value for name, value in resolved.items() if value is not None}
        if isinstance(template, list):
            return [self.resolve(inner, values) for inner in template]
        if not isinstance(template, str):
            return template
        if template.startswith("$"):
            return values.get(template[1:])
        if "{" in template and not template.lstrip().startswith(('{"', "{\n")):
            context = {**values, "region": self.region}
            if "{account}" in template:
                context["account"] = self.account
            return template.format(**context)
        return template


def is_absent(error: ClientError) -> bool:
    """Say whether an API error says that the thing asked for is not there."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return _ABSENT.search(code) is not None


def _fits(name: str, call: Call, shape: Any, names: Mapping[str, str]) -> bool:
    if shape is None:
        return False
    member = member_of(name, shape.members, names)
    return member is not None and member not in call.params


def _tag_parameters(
    shape: Any, tags: Mapping[str, str], given: Mapping[str, Any]
) -> dict[str, Any]:
    # Create calls take tags in three forms; where there is none the tags are written afterwards.
    for member in ("Tags", "tags"):
        if member in shape.members and member not in given:
            return {member: encode(shape.members[member], dict(tags), {})}
    return {}
