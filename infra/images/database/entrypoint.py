"""Container entry point: lay out certificates and configuration, then become Patroni."""

import json
import os
import pwd
import shutil
from pathlib import Path

import configuration

MOUNTED = Path("/etc/smart-dairy/tls")
CONFIGURATION = Path("/run/smart-dairy/patroni.json")


def main() -> None:
    """Run as root once, hand over to the postgres user; fails when a variable is missing."""
    account = pwd.getpwnam("postgres")
    document = configuration.patroni(os.environ)
    _copy_certificates(account)
    CONFIGURATION.touch(mode=0o600)
    CONFIGURATION.write_text(json.dumps(document, indent=1))
    os.chown(CONFIGURATION, account.pw_uid, account.pw_gid)
    # No server can run yet in this process namespace: a pid file is left from a kill, and its
    # number may by now belong to another process, which would keep the server from starting.
    Path(configuration.DATA, "postmaster.pid").unlink(missing_ok=True)
    for name in list(os.environ):
        if name.endswith("_PASSWORD") and name != "APPLICATION_PASSWORD":
            del os.environ[name]
    os.environ["HOME"] = account.pw_dir
    os.initgroups(account.pw_name, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.chdir(account.pw_dir)
    os.execv("/usr/bin/python3", ["/usr/bin/python3", "-m", "patroni", str(CONFIGURATION)])


def _copy_certificates(account: pwd.struct_passwd) -> None:
    """Copy what is mounted (readable by root only) to where PostgreSQL may read it."""
    target = Path(configuration.TLS)
    target.mkdir(mode=0o700, exist_ok=True)
    os.chown(target, account.pw_uid, account.pw_gid)
    for name in ("ca.crt", "server.crt", "server.key"):
        copy = target / name
        shutil.copyfile(MOUNTED / name, copy)
        copy.chmod(0o600)
        os.chown(copy, account.pw_uid, account.pw_gid)


if __name__ == "__main__":
    main()
