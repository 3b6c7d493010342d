"""Patroni's post_bootstrap: the application's role and database, and pg_stat_statements."""

import os
import sys

import psycopg
from psycopg import sql


def main(connection_url: str) -> None:
    """Create what the document's instance has from its first minute."""
    user, database = os.environ["APPLICATION_USER"], os.environ["APPLICATION_DATABASE"]
    with psycopg.connect(connection_url, autocommit=True) as connection:
        # Hashed here, because the document's log_statement = ddl writes the statement down.
        verifier = connection.pgconn.encrypt_password(
            os.environ["APPLICATION_PASSWORD"].encode(), user.encode(), b"scram-sha-256"
        ).decode()
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                sql.Identifier(user), sql.Literal(verifier)
            )
        )
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(
                sql.Identifier(database), sql.Identifier(user)
            )
        )
        connection.execute("CREATE EXTENSION pg_stat_statements")
    with psycopg.connect(connection_url, dbname=database, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")


if __name__ == "__main__":
    main(sys.argv[1])
