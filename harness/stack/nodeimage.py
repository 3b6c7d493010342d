"""The part of the node image that a Dockerfile cannot express: images inside its own store.

A kind node has its own containerd. The images of the control plane and of the stack are
imported into the store of a container of the node's base image, which is then committed, so
that a node needs no registry and no loading when it starts.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import docker
import docker.errors
from docker.models.containers import Container

from harness import command
from harness.errors import EnvironmentUnavailable
from harness.polling import wait_until
from harness.stack import layout
from harness.stack.containers import execute

# Image of the manifest in which the program of each name that kubeadm asks for is found.
KUBEADM_IMAGES = {
    "coredns": "coredns",
    "etcd": "control-plane",
    "kube-apiserver": "control-plane",
    "kube-controller-manager": "control-plane",
    "kube-proxy": "kube-proxy",
    "kube-scheduler": "control-plane",
    "pause": "pause",
}

BAKING = "smart-dairy-node-baking"

# Writing about 1 GB of layers to a slow disk.
SAVE_LIMIT_SECONDS = 300
# containerd answers within 2 s; a cold disk may need several times that.
START_LIMIT_SECONDS = 60
STOP_LIMIT_SECONDS = 30

_ENTRY_POINT = 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]'


def bake(
    engine: docker.DockerClient,
    *,
    base: str,
    images: Mapping[str, str],
    target: str,
    scratch: Path,
    report: Callable[[str], None],
) -> None:
    """Commit ``target``: the image ``base`` with ``images`` in its containerd store.

    ``images`` maps names of the image manifest to the engine's references; inside, each is known
    by that reference and, where kubeadm asks for it, by kubeadm's name as well. ``scratch`` is a
    folder for the archive between the two. Nothing but ``target`` is left, also after an error.

    Raises EnvironmentUnavailable when an image that kubeadm needs is missing.
    """
    folder = scratch / BAKING
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _remove(engine)
    try:
        report(f"node image: baking {', '.join(sorted(images))}")
        command.run(
            ["docker", "save", "-o", folder / "images.tar", *sorted(set(images.values()))],
            limit_seconds=SAVE_LIMIT_SECONDS,
        )
        container = _start(engine, base, folder)
        _ctr(container, "images", "import", "--no-unpack", "/baking/images.tar")
        aliases = kubeadm_aliases(_read(container, "/kind/images"), images)
        stored = _ctr(container, "images", "ls", "--quiet").split()
        names = {reference: stored_name(reference, stored) for reference in images.values()}
        for alias, reference in aliases.items():
            _ctr(container, "images", "tag", names[reference], alias)
        _verify(container, set(aliases))
        _stop(container)
        repository, _, tag = target.rpartition(":")
        container.commit(repository=repository, tag=tag, changes=[_ENTRY_POINT, "CMD []"])
    finally:
        _remove(engine)
        shutil.rmtree(folder, ignore_errors=True)


def kubeadm_aliases(listing: str, images: Mapping[str, str]) -> dict[str, str]:
    """Return the engine's reference for each name that ``kubeadm config images list`` printed.

    Raises EnvironmentUnavailable when one of them is not among ``images``.
    """
    aliases = {}
    for name in listing.split():
        program = name.rpartition("/")[2].partition(":")[0]
        reference = images.get(KUBEADM_IMAGES.get(program, program))
        if reference is None:
            raise EnvironmentUnavailable(
                f"kubeadm needs an image for {program!r}: expected one of "
                f"{', '.join(sorted(KUBEADM_IMAGES.values()))} to be baked, got "
                f"{', '.join(sorted(images))}. "
                "Next step: add it to 'bake' of the node image in infra/images/manifest.yaml"
            )
        aliases[name] = reference
    return aliases


def stored_name(reference: str, stored: Collection[str]) -> str:
    """Return the full name under which containerd keeps an image of the engine.

    containerd puts its default registry before a name that states none.
    Raises EnvironmentUnavailable when it is not among the ``stored`` names.
    """
    found = [name for name in stored if name == reference or name.endswith(f"/{reference}")]
    if not found:
        raise EnvironmentUnavailable(
            f"Baking the node image: expected {reference} in its store, "
            f"got {', '.join(sorted(stored)) or 'nothing'}"
        )
    return min(found, key=len)


def _start(engine: docker.DockerClient, base: str, folder: Path) -> Container:
    container = engine.containers.run(
        base,
        name=BAKING,
        entrypoint=["/usr/bin/containerd", "--log-level", "error"],
        command=[],
        detach=True,
        labels={layout.STACK_LABEL: "smart-dairy", layout.PART_LABEL: "images"},
        network_mode="none",
        tmpfs={"/run": "", "/tmp": ""},
        volumes={str(folder): {"bind": "/baking", "mode": "ro"}},
    )
    wait_until(
        lambda: execute(container, ["ctr", "version"])[0] == 0,
        what="containerd in the node image to answer",
        limit_seconds=START_LIMIT_SECONDS,
        hint=f"docker logs {BAKING}",
    )
    return container


def _stop(container: Container) -> None:
    # The image's stop signal is systemd's; containerd closes its store on SIGTERM.
    container.kill(signal="SIGTERM")
    container.wait(timeout=STOP_LIMIT_SECONDS)


def _ctr(container: Container, *arguments: str) -> str:
    code, output = execute(container, ["ctr", "--namespace", "k8s.io", *arguments])
    if code != 0:
        raise EnvironmentUnavailable(
            f"Baking the node image: ctr {' '.join(arguments)} exited with {code}: {output.strip()}"
        )
    return output


def _read(container: Container, path: str) -> str:
    code, output = execute(container, ["cat", path])
    if code != 0:
        raise EnvironmentUnavailable(
            f"Baking the node image: expected {path} in the base image, got: {output.strip()}"
        )
    return output


def _verify(container: Container, expected: set[str]) -> None:
    present = set(_ctr(container, "images", "ls", "--quiet").split())
    missing = expected - present
    if missing:
        raise EnvironmentUnavailable(
            f"Baking the node image: expected {', '.join(sorted(missing))} in its store, "
            f"got {', '.join(sorted(present)) or 'nothing'}"
        )


def _remove(engine: docker.DockerClient) -> None:
    try:
        engine.containers.get(BAKING).remove(force=True, v=True)
    except docker.errors.NotFound:
        return
