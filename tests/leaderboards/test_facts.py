"""What methods say of themselves: numbers are worded, what old records and plug-ins worded stays."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboards.facts import CAVEATS, worded_caveats


def test_numbers_are_worded_each_in_a_line() -> None:
    numbers = {"pose_without_prior": 6, "restarted_at": 0.123, "collapsed_at": 0.04, "singular_mean_pose": 1}
    numbers |= {"below_floor": {"floor": 0.99, "searches": ["medium2-1"]}, "no_imagenet_weights": "a.pth"}
    facts = {"caveats": numbers | {"loss_weights_left": 0.55}, "restarts": 2, "loss_weights_reached": {"steps": 12}}
    lines = worded_caveats(facts)
    assert len(lines) == len(CAVEATS)
    parts = [["6"], ["2", "0.12"], ["0.04"], [], ["0.99", "medium2-1"], ["a.pth"], ["12", "55%"]]
    assert all(part in line for line, said in zip(lines, parts, strict=True) for part in said)


@pytest.mark.parametrize(
    ("facts", "lines"),
    [
        ({}, []),
        ({"caveats": ["ends in a bad minimum", "one more"]}, ["ends in a bad minimum", "one more"]),
        ({"caveats": {"of_a_plugin": 3}}, ["of_a_plugin: 3"]),
    ],
)
def test_what_is_worded_already_and_what_is_unknown_is_shown(facts: dict, lines: list[str]) -> None:
    assert worded_caveats(facts) == lines


JSON = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=50)
@given(st.one_of(JSON, st.dictionaries(st.sampled_from(sorted(CAVEATS)), JSON)))
def test_whatever_a_record_holds_is_lines_of_text(caveats: object) -> None:
    assert all(isinstance(line, str) for line in worded_caveats({"caveats": caveats}))
