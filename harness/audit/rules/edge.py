"""Rules on CloudFront."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.audit import facts
from harness.audit.inventory import Inventory
from harness.audit.resource import Resource
from harness.audit.rule import (
    FINE,
    KUBERNETES,
    TERRAFORM,
    Mark,
    Severity,
    defect,
    rule,
    undecided,
)
from harness.audit.rules.field import field_rule
from harness.audit.rules.names import covers, ingress_hosts, names_of
from harness.audit.value import (
    Unknown,
    as_list,
    as_number,
    dig,
    references,
    texts,
)

CDN = "aws_cloudfront_distribution"


_TLS = ("NFR-SEC-01", "section 5.1, SSL certificate")


# Managed policies of CloudFront that hand the Host header, or no Host, to the origin.
_ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"


def behaviours(cdn: Resource) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Return path and values of each cache behaviour, the default one first."""
    for field in ("default_cache_behavior", "ordered_cache_behavior"):
        for index, block in enumerate(as_list(cdn.get(field))):
            yield (field, index), block


@rule(
    "cdn-errors-reach-client",
    promises=("pod-kill-failed-requests", "NFR-AVAIL-01"),
    why="error responses are of the whole distribution: refused API calls become 200 with a page",
    source="CloudFront API, DistributionConfig.CustomErrorResponses",
    needs=(TERRAFORM,),
)
def errors_reach_client(inventory: Inventory) -> Iterator[Mark]:
    """No error is turned into a success where the distribution also serves an API."""
    for cdn in inventory.of(CDN):
        api = any(dig(o, "custom_origin_config") for o in as_list(cdn.get("origin")))
        for index, block in enumerate(as_list(cdn.get("custom_error_response"))):
            code, shown = dig(block, "error_code"), as_number(dig(block, "response_code"))
            if api and shown is not None and shown < 400:
                yield defect(
                    cdn,
                    ("custom_error_response", index),
                    expected=f"{code} of the API origin to reach the client as {code}",
                    got=f"{shown:g} with {dig(block, 'response_page_path')}",
                    next_step="rewrite paths of the page in a viewer function instead",
                )
            else:
                yield FINE
        yield FINE


@rule(
    "cdn-origin-covered",
    promises=("NFR-AVAIL-01", *_TLS),
    why="https to the load balancer's own name fails: its certificate is for other names (502)",
    source="CloudFront developer guide, HTTP 502: SSL/TLS negotiation with the origin",
    needs=(TERRAFORM,),
)
def origin_covered(inventory: Inventory) -> Iterator[Mark]:
    """An origin spoken to by https has a name that a certificate of the project covers."""
    names = [n for c in inventory.of("aws_acm_certificate") for n in names_of(c)]
    for cdn in inventory.of(CDN):
        for index, origin in enumerate(as_list(cdn.get("origin"))):
            config = dig(origin, "custom_origin_config", 0)
            if dig(config, "origin_protocol_policy") != "https-only":
                continue
            domain = dig(origin, "domain_name")
            balancer = isinstance(domain, Unknown) and ".dns_name" in domain.text
            if isinstance(domain, str) and any(covers(name, domain) for name in names):
                yield FINE
            elif balancer or isinstance(domain, str):
                yield defect(
                    cdn,
                    ("origin", index, "domain_name"),
                    expected="a name that the origin's certificate covers",
                    got=domain.text if isinstance(domain, Unknown) else domain,
                    next_step="point a record such as origin.<domain> at the balancer and use it",
                )
            else:
                yield undecided(cdn, ("origin", index, "domain_name"), domain)


