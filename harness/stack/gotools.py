"""Go programs that the harness builds for itself: kind, and the binaries inside the images.

All programs of the images come from one module (``infra/images/go``), so that the Kubernetes
libraries are compiled once. Everything stays below the cache folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from harness import command
from harness.errors import EnvironmentUnavailable
from harness.stack.folders import Folders
from harness.stack.manifest import GO_MODULE, digest_of_files

KUBERNETES_VERSION = "v1.34.4"
KIND_VERSION = "v0.32.0"

# Kubernetes, etcd, CoreDNS and metrics-server together took 4 to 10 minutes on 2 cores; a slow
# laptop may need several times that.
BUILD_LIMIT_SECONDS = 3600
BUILD_EXPECTED_SECONDS = 420
KIND_LIMIT_SECONDS = 600

_PACKAGES = {
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
    "kubeadm": "k8s.io/kubernetes/cmd/kubeadm",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "kubelet": "k8s.io/kubernetes/cmd/kubelet",
    "server": "go.etcd.io/etcd/server/v3",
    "metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server",
    "coredns": "./coredns",
}


def toolchain() -> str:
    """Return the Go compiler's version, or raise EnvironmentUnavailable with the remedy."""
    if shutil.which("go") is None:
        raise EnvironmentUnavailable(
            "Go was not found on PATH; it is needed to build kind and Kubernetes where their "
            "images cannot be pulled. Next step: install Go 1.24 or newer and run again."
        )
    return command.run(["go", "env", "GOVERSION"], limit_seconds=30).stdout.strip()


def environment(folders: Folders) -> Mapping[str, str]:
    """Return the Go settings that keep modules and build cache below the cache folder."""
    go = folders.cache / "go"
    return {
        "GOCACHE": str(go / "build"),
        "GOMODCACHE": str(go / "mod"),
        "GOFLAGS": "-modcacherw -buildvcs=false",
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
    }


def binaries(folders: Folders, report: Callable[[str], None]) -> Path:
    """Return the folder with the images' programs, compiled if they are not there yet.

    A build that was interrupted goes on where its cache ends.
    """
    version = toolchain()
    key = hashlib.sha256(f"{digest_of_files([GO_MODULE])} {version}".encode()).hexdigest()[:16]
    target = folders.cache / "go" / "programs" / key
    if all((target / name).exists() for name in _PACKAGES):
        return target
    report(
        f"Compiling Kubernetes {KUBERNETES_VERSION}, etcd, CoreDNS and metrics-server "
        f"(expected {BUILD_EXPECTED_SECONDS // 60} to {BUILD_EXPECTED_SECONDS // 30} minutes, once)"
    )
    partial = target.with_suffix(".partial")
    partial.mkdir(parents=True, exist_ok=True)
    stamp = "k8s.io/component-base/version"
    major, minor, _ = KUBERNETES_VERSION[1:].split(".")
    flags = " ".join(
        [
            "-s -w",
            f"-X {stamp}.gitVersion={KUBERNETES_VERSION}",
            f"-X {stamp}.gitMajor={major}",
            f"-X {stamp}.gitMinor={minor}",
            f"-X {stamp}.gitTreeState=clean",
            f"-X {stamp}.buildDate=2026-01-01T00:00:00Z",
        ]
    )
    log = folders.cache / "logs" / "go-build.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command.run(
        ["go", "build", "-trimpath", "-ldflags", flags, "-o", f"{partial}/", *_PACKAGES.values()],
        limit_seconds=BUILD_LIMIT_SECONDS,
        environment=environment(folders),
        cwd=GO_MODULE,
        log=log,
    )
    for old in target.parent.glob("*"):
        if old.suffix != ".partial":
            shutil.rmtree(old)
    os.replace(partial, target)
    return target


def kubectl(folders: Folders, report: Callable[[str], None]) -> Path:
    """Return kubectl of the cluster's own version, linked below the cache folder."""
    link = folders.bin / "kubectl"
    source = binaries(folders, report) / "kubectl"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or link.resolve() != source.resolve():
        link.unlink(missing_ok=True)
        link.symlink_to(source)
    return link


def kind(folders: Folders, report: Callable[[str], None]) -> Path:
    """Return kind from PATH where it has the pinned version, else built from its module."""
    built = folders.bin / f"kind-{KIND_VERSION}"
    if built.exists():
        return built
    found = shutil.which("kind")
    if found is not None:
        answer = command.run([found, "version"], limit_seconds=30, check=False).stdout
        if KIND_VERSION in answer.split():
            return Path(found)
    toolchain()
    report(f"Building kind {KIND_VERSION} from its Go module (expected 10 to 60 seconds)")
    partial = folders.bin / "partial"
    partial.mkdir(parents=True, exist_ok=True)
    command.run(
        ["go", "install", f"sigs.k8s.io/kind@{KIND_VERSION}"],
        limit_seconds=KIND_LIMIT_SECONDS,
        environment={**environment(folders), "GOBIN": str(partial)},
    )
    os.replace(partial / "kind", built)
    return built


def module_folder(folders: Folders, module: str) -> Path:
    """Return the folder of ``module@version`` in the module cache, downloaded if needed."""
    path, _, version = module.partition("@")
    folder = folders.cache / "go" / "mod" / f"{path}@{version}"
    if not folder.is_dir():
        command.run(
            ["go", "mod", "download", module],
            limit_seconds=KIND_LIMIT_SECONDS,
            environment=environment(folders),
            cwd=folders.cache,
        )
    return folder
