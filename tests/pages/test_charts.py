"""Figures of the Prompts page: what is drawn, in which order and colour."""

import json

import pytest

from pages.ui.figures.charts import ABNORMAL, NORMAL, text_pull_figure


def test_pulls_are_sorted_with_the_strongest_towards_abnormal_on_top():
    figure = text_pull_figure(["normal: a", "abnormal: b", "abnormal: c"], [-0.2, 0.3, 0.1])
    assert list(figure.data[0].x) == [-0.2, 0.1, 0.3]
    assert figure.layout.yaxis.ticktext == ("normal: a", "abnormal: c", "abnormal: b")
    colours = figure.data[0].marker.color
    assert colours == (NORMAL, ABNORMAL, ABNORMAL)


def test_equal_texts_keep_a_bar_each_and_markup_is_text():
    figure = text_pull_figure(["<b>x</b>", "<b>x</b>"], [0.1, 0.2])
    assert list(figure.data[0].y) == [0, 1]
    assert figure.layout.yaxis.ticktext[0] == "&lt;b&gt;x&lt;/b&gt;"


def test_labels_and_values_must_pair_up():
    with pytest.raises(ValueError, match="1 labels and 2 values"):
        text_pull_figure(["a"], [0.1, 0.2])


def test_figures_are_sober_and_leave_ground_and_text_to_the_theme():
    figure = text_pull_figure(["a"], [0.1])
    layout = figure.layout
    assert layout.title.text is None
    assert layout.font.color is None
    sizes = (layout.xaxis.tickfont.size, layout.xaxis.title.font.size, layout.legend.font.size)
    assert min(sizes) >= 14
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
    assert layout.xaxis.title.text
    assert json.loads(figure.to_json())["data"]
