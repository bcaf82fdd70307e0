"""The shared sidebar: widgets in, specs out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

import streamlit as st

from pages.ui.shell import session, uploaded, volume_set
from pages.ui.shell.compute import ENCODING, encoding_key, engine, shows, wait_for_torch
from pages.ui.shell.markdown import escape
from pages.ui.shell.prompt_choice import prompts_of
from pages.ui.shell.references import normal_slices
from pages.ui.shell.session import Entry, pick, widget
from pages.ui.shell.steps import write_address
from pages.ui.shell.user import home
from zsad_core import methods, setups
from zsad_core.base import settings
from zsad_core.base.wording import counted
from zsad_core.evaluation import validation
from zsad_core.imaging import datasets
from zsad_core.imaging.datasets import Dataset
from zsad_core.inference import pipeline
from zsad_core.metrics.dice import EmptySlices
from zsad_core.metrics.threshold_rules import RULES, Rule, TunedRule, Validation
from zsad_core.types import (
    DataSpec,
    MapSpec,
    Precision,
    PromptSet,
    ReadoutSpec,
    Reference,
    SliceSpec,
    Subject,
)

LEAST = 0.001  # amount of a rule
EMPTY_SLICES = {
    "lesion_only": "lesion slices only",
    "nan": "both empty: excluded (NaN)",
    "both_empty_one": "both empty = 1",
}


@dataclass(frozen=True)
class _Chosen:
    subject: Subject
    subjects: tuple[Subject, ...]
    readout: ReadoutSpec
    rule: str
    synthetic: bool


@dataclass(frozen=True)
class SidebarValues(_Chosen):
    """What stands in the sidebar; PyTorch is not needed to tell it."""

    slices: SliceSpec
    method: str
    setup: str
    prompts: PromptSet
    references: tuple[Reference, ...]
    volumes: tuple[str, ...]
    precision: Precision | None


@dataclass(frozen=True)
class UserChoice(_Chosen):
    """Everything the user chose, as specs."""

    map: MapSpec

    @property
    def data(self) -> DataSpec:
        """Where the subjects come from."""
        return self.map.features.slices.data

    @property
    def label(self) -> str:
        """Method and setup as one name."""
        return methods.configuration_name(self.map.method, self.map.setup)

    @property
    def title(self) -> str:
        """The same, and the prompt set where the method reads one."""
        reads_texts = methods.kind_of(self.map.method).prompts
        return f"{self.label} · {self.map.prompts.name}" if reads_texts else self.label


@dataclass(frozen=True)
class CohortChoice:
    """What the pages of many subjects use: data, modality, and how masks and means are made.

    The modality is "" on a page that did not ask for it.
    """

    data: DataSpec
    subjects: tuple[Subject, ...]
    modality: str
    readout: ReadoutSpec
    synthetic: bool

    @property
    def mask(self) -> ReadoutSpec:
        """How masks are made; conventions of means are chosen after the fact."""
        return replace(self.readout, empty_slices="lesion_only", centre="middle")


def cohort_sidebar(asks_modality: bool = True) -> CohortChoice:
    """Draw the data, modality and readout alone; stops the page with a sentence where it cannot."""
    with st.sidebar:
        _, spec, dataset = _data()
        subjects = dataset.subjects()
        _usable_by_id(subjects)
        modality = pick_modality(spec, subjects) if asks_modality else ""
        readout = _readout(spec.region)
    _end()
    wait_for_torch()
    return CohortChoice(spec, subjects, modality, readout, dataset.synthetic)


def pick_modality(data: DataSpec, subjects: Sequence[Subject]) -> str:
    """A list of the modalities that usable subjects have."""
    modalities = dict.fromkeys(name for subject in usable(subjects) for name in subject.modalities)
    return pick("Modality", list(modalities), session.MODALITY, within=data)


def sidebar(edit_prompts: bool = True, shows_scan: bool = True) -> UserChoice:
    """Draw the sidebar and return the choice; stops the page with a sentence where it cannot.

    A new process waits for PyTorch here, and reads the scan meanwhile if the page shows it.
    """
    values = selection(edit_prompts)
    wait_for_torch(values.slices if shows_scan else None)
    method, beside = (values.method, values.setup), (values.references, values.volumes)
    read = (values.slices, *method, values.prompts, *beside, values.precision)
    spec = pipeline.map_spec(engine(), *read, home=home())
    if shows_scan:
        shows(ENCODING, encoding_key(spec))
    return UserChoice(
        values.subject, values.subjects, values.readout, values.rule, values.synthetic, spec
    )


def selection(edit_prompts: bool = True) -> SidebarValues:
    """Draw the sidebar; stops the page with a sentence where it cannot."""
    with st.sidebar:
        name, data, dataset = _data()
        subjects = dataset.subjects()
        subject = _subject(subjects, name)
        modality = pick("Modality", subject.modalities, session.MODALITY, within=(name, subject.id))
        offered, usual = setups.methods_for(data), usual_method(data)
        method = pick("Method", offered, session.METHOD, usual, name, format_func=methods.name_of)
        kind = methods.kind_of(method)
        st.caption(kind.source)
        setup = _setup(method, data)
        precision = _precision() if kind.needs_tower else None
        session.set_range(pipeline.method_in(data, method, setup, home()).high)
        slices = SliceSpec(data, subject.id, modality)
        references = normal_slices(slices, subjects) if kind.takes_references else ()
        prompts = prompts_of(method, edit_prompts)
        _tuned(prompts, subject)
        volumes = volume_set.pick(method, subjects, subject, modality)
        rule, readout = _rule(subjects, slices), _readout(data.region)
    _end()
    shared = (subject, subjects, readout, rule, dataset.synthetic)
    return SidebarValues(*shared, slices, method, setup, prompts, references, volumes, precision)


def usual_method(data: DataSpec) -> str:
    """The method to begin with."""
    names = setups.methods_for(data)
    return next((n for n in ("aprilgan", "winclip") if setups.available(n, home=home())), names[0])


def usual_setup(names: Sequence[str]) -> str:
    """The setup of a method to begin with."""
    return "brats" if "brats" in names else names[0]


def usable(subjects: Iterable[Subject]) -> list[Subject]:
    """Those to choose from, test subjects on top."""
    ordered = sorted(subjects, key=lambda subject: subject.split != "test")
    return [subject for subject in ordered if not subject.problem]


def _data() -> tuple[str, DataSpec, Dataset]:
    """The name of the chosen data, where they are, and the data set."""
    roots = uploaded.roots()
    first, shown = settings.default_root(), settings.shown_name
    name = pick("Data", list(roots), session.DATA, first, format_func=shown)
    dataset = datasets.open_dataset(roots[name])
    if dataset.synthetic:
        st.caption(":orange-badge[synthetic] Demo scans and a demo CLIP, not patients.")
    return name, roots[name], dataset


def _end() -> None:
    """The address names what was chosen; what was asked for in vain is told on the page."""
    with st.sidebar:
        write_address("chosen")
    if absent := session.replaced():
        st.warning(escape(absent))


def _usable_by_id(subjects: Iterable[Subject]) -> dict[str, Subject]:
    """The usable subjects; stops the page where there are none."""
    offered = {subject.id: subject for subject in usable(subjects)}
    if not offered:
        st.error("No subject of this data set is usable; Setup lists what each one lacks.")
        st.stop()
    return offered


def _subject(subjects: tuple[Subject, ...], data: str) -> Subject:
    offered = _usable_by_id(subjects)
    chosen = pick("Subject", list(offered), session.SUBJECT, within=data)
    subject, refused = offered[chosen], len(subjects) - len(offered)
    article = "An" if subject.split[:1] == "e" else "A"
    words = [f"{article} {subject.split} subject."] if subject.split else []
    words += subject.notes
    if refused:
        words.append(f"{refused} of {counted(len(subjects), 'subject')} not usable: see Setup.")
    if words:
        st.caption(escape(" ".join(words)))
    return subject


def _setup(method: str, data: DataSpec) -> str:
    names = [setup.setup for setup in setups.available(method, data, home())]
    if not names:
        title = methods.name_of(method)
        st.error(f"No weights for {title} were found; Setup lists what is missing.")
        st.stop()
    setup = pick("Training setup", names, session.SETUP, usual_setup(names), within=(data, method))
    note = setups.find(method, setup, home()).provenance
    st.caption(note if (method, setup) in setups.shipped() else escape(note))
    known = sum(setups.fits(entry, data) for entry in setups.of_method(method, home()))
    if hidden := known - len(names):
        st.caption(f"{counted(hidden, 'more setup')} not available yet: see Setup, Weights.")
    return setup


def _precision() -> Precision | None:
    """That of a view which was not made in the machine's own; None for this, without a list."""
    if not session.PRECISION.get():
        return None
    chosen = pick("Precision", get_args(Precision), session.PRECISION)
    st.caption("That of the view that was opened; it stays until another is chosen.")
    return cast(Precision, chosen)  # one of the options


