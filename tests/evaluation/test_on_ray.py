"""What Ray cannot do is said in one sentence; `test_run` sees it at work."""

import contextlib
import sys

import pytest

from zsad_core.cli import main as cli
from zsad_core.errors import SettingError
from zsad_core.evaluation import on_ray


def evaluate(root, *options):
    """Exit code of a command on the demo that shall not get far."""
    given = f"evaluate --data demo-2mm --methods intensity --engine ray --device cpu --out {root}"
    return cli.main([*given.split(), *options])


class Planned:
    """A cluster that does nothing but plan."""

    work = None

    def plan(self, cohort):
        return "planned"


def test_without_ray_the_command_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "zsad_core.evaluation.on_ray")
    monkeypatch.delattr("zsad_core.evaluation.on_ray")
    assert evaluate(tmp_path) == 1
    assert "pip install 'zsad-explorer[ray]'" in capsys.readouterr().err


def test_texts_that_are_cut_are_said_though_workers_read_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(on_ray, "cluster", lambda *_: contextlib.nullcontext(Planned()))
    long = "a bright spot " * 33
    texts = f"name: long\nclass_name: brain\nnormal: ['a scan']\nabnormal: ['{long}']\n"
    (tmp_path / "long.yaml").write_text(texts + "templates: ['{}']\nsource: mine\n")
    given = "--methods winclip --setups zero-shot --plan --prompts"
    assert evaluate(tmp_path / "rows", *given.split(), str(tmp_path / "long.yaml")) == 0
    assert "warning: winclip · zero-shot: 1 sentence is longer than" in capsys.readouterr().out


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:6379", "127.0.0.1:port"])
def test_a_cluster_that_does_not_answer_is_said_at_once(address, tmp_path, capsys):
    assert evaluate(tmp_path, "--address", address) == 1
    assert f"No Ray answers at '{address}'" in capsys.readouterr().err


def test_a_worker_of_nothing_is_refused(tmp_path, capsys):
    assert evaluate(tmp_path, "--cpus-per-worker", "0") == 1
    assert "A worker of 0 CPUs" in capsys.readouterr().err


def test_a_cluster_says_what_it_has_no_room_for_and_who_sees_other_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_worker_niceness", "0")
    with on_ray.cluster(on_ray.Share("local", "cpu", 0.0, 1), tmp_path / "rows"):
        with pytest.raises(SettingError, match=r"worker of 999 CPUs and 0 GPUs; it has \d+ and 0 "):
            on_ray.Cluster(on_ray.Share("local", "cpu", 0.0, 999), [])
        with pytest.raises(SettingError, match="worker of 1 CPUs and 64 GPUs"):
            on_ray.Cluster(on_ray.Share("local", "cuda", 64.0, 1), [])
        elsewhere = tmp_path / "elsewhere" / "mark"
        cluster = on_ray.Cluster(on_ray.Share("local", "cpu", 0.0, 1), [elsewhere])
        with pytest.raises(SettingError, match=rf"sees another '{elsewhere.parent}' than this"):
            cluster.plan(None)
