"""NetworkPolicy is enforced in the cluster: what is allowed passes, everything else does not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml

from harness.errors import CommandFailed
from harness.polling import wait_until
from harness.stack import cluster
from harness.stack.context import Context

pytestmark = pytest.mark.integration

# An agent loads a change within 0.2 s on a busy machine; another node sees a new pod's address
# about 1 s after its start.
EFFECT_LIMIT_SECONDS = 20
START_LIMIT_SECONDS = 120
TIMEOUT = f"--timeout={START_LIMIT_SECONDS}s"
FINISHED = "--for=jsonpath={.status.phase}=Succeeded"

OPEN, CLOSED = "open", "closed"

SERVER = """
import socketserver, threading
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, request_queue_size = True, 256
for port in (8080, 9090):
    server = Server(("", port), socketserver.BaseRequestHandler)
    threading.Thread(target=server.serve_forever).start()
"""
PROBE = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1.5).close()
    print("open")
except OSError:
    print("closed")
"""
# Counts the connections that a new pod makes in its first two seconds.
FIRST_SECONDS = """
import socket, sys, time
begin, made, tries = time.time(), 0, 0
while time.time() - begin < 2:
    tries += 1
    try:
        socket.create_connection((sys.argv[1], 8080), timeout=0.1).close()
        made += 1
    except OSError:
        time.sleep(0.02)
print(tries, made)
"""


@dataclass(frozen=True)
class Playground:
    """A namespace with a server and clients on different nodes."""

    context: Context
    namespace: str
    nodes: tuple[str, ...]
    addresses: dict[str, str]

    def apply(self, *documents: dict[str, object]) -> None:
        text = yaml.safe_dump_all([{**d, "apiVersion": _api(d)} for d in documents])
        cluster.kubectl(self.context, ["-n", self.namespace, "apply", "-f", "-"], stdin=text)

    def forget_policies(self) -> None:
        arguments = ["-n", self.namespace, "delete", "networkpolicy", "--all"]
        cluster.kubectl(self.context, arguments)

    def reach(self, client: str, target: str, port: int) -> str:
        arguments = ["-n", self.namespace, "exec", client, "--", "python3", "-c", PROBE]
        return cluster.kubectl(self.context, [*arguments, target, str(port)]).strip()

    def expect(self, client: str, target: str, port: int, expected: str) -> None:
        """Wait until ``client`` finds the port as expected."""
        wait_until(
            lambda: self.reach(client, target, port) == expected,
            what=f"{client} to find {target}:{port} {expected}",
            limit_seconds=EFFECT_LIMIT_SECONDS,
        )


def _api(document: dict[str, object]) -> str:
    return "networking.k8s.io/v1" if document["kind"] == "NetworkPolicy" else "v1"


def _pod(
    context: Context, name: str, *, node: str, script: str, argument: str = ""
) -> dict[str, object]:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": node},
            "terminationGracePeriodSeconds": 0,
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "main",
                    "image": context.images["policy-agent"],
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-uc", script, argument],
                    "ports": [{"name": "web", "containerPort": 8080}],
                }
            ],
        },
    }


def _policy(name: str, selector: dict[str, object], **spec: object) -> dict[str, object]:
    return {
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": selector, **spec},
    }


def _labels(app: str) -> dict[str, object]:
    return {"matchLabels": {"app": app}}


DENY = _policy("deny", {}, policyTypes=["Ingress", "Egress"])


@pytest.fixture(scope="module")
def playground(stack: Context) -> Iterator[Playground]:
    listing = json.loads(cluster.kubectl(stack, ["get", "nodes", "-o", "json"]))["items"]
    nodes = tuple(n["metadata"]["name"] for n in listing if not n["spec"].get("taints"))
    namespace = f"policy-test-{uuid.uuid4().hex[:8]}"
    place = Playground(stack, namespace, nodes, {})
    cluster.kubectl(stack, ["create", "namespace", namespace])
    try:
        idle = "import threading; threading.Event().wait()"
        place.apply(
            _pod(stack, "server", node=nodes[0], script=SERVER),
            _pod(stack, "near", node=nodes[0], script=idle),
            _pod(stack, "far", node=nodes[-1], script=idle),
        )
        cluster.kubectl(
            stack,
            ["-n", namespace, "wait", "--for=condition=Ready", "pod", "--all", TIMEOUT],
            limit_seconds=START_LIMIT_SECONDS + 10,
        )
        pods = json.loads(cluster.kubectl(stack, ["-n", namespace, "get", "pods", "-o", "json"]))
        for pod in pods["items"]:
            place.addresses[pod["metadata"]["name"]] = pod["status"]["podIP"]
        yield place
    finally:
        cluster.kubectl(stack, ["delete", "namespace", namespace, "--wait=false"])


