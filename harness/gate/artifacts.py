"""The things that an attestation is compared with: a plan file, manifests, files of a commit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness import command
from harness.errors import EnvironmentUnavailable, InputInvalid
from harness.gate import canonical
from harness.stack import deployment

GIT_LIMIT_SECONDS = 30


def digest_of_file(path: Path, what: str) -> str:
    """Return a file's SHA-256 in hexadecimal; raises InputInvalid when it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputInvalid(f"{path}: expected {what}, got: {error.strerror}") from error
    if not data:
        raise InputInvalid(f"{path}: expected {what}, got an empty file")
    return canonical.sha256(data)


def digest_of_manifests(path: Path) -> str:
    """Return the SHA-256 of rendered manifests: a file as it is, a kustomize folder rendered.

    Raises InputInvalid for a path that is neither or that kustomize refuses,
    EnvironmentUnavailable when a folder has to be rendered and there is no kubectl.
    """
    if not path.is_dir():
        return digest_of_file(path, "rendered manifests or a kustomize folder")
    if not (path / "kustomization.yaml").is_file():
        raise InputInvalid(
            f"{path}: expected a folder with kustomization.yaml, got one without. "
            "Next step: name the overlay, or the file that was rendered from it"
        )
    # An absolute path stands for itself where the overlays' folder is put before it.
    return deployment.digest_of_render(str(path.resolve())).removeprefix("sha256:")


def not_of_commit(repository: Path, commit: str, files: Sequence[Path]) -> list[str]:
    """Return a sentence for each file whose content is not that of ``commit``.

    ``files`` are relative to the repository. A commit that cannot be read is a problem as well:
    what cannot be compared is not known to be the same.
    """
    problems = []
    for file in files:
        try:
            shown = command.run(
                ["git", "-C", repository, "show", f"{commit}:{file.as_posix()}"],
                limit_seconds=GIT_LIMIT_SECONDS,
                check=False,
            )
        except EnvironmentUnavailable as error:
            return [f"The files of the commit cannot be compared: {error}"]
        current = (repository / file).read_bytes().decode(errors="replace")
        if shown.returncode != 0:
            problems.append(
                f"{file} of commit {commit} cannot be read: {shown.stderr.strip()}. "
                "Next step: fetch and check out the commit that was rehearsed"
            )
        elif shown.stdout != current:
            problems.append(
                f"{file} is not the one of the rehearsed commit {commit}. Next step: commit it "
                "and run again, or check that commit out"
            )
    return problems
