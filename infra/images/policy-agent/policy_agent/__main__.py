"""The agent's process: watch, compile, load, answer. ``python3 -m policy_agent [remove]``."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from policy_agent import loader, model, rules
from policy_agent.handshake import Handshake, with_waiting
from policy_agent.log import log
from policy_agent.watcher import ApiServer, Watcher

FOLDER = Path("/run/smart-dairy-policy")
READY = Path("/tmp/ready")

GATHER_SECONDS = 0.01  # changes that come together are loaded together
POLL_SECONDS = 0.05  # for pods that the CNI plugin announces
CHECK_SECONDS = 10.0
RETRY_SECONDS = 1.0


class Agent:
    """Keeps the table of one node equal to what the cluster's policies say."""

    def __init__(self, server: ApiServer, node: str) -> None:
        """Prepare to enforce on ``node`` what ``server`` says."""
        self._node = node
        self._dirty = threading.Event()
        self._handshake = Handshake(FOLDER)
        self._loader = loader.Loader()
        mark = self._dirty.set
        self._pods = Watcher(server, "/api/v1/pods", model.parse_pod, mark)
        self._namespaces = Watcher(server, "/api/v1/namespaces", model.parse_namespace, mark)
        self._policies = Watcher(
            server, "/apis/networking.k8s.io/v1/networkpolicies", model.parse_policy, mark
        )

    def run(self) -> None:
        """Enforce until the process is ended; the table then stays in force."""
        watchers: list[Watcher[model.Pod] | Watcher[model.Namespace] | Watcher[model.Policy]]
        watchers = [self._pods, self._namespaces, self._policies]
        for watcher in watchers:
            watcher.start()
        for watcher in watchers:
            watcher.listed.wait()
        self._handshake.open()
        threading.Thread(target=self._poll, name="handshake", daemon=True).start()
        while True:
            if self._dirty.wait(CHECK_SECONDS):
                time.sleep(GATHER_SECONDS)
                self._dirty.clear()
            elif not self._loader.check():
                log(event="restored", reason="the table was changed by someone else")
            self._enforce()

    def _enforce(self) -> None:
        started = time.monotonic()
        pods = self._pods.objects()
        self._handshake.forget({(pod.namespace, pod.name): pod.address for pod in pods})
        pods = with_waiting(pods, self._handshake.waiting(), self._node)
        policies = self._policies.objects()
        compiled = rules.compile_table(self._node, pods, self._namespaces.objects(), policies)
        built = time.monotonic()
        try:
            if self._loader.load(compiled.text):
                log(
                    event="loaded",
                    policies=len(policies),
                    pods=len(compiled.addresses),
                    compile_ms=round((built - started) * 1000, 1),
                    load_ms=round((time.monotonic() - built) * 1000, 1),
                )
                READY.touch()
        except loader.LoadFailed as error:
            log(event="load", error=str(error))
            time.sleep(RETRY_SECONDS)
            self._dirty.set()
            return
        self._handshake.answer({(pod.namespace, pod.name) for pod in pods}, compiled.addresses)

    def _poll(self) -> None:
        last: dict[tuple[str, str], str] = {}
        while True:
            waiting = self._handshake.waiting()
            if waiting != last:
                last = waiting
                self._dirty.set()
            time.sleep(POLL_SECONDS)


def main(arguments: list[str]) -> int:
    """Run the agent, or with ``remove`` delete its table."""
    if arguments == ["remove"]:
        return 0 if loader.remove() else 1
    server = ApiServer(
        os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"])
    )
    Agent(server, os.environ["NODE_NAME"]).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
