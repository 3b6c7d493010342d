"""The production workflow and its scripts: order, permissions, pins, and what each step does."""

from __future__ import annotations

import copy
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import cli
from harness.stack import deployment
from harness.stack.folders import INFRA, REPOSITORY

PIPELINES = INFRA / "pipelines"
WORKFLOW = PIPELINES / "production.yml"
SCRIPTS = sorted(PIPELINES.glob("*.sh"))
CHAIN = ("plan", "gate", "attest", "verify", "apply")
_PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+\n")
_UPLOAD, _DOWNLOAD = "actions/upload-artifact@", "actions/download-artifact@"
_CREDENTIALS = "aws-actions/configure-aws-credentials@"


def workflow() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())
    return loaded


def needs(jobs: Mapping[str, Any], name: str) -> set[str]:
    """Return all jobs that must have succeeded before a job starts."""
    given = jobs[name].get("needs", [])
    direct = {given} if isinstance(given, str) else set(given)
    return direct.union(*(needs(jobs, each) for each in direct))


def problems_of(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a production workflow."""
    jobs = document["jobs"]
    for before, after in itertools.pairwise(CHAIN):
        if before not in needs(jobs, after) and (before, after) != ("plan", "gate"):
            yield f"{after} does not need {before}"
    if document.get("permissions") != {}:
        yield "the workflow grants permissions to every job"
    if document.get("concurrency", {}).get("cancel-in-progress") is not False:
        yield "a running apply could be cancelled by the next one"
    if not document["concurrency"].get("group"):
        yield "two applies could run at once"
    for name, job in jobs.items():
        yield from (f"{name}: {problem}" for problem in _job(name, job, jobs))


def _job(name: str, job: Mapping[str, Any], jobs: Mapping[str, Any]) -> Iterator[str]:
    granted = job.get("permissions")
    expected = {"contents": "read"}
    if name in {"plan", "apply"}:
        expected["id-token"] = "write"
    if granted != expected:
        yield f"permissions are {granted}"
    if "timeout-minutes" not in job:
        yield "no time limit"
    if needs(jobs, name) and re.search(r"always\(|failure\(|cancelled\(", str(job.get("if", ""))):
        yield "runs although a job that it needs failed"
    if not needs(jobs, name) and job.get("if") != "github.ref == 'refs/heads/main'":
        yield "starts from any branch"
    if (name, job.get("environment")) in {("apply", None), ("attest", None)}:
        yield "nobody has to release it"
    yield from _secrets(name, json.dumps(job))
    for step in job["steps"]:
        if "${{" in step.get("run", ""):
            yield f"expands an expression in a script: {step['run']}"
        if step.get("continue-on-error"):
            yield "goes on after an error"
    yield from _artifacts(name, job, jobs)
    if name == "apply":
        yield from _apply(job)


def _secrets(name: str, text: str) -> Iterator[str]:
    secrets = set(re.findall(r"secrets\.(\w+)", text))
    if secrets - ({"ATTESTATION_KEY"} if name == "attest" else set()):
        yield f"reads secrets {secrets}"
    if re.search(r"aws-access-key-id|aws-secret", text):
        yield "uses a long-lived AWS key"
    if _CREDENTIALS in text and name not in {"plan", "apply"}:
        yield "takes an AWS role"


def _artifacts(name: str, job: Mapping[str, Any], jobs: Mapping[str, Any]) -> Iterator[str]:
    there = {
        step["with"]["name"]
        for other in needs(jobs, name)
        for step in jobs[other]["steps"]
        if step.get("uses", "").startswith(_UPLOAD)
    }
    for step in job["steps"]:
        if step.get("uses", "").startswith(_DOWNLOAD) and step["with"]["name"] not in there:
            yield f"downloads {step['with']['name']}, which no job before it uploads"


def _apply(job: Mapping[str, Any]) -> Iterator[str]:
    """The files are verified in this job, after they came and before anything can change."""
    order = []
    for step in job["steps"]:
        if "verify.sh" in step.get("run", ""):
            order.append("verify" if "if" not in step else "maybe verify")
        elif step.get("uses", "").startswith(_DOWNLOAD):
            order.append("download")
        elif step.get("uses", "").startswith(_CREDENTIALS):
            order.append("role")
        elif "terraform" in step.get("run", "") or "deploy.sh" in step.get("run", ""):
            order.append("change")
    if order != ["download", "download", "verify", "role", "change", "change"]:
        yield f"does things in the order {order}"


def test_the_workflow_keeps_its_rules() -> None:
    """Order, permissions, secrets, artifacts: nothing is wrong with the file as it stands."""
    assert list(problems_of(workflow())) == []


def _step(document: dict[str, Any], job: str, part: str) -> dict[str, Any]:
    for step in document["jobs"][job]["steps"]:
        if part in json.dumps(step):
            found: dict[str, Any] = step
            return found
    raise AssertionError(part)


def _remove(document: dict[str, Any], job: str, part: str) -> None:
    document["jobs"][job]["steps"].remove(_step(document, job, part))


def _verify_last(document: dict[str, Any]) -> None:
    step = _step(document, "apply", "verify.sh")
    _remove(document, "apply", "verify.sh")
    document["jobs"]["apply"]["steps"].append(step)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: d["jobs"]["apply"].update(needs=["attest"]), "apply does not need verify"),
        (lambda d: d["jobs"]["apply"].pop("needs"), "apply does not need verify"),
        (lambda d: d["jobs"]["verify"].update(needs=["plan"]), "verify does not need attest"),
        (lambda d: d["jobs"]["attest"].update(needs=["plan"]), "attest does not need gate"),
        (lambda d: d["jobs"]["apply"].update({"if": "always()"}), "although a job"),
        (lambda d: d["jobs"]["gate"].pop("if"), "gate: starts from any branch"),
        (lambda d: d.update(permissions="write-all"), "grants permissions to every job"),
        (lambda d: d["jobs"]["gate"]["permissions"].update({"id-token": "write"}), "gate: permiss"),
        (lambda d: d["jobs"]["verify"].pop("permissions"), "verify: permissions are None"),
        (lambda d: d["concurrency"].update({"cancel-in-progress": True}), "cancelled by the next"),
        (lambda d: d["concurrency"].update(group=""), "two applies"),
        (lambda d: d["jobs"]["apply"].pop("environment"), "nobody has to release it"),
        (lambda d: d["jobs"]["attest"].pop("environment"), "nobody has to release it"),
        (lambda d: d["jobs"]["plan"].pop("timeout-minutes"), "plan: no time limit"),
        (lambda d: _remove(d, "apply", "verify.sh"), "apply: does things in the order"),
        (_verify_last, "apply: does things in the order"),
        (lambda d: _step(d, "apply", "verify.sh").update({"if": "x"}), "apply: does things in"),
        (lambda d: _step(d, "verify", "verify.sh").update({"continue-on-error": True}), "goes on"),
        (lambda d: _step(d, "gate", "gate.sh").update(env={"K": "${{ secrets.K }}"}), "reads secr"),
        (lambda d: _step(d, "plan", "role-to")["with"].update({"aws-access-key-id": 1}), "long-li"),
        (lambda d: d["jobs"]["gate"]["steps"].append({"uses": f"{_CREDENTIALS}x"}), "an AWS role"),
        (lambda d: _step(d, "apply", "deploy.sh").update(run="${{ inputs.image_tag }}"), "expands"),
        (lambda d: _remove(d, "plan", "upload-artifact"), "which no job before it uploads"),
    ],
)
def test_each_rule_can_fail(spoil: Callable[[dict[str, Any]], Any], words: str) -> None:
    """Each planted defect of the workflow is found by name."""
    document = copy.deepcopy(workflow())
    spoil(document)

    assert any(words in problem for problem in problems_of(document)), list(problems_of(document))


def test_actions_are_pinned_to_full_commits() -> None:
    """A tag can be moved; the version in the comment is for people."""
    lines = [line for line in WORKFLOW.read_text().splitlines() if "uses:" in line]

    assert len(lines) >= 15
    assert [line for line in lines if not _PINNED.search(line + "\n")] == []
    pins = {line.split("uses: ")[1].split("@")[0]: line.split("@")[1] for line in lines}
    assert len({line.split("uses: ")[1] for line in lines}) == len(pins)


def _run_steps() -> list[Any]:
    return [
        pytest.param(step["run"], id=f"{name}-{step['name']}")
        for name, job in workflow()["jobs"].items()
        for step in job["steps"]
        if "run" in step
    ]


@pytest.mark.parametrize("text", _run_steps())
def test_steps_are_valid_bash_and_name_what_exists(text: str) -> None:
    """Every run step parses, and the scripts that it calls are there."""
    assert _bash_accepts(text)
    for called in re.findall(r"infra/pipelines/[\w.]+", text):
        assert os.access(REPOSITORY / called, os.X_OK), called


def test_what_is_no_bash_is_found() -> None:
    """The check above can fail."""
    assert not _bash_accepts("if true; then")


def _bash_accepts(text: str) -> bool:
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_valid_and_stop_at_the_first_error(script: Path) -> None:
    """Each has a usage comment and the strict settings, and parses."""
    text = script.read_text()

    assert text.startswith("#!/usr/bin/env bash\n# ")
    assert "\nset -euo pipefail\n" in text
    assert _bash_accepts(text)


class Shell:
    """Runs a script with stand-ins for the programs that it calls; they record their words."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.log = folder / "calls"

    def stand_in(self, name: str, body: str) -> None:
        path = self.bin / name
        path.write_text(f'#!/bin/bash\nprintf "%q " "$@" >>{self.log}\necho >>{self.log}\n{body}\n')
        path.chmod(0o755)

    def run(
        self, script: str, *arguments: str | Path, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [str(PIPELINES / script), *map(str, arguments)],
            cwd=self.folder,
            env={"PATH": path, "TMPDIR": str(self.folder), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def calls(self) -> list[list[str]]:
        return [shlex.split(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def options_of(call: list[str]) -> Any:
    """Parse what a script passes to ``python -m harness`` as the command line does."""
    assert call[:2] == ["-m", "harness"]
    return cli._parser().parse_args(call[2:])


@pytest.mark.parametrize(
    ("verdict", "code"), [(0, 0), (1, 0), (2, 0), (64, 64), (69, 69), (70, 70), (130, 130)]
)
def test_the_gate_goes_on_with_a_verdict_and_with_nothing_else(
    shell: Shell, verdict: int, code: int
) -> None:
    """A refuted run is decided on later, with its waivers; a run that broke is not."""
    (shell.folder / "results" / "run-7").mkdir(parents=True)
    (shell.folder / "results" / "latest").symlink_to("run-7")
    shell.stand_in("python", f"echo a table; exit {verdict}")
    done = shell.run("gate.sh")

    assert done.returncode == code
    assert done.stdout == ("run=run-7\n" if code == 0 else "")
    options = options_of(shell.calls[0])
    assert (options.command, options.full, options.down) == ("emulate", True, True)


@pytest.mark.parametrize("code", [0, 1, 2, 64])
def test_attest_passes_the_key_in_a_private_file(shell: Shell, code: int) -> None:
    """The file is for its owner only, holds the key, and is gone afterwards; the code is kept."""
    shell.stand_in("python", f'stat -c %a "${{@: -1}}"; cat "${{@: -1}}"; exit {code}')
    done = shell.run("attest.sh", "results/run-7", "a plan", ATTESTATION_KEY="line 1\nline 2")
    options = options_of(shell.calls[0])

    assert done.returncode == code
    assert done.stdout == "600\nline 1\nline 2\n"
    assert (options.command, options.path, options.plan) == ("attest", "results/run-7", "a plan")
    assert not Path(options.key).exists()


@pytest.mark.parametrize("code", [0, 1, 2, 64])
def test_verify_compares_everything(shell: Shell, code: int) -> None:
    """Key, plan, manifests, commit, lane and age are all asked for; the code is kept."""
    shell.stand_in("python", f"exit {code}")
    given = ("attestation.json", "plan", "manifests.yaml", "c" * 40)
    done = shell.run("verify.sh", *given, ATTESTATION_PUBLIC_KEY="key")
    options = options_of(shell.calls[0])

    assert done.returncode == code
    assert given == (options.attestation, options.plan, options.manifests, options.commit)
    assert (options.asked_lane, options.age_max.total_seconds()) == ("full", 86400)
    assert options.key
    assert not Path(options.key).exists()


@pytest.mark.parametrize(("script", "count"), [("attest.sh", 2), ("verify.sh", 4)])
@pytest.mark.parametrize("environment", [{}, {"ATTESTATION_KEY": "", "ATTESTATION_PUBLIC_KEY": ""}])
def test_a_missing_key_stops(
    shell: Shell, script: str, count: int, environment: Mapping[str, str]
) -> None:
    """An unset secret is empty on most systems; it must not mean unsigned or unchecked."""
    shell.stand_in("python", "exit 0")
    done = shell.run(script, *["x"] * count, **environment)

    assert done.returncode != 0
    assert "got nothing" in done.stderr
    assert not shell.log.exists()


@pytest.mark.parametrize(("script", "count"), [("attest.sh", 1), ("verify.sh", 3)])
def test_a_missing_argument_stops(shell: Shell, script: str, count: int) -> None:
    """Nothing is compared less because an argument was forgotten."""
    shell.stand_in("python", "exit 0")
    keys = {"ATTESTATION_KEY": "k", "ATTESTATION_PUBLIC_KEY": "k"}

    assert shell.run(script, *["x"] * count, **keys).returncode != 0
    assert not shell.log.exists()


OUTPUTS = {
    "ecr_registry": "123456789012.dkr.ecr.example",
    "rds_primary_address": "db.example",
    "redis_primary_address": "cache.example",
    "acm_certificate_arn": "arn:aws:acm:ap-south-1:123456789012:certificate/x",
    **{
        f"target_group_{name}_arn": f"arn:aws:elb:x:123456789012:targetgroup/{name}"
        for name in ("backend", "longpolling", "frontend", "gateway")
    },
}
needs_fill = pytest.mark.skipif(
    not (shutil.which("envsubst") and shutil.which("jq")), reason="envsubst and jq are needed"
)


def _outputs(folder: Path, values: Mapping[str, str]) -> Path:
    path = folder / "outputs.json"
    path.write_text(json.dumps({name: {"value": value} for name, value in values.items()}))
    return path


@needs_fill
def test_the_production_manifests_are_filled(shell: Shell) -> None:
    """Every placeholder of the real overlay is filled, and nothing else changes."""
    manifests = shell.folder / "production.yaml"
    rendered = deployment.render(deployment.PRODUCTION)
    manifests.write_text(rendered)
    done = shell.run("fill.sh", manifests, _outputs(shell.folder, OUTPUTS), IMAGE_TAG="v7")

    assert (done.returncode, done.stderr) == (0, "")
    expected = rendered.replace("${IMAGE_TAG}", "v7")
    for name, value in OUTPUTS.items():
        expected = expected.replace(f"${{{name.upper()}}}", value)
    assert done.stdout == expected
    assert "${" not in done.stdout


@needs_fill
def test_missing_values_are_all_named_and_nothing_is_printed(shell: Shell) -> None:
    """Empty counts as missing; envsubst would have deployed an image without a name."""
    manifests = shell.folder / "production.yaml"
    manifests.write_text(deployment.render(deployment.PRODUCTION))
    given = {**OUTPUTS, "rds_primary_address": ""}
    del given["ecr_registry"]
    done = shell.run("fill.sh", manifests, _outputs(shell.folder, given))

    assert (done.returncode, done.stdout) == (64, "")
    assert "ECR_REGISTRY IMAGE_TAG RDS_PRIMARY_ADDRESS" in done.stderr


@needs_fill
def test_manifests_without_placeholders_stay_as_they_are(shell: Shell) -> None:
    """Nothing to fill is no error, and what only looks like a placeholder is left alone."""
    manifests = shell.folder / "production.yaml"
    manifests.write_text("a: $HOME ${lower} $(date)\n")
    done = shell.run("fill.sh", manifests, _outputs(shell.folder, {}), HOME="/home")

    assert (done.returncode, done.stdout) == (0, manifests.read_text())


@needs_fill
@pytest.mark.parametrize("broken", ["outputs", "manifests"])
def test_unreadable_input_stops(shell: Shell, broken: str) -> None:
    """Neither a torn file of outputs nor missing manifests give an empty result with code 0."""
    manifests = shell.folder / "production.yaml"
    outputs = _outputs(shell.folder, {"name": "x"})
    if broken == "outputs":
        manifests.write_text("a: ${NAME}\n")
        outputs.write_text("{")
    done = shell.run("fill.sh", manifests, outputs)

    assert done.returncode != 0
    assert done.stdout == ""


KUBECTL = """
case "$*" in
  "get -f m -o name") printf 'deployment.apps/a\\ndeployment.apps/b\\nservice/s\\n' ;;
  get*jsonpath*) printf 'prod\\nprod\\n' ;;
  {fails}) exit 1 ;;
esac
"""


@pytest.mark.parametrize(
    ("fails", "code", "undone"),
    [
        ("nothing", 0, []),
        ('*"rollout status deployment.apps/b"*', 1, ["deployment.apps/a", "deployment.apps/b"]),
        ('*"--dry-run=server"*', 1, []),
        ('"apply --server-side -f m"', 1, []),
        ("*rollout*", 1, ["deployment.apps/a", "deployment.apps/b"]),
    ],
)
def test_a_failed_rollout_is_rolled_back(
    shell: Shell, fails: str, code: int, undone: list[str]
) -> None:
    """All Deployments go back together, and the failure stays a failure."""
    shell.stand_in("kubectl", KUBECTL.replace("{fails}", fails))
    done = shell.run("deploy.sh", "m")

    assert done.returncode == code, done.stderr
    assert undone == [call[4] for call in shell.calls if call[2:4] == ["rollout", "undo"]]
    assert all(call[:2] == ["-n", "prod"] for call in shell.calls if "rollout" in call)
    first = shell.calls[0]
    assert "--dry-run=server" in first


def test_manifests_without_deployments_are_refused(shell: Shell) -> None:
    """An empty file is no successful deployment."""
    shell.stand_in("kubectl", "exit 0")

    assert shell.run("deploy.sh", "m").returncode == 64


def test_the_readme_names_what_the_workflow_needs() -> None:
    """Every secret and variable that has to be set up is explained."""
    text = (PIPELINES / "README.md").read_text()
    used = set(re.findall(r"(?:vars|secrets)\.(\w+)", WORKFLOW.read_text()))

    assert used == {
        "ATTESTATION_KEY",
        "ATTESTATION_PUBLIC_KEY",
        "AWS_APPLY_ROLE",
        "AWS_PLAN_ROLE",
        "EKS_CLUSTER",
    }
    assert [name for name in used if f"`{name}`" not in text] == []
