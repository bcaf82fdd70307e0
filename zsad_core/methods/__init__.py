"""Methods; to add one, write a folder and its line in `METHODS`: see `docs/adding_a_method.md`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from zsad_core.errors import SettingError
from zsad_core.methods.aaclip.method import AaClip
from zsad_core.methods.adaclip.method import AdaClip
from zsad_core.methods.anomalyclip.method import AnomalyClip
from zsad_core.methods.aprilgan.method import AprilGan
from zsad_core.methods.base import BaseMethod, Method, VolumeMethod
from zsad_core.methods.clipad.method import ClipAd
from zsad_core.methods.clipad_plus.method import ClipAdPlus
from zsad_core.methods.grids import stretched
from zsad_core.methods.intensity.method import Intensity
from zsad_core.methods.mutual3d.method import Mutual3d
from zsad_core.methods.mvfa.method import Mvfa
from zsad_core.methods.predictions import FilePredictions
from zsad_core.methods.winclip.method import WinClip
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, PromptSet

__all__ = ["BaseMethod", "FilePredictions", "Method", "VolumeMethod", "stretched"]

METHODS: dict[str, type[Method] | type[VolumeMethod]] = {
    "intensity": Intensity,
    "winclip": WinClip,
    "aprilgan": AprilGan,
    "anomalyclip": AnomalyClip,
    "adaclip": AdaClip,
    "mvfa": Mvfa,
    "clipad": ClipAd,
    "clipad-plus": ClipAdPlus,
    "aaclip": AaClip,
    "mutual3d": Mutual3d,
}

FILES, BASELINE = FilePredictions.name, Intensity.name


def kind_of(name: str) -> type[Method] | type[VolumeMethod] | type[FilePredictions]:
    """The class of a method, that of predictions made elsewhere too; raises SettingError."""
    if name == FILES:
        return FilePredictions
    if name not in METHODS:
        raise SettingError(f"There is no method '{name}'; use {', '.join(METHODS)}.")
    return METHODS[name]


def name_of(name: str) -> str:
    """What a method is called wherever a person reads of it; its id where it is not here.

    >>> name_of("winclip"), name_of("intensity"), name_of("removed")
    ('WinCLIP', 'Intensity', 'removed')
    """
    here = name in METHODS or name == FILES
    return kind_of(name).title.partition(" (")[0] if here else name


def configuration_name(method: str, setup: str) -> str:
    """A method in a setup, as a person reads of it.

    >>> configuration_name("winclip", "zero-shot")
    'WinCLIP · zero-shot'
    """
    return f"{name_of(method)} · {setup}"


def trainable() -> list[str]:
    """Names of the methods that learn something."""
    return [name for name, kind in METHODS.items() if kind.learned]


YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def of_region(prompts: PromptSet, region: str = DataSpec.region) -> PromptSet:
    """The set with the region as its class name, where it leaves that open as "object".

    A shipped set about the brain follows another region too. Where vectors were learned beside the
    class name it stays.

    >>> mine = PromptSet("mine", ("a {}",), ("a bad {}",))
    >>> of_region(mine).class_name, of_region(mine, "liver").class_name
    ('brain', 'liver')
    """
    learned = {method.prompts for method in METHODS.values() if method.prompt_note}
    general = prompts.class_name == "object" and prompts.name not in learned
    of_brain = prompts.class_name.lower() == DataSpec.region != region
    shipped = of_brain and prompts == prompt_sets.shipped().get(prompts.name)
    return replace(prompts, class_name=region) if general or shipped else prompts


def build(
    name: str, options: Iterable[tuple[str, str]] = ()
) -> Method | VolumeMethod | FilePredictions:
    """The method with its options set, each given as text; raises SettingError.

    >>> build("winclip", [("image_size", "240")])
    WinClip(image_size=240)
    """
    kind = kind_of(name)
    known = {field.name: field.default for field in fields(kind)}
    values: dict[str, Any] = {}
    for option, text in options:
        if option not in known:
            raise SettingError(
                f"'{name}' has no option '{option}'; it has {', '.join(known) or 'none'}."
            )
        values[option] = _like(known[option], option, text)
    return kind(**values)


def slice_method(name: str, options: Iterable[tuple[str, str]] = ()) -> Method:
    """The method with its options set, where it maps slices; raises SettingError."""
    method = build(name, options)
    if isinstance(method, Method):
        return method
    if isinstance(method, VolumeMethod):
        raise SettingError(
            f"'{name}' maps a whole volume against a set of other volumes, not single images; "
            "choose another method."
        )
    raise SettingError(f"'{name}' are files made elsewhere and map nothing; choose a method.")


def _like(default: object, name: str, text: str) -> object:
    """The text as a value of the default's kind."""
    try:
        if isinstance(default, tuple):
            return tuple(int(part) for part in text.split(","))
        if isinstance(default, bool):
            return YES_NO[text.lower()]
        if isinstance(default, int | float):
            return type(default)(text)
    except (KeyError, ValueError) as error:
        raise SettingError(f"Option {name}={text}: expected something like {default!r}.") from error
    return text
