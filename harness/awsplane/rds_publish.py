"""Publishing an RDS event: to DescribeEvents, EventBridge and the topics of subscriptions.

The real servers may stand for an instance, a cluster or both: each that exists in the account
publishes its own event.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to
from moto.rds.models import Event as MotoEvent
from moto.rds.models import rds_backends

from . import rds_cluster_state, rds_events
from .rds_events import Event, Source
from .wiring import Database

LOG = logging.getLogger("awsplane")


class Publisher:
    """Publishes what happens to the real servers of one account and region."""

    def __init__(self, account: str, region: str, database: Database) -> None:
        self._account = account
        self._region = region
        self._database = database

    def publish(self, event_id: str, *, server: str = "", identifier: str = "") -> None:
        """Publish one event of the instance's catalogue.

        ``server`` is the one that takes over; ``identifier`` the instance, by default the one
        that stands for the primary.
        """
        backend = rds_backends[self._account][self._region]
        instance = backend.databases.get(identifier or self._database.primary)
        if instance is not None:
            self._send(Source.INSTANCE, instance, rds_events.CATALOGUE[event_id])
        cluster = backend.clusters.get(self._database.primary)
        told = rds_cluster_state.event(event_id, self._database, server)
        if cluster is not None and told is not None:
            self._send(Source.CLUSTER, cluster, told)

    def _send(self, source: Source, resource: Any, event: Event) -> None:
        arn, identifier, now = str(resource.arn), str(resource.resource_id), datetime.now(UTC)
        if source is Source.CLUSTER:
            identifier = str(resource.db_cluster_identifier)
        # moto takes an event by its key and reads three attributes of what it is about.
        key = f"{event.id} {event.message}"
        text = {"Categories": list(event.categories), "Message": event.message}
        MotoEvent.EVENT_MAP[key] = text
        backend = rds_backends[self._account][self._region]
        backend.add_event(key, _About(identifier, source.value, arn))
        detail = rds_events.detail(event, source=source, arn=arn, identifier=identifier, at=now)
        self._to_bridge(source, arn, detail)
        message = rds_events.notification(
            event, source=source, arn=arn, identifier=identifier, at=now
        )
        for topic in self._topics(event, source, identifier):
            self._to_topic(topic, message)

    def _to_bridge(self, source: Source, arn: str, detail: dict[str, Any]) -> None:
        self._client("events").put_events(
            Entries=[
                {
                    "Source": "aws.rds",
                    "DetailType": source.detail_type,
                    "Resources": [arn],
                    "Detail": json.dumps(detail),
                }
            ]
        )

    def _to_topic(self, topic: str, message: dict[str, str]) -> None:
        try:
            self._client("sns").publish(
                TopicArn=topic, Subject="RDS Notification Message", Message=json.dumps(message)
            )
        except ClientError as error:
            # A topic that is gone must not keep the others from the event.
            LOG.warning("an event did not reach %s: %s", topic, error)

    def _topics(self, event: Event, source: Source, identifier: str) -> list[str]:
        kept = rds_backends[self._account][self._region].event_subscriptions.values()
        return [
            str(subscription.sns_topic_arn)
            for subscription in kept
            if rds_events.subscribed(
                event,
                identifier,
                source=source,
                enabled=bool(subscription.enabled),
                source_type=subscription.source_type,
                categories=subscription.event_categories or [],
                source_ids=subscription.source_ids or [],
            )
        ]

    def _client(self, service: str) -> Any:
        factory = connect_to(region_name=self._region, aws_access_key_id=self._account)
        return getattr(factory, service)


@dataclass
class _About:
    resource_id: str
    event_source_type: str
    arn: str