@rule(
    "cdn-host-known",
    promises=("NFR-AVAIL-01",),
    why="without the Host header the balancer sees a name that no rule of the Ingress knows: 404",
    source="CloudFront developer guide, headers sent to custom origins: Host is the origin's name",
    needs=(TERRAFORM, KUBERNETES),
)
def host_known(inventory: Inventory) -> Iterator[Mark]:
    """An API behaviour forwards Host, or its origin's name is a host of the Ingress."""
    hosts = [host for _, _, host in ingress_hosts(inventory)]
    for cdn in inventory.of(CDN):
        origins = {dig(o, "origin_id"): o for o in as_list(cdn.get("origin"))}
        for path, block in behaviours(cdn):
            origin = origins.get(dig(block, "target_origin_id"))
            if not dig(origin, "custom_origin_config") or not hosts:
                continue
            if _forwards_host(inventory, block) or dig(origin, "domain_name") in hosts:
                yield FINE
            else:
                yield defect(
                    cdn,
                    path,
                    expected="the Host header forwarded, or an origin named as a host of Ingress",
                    got=f"headers {dig(block, 'forwarded_values', 0, 'headers')}",
                    next_step="attach the origin request policy Managed-AllViewer",
                )


def _forwards_host(inventory: Inventory, block: Any) -> bool:
    headers = texts(dig(block, "forwarded_values", 0, "headers"))
    if "Host" in headers or "*" in headers:
        return True
    policy = dig(block, "origin_request_policy_id")
    if policy == _ALL_VIEWER:
        return True
    if not isinstance(policy, Unknown):
        return False
    named = inventory.referred(
        policy.references,
        "data.aws_cloudfront_origin_request_policy",
        "aws_cloudfront_origin_request_policy",
    )
    return any(
        ("AllViewer" in str(p.get("name")) and "ExceptHost" not in str(p.get("name")))
        or "Host" in repr(p.get("headers_config"))
        or dig(p.get("headers_config"), 0, "header_behavior") == "allViewer"
        for p in named
    )


