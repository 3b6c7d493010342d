"""Loading the table into the kernel and seeing that it stays as it was loaded."""

from __future__ import annotations

import subprocess

from policy_agent.rules import TABLE

# nft took 0.2 s under load; a host out of breath may need several times that.
NFT_LIMIT_SECONDS = 20


class LoadFailed(Exception):
    """nft refused the table; the one loaded before stays in force."""


class Loader:
    """The node's table: loads a text in one transaction and notices changes by others."""

    def __init__(self) -> None:
        """Know nothing yet of what is loaded, so that the first text is always loaded."""
        self._text: str | None = None
        self._listing: str | None = None

    def load(self, text: str) -> bool:
        """Make ``text`` the node's table; False when it is already. Raises LoadFailed."""
        if text == self._text:
            return False
        answer = _nft(["-f", "-"], text)
        if answer.returncode != 0:
            raise LoadFailed(answer.stderr.strip()[:600])
        self._text, self._listing = text, _listing()
        return True

    def is_loaded(self, text: str) -> bool:
        """Say whether ``text`` is what was loaded last."""
        return text == self._text

    def check(self) -> bool:
        """Compare the kernel's table with the one loaded; False (and forgotten) if it differs."""
        if self._text is not None and _listing() != self._listing:
            self._text = None
            return False
        return True


def remove() -> bool:
    """Delete the table, so that nothing is enforced any more; False when there was none."""
    return _nft(["delete", "table", "ip", TABLE]).returncode == 0


def _listing() -> str | None:
    answer = _nft(["--stateless", "list", "table", "ip", TABLE])
    return answer.stdout if answer.returncode == 0 else None


def _nft(arguments: list[str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["nft", *arguments],
            input=text,
            text=True,
            capture_output=True,
            timeout=NFT_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(
            ["nft"], 1, "", f"nft did not end within {NFT_LIMIT_SECONDS} s"
        )
