"""The app as a server for others: behind nginx under a base path, and at every address."""

import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from bench.app_server import ROOT, served
from bench.memory import peak_gb_of
from tests.helpers import image
from tests.helpers.pages import WAIT

BASE = "zsad"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    """Until somebody listens there."""
    end = time.monotonic() + WAIT
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.02)


@contextmanager
def nginx(folder, app_port, tls):
    """The shipped configuration before an app; yields the address of the base path."""
    port = free_port()
    site = (ROOT / "deploy" / "nginx.conf").read_text()
    listen = f"listen 127.0.0.1:{port}"
    if tls:
        new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        names = ["-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "certificate.pem"]
        subprocess.run([*new, *names], cwd=folder, check=True, capture_output=True)
        listen += f" ssl; ssl_certificate {folder}/certificate.pem"
        listen += f"; ssl_certificate_key {folder}/key.pem"
    site, listens = re.subn(r"listen 80", listen, site)
    site, servers = re.subn(r"server 127\.0\.0\.1:8501", f"server 127.0.0.1:{app_port}", site)
    assert (listens, servers) == (1, 1)
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"""
        daemon off; pid {folder}/pid; error_log {folder}/error.log; user root;
        events {{}}
        http {{ access_log off; {paths} {site} }}
    """
    (folder / "nginx.conf").write_text(whole)
    command = [shutil.which("nginx"), "-e", folder / "error.log", "-c", folder / "nginx.conf"]
    process = subprocess.Popen(command)
    try:
        wait_for(port)
        yield f"http{'s' * tls}://localhost:{port}/{BASE}"
    finally:
        process.terminate()
        assert process.wait(10) == 0


def wait_for_certificate(port):
    """Wait until a server that listens already has made its own certificate."""
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    end = time.monotonic() + WAIT
    while True:
        try:
            with (
                socket.create_connection(("localhost", port), WAIT) as plain,
                anybody.wrap_socket(plain, server_hostname="localhost"),
            ):
                return
        except ssl.SSLError:
            assert time.monotonic() < end
            time.sleep(0.1)


@contextmanager
def caddy(folder, app_port, tls):
    """The shipped configuration before an app; yields the address of the base path."""
    port = free_port()
    site = (ROOT / "deploy" / "Caddyfile").read_text()
    address = f"http{'s' * tls}://localhost:{port}"
    internal = "\ttls internal\n" if tls else ""
    site, sites = re.subn(r"\{\$ZSAD_HOST:localhost\} \{\n", f"{address} {{\n{internal}", site)
    site, servers = re.subn(r"127\.0\.0\.1:8501", f"127.0.0.1:{app_port}", site)
    assert (sites, servers) == (1, 1)
    whole = f"{{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n}}\n{site}"
    (folder / "Caddyfile").write_text(whole)
    command = [shutil.which("caddy"), "run", "--config", folder / "Caddyfile"]
    places = {"XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
    with (folder / "caddy.txt").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **places}, stderr=log)
    try:
        wait_for(port)
        if tls:
            wait_for_certificate(port)
        yield f"{address}/{BASE}"
    finally:
        process.terminate()
        assert process.wait(10) == 0


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("proxy", [nginx, caddy], ids=["nginx", "Caddy"])
def test_the_app_works_behind_a_proxy_under_a_base_path(browser, tmp_path, proxy, tls):
    if shutil.which(proxy.__name__) is None:
        pytest.skip(f"{proxy.__name__} is not on the PATH")
    environment = {"STREAMLIT_SERVER_BASE_URL_PATH": BASE, "ZSAD_HOME": str(tmp_path / "home")}
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.set_default_timeout(WAIT * 1000)
    with (
        served(tmp_path / "log.txt", **environment) as server,
        proxy(tmp_path, urlsplit(server.url).port, tls) as address,
    ):
        page.goto(address)  # without a slash at its end
        page.get_by_text("Start from a case").wait_for()
        page.goto(f"{address}/Explore?method=intensity")
        page.get_by_text("Voxel AUROC").first.wait_for()
        page.get_by_role("link", name="Setup", exact=True).click()
        page.wait_for_url(f"{address}/Setup?**")
        page.locator('input[type="file"]').first.set_input_files(
            {"name": "scan.nii", "mimeType": "application/octet-stream", "buffer": b"0" * 5_000_000}
        )
        page.get_by_role("button", name="Use 1 file").click()
        page.get_by_text("1 refused:").wait_for()
        page.go_back()
        page.wait_for_url(f"{address}/Explore?**")
        page.locator(".z-root[data-slice]").wait_for()
        assert server.complaints() == []
    context.close()


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({}, "ZSAD_VISITORS=viewer"),
        ({"ZSAD_VISITORS": "anybody"}, "ZSAD_VISITORS is 'anybody'"),
        ({"ZSAD_VISITORS": "viewer"}, "names those that may be opened in ZSAD_ROOTS"),
        ({"ZSAD_VISITORS": "viewer", "ZSAD_ROOTS": ""}, "Start from a case"),
    ],
)
def test_at_every_address_it_serves_nobody_until_its_operator_says_what_they_may(
    page, tmp_path, settings, shown
):
    environment = {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0", "ZSAD_HOME": str(tmp_path / "home")}
    with served(tmp_path / "log.txt", **environment, **settings) as server:
        page.goto(server.address(""))
        page.get_by_text(shown).wait_for(timeout=WAIT * 1000)
        refused = shown != "Start from a case"
        assert (page.get_by_role("link", name="Setup").count() == 0) == refused
        assert page.complaints == []


def test_the_demo_of_a_space_needs_no_more_memory_than_it_says(page, tmp_path):
    words = [rest for name, rest in image.instructions("space") if name == "ENV"]
    settings = dict(word.split("=", 1) for line in words for word in shlex.split(line))
    alone = {"STREAMLIT_SERVER_ADDRESS": "localhost", "ZSAD_HOME": str(tmp_path / "home")}
    page.set_default_timeout(WAIT * 1000)
    with served(tmp_path / "log.txt", **settings | alone) as server:
        for method in ("aprilgan", "winclip"):
            page.goto(server.address("Explore", method=method))
            page.get_by_text("Voxel AUROC").first.wait_for()  # of the whole volume
        for name in ("Prompts", "Depth", "Cohort", "Failures", "Setup"):
            page.get_by_role("link", name=name, exact=True).click()
            page.get_by_test_id("stMarkdown").filter(has_text=f"{name} ·").wait_for()
            page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        assert page.complaints == []
        assert peak_gb_of(server.process.pid) < 4
