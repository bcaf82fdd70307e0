"""The thresholds that the viewer offers on a map, as a session goes on."""

import numpy as np

from pages.ui.explore import shown
from pages.ui.shell import session


def test_the_threshold_in_force_is_offered_however_many_were_before(monkeypatch):
    kept = {}
    monkeypatch.setattr(session.Entry, "get", lambda entry: kept.get(entry.key, entry.default))
    monkeypatch.setattr(session.Entry, "set", lambda entry, value: kept.update({entry.key: value}))
    offered = []
    monkeypatch.setattr(shown, "_thresholds", lambda key, marks, *_: offered.append(marks))
    for mark in np.linspace(0.1, 0.9, 300):
        shown.thresholds_of(None, None, "map", (mark, 0.5))
        assert {float(np.float32(mark)), 0.5} <= set(offered[-1])
        assert len(offered[-1]) <= shown.MARKS
    shown.thresholds_of(None, None, "map", (0.5,))
    assert offered[-1] == offered[-2]  # what was sent is not sent again
