"""Patroni callback: move an endpoint name to this node, as the provider's DNS does.

Called as ``publish_endpoint.py ACTION ROLE SCOPE`` with Python's standard library only and
without site packages (starts in some 30 ms). The primary's name is written in one transaction
with the condition that this node holds the leader's key, so that a node that was paused and
comes back cannot take the name from its successor.
"""

import base64
import http.client
import json
import os
import subprocess
import sys
import time

# A promotion ends only when the received WAL is replayed and the WAL receiver is gone, which was
# seen to take most of a minute. Patroni itself ends this program at the next change of role.
LIMIT_SECONDS = 600
# Close together at first, because a healthy promotion takes a tenth of a second.
INTERVAL_SECONDS_MIN = 0.05
INTERVAL_SECONDS_MAX = 0.5
REQUEST_LIMIT_SECONDS = 2
PSQL = ("psql", "-h", "/var/run/postgresql", "-U", "postgres", "-d", "postgres", "-XAtqc")


def main(role: str) -> int:
    """Publish this node's endpoint for ``role``; 0 when written or when there is nothing to do."""
    if role == "primary":
        record, wanted = os.environ["PRIMARY_RECORD"], "f"
    elif role == "replica" and os.environ.get("REPLICA_RECORD"):
        record, wanted = os.environ["REPLICA_RECORD"], "t"
    else:
        return 0
    leader = os.environ["NODE_NAME"] if role == "primary" else None
    request = transaction(record, os.environ["RECORD_VALUE"], leader)
    deadline = time.monotonic() + LIMIT_SECONDS
    problem, interval = "nothing tried", INTERVAL_SECONDS_MIN
    while time.monotonic() < deadline:
        problem = attempt(request, wanted)
        if not problem:
            print(f"endpoint {record} now points at {os.environ['NODE_NAME']}", flush=True)
            return 0
        time.sleep(interval)
        interval = min(interval * 1.1, INTERVAL_SECONDS_MAX)
    print(f"endpoint {record} was not published: {problem}", file=sys.stderr, flush=True)
    return 1


def transaction(record: str, value: str, leader: str | None) -> dict[str, object]:
    """Return the store's transaction: put the record, if ``leader`` holds the leader's key."""
    put = {"requestPut": {"key": _encode(record), "value": _encode(value)}}
    if leader is None:
        return {"success": [put]}
    held = {
        "key": _encode("/service/smart-dairy/leader"),
        "target": "VALUE",
        "result": "EQUAL",
        "value": _encode(leader),
    }
    return {"compare": [held], "success": [put]}


def attempt(request: dict[str, object], wanted: str) -> str:
    """Try once; return what still stands in the way, or nothing."""
    query = subprocess.run(
        [*PSQL, "SELECT pg_is_in_recovery()"],
        capture_output=True,
        text=True,
        check=False,
    )
    if query.stdout.strip() != wanted:
        return f"recovery is {query.stdout.strip() or query.stderr.strip()!r}, wanted {wanted!r}"
    connection = http.client.HTTPConnection(
        os.environ["STORE_ADDRESS"], timeout=REQUEST_LIMIT_SECONDS
    )
    try:
        connection.request("POST", "/v3/kv/txn", json.dumps(request))
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"store: {error}"
    finally:
        connection.close()
    return "" if answer.get("succeeded") else f"not the leader: {answer}"


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[2]))
