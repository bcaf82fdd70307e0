"""The threshold rules in Explore's sidebar and the address, and what they cost on Cohort."""

import time

import pytest

from tests.helpers.pages import WAIT, address, at, shown, widget
from tests.helpers.rows import put, put_map, with_dice
from zsad_core.base.paths import home
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.metrics.readout import readout
from zsad_core.metrics.scoring import predicted_mask
from zsad_core.metrics.threshold_rules import RULES, TunedRule, rule_of
from zsad_core.metrics.thresholds import threshold_text
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, ReadoutSpec, SliceSpec

pytestmark = pytest.mark.usefixtures("small_demo")
SUBJECT = "DEMO-MET-013-000"


def explore(**choices):
    made = {"data": "demo-2mm:", "method": "intensity", "subject": SUBJECT, **choices}
    return shown(at("pages/1_Explore.py", **made))


def captions(test):
    return " ".join(caption.value for caption in test.caption).replace("\\", "")


@pytest.mark.parametrize("text", ["share:3%", "components"])
def test_explore_reads_its_map_at_the_threshold_of_the_rule(text):
    rule = rule_of(text)
    test = explore(rule=rule.name, **({"amount": rule.amount} if rule.number else {}))
    engine, prompts = Engine(), prompt_sets.shipped()["appearance"]
    slices = SliceSpec(DataSpec("demo-2mm"), SUBJECT)
    spec = pipeline.map_spec(engine, slices, "intensity", "zero-shot", prompts)
    stack, anomaly = engine.stack(slices), pipeline.anomaly_map(engine, spec)
    value = rule.of_map(anomaly.values, stack.brain, None)
    assert f"Threshold {threshold_text(value)} of 0 … 1 ({text}: {rule.note})" in captions(test)
    numbers = readout(stack, anomaly, ReadoutSpec(value))
    shown_dice = next(metric.value for metric in test.metric if metric.label == "3D Dice")
    assert shown_dice == f"{numbers.dice_3d:.3f}"
    assert predicted_mask(anomaly.values, stack.brain, ReadoutSpec(value)).any()
    assert rule.explanation in captions(test)


def test_false_positives_allowed_are_counted_in_the_background():
    test = explore(rule="fp", amount=1.5)
    for _ in range(10 * WAIT):
        if "(fp:1.5ml: at most 1.5 ml predicted in the lesion-free slices" in captions(test):
            break
        time.sleep(0.1)
        shown(test)
    assert "12 train or validation subjects on average)" in captions(test)


def test_an_amount_belongs_to_its_rule_and_stands_in_the_address():
    test = explore(rule="share")
    assert widget(test.number_input, "amount").value == RULES["share"].amount
    widget(test.number_input, "amount").set_value(4.0)
    shown(test)
    assert "share:4%" in captions(test)
    assert address(test)["rule"] == ["share"]
    assert address(test)["amount"] == ["4"]
    widget(test.selectbox, "rule").set_value("oracle")
    shown(test)
    assert "amount" not in address(test)
    assert not [field for field in test.number_input if field.key.startswith("amount-")]


@pytest.mark.parametrize("amount", ["-1", "nan", "x", "1e9"])
def test_an_amount_that_no_rule_takes_is_passed_over(amount):
    test = at("pages/1_Explore.py")
    for key, value in {"data": "demo-2mm:", "method": "intensity", "rule": "share"}.items():
        test.query_params[key] = value
    test.query_params["amount"] = amount
    shown(test)
    assert widget(test.number_input, "amount").value == (100 if amount == "1e9" else 2)


@pytest.mark.parametrize("name", RULES)
def test_depth_draws_every_rule(name):
    tuned = isinstance(RULES[name], TunedRule)
    if tuned and name != "validation":
        pytest.skip("takes the maps of every train subject")
    choice = {"data": "demo-2mm:", "method": "intensity", "series": ["Intensity · zero-shot"]}
    choice["smallest"] = 3  # what was looked up once is remembered for all tests
    for scope in ("this subject", "all evaluated subjects"):
        shown(at("pages/3_Depth.py", **choice, rule=name, subject=SUBJECT, scope=scope))


def test_cohort_offers_the_rules_with_their_amounts():
    choice = {"data": "demo-2mm:", "method": "intensity", "cohort-section": "Evaluate"}
    rules = ["fp", "share", "components", "fixed"]
    test = shown(at("pages/4_Cohort.py", **choice, **{"cohort-rules": rules}))
    command, study = (code.value for code in test.code)
    assert "--threshold fp:0.5ml share:2% components 50%" in command
    assert "fp:0.5ml" in study
    assert "from lesion-free slices of train and validation subjects" in captions(test).lower()
    widget(test.number_input, "amount-share").set_value(7.5)
    assert "share:7.5%" in shown(test).code[0].value


def test_cohort_shows_what_the_threshold_costs():
    for rule, dice in (("validation", 0.6), ("components", 0.4)):
        for subject in ("A-000", "B-000", "C-000"):
            columns = {"dice_3d": dice, "best_dice": 0.7, "threshold_rule": rule}
            put(home() / "results", subject, slices=with_dice(dice), **columns)
    choice = {"data": "demo-2mm:", "method": "intensity", "cohort-section": "Thresholds"}
    test = shown(at("pages/4_Cohort.py", **choice))
    means = test.dataframe[0].value
    assert means["threshold"].tolist() == ["validation", "components"]
    assert means["loss"].tolist() == pytest.approx([0.1, 0.3])
    assert len(test.get("plotly_chart")) == 1
    put_map(home() / "results", "A-000", [90, 5, 1, 0], [10, 5, 3, 2])
    test = shown(test)
    assert test.subheader[-1].value == "Calibration"
    assert len(test.get("plotly_chart")) == 2
    assert "upper bound, not a result" in captions(test)
