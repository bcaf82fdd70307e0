"""An OpenID provider of its own process, and what an app needs to send its users there."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

USERS = {"ada": "Ada", "ben": "Ben", "cleo": "Cleo", "boss": "The operator"}
"""Who can log in: subject claims and names; emails are SUBJECT@lab.example."""


@contextmanager
def provider():
    """Serve it; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    for subject, name in USERS.items():
        claims = {"sub": subject, "name": name, "email": f"{subject}@lab.example"}
        command += ["--user-claims", json.dumps(claims)]
    address = f"http://localhost:{port}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, **quiet)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(metadata(address), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def metadata(address):
    """Where a provider describes itself."""
    return f"{address}/.well-known/openid-configuration"


def secrets(path, address):
    """A secrets.toml for an app at localhost whose users log in there."""
    path.write_text(
        "[auth]\n"
        'redirect_uri = "http://localhost:{port}/oauth2callback"\n'
        'cookie_secret = "a secret of at least thirty-two letters"\n'
        'client_id = "zsad"\n'
        'client_secret = "secret"\n'
        f'server_metadata_url = "{metadata(address)}"\n'
    )
    return path
