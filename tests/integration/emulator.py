"""An AWS for the provisioning tests: moto on a loopback port, with the operations that it lacks.

What is added here keeps what it is given and answers in the services' own protocols; the
botocore models of the client check both directions.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

Answer = tuple[int, dict[str, str], str]
Environment = dict[str, Any]

_ACCOUNT = "123456789012"
_REGION = "ap-south-1"
_EMPTY: Answer = (200, {"Content-Type": "application/json"}, "{}")


@contextmanager
def emulator() -> Iterator[str]:
    """Serve for the time of the block, on a port that the system chooses; gives the URL."""
    os.environ["MOTO_ACM_VALIDATION_WAIT"] = "0"
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    served = _Additions(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, served, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=10)


class _Additions:
    """Answers the added operations and leaves the rest to moto."""

    def __init__(self, rest: Callable[..., Iterable[bytes]]) -> None:
        self._rest = rest
        self._eks = _Eks()
        self._cloudfront = _CloudFront()
        self._elasticache = _ElastiCache()

    def __call__(self, environ: Environment, start: Callable[..., Any]) -> Iterable[bytes]:
        service = re.search(r"/(\w[\w-]*)/aws4_request", environ.get("HTTP_AUTHORIZATION", ""))
        name = service[1] if service else ""
        answer = self._own(name, environ)
        if answer is None and name in ("eks", "elasticache"):
            return self._mended(name, environ, start)
        if answer is None:
            return self._rest(environ, start)
        status, headers, body = answer
        start(f"{status} {'OK' if status < 300 else 'Error'}", list(headers.items()))
        return [body.encode()]

    def _mended(
        self, service: str, environ: Environment, start: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Let moto answer, and mend what it leaves out."""
        asked = environ["wsgi.input"].getvalue()
        started: list[Any] = []
        body = b"".join(self._rest(environ, lambda *given: started.extend(given)))
        if service == "eks" and b'"resourcesVpcConfig"' in body:
            document = json.loads(body)
            document["cluster"]["resourcesVpcConfig"]["clusterSecurityGroupId"] = "sg-0c1a57e4"
            body = json.dumps(document).encode()
        if b"Action=DeleteReplicationGroup" in asked:
            # moto shows a deleted group as being deleted for ever.
            _forget("replication_groups", parse_qs(asked.decode())["ReplicationGroupId"][0])
        headers = [(k, v) for k, v in started[1] if k.lower() != "content-length"]
        start(started[0], [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def _own(self, service: str, environ: Environment) -> Answer | None:
        path, method = unquote(environ["PATH_INFO"]), environ["REQUEST_METHOD"]
        handler = {
            "eks": self._eks.answer,
            "cloudfront": self._cloudfront.answer,
            "elasticache": self._elasticache.answer,
        }.get(service)
        if handler is None:
            return None
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        answer = handler(method, path, body.decode(), environ)
        if answer is None:
            if service == "elasticache":
                body = _with_replicas(body)
            environ["wsgi.input"] = io.BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        return answer


def _forget(kind: str, name: str) -> None:
    """Remove something that moto keeps for ElastiCache and cannot delete."""
    from moto.backends import get_backend

    getattr(get_backend("elasticache")[_ACCOUNT][_REGION], kind).pop(name, None)


def _with_replicas(body: bytes) -> bytes:
    """Say the number of nodes in the one form in which moto counts them."""
    count = re.search(rb"NumCacheClusters=(\d+)", body)
    if count is None or b"Action=CreateReplicationGroup" not in body:
        return body
    return body + b"&ReplicasPerNodeGroup=%d" % (int(count[1]) - 1)


def _json(document: Any, status: int = 200) -> Answer:
    headers = {"Content-Type": "application/json"}
    if status == 404:
        headers["x-amzn-ErrorType"] = "ResourceNotFoundException"
    return status, headers, json.dumps(document)


class _Eks:
    """Add-ons, access entries with their policies, and pod identity associations."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, ...], dict[str, Any]] = {}
        self._tags: dict[str, dict[str, str]] = {}

    def answer(self, method: str, path: str, body: str, environ: Environment) -> Answer | None:
        given = json.loads(body) if body else {}
        if path.startswith("/tags/"):
            return self._tag(method, path.removeprefix("/tags/"), given, environ)
        match = re.fullmatch(
            r"/clusters/([^/]+)/(addons|access-entries|pod-identity-associations)(?:/(.+))?", path
        )
        if match is None:
            return None
        cluster, kind, rest = match[1], match[2], match[3]
        if rest and "/access-policies" in rest:
            return self._policies(method, cluster, rest, given)
        if method == "POST" and (rest is None):
            return self._create(cluster, kind, given)
        name = (rest or "").removesuffix("/update")
        held = self._held.get((cluster, kind, name))
        if held is None:
            return _json({"message": f"No {kind} {name} found"}, 404)
        if method == "POST":
            held.update({k: v for k, v in given.items() if k != "clientRequestToken"})
            return _json({_WORD[kind]: held, "update": {"id": "1", "status": "Successful"}})
        if method == "DELETE":
            del self._held[(cluster, kind, name)]
        return _json({_WORD[kind]: {**held, "tags": self._tags.get(_arn(held), {})}})

    def _create(self, cluster: str, kind: str, given: dict[str, Any]) -> Answer:
        held = {**given, "clusterName": cluster, "createdAt": 1700000000, "modifiedAt": 1700000000}
        name = {
            "addons": given.get("addonName"),
            "access-entries": given.get("principalArn"),
            "pod-identity-associations": f"a-{uuid.uuid4().hex[:16]}",
        }[kind]
        arn = f"arn:aws:eks:{_REGION}:{_ACCOUNT}:{kind}/{cluster}/{uuid.uuid4().hex}"
        if kind == "addons":
            held.update(addonArn=arn, status="ACTIVE", health={"issues": []})
            held.setdefault("addonVersion", "v1.0.0-eksbuild.1")
        elif kind == "access-entries":
            held.update(accessEntryArn=arn)
            held.setdefault("username", str(name))
            held.setdefault("kubernetesGroups", [])
        else:
            held.update(associationArn=arn, associationId=name)
        self._held[(cluster, kind, str(name))] = held
        self._tags[arn] = dict(given.get("tags") or {})
        return _json({_WORD[kind]: held})

    def _policies(self, method: str, cluster: str, rest: str, given: dict[str, Any]) -> Answer:
        principal, _, policy = rest.partition("/access-policies")
        held = self._held.setdefault((cluster, "policies", principal), {})
        if method == "POST":
            entry = {**given, "associatedAt": 1700000000, "modifiedAt": 1700000000}
            held[given["policyArn"]] = entry
            return _json({"associatedAccessPolicy": entry})
        if method == "DELETE":
            held.pop(policy.removeprefix("/"), None)
            return _EMPTY
        return _json({"associatedAccessPolicies": list(held.values())})

    def _tag(
        self, method: str, arn: str, given: dict[str, Any], environ: Environment
    ) -> Answer | None:
        if arn not in self._tags:
            return None
        if method == "POST":
            self._tags[arn].update(given["tags"])
        elif method == "DELETE":
            for key in parse_qs(environ["QUERY_STRING"]).get("tagKeys", []):
                self._tags[arn].pop(key, None)
        return _json({"tags": self._tags[arn]})


_WORD = {
    "addons": "addon",
    "access-entries": "accessEntry",
    "pod-identity-associations": "association",
}


def _arn(held: dict[str, Any]) -> str:
    names = ("addonArn", "accessEntryArn", "associationArn")
    return next((held[name] for name in names if name in held), "")


_POLICIES = {
    "cache-policy": "CachePolicy",
    "response-headers-policy": "ResponseHeadersPolicy",
}


class _CloudFront:
    """Cache policies and response headers policies: XML kept and given back."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}

    def answer(self, method: str, path: str, body: str, environ: Environment) -> Answer | None:
        match = re.fullmatch(r"/[\d-]+/(cache-policy|response-headers-policy)(?:/([\w-]+))?", path)
        if match is None:
            return None
        word, identifier = _POLICIES[match[1]], match[2] or str(uuid.uuid4())
        if method in ("POST", "PUT"):
            self._held[identifier] = re.sub(r"^<\?xml[^>]*\?>", "", body).strip()
        elif identifier not in self._held:
            error = f"<Error><Code>NoSuch{word}</Code><Message>none</Message></Error>"
            return 404, {"Content-Type": "text/xml"}, f"<ErrorResponse>{error}</ErrorResponse>"
        headers = {"Content-Type": "text/xml", "ETag": f"E{hash(self._held[identifier]) % 10**9}"}
        if method == "DELETE":
            del self._held[identifier]
            return 204, {}, ""
        inner = f"<Id>{identifier}</Id><LastModifiedTime>2026-01-01T00:00:00Z</LastModifiedTime>"
        text = f"<{word}>{inner}{self._held[identifier]}</{word}>"
        return (201 if method == "POST" else 200), headers, text


class _ElastiCache:
    """Cache parameter groups."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[str, str]] = {}
        self._parameters: dict[str, dict[str, str]] = {}
        self._tags: dict[str, dict[str, str]] = {}

    def answer(self, method: str, path: str, body: str, environ: Environment) -> Answer | None:
        given = {name: values[0] for name, values in parse_qs(body).items()}
        action = given.get("Action", "")
        if ":parametergroup:" in given.get("ResourceName", ""):
            return self._tag(action, given)
        if action == "DeleteCacheSubnetGroup":
            _forget("cache_subnet_groups", given["CacheSubnetGroupName"])
            return _xml(action, "")
        if "CacheParameter" not in action:
            return None
        name = given.get("CacheParameterGroupName", "")
        if action == "CreateCacheParameterGroup":
            arn = f"arn:aws:elasticache:{_REGION}:{_ACCOUNT}:parametergroup:{name}"
            wanted = ("CacheParameterGroupName", "CacheParameterGroupFamily", "Description")
            self._groups[name] = {**{k: given[k] for k in wanted}, "ARN": arn}
            self._parameters[name] = {}
            self._tags[arn] = _numbered(given, "Tags.Tag", "Key", "Value")
            return _xml(
                action, f"<CacheParameterGroup>{_fields(self._groups[name])}</CacheParameterGroup>"
            )
        if name not in self._groups:
            error = "<Code>CacheParameterGroupNotFound</Code><Message>none</Message>"
            text = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>"
            return 404, {"Content-Type": "text/xml"}, text
        if action.startswith(("Modify", "Reset")):
            prefix = "ParameterNameValues.ParameterNameValue"
            for key, value in _numbered(given, prefix, "ParameterName", "ParameterValue").items():
                self._parameters[name][key] = value
                if action.startswith("Reset"):
                    del self._parameters[name][key]
            return _xml(action, f"<CacheParameterGroupName>{name}</CacheParameterGroupName>")
        if action == "DeleteCacheParameterGroup":
            del self._groups[name]
            return _xml(action, "")
        if action == "DescribeCacheParameters":
            listed = "".join(
                "<Parameter>" + _fields({"ParameterName": k, "ParameterValue": v}) + "</Parameter>"
                for k, v in self._parameters[name].items()
            )
            return _xml(action, f"<Parameters>{listed}</Parameters>")
        group = f"<CacheParameterGroup>{_fields(self._groups[name])}</CacheParameterGroup>"
        return _xml(action, f"<CacheParameterGroups>{group}</CacheParameterGroups>")

    def _tag(self, action: str, given: dict[str, str]) -> Answer:
        held = self._tags[given["ResourceName"]]
        held.update(_numbered(given, "Tags.Tag", "Key", "Value"))
        for name, key in given.items():
            if name.startswith("TagKeys."):
                held.pop(key, None)
        pairs = (_fields({"Key": k, "Value": v}) for k, v in held.items())
        listed = "".join(f"<Tag>{pair}</Tag>" for pair in pairs)
        return _xml(action, f"<TagList>{listed}</TagList>")


def _numbered(given: dict[str, str], prefix: str, key: str, value: str) -> dict[str, str]:
    """Return the pairs of a list in the query protocol."""
    return {
        text: given.get(f"{name.removesuffix(key)}{value}", "")
        for name, text in given.items()
        if name.startswith(f"{prefix}.") and name.endswith(f".{key}")
    }


def _fields(values: dict[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())


def _xml(action: str, inner: str) -> Answer:
    text = f"<{action}Response><{action}Result>{inner}</{action}Result></{action}Response>"
    return 200, {"Content-Type": "text/xml"}, text
