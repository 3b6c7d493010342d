"""Names, addresses and labels of the stack: the document's VPC on one bridge.

The document's range is 10.0.0.0/16 (section 3, day 701). Where the host uses that range, the
same layout is laid over another /16 and every address here moves with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NETWORK = "smart-dairy-vpc"
CLUSTER = "smart-dairy"
CONTEXT = f"kind-{CLUSTER}"
NAMESPACE = "smart-dairy-prod"
ZONES = ("ap-south-1a", "ap-south-1b", "ap-south-1c")
REGION = "ap-south-1"

STACK_LABEL = "org.smart-dairy.harness.stack"
RUN_LABEL = "org.smart-dairy.harness.run"
PART_LABEL = "org.smart-dairy.harness.part"
ZONE_LABEL = "org.smart-dairy.harness.zone"

DOCUMENT_PREFIX = "10.0"

RESOLVER = "smart-dairy-dns"
CONSENSUS = "smart-dairy-consensus"
AWS = "smart-dairy-aws"
CONTROL_PLANE = f"{CLUSTER}-control-plane"
WORKERS = (f"{CLUSTER}-worker", f"{CLUSTER}-worker2", f"{CLUSTER}-worker3")
DATABASE_WORKER = f"{CLUSTER}-worker4"
DATABASES = ("smart-dairy-database-a", "smart-dairy-database-b")
REPLICA = "smart-dairy-database-c"
CACHES = ("smart-dairy-cache-a", "smart-dairy-cache-b", "smart-dairy-cache-c")
SENTINELS = ("smart-dairy-sentinel-a", "smart-dairy-sentinel-b", "smart-dairy-sentinel-c")

DOMAIN = "smart-dairy.internal"
DATABASE_PRIMARY_NAME = f"smart-dairy-prod-db-primary.rds.{DOMAIN}"
DATABASE_REPLICA_NAME = f"smart-dairy-prod-db-replica.rds.{DOMAIN}"
CACHE_PRIMARY_NAME = f"smart-dairy-prod-redis.cache.{DOMAIN}"
AWS_NAME = f"aws.{DOMAIN}"
ENDPOINT_TTL_SECONDS = 5

BACKEND_NODE_PORT = 30069

# Offset of each container inside the /16; subnets are the document's /24s.
_HOSTS = {
    RESOLVER: "0.2",
    CONTROL_PLANE: "0.10",
    CONSENSUS: "0.20",
    AWS: "0.30",
    SENTINELS[0]: "0.41",
    SENTINELS[1]: "0.42",
    SENTINELS[2]: "0.43",
    WORKERS[0]: "1.11",
    WORKERS[1]: "2.11",
    WORKERS[2]: "3.11",
    DATABASE_WORKER: "1.12",
    CACHES[0]: "1.21",
    CACHES[1]: "2.21",
    CACHES[2]: "3.21",
    DATABASES[0]: "201.11",
    DATABASES[1]: "202.11",
    REPLICA: "203.11",
}

# An address of one of the document's subnets, up to and with the dot after the prefix.
_DOCUMENT_ADDRESS = re.compile(r"(?<![\d.])10\.0\.(?=(?:[0-3]|10[1-3]|20[1-3])\.\d)")

_ZONE_OF_SUBNET = {
    "1": ZONES[0],
    "2": ZONES[1],
    "3": ZONES[2],
    "201": ZONES[0],
    "202": ZONES[1],
    "203": ZONES[2],
}


@dataclass(frozen=True)
class Layout:
    """The document's addresses under one /16 prefix, such as ``10.0``."""

    prefix: str = DOCUMENT_PREFIX

    @property
    def cidr(self) -> str:
        """Return the VPC's range."""
        return f"{self.prefix}.0.0/16"

    @property
    def gateway(self) -> str:
        """Return the bridge's own address, which is the host's address in the VPC."""
        return f"{self.prefix}.0.1"

    def address(self, container: str) -> str:
        """Return the fixed IPv4 address of a container of the stack.

        Raises KeyError for a name that is not part of the layout.
        """
        return f"{self.prefix}.{_HOSTS[container]}"

    def zone(self, container: str) -> str | None:
        """Return the availability zone a container stands in; None for the provider's own."""
        return _ZONE_OF_SUBNET.get(_HOSTS[container].split(".", maxsplit=1)[0])

    def translate(self, text: str) -> str:
        """Return ``text`` with the document's CIDRs moved to this layout's prefix."""
        if self.prefix == DOCUMENT_PREFIX:
            return text
        return _DOCUMENT_ADDRESS.sub(f"{self.prefix}.", text)


def all_containers() -> tuple[str, ...]:
    """Return the names of all containers of the full stack, in address order."""
    return tuple(_HOSTS)
