"""Rules on shell in scripts and pipelines: a check that cannot fail, or fails at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from harness.audit.inventory import Inventory
from harness.audit.resource import Place, Script
from harness.audit.rule import FINE, PIPELINE, Defect, Mark, Rule, Severity, rule

_REPORT = ("section 1.3, deliverable 13 (validation report)",)
_SET = re.compile(r"^\s*set\s+(-\S+(?:\s+-?\S+)*)", re.MULTILINE)
_COUNT = re.compile(r"^\s*\(\(\s*(\w+\+\+|\+\+\w+|\w+--|\w+\s*\+=\s*0)\s*\)\)\s*$")
_GREP_ECHO = re.compile(r"grep\s+(-\w*c\w*\s+|-\S+\s+-c\s+).*\|\|\s*echo\s+[\"']?0")
_READY = re.compile(r"grep\s+-\w*c\w*\s+(-\S+\s+)*[\"']?Ready[\"']?(\s|\)|$)")
_RUNNING = re.compile(r"(grep\s+-\w*c\w*\s+[\"']?Running)|(get\s+pods?\b.*grep.*Running)")
_HIDDEN = re.compile(r"2>\s*/dev/null\s*\|\|\s*echo")
_USED = re.compile(r"\$\{(\w+)\}|\$(\w+)")
_ASSIGNED = re.compile(
    r"(?:^|[;&|({\s])(?:export\s+|local\s+|readonly\s+|declare\s+(?:-\w+\s+)*)?([A-Za-z_]\w*)\+?="
    r"|\bfor\s+(\w+)\b|\bread\s+(?:-\w+\s+)*(\w+)|\(\(\s*(\w+)(?:\+\+|=)"
)
# Set by the shell or by every login.
_ALWAYS = frozenset(
    "HOME PATH PWD USER SHELL IFS RANDOM SECONDS BASH_SOURCE LINENO HOSTNAME UID EUID".split()
)


def options_of(script: Script) -> set[str]:
    """Return the single-letter options that a script runs under."""
    words = [script.options, *(found[1] for found in _SET.finditer(script.text))]
    return {c for word in " ".join(words).split() if word.startswith("-") for c in word[1:]}


def _lines(script: Script) -> Iterator[tuple[Place, str]]:
    """Return the lines without comments, with continued lines joined to their first."""
    start: Place | None = None
    joined = ""
    for place, line in script.lines:
        text = re.sub(r"(^|\s)#.*$", "", line) if "'" not in line and '"' not in line else line
        text = "" if line.lstrip().startswith("#") else text
        start = start or place
        if text.rstrip().endswith("\\"):
            joined += text.rstrip()[:-1] + " "
            continue
        yield start, joined + text
        start, joined = None, ""


def _pattern_rule(
    id: str,
    found: Callable[[str], object],
    *,
    expected: str,
    got: str,
    next_step: str,
    why: str,
    source: str,
    severity: Severity = Severity.ERROR,
    when: Callable[[Script], bool] = lambda script: True,
) -> Rule:
    def judge(inventory: Inventory) -> Iterator[Mark]:
        for script in inventory.scripts:
            if not when(script):
                continue
            wrong = [place for place, line in _lines(script) if found(line)]
            for place in wrong:
                yield Defect(place, script.name, expected, got, next_step)
            if not wrong:
                yield FINE

    return rule(id, promises=_REPORT, why=why, source=source, needs=(PIPELINE,), severity=severity)(
        judge
    )


@rule(
    "script-variables-given",
    promises=_REPORT,
    why="with set -u a variable that nobody sets ends the script before its first use is done",
    source="bash manual, The Set Builtin: -u",
    needs=(PIPELINE,),
)
def variables_given(inventory: Inventory) -> Iterator[Mark]:
    """Under set -u each variable is assigned, has a default, or is given by the caller."""
    for script in inventory.scripts:
        if "u" not in options_of(script):
            continue
        known = {n for found in _ASSIGNED.finditer(script.text) for n in found.groups() if n}
        known |= _ALWAYS | script.given
        seen: set[str] = set()
        for place, line in _lines(script):
            for found in _USED.finditer(_without_quotes(line)):
                name = found[1] or found[2]
                if name in known or name in seen or name.isdigit() or not name[0].isalpha():
                    continue
                if re.search(rf"\$\{{{name}:?[-?=+]", script.text):
                    continue
                seen.add(name)
                yield Defect(
                    place,
                    script.name,
                    f"{name} assigned, given a default (${{{name}:-}}) or asked for",
                    "nothing sets it",
                    f': "${{{name}:?is not set}}" at the head of the script, or look it up',
                )
        if not seen:
            yield FINE


def _without_quotes(line: str) -> str:
    """Return a line without what stands in single quotes, where nothing is expanded."""
    return re.sub(r"'[^']*'", "''", line)


@rule(
    "script-bucket-found",
    promises=_REPORT,
    why="newer command lines print JSON for head-bucket: an existing bucket is then not found",
    source="S3 API, HeadBucketOutput has BucketRegion and AccessPointAlias",
    needs=(PIPELINE,),
)
def bucket_found(inventory: Inventory) -> Iterator[Mark]:
    """head-bucket is judged by its exit code."""
    for script in inventory.scripts:
        wrong = False
        for place, line in _lines(script):
            found = re.search(r"(\w+)=\$\(aws s3api head-bucket", line)
            if found and re.search(rf"-z\s+\"?\$\{{?{found[1]}\b", script.text):
                wrong = True
                yield Defect(
                    place,
                    script.name,
                    "the exit code of head-bucket",
                    "its output compared with nothing",
                    "if aws s3api head-bucket --bucket NAME >/dev/null; then ...",
                )
        if not wrong:
            yield FINE


@rule(
    "script-cluster-named",
    promises=_REPORT,
    why="kubectl without a context asks whatever cluster was used last",
    source="kubectl documentation, contexts",
    needs=(PIPELINE,),
)
def cluster_named(inventory: Inventory) -> Iterator[Mark]:
    """A script that asks a cluster says which one it means, or its callers do."""
    for script in inventory.scripts:
        first = next((p for p, line in _lines(script) if _ASKS.search(line)), None)
        if first is None:
            continue
        callers = [
            other
            for other in inventory.scripts
            if other.place.file != script.place.file and script.name in other.text
        ]
        if _names(inventory, script) or (callers and all(_names(inventory, c) for c in callers)):
            yield FINE
        else:
            yield Defect(
                first,
                script.name,
                "--context, or aws eks update-kubeconfig first",
                "neither",
                "name the cluster",
            )


# kubectl's commands that only render, or only look at its own configuration, ask no cluster.
_ASKS = re.compile(r"\bkubectl\s+(?!kustomize\b|config\b|completion\b|version\s+--client)\S")
_NAMES = re.compile(r"--context|--kubeconfig|update-kubeconfig|KUBECONFIG=")


def _names(inventory: Inventory, script: Script) -> bool:
    """Say whether a script, or an earlier step of its workflow file, names the cluster."""
    return (
        "KUBECONFIG" in script.given
        or _NAMES.search(script.text) is not None
        or _named_before(inventory, script, _NAMES)
    )


def _named_before(inventory: Inventory, script: Script, named: re.Pattern[str]) -> bool:
    """Say whether an earlier step of the same workflow file names the cluster."""
    return any(
        other.place.file == script.place.file
        and other.place.line < script.place.line
        and named.search(other.text)
        for other in inventory.scripts
    )


RULES = (
    variables_given,
    bucket_found,
    cluster_named,
    _pattern_rule(
        "script-counts-survive",
        _COUNT.match,
        when=lambda script: "e" in options_of(script),
        expected="an assignment such as N=$((N + 1))",
        got="((N++)), which returns 1 while N is 0 and ends the script under set -e",
        next_step="write N=$((N + 1))",
        why="the script dies at its first success",
        source="bash manual, Conditional Constructs: (( )) returns 1 for a value of 0",
    ),
    _pattern_rule(
        "script-grep-counts-once",
        _GREP_ECHO.search,
        expected="one number",
        got="grep -c prints 0 and fails, so echo 0 prints a second one",
        next_step="write || true",
        why="the comparison of two lines with a number fails",
        source="grep manual, exit status",
    ),
    _pattern_rule(
        "script-ready-is-ready",
        _READY.search,
        expected="a match of the whole word in its column (grep -cw, or a condition by jsonpath)",
        got="grep -c Ready, which counts NotReady too",
        next_step="use kubectl wait --for=condition=Ready",
        why="dead nodes pass as healthy",
        source="kubectl get nodes prints Ready and NotReady in one column",
    ),
    _pattern_rule(
        "script-running-is-not-ready",
        _RUNNING.search,
        expected="readiness (kubectl wait --for=condition=Ready)",
        got="the phase Running",
        next_step="ask for the condition Ready",
        why="a pod that crashes over and over is Running between two crashes",
        source="Kubernetes, pod lifecycle: phase Running says that a container runs",
        severity=Severity.WARNING,
    ),
    _pattern_rule(
        "script-errors-shown",
        _HIDDEN.search,
        expected="an error told from absence",
        got="2>/dev/null and a default",
        next_step="keep standard error, and fail for anything but a clear not-found",
        why="expired credentials and missing rights read as NOT_FOUND or as zero",
        source="derived from the redirection",
        severity=Severity.WARNING,
    ),
)