@rule(
    "cdn-policies-current",
    promises=("section 1.5, CloudFront",),
    why="forwarded_values is deprecated and keeps a behaviour from using cache policies",
    source="CloudFront API, CacheBehavior.ForwardedValues: deprecated",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def policies_current(inventory: Inventory) -> Iterator[Mark]:
    """Behaviours use cache policies."""
    for cdn in inventory.of(CDN):
        for path, block in behaviours(cdn):
            if dig(block, "forwarded_values"):
                yield defect(
                    cdn,
                    (*path, "forwarded_values"),
                    expected="cache_policy_id and origin_request_policy_id",
                    got="forwarded_values",
                    next_step="move its headers, cookies and query strings into policies",
                )
            else:
                yield FINE


@rule(
    "cdn-security-headers",
    promises=_TLS,
    why="grade A+ needs Strict-Transport-Security on every answer",
    source="SSL Labs rating guide; CloudFront response headers policies",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def security_headers(inventory: Inventory) -> Iterator[Mark]:
    """Every behaviour has a response headers policy."""
    for cdn in inventory.of(CDN):
        for path, block in behaviours(cdn):
            if dig(block, "response_headers_policy_id") is not None:
                yield FINE
            else:
                yield defect(
                    cdn,
                    path,
                    expected="a response_headers_policy_id with Strict-Transport-Security",
                    got="none",
                    next_step="declare an aws_cloudfront_response_headers_policy",
                )


@rule(
    "cdn-page-fresh",
    promises=("section 1.5, CloudFront",),
    why="a page that names its assets and is kept for a day hides a release for a day",
    source="derived from default_ttl and default_root_object",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def page_fresh(inventory: Inventory) -> Iterator[Mark]:
    """The root page has a behaviour of its own, or a short time to live."""
    for cdn in inventory.of(CDN):
        page = cdn.get("default_root_object")
        if not isinstance(page, str) or not page:
            continue
        own = [
            block
            for path, block in behaviours(cdn)
            if page.lstrip("/") in str(dig(block, "path_pattern"))
        ]
        block = own[0] if own else dig(cdn.get("default_cache_behavior"), 0)
        seconds = _ttl(inventory, block)
        if isinstance(seconds, Unknown):
            yield undecided(cdn, ("default_cache_behavior",), seconds)
        elif seconds is not None and seconds > 3600:
            yield defect(
                cdn,
                ("default_cache_behavior", 0, "default_ttl"),
                expected=f"at most 3600 s for {page}",
                got=f"{seconds:g} s",
                next_step="give the page its own behaviour, keep long times for hashed assets",
            )
        else:
            yield FINE


def _ttl(inventory: Inventory, block: Any) -> float | Unknown | None:
    policy = dig(block, "cache_policy_id")
    if isinstance(policy, Unknown):
        found = inventory.referred(policy.references, "aws_cloudfront_cache_policy")
        return as_number(found[0].get("default_ttl")) if found else policy
    return as_number(dig(block, "default_ttl"))


@rule(
    "bucket-cors-works",
    promises=("section 1.5, CloudFront",),
    why="S3 answers with CORS headers only to requests that carry Origin, which is not forwarded",
    source="CloudFront developer guide, CORS: forward the Origin header",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def cors_works(inventory: Inventory) -> Iterator[Mark]:
    """A bucket with CORS behind CloudFront gets the Origin header, or headers from a policy."""
    for cors in inventory.of("aws_s3_bucket_cors_configuration"):
        for cdn in inventory.of(CDN):
            served = {
                dig(o, "origin_id")
                for o in as_list(cdn.get("origin"))
                if not dig(o, "custom_origin_config")
            }
            for path, block in behaviours(cdn):
                if dig(block, "target_origin_id") not in served:
                    continue
                headers = texts(dig(block, "forwarded_values", 0, "headers"))
                policy = dig(block, "origin_request_policy_id")
                if "Origin" in headers or policy is not None or _answers(inventory, block):
                    yield FINE
                else:
                    yield defect(
                        cdn,
                        path,
                        expected=f"Origin forwarded for the rules of {cors.address}",
                        got=f"headers {headers or 'none'}",
                        next_step="attach Managed-CORS-S3Origin or a response headers policy",
                    )


@rule(
    "cdn-origin-access-control",
    promises=("NFR-SEC-03",),
    why="the identity is the legacy way and knows neither KMS nor newer regions",
    source="CloudFront developer guide, restricting access to an S3 origin",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def access_control(inventory: Inventory) -> Iterator[Mark]:
    """Origins in S3 are reached by an origin access control."""
    for cdn in inventory.of(CDN):
        for index, origin in enumerate(as_list(cdn.get("origin"))):
            if dig(origin, "custom_origin_config"):
                continue
            if dig(origin, "origin_access_control_id") is not None:
                yield FINE
            else:
                old = "an origin access identity" if dig(origin, "s3_origin_config") else "none"
                yield defect(
                    cdn,
                    ("origin", index, "s3_origin_config"),
                    expected="an aws_cloudfront_origin_access_control",
                    got=old,
                    next_step="replace it; it cannot read objects encrypted with KMS",
                )


def _answers(inventory: Inventory, block: Any) -> bool:
    """Say whether CloudFront itself adds the CORS headers to a behaviour's answers."""
    policy = dig(block, "response_headers_policy_id")
    if policy is None:
        return False
    found = inventory.referred(references(policy), "aws_cloudfront_response_headers_policy")
    return not found or any(as_list(p.get("cors_config")) for p in found)


RULES = (
    errors_reach_client,
    origin_covered,
    host_known,
    policies_current,
    security_headers,
    page_fresh,
    cors_works,
    access_control,
    field_rule(
        "cdn-protocol-minimum",
        (CDN,),
        ("viewer_certificate", 0, "minimum_protocol_version"),
        lambda value: value is not None and value not in facts.PROTOCOLS_WEAK,
        expected="minimum_protocol_version TLSv1.2_2021 or newer",
        next_step="set it",
        promises=_TLS,
        why="older protocols break the promise of encryption in transit and cap the grade at B",
        source="CloudFront developer guide, supported protocols and ciphers",
    ),
)
