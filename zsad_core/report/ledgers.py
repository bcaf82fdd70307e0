"""What the numbers of each configuration have seen: weights, prompts, threshold, set, subjects."""

import duckdb
import pandas as pd

from zsad_core import backbones, setups
from zsad_core.backbones.pretraining import pretraining
from zsad_core.base.wording import counted, listed
from zsad_core.errors import WeightsError
from zsad_core.inference.exposure import PROMPTS
from zsad_core.inference.ledger import known_overlaps, trained_on
from zsad_core.methods import kind_of
from zsad_core.results.queries import with_columns

NOT_HERE = "the checkpoint that was evaluated is not here"


def ledgers(rows: duckdb.DuckDBPyConnection, frame: pd.DataFrame) -> pd.DataFrame:
    """A line for each configuration of `selected_rows`, exposed ones among them.

    Columns: setup, series, pretrained on, trained on, prompts, threshold, reference set, exposed
    (subjects with what has seen them), known overlaps; empty where nothing applies.
    """
    columns = (
        "method, data, prompts, threshold_rule, threshold_note, volumes, exposure, prompts_tuned, "
        "checkpoint_digest, weights_digest"
    )
    joined = with_columns(rows, frame[["key", "setup", "series", "subject"]], columns)
    groups = joined.groupby(["setup", "series"], observed=True)
    return pd.DataFrame(
        {"setup": str(setup), "series": series, **_ledger(configuration_rows)}
        for (setup, series), configuration_rows in groups
    )


def _ledger(rows: pd.DataFrame) -> dict[str, str]:
    first = rows.iloc[0]
    volumes = {name for names in rows["volumes"] if names is not None for name in names}
    return {
        **_weights(first["method"], rows),
        "prompts": first["prompts"],
        "threshold": ", ".join(filter(None, (first["threshold_rule"], _notes(rows)))),
        "reference set": listed(sorted(volumes)),
        "exposed": "; ".join(_exposed(rows)),
    }


def _notes(rows: pd.DataFrame) -> str:
    """What the thresholds come from; those of subjects, or of folds, may differ."""
    return "; ".join(sorted(filter(None, {*rows["threshold_note"].dropna()})))


def _weights(method: str, rows: pd.DataFrame) -> dict[str, str]:
    """What backbone and checkpoint have seen, and the overlaps that are known of it."""
    entry = setups.entries().get((method, str(rows["setup"].iloc[0])))
    words = {"pretrained on": "", "trained on": NOT_HERE, "known overlaps": ""}
    if entry is None:
        return words
    try:
        tower = kind_of(method).needs_tower
        backbone = backbones.info(entry.backbone).digest if tower else ""
        now = (setups.digest(entry), backbone)
        if {now} != {*zip(rows["checkpoint_digest"], rows["weights_digest"], strict=True)}:
            return words
        overlaps = {
            words
            for subject in rows.loc[~rows["data"].str.startswith("demo"), "subject"]
            for words in known_overlaps(entry, subject)
        }
        return {
            "pretrained on": str(pretraining(entry.backbone)) if tower else "",
            "trained on": trained_on(entry),
            "known overlaps": "; ".join(sorted(overlaps)),
        }
    except WeightsError:
        return words


def _exposed(rows: pd.DataFrame) -> list[str]:
    """What has seen subjects, each with how many and which."""
    seen: dict[str, list[str]] = {}
    columns = rows[["subject", "exposure", "prompts_tuned"]]
    for subject, exposure, tuned in columns.itertuples(index=False):
        words = [*(exposure if exposure is not None else ()), *([PROMPTS] if tuned else [])]
        for what in dict.fromkeys(words):
            seen.setdefault(what, []).append(subject)
    return [
        f"{what}: {counted(len(names), 'subject')} ({listed(sorted(names))})"
        for what, names in seen.items()
    ]
