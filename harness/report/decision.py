"""The gate's decision on a run, read from the attestation beside it, for the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.gate import attestation_reader, canonical, dsse
from harness.gate.attestation import ATTESTATION_FILE
from harness.gate.policy import Decision
from harness.report.stored import RUN_FILE, VERDICT_FILE


@dataclass(frozen=True)
class AttestedDecision:
    """A decision as it was attested.

    ``signers`` are the key names in the envelope, which the report cannot check; ``stale`` names
    the files of the run that are no longer those that the decision was made from.
    """

    decision: Decision
    signers: tuple[str, ...]
    stale: tuple[str, ...]


def read(folder: Path) -> AttestedDecision | None:
    """Return the decision attested in a results folder, None when none was.

    Raises InputInvalid for an attestation that cannot be read.
    """
    path = folder / ATTESTATION_FILE
    if not path.exists():
        return None
    envelope = dsse.read(path)
    attestation = attestation_reader.parse(envelope.payload, path)
    files = attestation.evidence.files
    stale = tuple(
        name
        for name in (RUN_FILE, VERDICT_FILE)
        if files.get(name) != canonical.sha256((folder / name).read_bytes())
    )
    signers = tuple(each.key for each in envelope.signatures)
    return AttestedDecision(attestation.decision, signers, stale)