def _tuned(prompts: PromptSet, subject: Subject) -> None:
    """Said on every page: numbers flatter on the subjects whose truth chose the texts."""
    if prompts.tuned_on:
        whose = "this subject" if subject.id in prompts.tuned_on else "other subjects"
        st.caption(
            f":orange-badge[tuned on {whose}] These texts were chosen with the ground truth of "
            f"{counted(len(prompts.tuned_on), 'subject')}; their numbers are optimistic."
        )


def rules_of(subjects: Sequence[Subject], slices: SliceSpec) -> list[str]:
    """Names of the threshold rules to choose from on a map of this scan."""
    return [
        name
        for name, rule in RULES.items()
        if not isinstance(rule, TunedRule) or validation.tuning_subjects(rule, subjects, slices)
    ]


def rule_title(name: str) -> str:
    """What the rule of this name is called on screen."""
    return RULES[name].title


def _rule(subjects: Sequence[Subject], slices: SliceSpec) -> str:
    offered = rules_of(subjects, slices)
    clear = session.RULE_AMOUNT.pop
    name = pick("Threshold rule", offered, session.RULE, "", slices.data, clear, rule_title)
    words = [RULES[name].explanation]
    if Validation.name not in offered:
        words.append("No validation threshold: no validation subject here has a truth.")
    st.caption(" ".join(words))
    return rule_text(RULES[name], session.RULE_AMOUNT)


