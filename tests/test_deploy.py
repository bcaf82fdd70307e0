"""What is shipped for servers: the recipe of the image, run in a clean root, and Compose."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import yaml

from bench.app_server import ROOT
from tests.helpers import image

FOLDER = ROOT / "deploy"
TARGETS = ("server", "space")
NAMESPACES = ["unshare", "--mount", "--net"]


def no_namespaces():
    """Why no clean root can be made here; "" if it can."""
    if os.name != "posix" or os.geteuid() or not shutil.which("unshare") or not shutil.which("ip"):
        return "needs root, unshare and ip"
    tried = subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True)
    return tried.stderr.strip()


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is for Linux")
def test_the_recipe_of_the_images_has_no_known_fault():
    done = subprocess.run(["hadolint", FOLDER / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_an_image_is_made_and_its_app_is_healthy_as_a_user_without_rights(tmp_path, target):
    if why := no_namespaces():
        pytest.skip(why)
    script = [sys.executable, image.__file__, tmp_path, target]
    done = subprocess.run([*NAMESPACES, *script], capture_output=True, text=True)
    assert done.stdout.startswith("healthy"), done.stderr
    assert "source" not in done.stdout.split()  # of the first stage
    used = [*(tmp_path / "stage1" / "home" / "zsad").rglob("*")]
    assert used
    assert all(path.stat().st_uid == 1000 for path in used)


def test_compose_builds_the_image_and_mounts_its_volumes():
    service = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["app"]
    build, steps = service["build"], dict(image.instructions("server"))
    assert (FOLDER / build["context"] / build["dockerfile"]).samefile(FOLDER / "Dockerfile")
    assert build["target"] == "server"
    targets = [volume.removesuffix(":ro").rpartition(":")[2] for volume in service["volumes"]]
    assert sorted(targets) == sorted(["/data", *json.loads(steps["VOLUME"])])
    assert service["ports"][0].startswith("127.0.0.1:")
    assert service["ports"][0].endswith(f":{steps['EXPOSE']}")


def test_a_hub_finds_the_port_of_the_space_and_a_demo_for_anybody():
    steps = image.instructions("space")
    words = dict(
        word.split("=", 1) for name, rest in steps if name == "ENV" for word in rest.split()
    )
    assert words["ZSAD_VISITORS"] == "viewer"
    assert words["ZSAD_ROOTS"] == '""'
    _, front, _ = (FOLDER / "space" / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(front)["sdk"] == "docker"
    assert yaml.safe_load(front)["app_port"] == int(dict(steps)["EXPOSE"])


def test_the_variant_with_gpus_changes_no_other_service():
    whole = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    gpu = yaml.safe_load((FOLDER / "compose.gpu.yaml").read_text())["services"]
    assert gpu.keys() == whole.keys()
