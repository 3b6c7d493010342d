"""All rules, by subject. A rule is data and a pure function; see ``harness.audit.rule``."""

from __future__ import annotations

from dataclasses import replace

from harness.audit.rule import Rule
from harness.audit.rules import (
    access,
    addons,
    alerting,
    balancer,
    cache,
    capacity,
    cluster,
    database,
    database_parameters,
    disruption,
    edge,
    endings,
    names,
    policies,
    references,
    schema,
    scraping,
    shell,
    storage,
    terraform_house,
    terraform_language,
    workflows,
)
from harness.audit.rules.corrections import SEES

_ALL: tuple[Rule, ...] = (
    *terraform_language.RULES,
    *terraform_house.RULES,
    *cluster.RULES,
    *addons.RULES,
    *database.RULES,
    *database_parameters.RULES,
    *storage.RULES,
    *cache.RULES,
    *access.RULES,
    *edge.RULES,
    *names.RULES,
    *references.RULES,
    *schema.RULES,
    *policies.RULES,
    *disruption.RULES,
    *endings.RULES,
    *balancer.RULES,
    *capacity.RULES,
    *alerting.RULES,
    *scraping.RULES,
    *shell.RULES,
    *workflows.RULES,
)
RULES: tuple[Rule, ...] = tuple(replace(rule, sees=SEES.get(rule.id, {})) for rule in _ALL)
