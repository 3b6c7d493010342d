"""Rules on certificates, DNS names and hosted zones."""

from __future__ import annotations

import re
from collections.abc import Iterator

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
from harness.audit.rules.addons import installed
from harness.audit.value import (
    as_list,
    as_switch,
    dig,
    is_known,
    texts,
)

CDN = "aws_cloudfront_distribution"


_TLS = ("NFR-SEC-01", "section 5.1, SSL certificate")


_APPLY = ("section 1.5, Terraform modules apply without errors",)


def covers(pattern: str, host: str) -> bool:
    """Say whether a certificate's name covers a host; a star is one label."""
    if pattern.startswith("*."):
        return host.partition(".")[2] == pattern[2:] and "." in host
    return pattern == host


def names_of(certificate: Resource) -> list[str]:
    """Return the known names of a certificate."""
    return [
        *texts(certificate.get("domain_name")),
        *texts(certificate.get("subject_alternative_names")),
    ]


def ingress_hosts(inventory: Inventory) -> Iterator[tuple[Resource, int, str]]:
    """Return each host of an Ingress, with the Ingress and the index of its rule."""
    for ingress in inventory.of("Ingress"):
        for index, one in enumerate(as_list(ingress.get("spec", "rules"))):
            host = dig(one, "host")
            if isinstance(host, str):
                yield ingress, index, host


@rule(
    "cdn-certificate-validated",
    promises=_TLS,
    why="CloudFront refuses a certificate that is still pending, and nothing waits for it",
    source="terraform-provider-aws, aws_acm_certificate_validation; InvalidViewerCertificate",
    needs=(TERRAFORM,),
)
def certificate_validated(inventory: Inventory) -> Iterator[Mark]:
    """Each requested certificate has a validation that its users wait for."""
    validated = {
        name
        for v in inventory.of("aws_acm_certificate_validation")
        for name in v.refers("certificate_arn")
    }
    for certificate in inventory.of("aws_acm_certificate"):
        if certificate.base in validated or certificate.get("private_key") is not None:
            yield FINE
        else:
            yield defect(
                certificate,
                (),
                expected="an aws_acm_certificate_validation for it, used by what needs the ARN",
                got="none",
                next_step="add the validation and its records",
            )


@rule(
    "certificate-records-own",
    promises=_TLS,
    why="apex and wildcard share one validation record: two owners overwrite and delete it",
    source="ACM user guide, DNS validation: the wildcard's CNAME is that of its apex",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def records_own(inventory: Inventory) -> Iterator[Mark]:
    """Validation records are written once: no overwriting, no names that a wildcard covers."""
    for record in inventory.of("aws_route53_record"):
        if as_switch(record.get("allow_overwrite")) is True:
            yield defect(
                record,
                ("allow_overwrite",),
                expected="each validation record owned by one resource",
                got="allow_overwrite = true",
                next_step="key the records by their name without the wildcard",
            )
        else:
            yield FINE


@rule(
    "cdn-names-resolve",
    promises=("section 5.1, SSL certificate", "NFR-AVAIL-01"),
    why="a distribution with IPv6 and no AAAA record is never found by IPv6 clients",
    source="CloudFront developer guide, enabling IPv6: a second alias record of type AAAA",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def cdn_names(inventory: Inventory) -> Iterator[Mark]:
    """Each alias has an address record of every family that the distribution serves."""
    records = [(r.get("name"), r.get("type")) for r in inventory.of("aws_route53_record")]
    for cdn in inventory.of(CDN):
        wanted = ["A", "AAAA"] if as_switch(cdn.get("is_ipv6_enabled")) else ["A"]
        for index, alias in enumerate(as_list(cdn.get("aliases"))):
            missing = [kind for kind in wanted if (alias, kind) not in records]
            if not missing:
                yield FINE
            elif any(not is_known(name) for name, kind in records if kind in (*missing, None)):
                yield undecided(cdn, ("aliases", index), "names of records are not known")
            else:
                yield defect(
                    cdn,
                    ("aliases", index),
                    expected=f"a record {alias} of type {' and '.join(missing)}",
                    got="none",
                    next_step="add an aws_route53_record with an alias block",
                )


@rule(
    "ingress-host-resolves",
    promises=("NFR-AVAIL-01", "section 5.1, SSL certificate"),
    why="a host of the Ingress without an address record is reached by nobody",
    source="Route 53 developer guide; no controller writes records unless external-dns runs",
    needs=(TERRAFORM, KUBERNETES),
    required=True,
)
def host_resolves(inventory: Inventory) -> Iterator[Mark]:
    """Each host of an Ingress has a record, or external-dns writes it."""
    records = [r for r in inventory.of("aws_route53_record") if r.get("type") in ("A", "CNAME")]
    zones = texts(
        [z.get("name") for z in inventory.of("aws_route53_zone", "data.aws_route53_zone")]
    )
    names = texts([r.get("name") for r in records])
    # Route 53 completes a name that does not end in its zone.
    known = {*names, *(f"{name}.{zone}" for name in names for zone in zones)}
    written = installed(inventory, re.compile("external-dns|external_dns"))
    for ingress, index, host in ingress_hosts(inventory):
        if written or any(covers(name, host) for name in known):
            yield FINE
        elif any(not is_known(r.get("name")) for r in records):
            yield undecided(ingress, ("spec", "rules", index), "names of records are not known")
        else:
            yield defect(
                ingress,
                ("spec", "rules", index, "host"),
                expected=f"an address record {host}",
                got="none",
                next_step="declare an aws_route53_record that points at the balancer",
            )


@rule(
    "ingress-host-certified",
    promises=_TLS,
    why="a host that no certificate covers is refused by every browser",
    source="ACM user guide: a wildcard covers one label",
    needs=(TERRAFORM, KUBERNETES),
)
def host_certified(inventory: Inventory) -> Iterator[Mark]:
    """Each host of an Ingress is covered by a certificate of the project."""
    certificates = inventory.of("aws_acm_certificate")
    names = [name for c in certificates for name in names_of(c)]
    for ingress, index, host in ingress_hosts(inventory):
        if not certificates:
            return
        if any(covers(name, host) for name in names):
            yield FINE
        elif not all(is_known(dict(c.values)) for c in certificates):
            yield undecided(ingress, ("spec", "rules", index), "names of certificates not known")
        else:
            yield defect(
                ingress,
                ("spec", "rules", index, "host"),
                expected=f"a certificate for {host}",
                got=", ".join(names),
                next_step="add the name to the certificate",
            )


@rule(
    "zone-declared",
    promises=(*_APPLY, "section 3, day 701 (Route 53 hosted zones)"),
    why="a zone that is only looked up fails the plan of a new account",
    source="terraform-provider-aws, data source aws_route53_zone",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def zone_declared(inventory: Inventory) -> Iterator[Mark]:
    """A hosted zone that is looked up can also be made."""
    for zone in inventory.of("data.aws_route53_zone"):
        # A zone with a condition has no instance where the condition is off.
        made = {r.name for r in inventory.references if r.name.startswith("aws_route53_zone.")}
        if made or inventory.declares("aws_route53_zone"):
            yield FINE
        else:
            yield defect(
                zone,
                (),
                expected="an aws_route53_zone, at least by a switch",
                got="a look-up only",
                next_step="declare the zone, or say in a bootstrap who makes it",
            )


RULES = (
    certificate_validated,
    records_own,
    cdn_names,
    host_resolves,
    host_certified,
    zone_declared,
)
