"""Fetching against a hub on this machine: what is looked for, where it lands, how it fails."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError
from open_clip import factory, pretrained

from tests.helpers.weights import SMALL, config_of, small_backbone
from zsad_core import backbones
from zsad_core.cli import main as cli
from zsad_core.errors import Cancelled, StorageError, WeightsError
from zsad_core.types import BackboneSpec

HUB_MODEL = BackboneSpec("hf-hub:someone/small")
TAGGED = BackboneSpec("ViT-B-16-plus-240", "laion400m_e31")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)


class Hub(BaseHTTPRequestHandler):
    files: ClassVar[dict[str, bytes]] = {}

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, body):
        content = self.files.get(self.path)
        self.send_response(200 if content is not None else 404)
        self.send_header("X-Repo-Commit", "a" * 40)
        if content is None:
            self.send_header("X-Error-Code", "EntryNotFound")
            content = b""
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub that holds a small CLIP."""
    _, weights = small_backbone(tmp_path / "small")
    config = json.dumps({"model_cfg": config_of(SMALL), "preprocess_cfg": {}})
    Hub.files = {
        "/someone/small/resolve/main/open_clip_config.json": config.encode(),
        "/someone/small/resolve/main/open_clip_model.safetensors": weights.read_bytes(),
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    yield address
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("spec", "file"),
    [
        (TAGGED, "open_clip_model.safetensors of timm/vit_base_patch16_plus_clip_240.laion400m"),
        (HUB_MODEL, "open_clip_config.json of someone/small"),
    ],
)
def test_what_is_missing_names_itself_the_place_and_the_command(spec, file, cache, no_network):
    message = backbones.unfetched(spec)
    assert message.startswith(file)
    assert f"is not in {cache}; press Fetch" in message
    assert f"zsad fetch --backbone {spec.name}" in message


def test_files_of_ones_own_are_never_fetched():
    assert backbones.unfetched(BackboneSpec("demo")) == ""
    assert backbones.unfetched(BackboneSpec("/x/config.json", "/x/weights.pt")) == ""


def test_a_fetched_hub_model_is_found_and_loads_without_the_network(hub, monkeypatch):
    updates = []
    backbones.fetch(HUB_MODEL, lambda *progress: updates.append(progress))
    assert updates[-1][0] == updates[-1][1] > 0
    assert backbones.unfetched(HUB_MODEL) == ""
    monkeypatch.setattr(huggingface_hub.file_download, "http_get", None)
    monkeypatch.setattr(huggingface_hub.file_download, "get_hf_file_metadata", None)
    tower = backbones.load(HUB_MODEL, "cpu", "float32")
    assert (tower.info.width, tower.info.embed_dim) == (64, 32)
    assert np.isfinite(tower.sentences(["a brain"], "gelu")).all()


def test_a_fetched_tag_of_open_clip_loads_without_the_network(hub, monkeypatch):
    monkeypatch.setitem(factory._MODEL_CONFIGS, "small", config_of(SMALL))
    listed = {"seeded": {"hf_hub": "someone/small/", "url": ""}}
    monkeypatch.setitem(pretrained._PRETRAINED, "small", listed)
    spec = BackboneSpec("small", "seeded")
    assert backbones.unfetched(spec)
    assert backbones.info(spec).width == 64  # known before it is fetched
    backbones.fetch(spec)
    assert backbones.unfetched(spec) == ""
    monkeypatch.setattr(huggingface_hub.file_download, "get_hf_file_metadata", None)
    tower = backbones.load(spec, "cpu", "float32")
    assert np.isfinite(tower.sentences(["a brain"], "gelu")).all()


def test_a_cache_that_takes_no_file_is_named_with_what_moves_it(hub, cache):
    cache.write_text("")
    with pytest.raises(StorageError, match=r"cannot be kept in '.*hub'.*another folder by HF_HOME"):
        backbones.fetch(HUB_MODEL)


def test_the_digest_follows_the_fetched_file(hub, cache):
    backbones.fetch(HUB_MODEL)
    before = backbones.info(HUB_MODEL).digest
    (blob,) = (
        p
        for p in (cache / "models--someone--small" / "blobs").iterdir()
        if p.stat().st_size > 10**6
    )
    link = next((cache / "models--someone--small" / "snapshots").rglob("*.safetensors"))
    link.unlink()
    link.symlink_to(blob.rename(blob.with_name("0" * 64)))
    assert backbones.info(HUB_MODEL).digest != before


def test_a_cancelled_fetch_stops_and_leaves_nothing_that_counts_as_found(hub):
    def cancel(*_):
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        backbones.fetch(HUB_MODEL, cancel)
    assert backbones.unfetched(HUB_MODEL)


def test_a_file_that_the_hub_lacks_is_one_sentence(hub):
    del Hub.files["/someone/small/resolve/main/open_clip_model.safetensors"]
    with pytest.raises(WeightsError, match=r"\(it has no such file\)"):
        backbones.fetch(HUB_MODEL)


def test_without_a_connection_the_command_says_so_in_one_sentence(no_network, capsys):
    assert cli.main(["fetch", "--backbone", TAGGED.name, "--weights", TAGGED.weights]) == 1
    message = capsys.readouterr().err
    assert "could not be fetched (no connection)" in message
    assert message.count("\n") == 1


@pytest.mark.parametrize("name", ["hf-hub:../../etc", "hf-hub:one", "hf-hub:a/b/c"])
def test_what_is_no_hub_id_is_refused(name):
    with pytest.raises(WeightsError, match="is no hub id"):
        backbones.unfetched(BackboneSpec(name))


def test_what_open_clip_does_not_list_is_not_fetched():
    with pytest.raises(WeightsError, match="open_clip fetches nothing for 'ViT-L-14'"):
        backbones.fetch(BackboneSpec("ViT-L-14", "no-such-tag"))
