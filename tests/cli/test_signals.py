"""A command that is stopped says so, whatever it is about."""

import os
import signal
import subprocess
import sys
from functools import partial

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    ("options", "sign"),
    [(["-X", "importtime"], "numpy"), ([], " of ")],
    ids=["imports", "work"],
)
def test_a_stopped_command_ends_with_a_sentence(tmp_path, number, code, options, sign):
    command = [sys.executable, *options, "-m", "zsad_core", "demo"]
    environment = {**os.environ, "ZSAD_CACHE": str(tmp_path)}
    with subprocess.Popen(
        command,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # A shell's jobs in the background ignore it, and hand that down.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as process:
        while sign not in (line := process.stdout.readline()):
            assert line, "it ended by itself"
        process.send_signal(number)
        rest = process.stdout.read()
    assert process.returncode == code
    assert rest.endswith("stopped; what was done is kept\n")
    assert "Traceback" not in rest
