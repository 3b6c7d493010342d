"""What is refused before anything starts, and what is let through."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from harness import safety
from harness.errors import ExitCode, RefusedForSafety
from harness.stack import layout
from harness.stack.layout import Layout

KEY = "AKIA" + "Q" * 16
SECRET = "wJal" + "r" * 36

REFUSED_VARIABLES = [
    ("AWS_ACCESS_KEY_ID", KEY, "AKIA..."),
    ("AWS_ACCESS_KEY_ID", "ASIA" + "Q" * 16, "ASIA..."),
    ("AWS_ACCESS_KEY_ID", "something", "AWS_ACCESS_KEY_ID is set"),
    ("AWS_SECRET_ACCESS_KEY", SECRET, "wJal..."),
    ("AWS_SESSION_TOKEN", "IQoJ" + "b" * 200, "IQoJ..."),
    ("AWS_SECURITY_TOKEN", "IQoJ" + "b" * 200, "AWS_SECURITY_TOKEN"),
    ("AWS_PROFILE", "production", "'production'"),
    ("AWS_DEFAULT_PROFILE", "default", "AWS_DEFAULT_PROFILE"),
    ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/deployer", "AWS_ROLE_ARN is set"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x", "CREDENTIALS_RELATIVE_URI"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/x", "CREDENTIALS_FULL_URI"),
    ("AWS_BEARER_TOKEN_BEDROCK", "abc", "AWS_BEARER_TOKEN_BEDROCK"),
    ("AWS_ENDPOINT_URL", "https://s3.ap-south-1.amazonaws.com", "s3.ap-south-1.amazonaws.com"),
    ("AWS_ENDPOINT_URL_S3", "http://192.168.1.5:4566", "192.168.1.5"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1.example.org:4566", "127.0.0.1.example.org"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1@example.org/", "example.org"),
    ("AWS_ENDPOINT_URL", "http://localhost.localstack.cloud:4566", "localhost.localstack.cloud"),
    ("AWS_ENDPOINT_URL", "localhost:4566", "no URL"),
    ("AWS_ENDPOINT_URL", "http://[::1", "no URL"),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254", "169.254.169.254"),
]

ALLOWED_VARIABLES = [
    {},
    {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
    {"AWS_ACCESS_KEY_ID": "000000000000", "AWS_SESSION_TOKEN": ""},
    {"AWS_PROFILE": ""},
    {"AWS_REGION": "ap-south-1", "AWS_DEFAULT_REGION": "ap-south-1"},
    {"AWS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt", "AWS_PAGER": ""},
    {"AWS_ENDPOINT_URL": "http://localhost:4566"},
    {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_ENDPOINT_URL_S3": "http://[::1]:4566"},
    {"AWS_ENDPOINT_URL": "http://10.0.0.30:4566"},
    {"AWS_ENDPOINT_URL": f"http://{layout.AWS_NAME}:4566"},
    {"HTTPS_PROXY": "http://proxy.example.org:3128"},
]

REFUSED_FILES = [
    (".aws/credentials", f"[default]\naws_access_key_id = {KEY}\n", "[default]"),
    (".aws/credentials", f"[work]\naws_secret_access_key={SECRET}\n", "wJal..."),
    (".aws/credentials", f"[work]\nAWS_SESSION_TOKEN={SECRET}\n", "aws_session_token"),
    (".aws/config", "[profile a]\nsso_start_url = https://x.example.org\n", "sso_start_url"),
    (".aws/config", "[sso-session a]\nsso_region = us-east-1\n", "[sso-session a]"),
    (".aws/config", "[default]\ncredential_process = /opt/get\n", "credential_process"),
    (".aws/config", "[profile a]\nrole_arn = arn:aws:iam::1:role/x\n", "role_arn"),
    (".aws/config", "[profile a]\nsource_profile = b\n", "source_profile"),
    (".aws/config", "[profile a]\nlogin_session = x\n", "login_session"),
    (".aws/config", "[default]\nendpoint_url = https://x.example.org\n", "x.example.org"),
    (
        ".aws/config",
        "[services local]\ns3 =\n  endpoint_url = https://y.example.org\n",
        "y.example.org",
    ),
    (".aws/config", "aws_access_key_id = x\n", "cannot be parsed"),
    (".boto", f"[Credentials]\naws_access_key_id = {KEY}\n", "[Credentials]"),
]

ALLOWED_FILES = [
    (".aws/config", "[default]\nregion = ap-south-1\noutput = json\n"),
    (".aws/config", "[services local]\ns3 =\n  endpoint_url = http://localhost:4566\n"),
    (".aws/credentials", "[default]\naws_access_key_id = test\naws_secret_access_key = test\n"),
    (".aws/credentials", ""),
]


def _write(home: Path, name: str, text: str) -> Path:
    path = home / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(("name", "value", "said"), REFUSED_VARIABLES)
def test_a_variable_that_could_reach_an_account_is_refused(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    with pytest.raises(RefusedForSafety) as refusal:
        safety.refuse_real_aws({name: value}, tmp_path)

    assert said in str(refusal.value)
    assert f"-u {name}" in str(refusal.value)


@pytest.mark.parametrize("environment", ALLOWED_VARIABLES)
def test_harmless_variables_are_let_through(tmp_path: Path, environment: dict[str, str]) -> None:
    safety.refuse_real_aws(environment, tmp_path)


@pytest.mark.parametrize(("name", "text", "said"), REFUSED_FILES)
def test_a_shared_file_that_could_reach_an_account_is_refused(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    path = _write(tmp_path, name, text)

    with pytest.raises(RefusedForSafety) as refusal:
        safety.refuse_real_aws({}, tmp_path)

    assert said in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert "=/dev/null" in str(refusal.value)


@pytest.mark.parametrize(("name", "text"), ALLOWED_FILES)
def test_harmless_shared_files_are_let_through(tmp_path: Path, name: str, text: str) -> None:
    _write(tmp_path, name, text)

    safety.refuse_real_aws({}, tmp_path)


def test_the_command_of_the_message_mends_everything_it_names(tmp_path: Path) -> None:
    _write(tmp_path, ".aws/credentials", f"[default]\naws_access_key_id = {KEY}\n")
    environment = {"AWS_PROFILE": "work", "AWS_ACCESS_KEY_ID": KEY, "PATH": "/bin"}
    with pytest.raises(RefusedForSafety) as refusal:
        safety.refuse_real_aws(environment, tmp_path)
    words = refusal.value.problems[-1].split("env ")[1].split()
    for position, word in enumerate(words):
        if word == "-u":
            del environment[words[position + 1]]
        elif "=" in word:
            environment.update([word.split("=")])

    safety.refuse_real_aws(environment, tmp_path)


def test_all_problems_are_named_at_once_with_the_exit_code_of_usage(tmp_path: Path) -> None:
    _write(tmp_path, ".aws/config", "[profile a]\nsso_region = us-east-1\nrole_arn = x\n")
    environment = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": "https://example.org",
    }

    with pytest.raises(RefusedForSafety) as refusal:
        safety.refuse_real_aws(environment, tmp_path)

    assert len(refusal.value.problems) == 6  # five findings and the remedy
    assert refusal.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({"AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": SECRET * 3}, ""),
        ({"AWS_ENDPOINT_URL": f"https://user:{SECRET}@example.org/?k={SECRET}"}, ""),
        ({"AWS_CONTAINER_AUTHORIZATION_TOKEN": SECRET}, ""),
        ({}, f"[default]\naws_secret_access_key = {SECRET}\n"),
        ({}, f"aws_secret_access_key = {SECRET}\n"),
        ({}, f"[default]\nsso_token = {SECRET}\n"),
    ],
)
def test_no_message_carries_a_secret(
    tmp_path: Path, environment: dict[str, str], text: str
) -> None:
    if text:
        _write(tmp_path, ".aws/credentials", text)

    with pytest.raises(RefusedForSafety) as refusal:
        safety.refuse_real_aws(environment, tmp_path)

    assert SECRET[:8] not in str(refusal.value)


def test_the_file_that_a_variable_names_is_judged_instead_of_the_one_at_home(
    tmp_path: Path,
) -> None:
    _write(tmp_path, ".aws/credentials", f"[default]\naws_access_key_id = {KEY}\n")
    other = _write(tmp_path, "other", f"[default]\naws_access_key_id = {KEY}\n")

    safety.refuse_real_aws({"AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}, tmp_path)
    with pytest.raises(RefusedForSafety, match=str(other)):
        safety.refuse_real_aws({"AWS_SHARED_CREDENTIALS_FILE": str(other)}, tmp_path)
    with pytest.raises(RefusedForSafety, match=str(other)):
        safety.refuse_real_aws({"AWS_CONFIG_FILE": "~/other"}, tmp_path)


def test_a_shared_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".aws" / "credentials").mkdir(parents=True)

    with pytest.raises(RefusedForSafety, match="cannot be read"):
        safety.refuse_real_aws({}, tmp_path)


def test_the_emulator_moves_with_the_layout(tmp_path: Path) -> None:
    environment = {"AWS_ENDPOINT_URL": "http://10.64.0.30:4566"}

    safety.refuse_real_aws(environment, tmp_path, addresses=Layout("10.64"))
    with pytest.raises(RefusedForSafety):
        safety.refuse_real_aws(environment, tmp_path)


def _kubeconfig(server: str = "https://127.0.0.1:40123") -> dict[str, object]:
    name = layout.CONTEXT
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": {"server": server}}],
        "users": [{"name": name, "user": {"client-certificate-data": "eA=="}}],
    }


FOREIGN = [
    ({"contexts": []}, "contexts: expected only"),
    (
        {"contexts": [{"name": layout.CONTEXT}, {"name": "arn:aws:eks:production"}]},
        "arn:aws:eks:production",
    ),
    ({"current-context": "production"}, "current-context"),
    ({"current-context": None}, "current-context"),
    ({"clusters": []}, "clusters: expected one, got 0"),
    (
        {"clusters": [{"name": "x", "cluster": {"server": "https://x.eks.amazonaws.com"}}]},
        "x.eks.amazonaws.com",
    ),
    (
        {"clusters": [{"name": "x", "cluster": {"server": "https://10.0.0.11:6443"}}]},
        "10.0.0.11",
    ),
    ({"clusters": [{"name": "x"}]}, "no URL"),
    (
        {
            "clusters": [
                {
                    "name": "x",
                    "cluster": {"server": "https://127.0.0.1:1", "proxy-url": "http://x"},
                }
            ]
        },
        "proxy-url",
    ),
    ({"users": [{"name": "x", "user": {"exec": {"command": "aws"}}}]}, "exec"),
]


@pytest.mark.parametrize("server", ["https://127.0.0.1:40123", "https://10.0.0.10:6443"])
def test_the_harness_own_kubeconfig_is_let_through(tmp_path: Path, server: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(_kubeconfig(server)))

    safety.refuse_foreign_cluster(path)


@pytest.mark.parametrize(("change", "said"), FOREIGN)
def test_a_kubeconfig_that_leads_elsewhere_is_refused(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump({**_kubeconfig(), **change}))

    with pytest.raises(RefusedForSafety) as refusal:
        safety.refuse_foreign_cluster(path)

    assert said in str(refusal.value)


@pytest.mark.parametrize("text", ["", "[]", "{", None])
def test_a_kubeconfig_that_is_none_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)

    with pytest.raises(RefusedForSafety, match="kubeconfig"):
        safety.refuse_foreign_cluster(path)


def test_the_environment_names_no_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = _kubeconfig("https://x.eks.amazonaws.com")
    (tmp_path / "foreign").write_text(yaml.safe_dump(foreign))
    (tmp_path / "own").write_text(yaml.safe_dump(_kubeconfig()))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "foreign"))

    safety.refuse_foreign_cluster(tmp_path / "own")


@pytest.mark.parametrize(
    "given", ["", "unix:///var/run/docker.sock", "tcp://127.0.0.1:2375", "ssh://localhost"]
)
def test_an_engine_of_this_machine_is_let_through(given: str) -> None:
    safety.refuse_remote_engine({"DOCKER_HOST": given} if given else {})


@pytest.mark.parametrize("given", ["tcp://build.example.org:2376", "ssh://root@10.1.2.3", "x"])
def test_an_engine_of_another_machine_is_refused(given: str) -> None:
    with pytest.raises(RefusedForSafety, match="env -u DOCKER_HOST"):
        safety.refuse_remote_engine({"DOCKER_HOST": given})
