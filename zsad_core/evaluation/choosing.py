"""Configurations of the methods, setups and prompt sets that a user names; "all" takes all."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from zsad_core import methods, setups
from zsad_core.base import settings
from zsad_core.errors import SettingError
from zsad_core.evaluation.tasks import Configuration
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, PromptSet

EVERY = "all"
Pair = tuple[str, str]
"""Method and setup."""


def pairs(
    wanted_methods: Sequence[str],
    wanted_setups: Sequence[str],
    volumes: int,
    data: DataSpec | None = None,
    home: Path | None = None,
) -> tuple[list[Pair], list[Pair]]:
    """(method, setup) pairs that can run, and those that are skipped; () and "all" take all.

    Skipped are setups that do not exist; among all setups, those whose files are missing; among all
    methods, one that compares volumes where the data hold a single one. A set of predictions made
    elsewhere is named as a method. Setups are those that are shipped, of all users, and in the
    user's own `home`. Raises SettingError for a setup wanted by name whose files are missing, and
    for a name that is no method.
    """
    usable_pairs: list[Pair] = []
    left_out: list[Pair] = []
    every, whole = (EVERY in names or not names for names in (wanted_methods, wanted_setups))
    named = [name for name in wanted_setups if name != EVERY]
    here = setups.methods_for(data) if data else list(methods.METHODS)
    sets = [entry.setup for entry in setups.available(methods.FILES, data)] if data else []
    for method in here if every else dict.fromkeys(wanted_methods):
        if method in sets or method == methods.FILES:
            chosen = sets if method == methods.FILES else [method]
            usable_pairs += [(methods.FILES, name) for name in chosen]
            continue
        kind = methods.kind_of(method)
        known = {entry.setup: entry for entry in setups.of_method(method, home)}
        alone = every and volumes < 2 and kind.compares
        for name in dict.fromkeys([*named, *(known if whole else ())]):
            problem = setups.missing(known[name]) if name in known else ""
            if problem and name in named:
                raise SettingError(f"{method} · {name} cannot run: {problem}")
            usable = name in known and not problem and not alone
            (usable_pairs if usable else left_out).append((method, name))
    return usable_pairs, left_out


def configurations(
    chosen: Iterable[Pair],
    prompts: Sequence[str] = (),
    region: str = DataSpec.region,
    home: Path | None = None,
) -> tuple[Configuration, ...]:
    """Each pair under each prompt set, by default the method's own; raises PromptError.

    Sets and setups are those that are shipped, of all users, and in the user's own `home`. Sets
    that leave it open have the region as their class name. A method that reads none has one
    configuration.
    """
    every = setups.entries(home)
    return tuple(
        Configuration(*pair, texts, every[pair].home if pair in every else "")
        for pair in chosen
        for texts in _prompts(prompts, pair[0], region, home)
    )


def skipped_line(left_out: Sequence[Pair]) -> str:
    """One line that names the setups left out; "" without any.

    >>> skipped_line([("winclip", "brats"), ("winclip", "finetune"), ("intensity", "brats")])
    'Skipped, no such setup: WinCLIP (brats, finetune), Intensity (brats).'
    """
    of_method: dict[str, list[str]] = {}
    for method, setup in left_out:
        of_method.setdefault(method, []).append(setup)
    names = ", ".join(
        f"{methods.name_of(method)} ({', '.join(of)})" for method, of in of_method.items()
    )
    return f"Skipped, no such setup: {names}." if names else ""


def _prompts(names: Sequence[str], method: str, region: str, home: Path | None) -> list[PromptSet]:
    default = methods.kind_of(method).prompts
    if not default:
        return [prompt_sets.NO_PROMPTS]
    shipped = prompt_sets.shipped()
    own = prompt_sets.user_sets(*settings.prompt_folders(home))
    sets = []
    for name in names or [default]:
        prompts = own[name] if name in own else shipped.get(name)
        if prompts is None:
            prompts = prompt_sets.load(Path(name))
        sets.append(methods.of_region(prompts, region))
    return sets
