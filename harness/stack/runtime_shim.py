"""OCI runtime shim: drop capabilities that this host does not grant, then exec runc.

Some hosts keep a capability (CAP_SYS_RESOURCE, for one) out of the bounding set; runc then
cannot apply a privileged container's set and fails. This program removes the capabilities that
the host lacks from the bundle's or the process's configuration and hands over to runc. It is
installed only on such hosts (``harness.stack.engine``), as a file of its own: standard library
only, started as ``python3 -SE runtime_shim.py RUNC ARGUMENTS...``.
"""

import json
import os
import sys
from pathlib import Path

# Bit numbers of linux/capability.h, in order.
CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP "
    "LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER "
    "SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE "
    "SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP "
    "MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF "
    "CHECKPOINT_RESTORE"
).split()


def missing_capabilities(status: str) -> frozenset[str]:
    """Return the capabilities absent from CapBnd in the text of /proc/self/status."""
    for line in status.splitlines():
        if line.startswith("CapBnd:"):
            mask = int(line.split()[1], 16)
            return frozenset(
                f"CAP_{name}" for bit, name in enumerate(CAPABILITIES) if not mask >> bit & 1
            )
    return frozenset()


def strip(document: dict[str, object], missing: frozenset[str]) -> None:
    """Remove ``missing`` from the capability sets of an OCI process object, in place."""
    sets = document.get("capabilities")
    if isinstance(sets, dict):
        for key, names in sets.items():
            if isinstance(names, list):
                sets[key] = [name for name in names if name not in missing]


def _option(arguments: list[str], *names: str) -> str | None:
    for position, argument in enumerate(arguments):
        if argument in names and position + 1 < len(arguments):
            return arguments[position + 1]
        for name in names:
            if argument.startswith(f"{name}="):
                return argument.split("=", 1)[1]
    return None


def _rewrite(path: Path, key: str | None, missing: frozenset[str]) -> None:
    document = json.loads(path.read_text())
    strip(document if key is None else document.get(key, {}), missing)
    path.write_text(json.dumps(document))


def main(argv: list[str]) -> None:
    """Rewrite what the runtime is about to read, then become runc."""
    runc, arguments = argv[0], argv[1:]
    missing = missing_capabilities(Path("/proc/self/status").read_text())
    if missing and ("create" in arguments or "run" in arguments):
        bundle = _option(arguments, "--bundle", "-b") or "."
        _rewrite(Path(bundle) / "config.json", "process", missing)
    elif missing and "exec" in arguments:
        process = _option(arguments, "--process", "-p")
        if process:
            _rewrite(Path(process), None, missing)
    os.execv(runc, [runc, *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
