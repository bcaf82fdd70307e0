"""torch's compiler, which takes longer to import than open_clip, is imported when it is called."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
QUICK = "from zsad_core.backbones.quick_open_clip import compiler_later, open_clip"
TOWER = """
from zsad_core import backbones
from zsad_core.types import BackboneSpec
tower = backbones.load(BackboneSpec(), "cpu", "float32")
assert tower.sentences(["a brain"], "gelu").shape[0] == 1
"""
PUT_OFF = """
import torchvision
from torchvision.ops import roi_align
operation = sys.modules["torchvision.ops.roi_align"]
assert "torch._dynamo" not in sys.modules
assert operation.is_compile_supported("cpu")
"""
THERE = """
import torch._dynamo
with compiler_later():
    assert torch.compiler.disable(abs)(-2) == 2
"""
MORE = """
with compiler_later():
    from torch._dynamo.utils import counters
assert counters is sys.modules["torch._dynamo.utils"].counters
"""
LATER = """
import torch
with compiler_later():
    three = torch.compiler.disable(lambda: 3)
assert "torch._dynamo" not in sys.modules
assert three() == 3
"""
RESTORED = """
import torch
assert torch.compiler.disable(lambda: 3)() == 3
"""


OTHER_TORCH = """
import torch._compile
del torch._compile._disable_dynamo
"""


def compiler_after(work, before=""):
    """Whether a new process has torch's compiler after open_clip was imported and the work."""
    script = f"import sys\n{before}\n{QUICK}\n{work}\nprint('torch._dynamo' in sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    )
    return process.stdout.split() == ["True"]


@pytest.mark.parametrize("work", ["", TOWER], ids=["imported", "with a tower that reads"])
def test_open_clip_is_there_without_the_compiler(work):
    assert not compiler_after(work)


@pytest.mark.parametrize(
    "work",
    [PUT_OFF, THERE, MORE, LATER, RESTORED],
    ids=["of torchvision", "there before", "more of it", "of timm", "restored"],
)
def test_what_needs_the_compiler_still_gets_it(work):
    assert compiler_after(work)


def test_a_torch_that_has_no_way_to_put_it_off_imports_all():
    assert compiler_after("assert open_clip.CLIP", before=OTHER_TORCH)
