"""ElastiCache: the document's replication group is the real servers, all others moto's records."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.elasticache.models import elasticache_backends

from . import elasticache_state, event_window, names
from .binding import Binding
from .cache_records import Records
from .dispatch import Plan, ask_here, ask_moto, raise_refusal
from .elasticache_state import Event
from .polling import WaitedTooLong, wait_until
from .refusal import Refusal
from .sentinel import FailoverRefused, Group, NoSentinel, Sentinels
from .wiring import Cache

LOG = logging.getLogger("awsplane")

RESOURCE = "elasticache"
# Sentinel takes a second or two; the former primary follows within its next look, 10 s later.
FAILOVER_LIMIT_SECONDS = 120.0


def plan(binding: Binding) -> Plan:
    """Return the service ElastiCache."""
    return ElastiCache(binding).plan()


def delete_group(context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """Forget the group; moto would show it as being deleted for ever.

    The stack's own servers stay: the record that stood for them goes.
    """
    answer = ask_moto(context)
    groups = elasticache_backends[context.account_id][context.region].replication_groups
    groups.pop(str(request["ReplicationGroupId"]), None)
    return answer


class ElastiCache:
    """Handlers of ElastiCache, with the events and the calls of TestFailover so far."""

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._lock = threading.Lock()
        self._events: list[dict[str, Any]] = []
        self._tests: list[datetime] = []

    def plan(self) -> Plan:
        """Return the service: what is real, and what shows the real group in moto's answers."""
        return Plan(
            service="elasticache",
            real={
                "DescribeReplicationGroups": self.show,
                "DescribeCacheClusters": self.clusters,
                "DescribeEvents": self.events,
                "TestFailover": self.test_failover,
            },
            kept={
                "CreateReplicationGroup": self.show,
                "DeleteReplicationGroup": delete_group,
                **Records().handlers(),
            },
        )

    def show(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as moto does, with the real servers of the group that is real."""
        shown = ask_moto(context)
        if "ReplicationGroup" in shown:
            shown["ReplicationGroup"] = self._overlaid(context, shown["ReplicationGroup"])
        if "ReplicationGroups" in shown:
            records = shown["ReplicationGroups"] or []
            shown["ReplicationGroups"] = [self._overlaid(context, record) for record in records]
        return shown

    def clusters(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer with moto's cache clusters and the real group's servers."""
        alone = bool(request.get("ShowCacheClustersNotInReplicationGroups"))
        cache = None if alone else self._cache(context)
        real = self._real_clusters(context, cache, bool(request.get("ShowCacheNodeInfo")))
        wanted = request.get("CacheClusterId")
        if wanted and any(cluster["CacheClusterId"] == wanted for cluster in real):
            return {"CacheClusters": [c for c in real if c["CacheClusterId"] == wanted]}
        answer = ask_moto(context)
        kept = answer.get("CacheClusters") or []
        return {**answer, "CacheClusters": kept + ([] if wanted else real)}

    def events(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer with the events of the time that was asked for."""
        with self._lock:
            mine = [
                event
                for event in self._events
                if event["account"] == context.account_id and event["region"] == context.region
            ]
        found = event_window.select(mine, request, datetime.now(UTC))
        shown = ("SourceIdentifier", "SourceType", "Message", "Date")
        return {"Events": [{name: event[name] for name in shown} for event in found]}

    def test_failover(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Have the Sentinels promote a replica of the real group; the events follow behind."""
        name = str(request["ReplicationGroupId"])
        # An unknown group is answered here, with the error of ElastiCache itself.
        found = ask_here(
            context, "elasticache", "describe_replication_groups", ReplicationGroupId=name
        )
        record = found["ReplicationGroups"][0]
        now = datetime.now(UTC)
        with self._lock:
            refusal = elasticache_state.test_refusal(
                record, str(request["NodeGroupId"]), self._tests, now
            )
        raise_refusal(refusal)
        cache = self._cache(context)
        if cache is None or name != cache.group:
            message = f"No real servers stand behind {name}: there is nothing to fail over."
            raise_refusal(Refusal("TestFailoverNotAvailableFault", message))
            return {}
        if not self._binding.begin(RESOURCE):
            message = f"Replication group {name} is not in available state."
            raise_refusal(Refusal("InvalidReplicationGroupState", message))
        with self._lock:
            self._tests.append(now)
        failover = _Failover(cache, lambda event: self._keep(context, event))
        self._binding.work(RESOURCE, failover.run)
        return {"ReplicationGroup": {**record, "Status": elasticache_state.MODIFYING}}

    def _keep(self, context: Any, event: Event) -> None:
        with self._lock:
            self._events.append(
                {
                    "account": context.account_id,
                    "region": context.region,
                    "SourceIdentifier": event.source,
                    "SourceType": event.source_type,
                    "Message": event.message,
                    "Date": datetime.now(UTC),
                }
            )

    def _cache(self, context: Any) -> Cache | None:
        wiring = self._binding.wiring(context.account_id, context.region)
        return wiring.cache if wiring is not None else None

    def _overlaid(self, context: Any, record: Mapping[str, Any]) -> dict[str, Any]:
        cache = self._cache(context)
        if cache is None or record.get("ReplicationGroupId") != cache.group:
            return dict(record)
        changing = self._binding.is_busy(RESOURCE)
        return elasticache_state.overlay(record, cache, _group(cache), changing=changing)

    def _real_clusters(
        self, context: Any, cache: Cache | None, node_info: bool
    ) -> list[dict[str, Any]]:
        if cache is None:
            return []
        found = ask_here(context, "elasticache", "describe_replication_groups")
        records = found["ReplicationGroups"]
        ours = [record for record in records if record["ReplicationGroupId"] == cache.group]
        if not ours:
            return []
        return elasticache_state.clusters(ours[0], cache, _group(cache), node_info=node_info)


class _Failover:
    """One test of the failover, with its events."""

    def __init__(self, cache: Cache, keep: Any) -> None:
        self._cache = cache
        self._keep = keep
        self._sentinels = Sentinels(cache)
        self._published: list[str] = []

    def run(self) -> None:
        """Fail over, and keep each event once what it says is so."""
        try:
            before = self._sentinels.group()
            self._keep_due(before, before)
            self._sentinels.fail_over()
            wait_until(
                lambda: self._keep_due(before, self._sentinels.group()),
                what=f"another server to lead, {self._cache.primary_name} to point at it and "
                "the former primary to follow",
                limit_seconds=FAILOVER_LIMIT_SECONDS,
                ignore=(NoSentinel,),
            )
        except (FailoverRefused, NoSentinel, WaitedTooLong) as error:
            LOG.error("failover of %s did not complete: %s", self._cache.group, error)

    def _keep_due(self, before: Group, now: Group) -> bool:
        moved = False
        if now.primary is not None and now.primary != before.primary:
            points_at = names.resolve(self._cache.primary_name, self._cache.resolver)
            moved = points_at == now.primary and self._sentinels.is_primary(now.primary)
        for event in elasticache_state.due(
            self._cache, before, now, endpoint_moved=moved, published=self._published
        ):
            self._keep(event)
            self._published.append(event.step)
        return "recovered" in self._published


def _group(cache: Cache) -> Group | None:
    try:
        return Sentinels(cache).group()
    except NoSentinel:
        return None
