"""Reads the documents of ``experiments/``: claims, sabotages and the experiments' names.

Every problem of every document is collected and raised at once as ExperimentInvalid, each with
file, line, field, what was expected and what was got.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from yaml.nodes import Node

from harness.checkers import INDICATORS
from harness.documents.reader import Reader
from harness.errors import ExperimentInvalid
from harness.model.claim import Bound, Claim, Comparison, Documented, Trials
from harness.model.fidelity import Fidelity
from harness.model.sabotage import Sabotage

CLAIMS_FILE = "claims.yaml"
SABOTAGE_FOLDER = "sabotage"
# A median and a worst of a time need this many trials on the full lane.
TIME_TRIALS_FULL = 5

_CLAIM_REQUIRED = tuple(
    "id sentence place indicator bound fidelity experiment sabotage trials".split()
)
_CLAIM_OPTIONAL = ("documented", "note", "parameters")
_EXPERIMENT_REQUIRED = ("title", "description", "method")


@dataclass(frozen=True)
class Documents:
    """Everything that ``experiments/`` says; sabotages by name, experiments by name to file."""

    claims: tuple[Claim, ...]
    sabotages: Mapping[str, Sabotage]
    experiments: Mapping[str, Path]

    @property
    def bases(self) -> Mapping[str, str]:
        """Return for each sabotage the experiment that it spoils."""
        return {name: sabotage.experiment for name, sabotage in self.sabotages.items()}


@dataclass(frozen=True)
class _Found:
    # A value with where it stands, for checks across documents.
    value: Any
    reader: Reader
    nodes: Mapping[str, Node]


def load_documents(folder: Path) -> Documents:
    """Read all documents of an ``experiments/`` folder and check them against each other.

    Raises ExperimentInvalid with every problem found.
    """
    problems: list[str] = []
    experiments = {
        path.stem: path for path in sorted(folder.glob("*.yaml")) if path.name != CLAIMS_FILE
    }
    for path in experiments.values():
        reader = Reader(path, problems)
        reader.mapping(reader.root(), "", _EXPERIMENT_REQUIRED, None)
    sabotages = [
        found
        for path in sorted((folder / SABOTAGE_FOLDER).glob("*.yaml"))
        if (found := _sabotage(Reader(path, problems), path.stem)) is not None
    ]
    claims = _claims(Reader(folder / CLAIMS_FILE, problems))
    _check_names(claims, sabotages, experiments)
    if problems:
        raise ExperimentInvalid(problems)
    return Documents(
        claims=tuple(found.value for found in claims),
        sabotages=MappingProxyType({found.value.name: found.value for found in sabotages}),
        experiments=MappingProxyType(experiments),
    )


def load_claims(path: Path) -> tuple[Claim, ...]:
    """Read a claims document alone, without looking for what its names point at.

    Raises ExperimentInvalid with every problem found.
    """
    problems: list[str] = []
    claims = _claims(Reader(path, problems))
    if problems:
        raise ExperimentInvalid(problems)
    return tuple(found.value for found in claims)


def load_sabotage(path: Path) -> Sabotage:
    """Read one sabotage document alone.

    Raises ExperimentInvalid with every problem found.
    """
    problems: list[str] = []
    found = _sabotage(Reader(path, problems), path.stem)
    if problems or found is None:
        raise ExperimentInvalid(problems)
    sabotage: Sabotage = found.value
    return sabotage


def _claims(reader: Reader) -> list[_Found]:
    root = reader.mapping(reader.root(), "", ("claims",), ())
    if root is None or "claims" not in root:
        return []
    found: list[_Found] = []
    first: dict[str, Node] = {}
    for index, node in enumerate(reader.sequence(root["claims"], "claims", at_least=1)):
        claim = _claim(reader, node, f"claims[{index}]")
        if claim is None:
            continue
        id, where = claim.value.id, claim.nodes["id"]
        if id in first:
            line = first[id].start_mark.line + 1
            reader.problem(where, f"claims[{index}].id", f"an id of its own, as line {line}", id)
        first.setdefault(id, where)
        found.append(claim)
    return found


def _claim(reader: Reader, node: Node, at: str) -> _Found | None:
    before = len(reader.problems)
    nodes = reader.mapping(node, at, _CLAIM_REQUIRED, _CLAIM_OPTIONAL)
    if nodes is None or any(name not in nodes for name in _CLAIM_REQUIRED):
        return None

    def text(name: str) -> str:
        return reader.text(nodes[name], f"{at}.{name}") if name in nodes else ""

    indicator = reader.choice(nodes["indicator"], f"{at}.indicator", INDICATORS)
    fidelity = reader.choice(nodes["fidelity"], f"{at}.fidelity", [f.value for f in Fidelity])
    bound = _bound(reader, nodes["bound"], f"{at}.bound", indicator)
    trials = _trials(reader, nodes["trials"], f"{at}.trials", bound)
    id = reader.name(nodes["id"], f"{at}.id")
    documented = None
    if "documented" in nodes:
        documented = _documented(reader, nodes["documented"], f"{at}.documented", bound)
    parameters = _parameters(reader, nodes.get("parameters"), f"{at}.parameters", indicator)
    words = {name: text(name) for name in ("sentence", "place", "experiment", "sabotage", "note")}
    if len(reader.problems) > before or bound is None or trials is None:
        return None
    claim = Claim(
        id=id,
        indicator=indicator,
        bound=bound,
        fidelity=Fidelity(fidelity),
        trials=trials,
        documented=documented,
        parameters=parameters,
        **words,
    )
    return _Found(claim, reader, nodes)


def _bound(reader: Reader, node: Node, at: str, indicator: str) -> Bound | None:
    nodes = reader.mapping(node, at, ("comparison", "value", "unit"), ())
    if nodes is None or len(nodes) < 3:
        return None
    comparison = reader.choice(
        nodes["comparison"], f"{at}.comparison", [c.value for c in Comparison]
    )
    value = reader.number(nodes["value"], f"{at}.value")
    units: Collection[str] = INDICATORS[indicator].units if indicator else ()
    unit = reader.choice(nodes["unit"], f"{at}.unit", units) if units else "-"
    if not comparison or value is None or not unit:
        return None
    return Bound(Comparison(comparison), value, unit)


def _trials(reader: Reader, node: Node, at: str, bound: Bound | None) -> Trials | None:
    nodes = reader.mapping(node, at, ("quick", "full"), ())
    if nodes is None or len(nodes) < 2:
        return None
    quick = reader.whole(nodes["quick"], f"{at}.quick", at_least=1)
    timed = bound is not None and bound.unit == "s"
    least = TIME_TRIALS_FULL if timed else 1
    full = reader.whole(nodes["full"], f"{at}.full", at_least=least)
    return None if quick is None or full is None else Trials(quick, full)


def _documented(reader: Reader, node: Node, at: str, bound: Bound | None) -> Documented | None:
    nodes = reader.mapping(node, at, ("low", "high", "unit", "source"), ())
    if nodes is None or len(nodes) < 4:
        return None
    low = reader.number(nodes["low"], f"{at}.low")
    high = reader.number(nodes["high"], f"{at}.high")
    unit = reader.choice(nodes["unit"], f"{at}.unit", [bound.unit]) if bound else "-"
    source = reader.text(nodes["source"], f"{at}.source")
    if low is None or high is None:
        return None
    if low > high:
        reader.problem(nodes["high"], f"{at}.high", f"at least low, {low:g}", high)
    return Documented(low, high, unit, source)


def _parameters(reader: Reader, node: Node | None, at: str, indicator: str) -> Mapping[str, Any]:
    if node is None or not indicator:
        return MappingProxyType({})
    nodes = reader.mapping(node, at, (), tuple(sorted(INDICATORS[indicator].parameters)))
    values: dict[str, Any] = {}
    for name, value in (nodes or {}).items():
        if name == "client":
            values[name] = reader.text(value, f"{at}.{name}")
        else:
            values[name] = reader.number(value, f"{at}.{name}", at_least=0)
    return MappingProxyType(values)


def _sabotage(reader: Reader, stem: str) -> _Found | None:
    before = len(reader.problems)
    required = ("sabotage", "what", "experiment", "claims", "plant")
    nodes = reader.mapping(reader.root(), "", required, ("configuration",))
    if nodes is None or any(name not in nodes for name in required):
        return None
    name = reader.name(nodes["sabotage"], "sabotage")
    if name and name != stem:
        reader.problem(nodes["sabotage"], "sabotage", f"the file's name, {stem!r}", name)
    claims = tuple(
        reader.text(node, f"claims[{index}]")
        for index, node in enumerate(reader.sequence(nodes["claims"], "claims", at_least=1))
    )
    least = 0 if "configuration" in nodes else 1
    plant = tuple(
        activity
        for index, node in enumerate(reader.sequence(nodes["plant"], "plant", at_least=least))
        if (activity := reader.plain_mapping(node, f"plant[{index}]")) is not None
    )
    configuration: Mapping[str, Any] | None = {}
    if "configuration" in nodes:
        configuration = reader.plain_mapping(nodes["configuration"], "configuration")
    what = reader.text(nodes["what"], "what")
    experiment = reader.text(nodes["experiment"], "experiment")
    if len(reader.problems) > before or configuration is None:
        return None
    sabotage = Sabotage(name, what, experiment, claims, plant, MappingProxyType(configuration))
    return _Found(sabotage, reader, nodes)


def _check_names(
    claims: Sequence[_Found], sabotages: Sequence[_Found], experiments: Collection[str]
) -> None:
    by_name = {found.value.name: found.value for found in sabotages}
    ids = {found.value.id: found.value for found in claims}
    for found in [*claims, *sabotages]:
        if found.value.experiment not in experiments:
            found.reader.unknown(
                found.nodes["experiment"], "experiment", experiments, found.value.experiment
            )
    for found in claims:
        claim = found.value
        if claim.sabotage not in by_name:
            found.reader.unknown(found.nodes["sabotage"], "sabotage", by_name, claim.sabotage)
        elif claim.id not in by_name[claim.sabotage].claims:
            expected = f"a sabotage that names claim {claim.id!r} under claims"
            found.reader.problem(found.nodes["sabotage"], "sabotage", expected, claim.sabotage)
    for found in sabotages:
        for id in found.value.claims:
            if id not in ids:
                found.reader.unknown(found.nodes["claims"], "claims", ids, id)
            elif ids[id].sabotage != found.value.name:
                expected = f"claims whose sabotage is {found.value.name!r}"
                found.reader.problem(found.nodes["claims"], "claims", expected, id)
