"""What a mapped type is: the API calls that create, read, change and delete one resource type.

A mapping is data. Templates inside it are resolved against the resource's attributes:
``"$name"`` is the attribute's value, ``"{name}"`` inside a text its text (also ``{region}``,
``{account}``), a callable gets the attributes, lists and mappings are resolved inside.
``"$tag_list"`` stands for the tags as a list of Key and Value, ``"$tag_map"`` for them as a map,
``"$tag_keys"`` for their names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session

Values = dict[str, Any]
Hook = Callable[["Session", Values, Values | None], Any]
"""Called with the session, the wanted attributes and the prior ones (None on create and read)."""
Computed = Callable[["Session", Values, Mapping[str, Any]], Any]
"""Called with the session, the stored attributes and the API's object."""

# Attributes that only steer the provider: changing one calls nothing.
LOCAL = frozenset(
    "allow_major_version_upgrade apply_immediately bypass_policy_lockout_safety_check"
    " delete_automated_backups deletion_window_in_days final_snapshot_identifier force_delete"
    " force_destroy force_detach_policies force_overwrite_replica_secret force_update_version"
    " preserve recovery_window_in_days resolve_conflicts_on_create resolve_conflicts_on_update"
    " retain_on_delete revoke_rules_on_delete skip_destroy skip_final_snapshot timeouts"
    " update_default_version wait_for_deployment auth_token_update_strategy"
    " confirmation_timeout_in_minutes endpoint_auto_confirms allow_overwrite"
    " bootstrap_self_managed_addons".split()
)

# Text that names a resource and cannot be changed in place, in any type.
NAMING = frozenset(
    "name_prefix identifier_prefix bucket_prefix cluster_identifier_prefix"
    " node_group_name_prefix region".split()
)


@dataclass(frozen=True)
class Call:
    """One API call: parameters from templates, and attributes converted by name.

    ``fields`` None converts every attribute that the operation has a parameter for.
    """

    operation: str
    params: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[str, ...] | None = ()
    service: str = ""


Act = Call | Hook


@dataclass(frozen=True)
class Change:
    """What brings some attributes to their wanted values.

    ``attributes`` empty: every attribute that no other change names. ``on_create`` runs it after
    the create call as well, where one of the attributes is set. ``changed_only`` converts only
    what differs.
    """

    act: Act
    attributes: tuple[str, ...] = ()
    on_create: bool = False
    changed_only: bool = False


@dataclass(frozen=True)
class Read:
    """How a resource is read: a call, JMESPath of the object in its answer, and when it is gone."""

    act: Act
    path: str = ""
    gone: str = ""


@dataclass(frozen=True)
class Ready:
    """The state that a new or changed resource reaches: JMESPath in the object read, and values."""

    path: str
    values: tuple[str, ...]
    failed: tuple[str, ...] = ()
    limit_seconds: float = 900.0


@dataclass(frozen=True)
class ResourceType:
    """All that is known of one mapped type.

    ``identity``: the resource's id, a template, or a JMESPath in the create call's answer after
    an ``@``. ``names``: attribute to API member, ``reads``: where reading names it otherwise.
    ``handles``: attributes that hooks take care of. ``plan``: what the provider knows of a
    resource before the API is asked. ``defaults``: what the provider fills in where the
    configuration says nothing (``"block.attribute"`` inside a block). ``forces``: attributes whose
    change replaces the resource. ``computed``: attributes from a template or a function instead of
    the object read; a JMESPath in the object after an ``@``. ``volatile``: computed attributes that
    any change may move.
    ``named``: the attribute that takes a made-up name where the configuration gives none.
    ``unread``: attributes never taken from the API. ``tagging``: a row of ``tagging.STYLES``.
    """

    service: str
    create: Act
    read: Read
    delete: Act | None
    identity: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, str] = field(default_factory=dict)
    handles: frozenset[str] = frozenset()
    plan: Callable[[Values, Values | None], Values] | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    forces: frozenset[str] = frozenset()
    changes: tuple[Change, ...] = ()
    computed: Mapping[str, str | Computed] = field(default_factory=dict)
    volatile: frozenset[str] = frozenset()
    named: str = ""
    unread: frozenset[str] = frozenset()
    tagging: str = ""
    ready: Ready | None = None

    def covers(self, attribute: str) -> bool:
        """Say whether a change of an attribute can be carried out in place."""
        if attribute in LOCAL or attribute in self.volatile:
            return True
        if attribute in ("tags", "tags_all"):
            return bool(self.tagging)
        return any(not c.attributes or attribute in c.attributes for c in self.changes)


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set: how the tables write lists of attributes."""
    return frozenset(text.split())
