"""The database as its clients and its operator see it, before and after a failover."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import urllib3

from harness.polling import wait_until
from harness.stack import containers, credentials, database, database_settings, layout, resolver
from harness.stack.context import Context

pytestmark = pytest.mark.integration

# Detection of a dead postmaster takes one loop (2 s), promotion some 0.1 s.
FAILOVER_LIMIT_SECONDS = 60
REJOIN_LIMIT_SECONDS = 60


@pytest.fixture
def table(stack: Context) -> Iterator[str]:
    name = "database_test"
    with _primary(stack) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {name}")
        connection.execute(f"CREATE TABLE {name} (id int PRIMARY KEY)")
    yield name
    with _primary(stack) as connection:
        connection.execute(f"DROP TABLE {name}")


def _primary(stack: Context) -> psycopg.Connection:
    address = resolver.resolve(stack, layout.DATABASE_PRIMARY_NAME)
    assert address is not None
    return database.connect(stack, address)


def _superuser(stack: Context, address: str) -> psycopg.Connection:
    password = stack.credentials.database_superuser
    return database.connect(stack, address, user="postgres", password=password)


def test_a_second_up_changes_nothing(stack: Context) -> None:
    """Bringing up what is up starts no container and moves no role."""
    before = [containers.find(stack, name).attrs["State"]["StartedAt"] for name in database.NODES]
    leader = database.primary(stack)

    database.up(stack)

    after = [containers.find(stack, name).attrs["State"]["StartedAt"] for name in database.NODES]
    assert before == after
    assert database.primary(stack) == leader


def test_a_connection_without_tls_is_refused(stack: Context) -> None:
    """The server takes no plain connection, whatever the password."""
    address = resolver.resolve(stack, layout.DATABASE_PRIMARY_NAME)

    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(
            host=address,
            dbname=credentials.DATABASE_NAME,
            user=credentials.DATABASE_USER,
            password=stack.credentials.database_application,
            sslmode="disable",
            connect_timeout=5,
        )


def test_the_parameters_are_in_force(stack: Context) -> None:
    """Each parameter stands on each node as the settings say, compared by the server itself."""
    wanted = database_settings.parameters()
    for name in database.NODES:
        with _superuser(stack, stack.layout.address(name)) as connection:
            rows = dict(
                connection.execute(
                    "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)",
                    [list(wanted)],
                ).fetchall()
            )

        differing = {
            key: (value, rows.get(key))
            for key, value in wanted.items()
            if _canonical(rows.get(key)) != _canonical(value)
        }
        assert differing == {}, name


def _canonical(value: str | None) -> str | None:
    units = {"1s": "1000", "5s": "5000"}
    return units.get(value, value) if value is not None else None


def test_the_replica_reads_what_the_primary_committed_and_refuses_writes(
    stack: Context, table: str
) -> None:
    """The replica's name leads to a read-only copy that follows the primary."""
    with _primary(stack) as connection:
        connection.execute(f"INSERT INTO {table} VALUES (1)")
    address = resolver.resolve(stack, layout.DATABASE_REPLICA_NAME)
    assert address == stack.layout.address(layout.REPLICA)
    with database.connect(stack, address) as replica:
        wait_until(
            lambda: replica.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,),
            what="the row on the replica",
            limit_seconds=10,
            ignore=(psycopg.errors.UndefinedTable,),
        )

        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            replica.execute(f"INSERT INTO {table} VALUES (2)")


def test_the_standby_acknowledges_and_the_replica_does_not(stack: Context) -> None:
    """Commits wait for the standby in the other zone; the read replica is asynchronous."""
    leader = database.primary(stack)
    standby = next(name for name in layout.DATABASES if name != leader)
    with _superuser(stack, stack.layout.address(str(leader))) as connection:
        states = dict(
            connection.execute(
                "SELECT application_name, sync_state FROM pg_stat_replication"
            ).fetchall()
        )

    assert states == {standby: "sync", layout.REPLICA: "async"}


def test_settings_are_changed_only_with_the_password(stack: Context) -> None:
    """Anyone may read Patroni's state; only its user may change it."""
    url = f"http://{database.rest_address(stack, layout.DATABASES[0])}"
    user = f"{database.REST_USER}:{database.rest_password(stack)}"
    change = {"loop_wait": database_settings.FAILOVER["loop_wait"]}

    codes = [
        urllib3.request("GET", f"{url}/cluster", timeout=5).status,
        urllib3.request("PATCH", f"{url}/config", json=change, timeout=5).status,
        urllib3.request(
            "PATCH",
            f"{url}/config",
            json=change,
            headers=urllib3.make_headers(basic_auth=user),
            timeout=5,
        ).status,
    ]

    assert codes == [200, 401, 200]


def test_a_node_that_does_not_lead_cannot_take_the_primarys_name(stack: Context) -> None:
    """The name moves only in a transaction with the leader's key."""
    standby = next(name for name in layout.DATABASES if name != database.primary(stack))
    before = resolver.lookup(stack, layout.DATABASE_PRIMARY_NAME)
    script = (
        "import os, sys; sys.path.insert(0, '/usr/local/lib/smart-dairy');"
        "import publish_endpoint as p; e = os.environ;"
        "r = p.transaction(e['PRIMARY_RECORD'], e['RECORD_VALUE'], e['NODE_NAME']);"
        "print(p.attempt(r, 't'))"
    )
    container = containers.find(stack, standby)
    assert container is not None

    code, output = containers.execute(container, ["python3", "-c", script], user="postgres")

    assert code == 0
    assert output.startswith("not the leader")
    assert resolver.lookup(stack, layout.DATABASE_PRIMARY_NAME) == before


def test_a_killed_postmaster_is_failed_over_from(stack: Context, table: str) -> None:
    """Standby promoted, name moved, committed rows there, old primary back as standby."""
    old = database.primary(stack)
    assert old is not None
    timeline = max(member.timeline or 0 for member in database.members(stack))
    with _primary(stack) as connection:
        for number in range(100):
            connection.execute(f"INSERT INTO {table} VALUES (%s)", [number])
    container = containers.find(stack, old)
    assert container is not None
    pid_file = "/var/lib/postgresql/data/postmaster.pid"

    code, output = containers.execute(container, ["bash", "-c", f"kill -9 $(head -n1 {pid_file})"])

    assert code == 0, output
    old_address = stack.layout.address(old)
    wait_until(
        lambda: resolver.resolve(stack, layout.DATABASE_PRIMARY_NAME) != old_address,
        what="the primary's name to move",
        limit_seconds=FAILOVER_LIMIT_SECONDS,
    )
    with _primary(stack) as connection:
        assert connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (100,)
    wait_until(
        lambda: not database.replication_problems(database.members(stack)),
        what="the old primary to follow the new one",
        limit_seconds=REJOIN_LIMIT_SECONDS,
    )
    assert database.primary(stack) != old
    assert {member.timeline for member in database.members(stack)} == {timeline + 1}
    with (
        database.connect(stack, old_address) as connection,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        connection.execute(f"INSERT INTO {table} VALUES (1000)")
