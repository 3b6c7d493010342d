"""RDS: the document's two instances are the real servers, all others are moto's records."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from . import event_window, rds_cluster_state, rds_events, rds_moto, rds_state, rds_tags
from .binding import Binding
from .dispatch import Plan, ask_here, ask_moto, raise_refusal
from .patroni import Patroni, Refused, Unreachable, View
from .polling import WaitedTooLong, wait_until
from .rds_publish import Publisher
from .rds_state import Role
from .rds_watch import RESOURCES, endpoint_points_at_leader
from .refusal import Refusal
from .wiring import Database

LOG = logging.getLogger("awsplane")

# Patroni decides within one loop (2 s) and a healthy promotion takes a second; a standby with
# much to replay was seen to take most of a minute.
FAILOVER_LIMIT_SECONDS = 180.0
RESTART_LIMIT_SECONDS = 120.0


def plan(binding: Binding) -> Plan:
    """Return the service RDS."""
    rds_moto.fit()
    return Rds(binding).plan()


class Rds:
    """Handlers of RDS."""

    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    def plan(self) -> Plan:
        """Return the service: what is real, and what shows real instances in moto's answers."""
        return Plan(
            service="rds",
            real={
                "DescribeDBClusters": self.show_clusters,
                "DescribeDBInstances": self.show,
                "FailoverDBCluster": self.fail_over_cluster,
                "DescribeEvents": self.events,
                "RebootDBInstance": self.reboot,
            },
            kept={
                "CreateDBCluster": self.show_clusters,
                "CreateDBInstance": self.show,
                "CreateDBInstanceReadReplica": self.show,
                "ModifyDBCluster": self.show_clusters,
                "ModifyDBInstance": self.show,
                "PromoteReadReplica": self.promote,
                **rds_tags.handlers(),
            },
        )

    def show(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as moto does, with the real state of the instances that are real."""
        return self._overlaid(context, ask_moto(context))

    def events(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer with the events of the time that was asked for; moto keeps them all."""
        answer = ask_moto(context)
        found = event_window.select(answer.get("Events") or [], request, datetime.now(UTC))
        return {**answer, "Events": found}

    def show_clusters(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as moto does, with the real servers of the cluster that is real."""
        shown = ask_moto(context)
        if "DBCluster" in shown:
            shown["DBCluster"] = self._cluster(context, shown["DBCluster"])
        if "DBClusters" in shown:
            shown["DBClusters"] = [self._cluster(context, c) for c in shown["DBClusters"] or []]
        return shown

    def fail_over_cluster(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Have the synchronous standby of the real cluster promoted; leave others to moto."""
        identifier = str(request["DBClusterIdentifier"])
        wiring = self._binding.wiring(context.account_id, context.region)
        if wiring is None or not rds_cluster_state.is_real(wiring.database, identifier):
            return ask_moto(context)
        # An unknown cluster is answered here, with the error of RDS itself.
        found = ask_here(context, "rds", "describe_db_clusters", DBClusterIdentifier=identifier)
        cluster = found["DBClusters"][0]
        view = _view(wiring.database)
        target = request.get("TargetDBInstanceIdentifier")
        raise_refusal(rds_cluster_state.failover_refusal(cluster, wiring.database, view, target))
        if not self._binding.begin(RESOURCES[Role.PRIMARY]):
            message = f"DB cluster {identifier} is being failed over."
            raise_refusal(Refusal("InvalidDBClusterStateFault", message))
        work = _Reboot(context, wiring.database, wiring.database.primary, self._binding)
        self._binding.work(RESOURCES[Role.PRIMARY], work.fail_over)
        return {"DBCluster": {**cluster, "Status": rds_cluster_state.FAILING_OVER}}

    def _cluster(self, context: Any, cluster: Mapping[str, Any]) -> dict[str, Any]:
        wiring = self._binding.wiring(context.account_id, context.region)
        identifier = str(cluster.get("DBClusterIdentifier"))
        if wiring is None or not rds_cluster_state.is_real(wiring.database, identifier):
            return dict(cluster)
        changing = self._binding.is_busy(RESOURCES[Role.PRIMARY])
        view = _view(wiring.database)
        return rds_cluster_state.overlay(cluster, wiring.database, view, changing=changing)

    def promote(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Refuse to promote the real replica, which never leads; leave others to moto."""
        identifier = str(request["DBInstanceIdentifier"])
        if self._bound(context, identifier) is not None:
            message = f"{identifier} is a real replica here and cannot be promoted."
            raise_refusal(Refusal("InvalidDBInstanceState", message))
        return ask_moto(context)

    def reboot(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Restart the real server, or fail over to its standby; the work goes on behind."""
        identifier = str(request["DBInstanceIdentifier"])
        force = bool(request.get("ForceFailover"))
        # moto's own reboot changes nothing; it answers for an instance that does not exist.
        answer = self._overlaid(context, ask_moto(context))
        instance = answer["DBInstance"]
        raise_refusal(
            rds_state.reboot_refusal(
                identifier,
                str(instance["DBInstanceStatus"]),
                multi_az=bool(instance.get("MultiAZ")),
                force_failover=force,
            )
        )
        bound = self._bound(context, identifier)
        if bound is None:
            return answer
        work = _Reboot(context, bound[0], str(instance["DBInstanceIdentifier"]), self._binding)
        if force and work.is_too_soon():
            work.publish(rds_events.ABANDONED)
            return answer
        raise_refusal(rds_state.standby_refusal(instance) if force else None)
        resource = RESOURCES[bound[1]]
        if not self._binding.begin(resource):
            message = f"Instance {identifier} is being rebooted."
            raise_refusal(Refusal("InvalidDBInstanceState", message))
        role = bound[1]
        self._binding.work(resource, work.fail_over if force else lambda: work.restart(role))
        return {"DBInstance": {**instance, "DBInstanceStatus": rds_state.REBOOTING}}

    def _bound(self, context: Any, identifier: str) -> tuple[Database, Role] | None:
        wiring = self._binding.wiring(context.account_id, context.region)
        role = rds_state.role(wiring.database, identifier) if wiring is not None else None
        return (wiring.database, role) if wiring is not None and role is not None else None

    def _overlaid(self, context: Any, answer: Mapping[str, Any]) -> dict[str, Any]:
        shown = dict(answer)
        single = shown.get("DBInstance")
        listed = shown.get("DBInstances") or ([single] if single else [])
        bound = {
            i["DBInstanceIdentifier"]: self._bound(context, i["DBInstanceIdentifier"])
            for i in listed
        }
        databases = [found[0] for found in bound.values() if found is not None]
        if not databases:
            return shown
        view = _view(databases[0])
        seen = []
        for instance in listed:
            found = bound[instance["DBInstanceIdentifier"]]
            if found is None:
                seen.append(instance)
                continue
            changing = self._binding.is_busy(RESOURCES[found[1]])
            seen.append(rds_state.overlay(instance, *found, view, changing=changing))
        if single:
            shown["DBInstance"] = seen[0]
        else:
            shown["DBInstances"] = seen
        return shown


class _Reboot:
    """One reboot of a real instance, with its events."""

    def __init__(self, context: Any, database: Database, identifier: str, binding: Binding) -> None:
        self._database = database
        self._binding = binding
        self._patroni = Patroni(database)
        self._identifier = identifier
        self._publisher = Publisher(context.account_id, context.region, database)

    def is_too_soon(self) -> bool:
        """Say whether the primary changed a short time ago, for whatever reason.

        Patroni writes a promotion down a moment after it, so those seen here count as well.
        """
        try:
            promoted = self._patroni.last_promotion()
        except Unreachable:
            promoted = None
        now, cooldown = datetime.now(UTC), self._database.cooldown_seconds
        seen = (promoted, self._binding.failed_over_at)
        return any(rds_state.too_soon(at, now, cooldown) for at in seen)

    def publish(self, event_id: str) -> None:
        """Publish one event of the instance."""
        self._publisher.publish(event_id, identifier=self._identifier)

    def fail_over(self) -> None:
        """Have the synchronous standby promoted, and publish each event once it is so."""
        published: list[str] = []
        try:
            before = self._patroni.view()
            standby = before.synchronous
            if standby is None:
                raise Refused("There is no synchronous standby to fail over to.")
            self._publish_due(before, before, standby.name, published)
            self._patroni.fail_over(standby.name)
            wait_until(
                lambda: self._publish_due(before, self._patroni.view(), standby.name, published),
                what=f"{standby.name} to lead and {self._database.primary_name} to point at it",
                limit_seconds=FAILOVER_LIMIT_SECONDS,
                ignore=(Unreachable,),
            )
            self._binding.failed_over_at = datetime.now(UTC)
        except (Refused, Unreachable, WaitedTooLong) as error:
            LOG.error("failover of %s did not complete: %s", self._identifier, error)

    def restart(self, role: Role) -> None:
        """Restart the server in place, and publish the event once it runs again."""
        try:
            member = rds_state.server(self._database, role, self._patroni.view())
            if member is None:
                raise Refused(f"No server stands behind the {role}.")
            started = self._patroni.started(member.name)
            self._patroni.restart(member.name)
            wait_until(
                lambda: self._patroni.started(member.name) > started and self._runs(role),
                what=f"{member.name} to run again",
                limit_seconds=RESTART_LIMIT_SECONDS,
                ignore=(Unreachable,),
            )
            self.publish(rds_events.RESTARTED)
        except (Refused, Unreachable, WaitedTooLong) as error:
            LOG.error("restart of %s did not complete: %s", self._identifier, error)

    def _runs(self, role: Role) -> bool:
        view = self._patroni.view()
        status = rds_state.status(self._database, role, view, changing=False)
        return status == rds_state.AVAILABLE

    def _publish_due(self, before: View, now: View, standby: str, published: list[str]) -> bool:
        moved = rds_events.promoted(before, now) and endpoint_points_at_leader(self._database, now)
        for event_id in rds_events.due(before, now, endpoint_moved=moved, published=published):
            self._publisher.publish(event_id, server=standby)
            published.append(event_id)
        return rds_events.FAILOVER_COMPLETED in published


def _view(database: Database) -> View | None:
    try:
        return Patroni(database).view()
    except Unreachable:
        return None
