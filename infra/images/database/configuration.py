"""Patroni's configuration from the container's environment; pure, so that it can be tested."""

import json
from collections.abc import Mapping

DATA = "/var/lib/postgresql/data"
PROGRAMS = "/usr/lib/postgresql/16/bin"
SOCKETS = "/var/run/postgresql"
TLS = "/run/smart-dairy/tls"
SCRIPTS = "/usr/local/lib/smart-dairy"
SCOPE = "smart-dairy"


def patroni(environment: Mapping[str, str]) -> dict[str, object]:
    """Return the document that Patroni reads; KeyError names a variable that is missing."""
    address = environment["NODE_ADDRESS"]
    return {
        "scope": SCOPE,
        "name": environment["NODE_NAME"],
        "log": {"level": "INFO"},
        "etcd3": {"hosts": environment["STORE_ADDRESS"]},
        "restapi": {
            "listen": "0.0.0.0:8008",
            "connect_address": f"{address}:8008",
            "authentication": {
                "username": "patroni",
                "password": environment["REST_PASSWORD"],
            },
        },
        "bootstrap": _bootstrap(environment),
        "postgresql": {
            "listen": "0.0.0.0:5432",
            "connect_address": f"{address}:5432",
            "data_dir": DATA,
            "bin_dir": PROGRAMS,
            "pgpass": "/run/smart-dairy/pgpass",
            "use_unix_socket": True,
            "use_unix_socket_repl": True,
            "authentication": _authentication(environment),
            "callbacks": dict.fromkeys(
                ("on_start", "on_role_change"),
                f"/usr/bin/python3 -SE {SCRIPTS}/publish_endpoint.py",
            ),
            # The default spreads the first checkpoint over minutes.
            "basebackup": {"checkpoint": "fast"},
            "remove_data_directory_on_rewind_failure": True,
            "remove_data_directory_on_diverged_timelines": True,
        },
        "tags": tags(environment),
    }


def tags(environment: Mapping[str, str]) -> dict[str, bool]:
    """Return Patroni's tags: a read replica may neither lead nor acknowledge commits."""
    reader = environment["NODE_ROLE"] == "replica"
    return {"nofailover": reader, "nosync": reader}


def _bootstrap(environment: Mapping[str, str]) -> dict[str, object]:
    return {
        "dcs": {
            **json.loads(environment["FAILOVER_SETTINGS"]),
            "postgresql": {
                "use_pg_rewind": True,
                "use_slots": True,
                "pg_hba": access_rules(),
                "parameters": {
                    **json.loads(environment["PARAMETERS"]),
                    "unix_socket_directories": SOCKETS,
                    "ssl": "on",
                    "ssl_cert_file": f"{TLS}/server.crt",
                    "ssl_key_file": f"{TLS}/server.key",
                    "ssl_ca_file": f"{TLS}/ca.crt",
                    "ssl_min_protocol_version": "TLSv1.2",
                    "password_encryption": "scram-sha-256",
                },
            },
        },
        "initdb": ["data-checksums", {"encoding": "UTF8"}, {"locale": "C.UTF-8"}],
        "post_bootstrap": f"/usr/bin/python3 {SCRIPTS}/bootstrap.py",
    }


def access_rules() -> list[str]:
    """Return pg_hba: over the network only with TLS, whatever the address (rds.force_ssl)."""
    return [
        "local all postgres peer",
        "local all all scram-sha-256",
        "local replication all scram-sha-256",
        "hostssl all all 0.0.0.0/0 scram-sha-256",
        "hostssl replication replicator 0.0.0.0/0 scram-sha-256",
    ]


def _authentication(environment: Mapping[str, str]) -> dict[str, dict[str, str]]:
    verified = {"sslmode": "verify-full", "sslrootcert": f"{TLS}/ca.crt"}
    return {
        "superuser": {
            "username": "postgres",
            "password": environment["SUPERUSER_PASSWORD"],
            **verified,
        },
        "replication": {
            "username": "replicator",
            "password": environment["REPLICATION_PASSWORD"],
            **verified,
        },
    }
