"""Creates, reads, changes and deletes resources of mapped types through the emulator's API."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import jmespath
from botocore.exceptions import ClientError

from harness import polling
from harness.errors import EnvironmentUnavailable
from harness.provision.standin import tagging
from harness.provision.standin.cloud import Session, is_absent
from harness.provision.standin.journal import Journal
from harness.provision.standin.mapping import Change, Read, ResourceType, Values
from harness.provision.standin.shapes import decode, decode_block
from harness.provision.standin.values import changed, complete, full, refresh
from harness.provision.standin.wire import known

_POLL_SECONDS = 1.0
_UNREADABLE = frozenset({"id", "tags", "tags_all", "region", "timeouts"})


class NotMapped(EnvironmentUnavailable):
    """A type has a schema but no API mapping: it can be planned and not applied."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name}: the stand-in provider can plan this type but has no API mapping to apply it. "
            "Next step: use the real provider (--provider real), or leave the resource out here."
        )


class HalfDone(Exception):
    """A resource was made, and a later step failed: ``values`` has what is known of it."""

    def __init__(self, values: Values, cause: Exception) -> None:
        super().__init__(str(cause))
        self.values = values
        self.cause = cause


class Engine:
    """The mapped types of one provider configuration."""

    def __init__(
        self,
        session: Session,
        types: Mapping[str, ResourceType],
        schemas: Mapping[str, Mapping[str, Any]],
        journal: Journal | None = None,
    ) -> None:
        self._journal = journal
        self._session = session
        self._types = types
        self._schemas = schemas

    def create(self, name: str, planned: Values) -> Values:
        """Make a resource and return its whole state.

        Raises HalfDone where it was made but could not be finished, so that it is kept.
        """
        row = self._row(name)
        session = self._session.at(known(planned.get("region")))
        wanted = self._wanted(row, planned)
        tags = _all_tags(session, wanted)
        given = {**wanted, **tagging.forms(tags)}
        left = self._left_over(session, name, row, wanted, planned)
        if left is None:
            answer = session.act(row.create, row.service, given, None, row.names, tags=tags)
            left = _identity(session, row, wanted, answer)
            if self._journal is not None:
                self._journal.record(name, planned, left)
        wanted["id"] = left
        try:
            return self._finish(session, name, row, wanted, planned, tags)
        except Exception as error:
            block = self._schemas[name]
            raise HalfDone(full(block, complete(planned, wanted)), error) from error

    def _left_over(
        self, session: Session, name: str, row: ResourceType, wanted: Values, planned: Values
    ) -> str | None:
        """Return the id of what a killed run made of this very plan; None where there is none."""
        if self._journal is None:
            return None
        for identifier in self._journal.unrecorded(name, planned):
            if _object(session, row, {**wanted, "id": identifier}) is not None:
                return identifier
        return None

    def _finish(
        self,
        session: Session,
        name: str,
        row: ResourceType,
        wanted: Values,
        planned: Values,
        tags: Mapping[str, str],
    ) -> Values:
        for change in row.changes:
            if change.on_create and _is_set(change, wanted, row):
                session.act(change.act, row.service, wanted, None, row.names)
        self._wait_ready(session, row, wanted)
        observed = self._observe(session, name, row, wanted)
        if observed is None:
            raise EnvironmentUnavailable(
                f"{name} {wanted['id']}: made, but the API does not show it"
            )
        if row.tagging and tags and observed.get("tags_all") != tags:
            present = observed.get("tags_all") or {}
            tagging.write(session, row.tagging, {**wanted, **observed}, present, tags)
        if "tags_all" in self._schemas[name]["attributes"]:
            observed["tags_all"] = dict(tags)
        observed["id"] = wanted["id"]
        filled = {**wanted, **observed}
        return full(self._schemas[name], complete(planned, filled))

    def read(self, name: str, stored: Values) -> Values | None:
        """Return a resource's state as the API shows it now; None when it is gone."""
        row = self._row(name)
        session = self._session.at(stored.get("region"))
        observed = self._observe(session, name, row, dict(stored))
        if observed is None:
            return None
        result = refresh(self._schemas[name], stored, observed)
        for attribute in ("tags", "tags_all"):
            if attribute in observed and attribute in result:
                result[attribute] = observed[attribute]
        return result

    def update(self, name: str, prior: Values, planned: Values) -> Values:
        """Bring a resource to what was planned and return its whole state."""
        row = self._row(name)
        session = self._session.at(known(planned.get("region")))
        block = self._schemas[name]
        wanted = {**prior, **{k: v for k, v in known(planned).items() if v is not None}}
        wanted.update({k: None for k, v in planned.items() if v is None})
        differing = changed(block, prior, known(planned)) - row.volatile
        for change in row.changes:
            named = frozenset(change.attributes) or _unnamed(row, differing)
            touched = frozenset(differing & named)
            if touched:
                only = touched if change.changed_only else None
                session.act(change.act, row.service, wanted, prior, row.names, only=only)
        if row.tagging and prior.get("tags_all") != planned.get("tags_all"):
            before, after = prior.get("tags_all") or {}, _all_tags(session, wanted)
            tagging.write(session, row.tagging, wanted, before, after)
        self._wait_ready(session, row, wanted)
        observed = self._observe(session, name, row, wanted)
        if observed is None:
            raise EnvironmentUnavailable(
                f"{name} {wanted['id']}: changed, but the API shows it no more"
            )
        return full(block, complete(planned, {**wanted, **observed, "id": wanted["id"]}))

    def delete(self, name: str, stored: Values) -> None:
        """Remove a resource; one that is gone already is fine."""
        row = self._row(name)
        session = self._session.at(stored.get("region"))
        if row.delete is None:
            return
        try:
            session.act(row.delete, row.service, dict(stored), None, row.names)
        except ClientError as error:
            if not is_absent(error):
                raise
            return
        if row.ready is not None:
            polling.wait_until(
                lambda: _object(session, row, dict(stored)) is None,
                what=f"{name} {stored.get('id')} to be gone",
                limit_seconds=row.ready.limit_seconds,
                interval_seconds=_POLL_SECONDS,
            )

    def _row(self, name: str) -> ResourceType:
        if name not in self._types:
            raise NotMapped(name)
        return self._types[name]

    def _wanted(self, row: ResourceType, planned: Values) -> Values:
        wanted: Values = known(planned)
        if row.named and not wanted.get(row.named):
            prefix = next((wanted[p] for p in wanted if p.endswith("_prefix") and wanted[p]), None)
            wanted[row.named] = f"{prefix or 'terraform-'}{uuid.uuid4().hex[:20]}"
        return wanted

    def _wait_ready(self, session: Session, row: ResourceType, values: Values) -> None:
        ready = row.ready
        if ready is None:
            return

        def settled() -> bool:
            found = _object(session, row, values)
            state = None if found is None else jmespath.search(ready.path, found)
            if state in ready.failed:
                raise EnvironmentUnavailable(
                    f"{values['id']}: expected the state {' or '.join(ready.values)}, got {state}"
                )
            return state in ready.values

        polling.wait_until(
            settled,
            what=f"{values['id']} to be {' or '.join(ready.values)}",
            limit_seconds=ready.limit_seconds,
            interval_seconds=_POLL_SECONDS,
        )

    def _observe(
        self, session: Session, name: str, row: ResourceType, values: Values
    ) -> Values | None:
        found = _object(session, row, values)
        if found is None:
            return None
        block = self._schemas[name]
        names = {**row.names, **row.reads}
        observed = decode_block(block, found, names)
        for attribute in _UNREADABLE | row.unread:
            observed.pop(attribute, None)
        for attribute, rule in row.computed.items():
            # A function compares with what is stored; a template takes what the API shows.
            known_values = values if callable(rule) else {**values, **observed}
            value = _computed(session, rule, known_values, found)
            if attribute in block["attributes"] and isinstance(rule, str) and value is not None:
                value = decode(block["attributes"][attribute]["type"], value, names)
            observed[attribute] = value
        if row.tagging and "tags_all" in block["attributes"]:
            _observe_tags(session, row, {**values, **observed}, found, observed, values)
        if "region" in block["attributes"]:
            observed["region"] = session.region
        return observed


