"""What is refused before anything starts: whatever could reach beyond this machine.

The harness never needs real credentials, so their mere presence is a mistake worth stopping
for: another tool of the same session (Terraform, the AWS CLI, a Chaos Toolkit action) would use
them. No value of a secret is ever part of a message, only its first four characters.
"""

from __future__ import annotations

import configparser
import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from harness.errors import RefusedForSafety
from harness.stack import layout
from harness.stack.layout import Layout

# Values that emulators take and AWS would refuse.
DUMMIES = frozenset({"", "test", "testing", "dummy", "fake", "mock", "localstack", "000000000000"})

_KEY_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SECURITY_TOKEN",
)
_IDENTITY_VARIABLES = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CREDENTIAL_FILE",
)
_PROFILE_VARIABLES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
_ENDPOINT_VARIABLE = re.compile(r"AWS_ENDPOINT_URL(_.+)?|AWS_EC2_METADATA_SERVICE_ENDPOINT")
_BEARER_VARIABLE = re.compile(r"AWS_BEARER_TOKEN.*")

_KEY_SETTINGS = frozenset({"aws_access_key_id", "aws_secret_access_key", "aws_session_token"})
_IDENTITY_SETTINGS = re.compile(
    r"sso_.+|credential_process|credential_source|role_arn|source_profile"
    r"|web_identity_token_file|login_session"
)
_ENDPOINT_SETTING = re.compile(r"^\s*endpoint_url\s*=\s*(\S+)", re.MULTILINE)

# Where each shared file is looked for: variable that names it, default under the home folder.
_SHARED_FILES = (
    ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
    ("AWS_CONFIG_FILE", ".aws/config"),
    ("BOTO_CONFIG", ".boto"),
)


@dataclass(frozen=True)
class _Problem:
    """One finding; exactly one of ``unset`` and ``assign`` says what mends it."""

    text: str
    unset: str | None = None
    assign: str | None = None


def refuse_real_aws(
    environment: Mapping[str, str], home: Path, *, addresses: Layout | None = None
) -> None:
    """Raise RefusedForSafety naming everything that could reach a real AWS account.

    Looked at: keys, tokens, roles, profiles and endpoints in ``environment``, and the shared
    files that it names or that stand in ``home``. The message ends with the command that mends
    all of it for one run.
    """
    hosts = frozenset({(addresses or Layout()).address(layout.AWS), layout.AWS_NAME})
    problems = [*_variables(environment, hosts), *_files(environment, home, hosts)]
    if not problems:
        return
    words = ["env"]
    words += [f"-u {name}" for name in dict.fromkeys(p.unset for p in problems if p.unset)]
    words += [
        f"{name}={os.devnull}" for name in dict.fromkeys(p.assign for p in problems if p.assign)
    ]
    remedy = (
        "Nothing was started. The harness uses only its own emulator with dummy keys. "
        f"Next step: run the same command as: {' '.join(words)} COMMAND"
    )
    raise RefusedForSafety([*(problem.text for problem in problems), remedy])


