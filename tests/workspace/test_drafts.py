from concurrent.futures import ThreadPoolExecutor

from zsad_core.base.paths import home
from zsad_core.workspace import drafts

TEXTS = {"normal": "grau: ü\n# off", "abnormal": ""}


def test_the_newest_draft_of_a_set_comes_back_but_not_the_sessions_own():
    assert drafts.newest("mine") is None
    drafts.keep("mine", "one", TEXTS)
    drafts.keep("mine", "two", {"normal": "b"})
    drafts.keep("other", "three", {"normal": "c"})
    assert drafts.newest("mine").texts == {"normal": "b"}
    assert drafts.newest("mine", besides="two").texts == TEXTS
    drafts.keep("mine", "one", {"normal": "d"})
    assert drafts.newest("mine").texts == {"normal": "d"}
    assert drafts.newest("mine", besides="one").texts == {"normal": "b"}


def test_a_spoiled_draft_is_passed_over_and_old_ones_go():
    drafts.keep("mine", "whole", TEXTS)
    for number in range(drafts.MOST - 1):
        drafts.keep("mine", f"s{number}", {"normal": str(number)})
    files = list((home() / "drafts").rglob("*.json"))
    assert len(files) == drafts.MOST
    for path in files:
        if path.stem != "whole":
            path.write_text('{"normal": ')
    assert drafts.newest("mine").texts == TEXTS
    drafts.keep("mine", "last", TEXTS)
    assert len(list((home() / "drafts").rglob("*.json"))) == drafts.MOST


def test_a_draft_says_whose_it_is_and_nobody_elses_is_removed():
    drafts.keep("mine", "one", {"normal": "hers"}, "her")
    for number in range(drafts.MOST + 1):
        drafts.keep("mine", f"t{number}", {"normal": "his"}, "him")
    assert len(list((home() / "drafts").rglob("*.json"))) == drafts.MOST + 1
    assert (drafts.newest("mine").texts, drafts.newest("mine").owner) == ({"normal": "his"}, "him")
    assert drafts.newest("mine", owner="her").texts == {"normal": "hers"}
    assert drafts.newest("mine", "one", "her").owner == "him"


def test_tabs_that_keep_and_read_at_once_disturb_none():
    def type_in(tab):
        for turn in range(10):
            drafts.keep("mine", f"tab{tab}", {"normal": f"{tab} {turn}"}, "somebody")
            found = drafts.newest("mine", owner="somebody")
            assert found.texts["normal"].split()  # whole, whoever wrote it

    tabs = range(2 * drafts.MOST)  # so that the oldest go meanwhile
    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(type_in, tabs)] == [None] * len(tabs)
    assert drafts.newest("mine", owner="somebody").texts["normal"].endswith(" 9")