def rule_text(rule: Rule, amount: Entry[float | None]) -> str:
    """The text of a rule with the number that is chosen in a field, if it takes one."""
    number = rule.number
    if number is None:
        amount.pop()
        return rule.text
    amount.set(min(max(amount.get() or number.default, LEAST), number.most))
    value = st.number_input(
        number.label, LEAST, number.most, step=number.step, format="%g", **widget(amount)
    )
    return replace(rule, amount=value).text


def _readout(region: str) -> ReadoutSpec:
    with st.expander("Mask and averaging", key="box-readout"):
        label, words = "Slices in mean 2D Dice", EMPTY_SLICES.__getitem__
        empty = pick(label, list(EMPTY_SLICES), session.EMPTY_SLICES, format_func=words)
        session.BRAIN_ONLY.setdefault(True)
        inside = f"Mask inside the {escape(region)} only"
        brain_only = st.toggle(inside, **widget(session.BRAIN_ONLY))
        label, most = "Remove components smaller than (voxels)", max(200, session.SMALLEST.get())
        smallest = st.slider(label, 0, most, step=5, **widget(session.SMALLEST))
        centre = pick("Depth origin", ["middle", "centroid"], session.DEPTH_ORIGIN)
    rule = cast(EmptySlices, empty)  # one of the options
    origin: Literal["middle", "centroid"] = "centroid" if centre == "centroid" else "middle"
    return ReadoutSpec(0.5, brain_only, smallest, rule, origin)