def refuse_foreign_cluster(kubeconfig: Path, *, addresses: Layout | None = None) -> None:
    """Raise RefusedForSafety unless ``kubeconfig`` leads to the harness's own cluster only.

    KUBECONFIG of the environment and ~/.kube/config play no part: every cluster call names this
    file and its context.
    """
    hosts = frozenset({(addresses or Layout()).address(layout.CONTROL_PLANE)})
    try:
        document = yaml.safe_load(kubeconfig.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise RefusedForSafety(
            f"{kubeconfig}: expected the harness's own kubeconfig, got: {error}. "
            "Next step: python -m harness up"
        ) from error
    if not isinstance(document, dict):
        document = {}
    problems = list(_cluster_problems(document, hosts))
    if problems:
        remedy = (
            "Next step: python -m harness down, then up, which writes the file anew; "
            "no other cluster is ever used."
        )
        raise RefusedForSafety([*(f"{kubeconfig}: {text}" for text in problems), remedy])


def refuse_remote_engine(environment: Mapping[str, str]) -> None:
    """Raise RefusedForSafety when DOCKER_HOST names an engine on another machine."""
    given = environment.get("DOCKER_HOST", "")
    if not given or given.startswith(("unix://", "npipe://", "fd://")):
        return
    host = _host(given)
    if host is not None and _is_loopback(host):
        return
    raise RefusedForSafety(
        f"DOCKER_HOST: expected an engine on this machine (a socket or a loopback address), got "
        f"host {host!r}. The stack's addresses and faults belong to this machine's kernel. "
        "Next step: run the same command as: env -u DOCKER_HOST COMMAND"
    )


def refuse_foreign_endpoint(url: str, *, addresses: Layout | None = None) -> None:
    """Raise RefusedForSafety unless ``url`` is an emulator: loopback or the stack's own address."""
    hosts = frozenset({(addresses or Layout()).address(layout.AWS), layout.AWS_NAME})
    try:
        parts = urlsplit(url)
        plain = parts.scheme in ("http", "https") and parts.port is not None
    except ValueError:
        plain = False
    problems = []
    if not _is_own(url, hosts):
        problems.append(f"endpoint: expected {_expected(hosts)}, got {_shown(url)}.")
    if not plain:
        problems.append("endpoint: expected a URL with scheme and port, http://127.0.0.1:4566.")
    if problems:
        remedy = "Nothing was started. Next step: name an emulator of this machine with --endpoint."
        raise RefusedForSafety([*problems, remedy])


def mask(value: str) -> str:
    """Return what may be shown of a secret: its first four characters, or none if it is short."""
    return f"{value[:4]}..." if len(value) >= 12 else "..."


def _variables(environment: Mapping[str, str], hosts: frozenset[str]) -> Iterator[_Problem]:
    for name, value in sorted(environment.items()):
        if not value:
            continue
        if name in _KEY_VARIABLES and value not in DUMMIES:
            text = f"{name} is set to {mask(value)}: expected no key or the dummy 'test'."
        elif name in _PROFILE_VARIABLES:
            text = f"{name} is set to {value!r}: expected no profile."
        elif name in _IDENTITY_VARIABLES or _BEARER_VARIABLE.fullmatch(name):
            text = f"{name} is set: expected no role, token or credential source."
        elif _ENDPOINT_VARIABLE.fullmatch(name) and not _is_own(value, hosts):
            text = f"{name} points to {_shown(value)}: expected {_expected(hosts)}."
        else:
            continue
        yield _Problem(text, unset=name)


def _files(environment: Mapping[str, str], home: Path, hosts: frozenset[str]) -> Iterator[_Problem]:
    for variable, default in _SHARED_FILES:
        named = environment.get(variable, "")
        path = _expand(named, home) if named else home / default
        for text in _file_problems(path, hosts):
            yield _Problem(text, assign=variable)


def _expand(named: str, home: Path) -> Path:
    return home / named[2:] if named.startswith("~/") else Path(named)


def _file_problems(path: Path, hosts: frozenset[str]) -> Iterator[str]:
    parser = configparser.RawConfigParser(
        strict=False, allow_no_value=True, default_section="no section is a default"
    )
    try:
        parser.read_string(path.read_text(), source=str(path))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield f"{path}: cannot be read and so not be judged ({error.strerror})."
        return
    except (configparser.Error, UnicodeDecodeError) as error:
        # The text of a parsing error quotes the line, which may be a key.
        line = getattr(error, "lineno", None)
        at = f", line {line}" if line else ""
        yield f"{path}{at}: cannot be parsed and so not be judged ({type(error).__name__})."
        return
    for section in parser.sections():
        for setting, value in parser.items(section):
            found = _setting_problem(setting, value or "", hosts)
            if found:
                yield f"{path}, section [{section}]: {setting} {found}"


def _setting_problem(setting: str, value: str, hosts: frozenset[str]) -> str | None:
    if setting in _KEY_SETTINGS:
        return None if value in DUMMIES else f"is {mask(value)}: expected no key."
    if _IDENTITY_SETTINGS.fullmatch(setting):
        return "is set: expected no role, sign-on or credential source."
    # Per-service settings are indented lines inside the value of the service's name.
    urls = [value] if setting == "endpoint_url" else _ENDPOINT_SETTING.findall(value)
    foreign = [_shown(url) for url in urls if url and not _is_own(url, hosts)]
    return f"points to {', '.join(foreign)}: expected {_expected(hosts)}." if foreign else None


def _cluster_problems(document: Mapping[str, Any], hosts: frozenset[str]) -> Iterator[str]:
    contexts = [str(entry.get("name")) for entry in _entries(document, "contexts")]
    if contexts != [layout.CONTEXT]:
        yield f"contexts: expected only {layout.CONTEXT}, got {contexts or 'none'}."
    current = document.get("current-context")
    if current != layout.CONTEXT:
        yield f"current-context: expected {layout.CONTEXT}, got {current!r}."
    clusters = _entries(document, "clusters")
    if len(clusters) != 1:
        yield f"clusters: expected one, got {len(clusters)}."
    for entry in clusters:
        cluster = entry.get("cluster")
        settings = cluster if isinstance(cluster, dict) else {}
        server = str(settings.get("server", ""))
        if not _is_own(server, hosts):
            yield (
                f"cluster {entry.get('name')}: server: expected {_expected(hosts)}, "
                f"got {_shown(server)}."
            )
        if settings.get("proxy-url"):
            yield f"cluster {entry.get('name')}: proxy-url: expected none."
    for entry in _entries(document, "users"):
        user = entry.get("user")
        foreign = {"exec", "auth-provider"} & set(user if isinstance(user, dict) else {})
        if foreign:
            yield (
                f"user {entry.get('name')}: expected the cluster's own certificate, got "
                f"{' and '.join(sorted(foreign))}."
            )


def _entries(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    listed = document.get(name)
    return [e for e in listed if isinstance(e, dict)] if isinstance(listed, list) else []


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_own(url: str, hosts: frozenset[str]) -> bool:
    host = _host(url)
    return host is not None and (_is_loopback(host) or host in hosts)


def _shown(url: str) -> str:
    # The host alone: user and password may stand before it, a token in the query.
    host = _host(url)
    return f"host {host!r}" if host else "something that is no URL"


def _expected(hosts: frozenset[str]) -> str:
    return f"a loopback address or one of {', '.join(sorted(hosts))}"