def _object(session: Session, row: ResourceType, values: Values) -> Mapping[str, Any] | None:
    read: Read = row.read
    try:
        answer = session.act(read.act, row.service, values, None, row.names)
    except ClientError as error:
        if is_absent(error):
            return None
        raise
    found = jmespath.search(read.path, answer) if read.path and answer is not None else answer
    if found is None or (read.gone and jmespath.search(read.gone, found)):
        return None
    return found if isinstance(found, Mapping) else {"value": found}


def _computed(session: Session, rule: Any, values: Values, found: Mapping[str, Any]) -> Any:
    if callable(rule):
        return rule(session, values, found)
    if rule.startswith("@"):
        return jmespath.search(rule[1:], found)
    return session.resolve(rule, values)


def _observe_tags(
    session: Session,
    row: ResourceType,
    context: Values,
    found: Mapping[str, Any],
    observed: Values,
    values: Values,
) -> None:
    listed = next((found[k] for k in ("Tags", "tags", "TagSet", "TagList") if k in found), None)
    if listed is None:
        try:
            every = tagging.read(session, row.tagging, context)
        except ClientError as error:
            if not is_absent(error):
                raise
            every = {}
    else:
        every = tagging.as_map(listed)
    own = values.get("tags") or {}
    shown = {k: v for k, v in every.items() if k in own or session.default_tags.get(k) != v}
    observed["tags_all"] = every
    observed["tags"] = shown or (None if values.get("tags") is None else {})


def _identity(session: Session, row: ResourceType, wanted: Values, answer: Any) -> str:
    if row.identity.startswith("@"):
        return str(jmespath.search(row.identity[1:], answer))
    return str(session.resolve(row.identity, wanted))


def _all_tags(session: Session, wanted: Values) -> dict[str, str]:
    if "tags_all" not in wanted:
        return {}
    return {**session.default_tags, **(wanted.get("tags") or {})}


def _is_set(change: Change, wanted: Values, row: ResourceType) -> bool:
    if not change.attributes:
        return True
    return any(
        wanted.get(name) not in (None, [], {}) and wanted.get(name) != row.defaults.get(name)
        for name in change.attributes
    )


def _unnamed(row: ResourceType, differing: set[str]) -> frozenset[str]:
    named = {name for change in row.changes for name in change.attributes}
    return frozenset(differing - named - {"tags", "tags_all"})
