"""Bringing the whole stack up and down."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import docker

from harness import clock
from harness.errors import EnvironmentUnavailable, HarnessError, InputInvalid
from harness.stack import (
    attach,
    aws,
    aws_plane,
    cache,
    cluster,
    credentials,
    database,
    deployment,
    engine,
    gotools,
    images,
    layout,
    network,
    resolver,
)
from harness.stack.context import Context
from harness.stack.folders import Folders
from harness.stack.status import PartStatus


@dataclass(frozen=True)
class Timing:
    """Seconds that each part took to serve."""

    seconds: dict[str, float]


def prepare(
    where: Folders,
    *,
    install: bool,
    report: Callable[[str], None],
    empty_account: bool = False,
) -> Context:
    """Return the context of a stack to be: engine, images, network and credentials ready.

    ``empty_account`` leaves the emulated account to Terraform. Raises InputInvalid, before
    anything is started, where a stack is up whose account was seeded.
    """
    record = attach.read_record(where)
    if empty_account and record is not None and attach.is_seeded(record):
        raise InputInvalid(
            "--empty-account: expected no stack, or one with an empty account, got one whose "
            "account is seeded. Next step: python -m harness down, then up --empty-account"
        )
    running = engine.ensure(where, install=install, report=report)
    # The images first: what they compile is then there for kubectl, and other images are made
    # in the meantime.
    references = images.ImageStore(running.client, where, report).ensure()
    gotools.kind(where, report)
    gotools.kubectl(where, report)
    run = record["run"] if record else f"stack-{clock.wall():%Y%m%dT%H%M%SZ}"
    addresses = network.ensure(running.client, run)
    seeded = attach.is_seeded(record) if record else not empty_account
    account = attach.SEEDED if seeded else attach.EMPTY
    attach.write_record(where, {"run": run, "prefix": addresses.prefix, attach.ACCOUNT: account})
    if addresses.prefix != layout.DOCUMENT_PREFIX:
        report(f"network: {layout.DOCUMENT_PREFIX}.0.0/16 is in use here, laid on {addresses.cidr}")
    return Context(
        engine=running.client,
        run=run,
        layout=addresses,
        folders=where,
        credentials=credentials.ensure(where.state, addresses),
        images=references,
        report=report,
        seeded=seeded,
    )


def up(context: Context) -> Timing:
    """Bring every part up, side by side, and return when a client would be served."""
    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            started = clock.monotonic()
            work()
            seconds[name] = clock.monotonic() - started
            context.report(f"{name}: ready after {seconds[name]:.0f} s")

        return run

    def cluster_and_workload() -> None:
        cluster.up(context)
        deployment.deploy(context)
        cluster.wait_system(context)

    def data(part: Callable[[Context], None]) -> Callable[[], None]:
        return lambda: part(context)

    timed("resolver", data(resolver.up))()
    parts = {
        "cluster": cluster_and_workload,
        "database": data(database.up),
        "cache": data(cache.up),
        "aws": data(aws.up),
    }
    with ThreadPoolExecutor(max_workers=len(parts)) as pool:
        futures: dict[Future[None], str] = {
            pool.submit(timed(name, work)): name for name, work in parts.items()
        }
        wait(futures, return_when=FIRST_EXCEPTION)
    failures = {name: f.exception() for f, name in futures.items() if f.exception() is not None}
    if failures:
        name, error = next(iter(failures.items()))
        others = "".join(f" Also: {n}: {e}." for n, e in list(failures.items())[1:])
        if isinstance(error, HarnessError):
            error.add_note(f"While bringing up: {name}.{others}")
            raise error
        raise EnvironmentUnavailable(f"{name} did not come up: {error!r}.{others}") from error
    # Last, because it needs the address of every other part and a token of the cluster.
    timed("aws plane", data(aws_plane.up))()
    return Timing(seconds)


def status(context: Context) -> list[PartStatus]:
    """Return one row for each container of the stack."""
    rows: list[PartStatus] = []
    for part in (resolver, cluster, database, cache, aws):
        rows += part.status(context)
    return rows


def down(where: Folders, report: Callable[[str], None], *, keep_images: bool = False) -> list[str]:
    """Remove everything the harness made outside its cache and return what was removed.

    Works by label, so that it also removes what an interrupted run left without a record.
    """
    removed: list[str] = []
    client = engine.connect()
    if client is None and engine.was_started(where) and attach.read_record(where) is not None:
        client = engine.ensure(where, install=False, report=report).client
    if client is not None:
        removed += remove_containers(client)
        if network.remove(client):
            removed.append(f"network {layout.NETWORK}")
        ours = engine.is_ours(where)
        if not ours and not keep_images:
            store = images.ImageStore(client, where, report)
            removed += [f"image tag {ref}" for ref in store.remove_tags()]
        client.close()
    if engine.stop(where, report):
        removed.append("container engine")
    shutil.rmtree(where.state, ignore_errors=True)
    shutil.rmtree(where.cache / "scratch", ignore_errors=True)
    return removed


def remove_containers(client: docker.DockerClient) -> list[str]:
    """Remove every container of the stack, found by label, and return what was removed."""
    found = client.containers.list(
        all=True, filters={"label": f"{layout.STACK_LABEL}=smart-dairy"}, ignore_removed=True
    )
    found += [
        container
        for container in client.containers.list(
            all=True,
            filters={"label": f"io.x-k8s.kind.cluster={layout.CLUSTER}"},
            ignore_removed=True,
        )
        if container.id not in {c.id for c in found}
    ]
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda container: container.remove(force=True, v=True), found))
    return [f"container {container.name}" for container in found]
