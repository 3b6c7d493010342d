"""Looking up an endpoint name at the VPC's resolver, past every cache."""

from __future__ import annotations

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

LIMIT_SECONDS = 2.0


def resolve(name: str, resolver: str) -> str | None:
    """Return the IPv4 address that ``resolver`` has for ``name``; None when it has none."""
    query = dns.message.make_query(name, dns.rdatatype.A)
    try:
        answer = dns.query.udp(query, resolver, timeout=LIMIT_SECONDS)
    except (dns.exception.DNSException, OSError):
        return None
    for records in answer.answer:
        if records.rdtype == dns.rdatatype.A:
            return str(records[0])
    return None