@pytest.fixture
def server(playground: Playground) -> Iterator[str]:
    yield playground.addresses["server"]
    playground.forget_policies()


def test_without_a_policy_everything_is_open(playground: Playground, server: str) -> None:
    """On the same node and across nodes."""
    for client in ("near", "far"):
        playground.expect(client, server, 8080, OPEN)


def test_default_deny_closes_everything_and_its_removal_opens_it(
    playground: Playground, server: str
) -> None:
    """Both directions of every pod of the namespace."""
    playground.apply(DENY)
    for client in ("near", "far"):
        playground.expect(client, server, 8080, CLOSED)

    playground.forget_policies()
    playground.expect("far", server, 8080, OPEN)


def test_an_allow_opens_exactly_its_peer_and_port(playground: Playground, server: str) -> None:
    """Labels and a named port, judged by the sender's egress and the receiver's ingress."""
    playground.apply(
        DENY,
        _policy("out", _labels("far"), policyTypes=["Egress"], egress=[{}]),
        _policy(
            "in",
            _labels("server"),
            ingress=[{"from": [{"podSelector": _labels("far")}], "ports": [{"port": "web"}]}],
        ),
    )

    playground.expect("far", server, 8080, OPEN)
    assert playground.reach("far", server, 9090) == CLOSED
    assert playground.reach("near", server, 8080) == CLOSED


def test_an_address_range_lets_through_all_but_its_exceptions(
    playground: Playground, server: str
) -> None:
    """The exception alone decides for the client inside it."""
    playground.apply(
        _policy(
            "in",
            _labels("server"),
            ingress=[
                {
                    "from": [
                        {
                            "ipBlock": {
                                "cidr": "0.0.0.0/0",
                                "except": [f"{playground.addresses['near']}/32"],
                            }
                        }
                    ],
                    "ports": [{"port": 8000, "endPort": 8100}],
                }
            ],
        )
    )

    playground.expect("near", server, 8080, CLOSED)
    assert playground.reach("far", server, 8080) == OPEN
    assert playground.reach("far", server, 9090) == CLOSED


def test_names_resolve_only_where_dns_is_allowed(playground: Playground, server: str) -> None:
    """The usual DNS rule, through the service's address."""
    lookup = "import socket; socket.gethostbyname('kubernetes.default.svc.cluster.local')"
    arguments = ["-n", playground.namespace, "exec", "far", "--", "timeout", "4"]
    arguments += ["python3", "-c", lookup]
    playground.apply(DENY)
    playground.expect("far", server, 8080, CLOSED)
    with pytest.raises(CommandFailed):
        cluster.kubectl(playground.context, arguments)

    dns = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    ports = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
    playground.apply(
        _policy("dns", {}, policyTypes=["Egress"], egress=[{"to": [dns], "ports": ports}])
    )
    wait_until(
        lambda: cluster.kubectl(playground.context, arguments) == "",
        what="names to resolve once DNS is allowed",
        limit_seconds=EFFECT_LIMIT_SECONDS,
        ignore=(CommandFailed,),
    )
    assert playground.reach("far", server, 8080) == CLOSED


def test_a_new_pod_is_never_unprotected(playground: Playground, server: str) -> None:
    """From its first instant, before the API shows its address."""
    playground.apply(_policy("closed", _labels("newcomer"), policyTypes=["Egress"]))
    playground.expect("near", server, 8080, OPEN)
    playground.apply(
        _pod(
            playground.context,
            "newcomer",
            node=playground.nodes[-1],
            script=FIRST_SECONDS,
            argument=server,
        )
    )
    cluster.kubectl(
        playground.context,
        ["-n", playground.namespace, "wait", "pod/newcomer", TIMEOUT, FINISHED],
        limit_seconds=START_LIMIT_SECONDS + 10,
    )
    answer = cluster.kubectl(playground.context, ["-n", playground.namespace, "logs", "newcomer"])

    tries, made = map(int, answer.split())
    assert tries > 3
    assert made == 0


def test_cluster_metrics_are_served(stack: Context) -> None:
    """The HPA's source answers for every node."""
    nodes = json.loads(cluster.kubectl(stack, ["get", "nodes", "-o", "json"]))["items"]
    metrics = json.loads(
        cluster.kubectl(stack, ["get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes"])
    )

    assert {item["metadata"]["name"] for item in metrics["items"]} == {
        node["metadata"]["name"] for node in nodes
    }
