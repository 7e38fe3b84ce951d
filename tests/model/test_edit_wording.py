"""Edits in words: sentences that are not among the written phrases, and what they must come out as."""

from __future__ import annotations

import pytest

from strut_model import sentences
from strut_model.edit.operators import EditError
from strut_model.edit.wording import MAX_TEXT, NotUnderstoodError, read

needs_text = pytest.mark.skipif(not sentences.available(), reason="the text extra is not installed")


@needs_text
@pytest.mark.parametrize(
    ("text", "operators"),
    [
        ("a bit slower, with larger arm swings", ["slower 0.9", "larger 1.15 left_arm,right_arm"]),
        ("20 % slower", ["slower 0.8"]),
        ("please play it twice as fast", ["faster 2"]),
        ("mirror it and exaggerate the arms", ["mirror", "exaggerate 1.4 left_arm,right_arm"]),
        ("swap left and right", ["mirror"]),
        ("tone down the upper body", ["exaggerate 0.7 torso"]),
        ("make the left arm move more", ["larger 1.3 left_arm"]),
        ("1.5 times faster, then smaller steps", ["faster 1.5", "smaller 0.7 left_leg,right_leg"]),
    ],
)
def test_a_sentence_becomes_operators_in_its_order(text: str, operators: list[str]) -> None:
    assert [operator.describe() for operator in read(text).operators] == operators


@needs_text
@pytest.mark.parametrize("text", ["make him angry", "walk like a zombie", "hello world", "don't mirror it", "12"])
def test_a_sentence_that_asks_for_no_edit_is_answered_so(text: str) -> None:
    with pytest.raises(NotUnderstoodError, match="asks for no edit that is known; allowed: slower"):
        read(text)


@needs_text
def test_what_was_not_understood_is_said_beside_what_was() -> None:
    reading = read("don't mirror it, but speed it up")
    assert [operator.describe() for operator in reading.operators] == ["faster 1.25"]
    assert reading.ignored == ("don't mirror it",)


@needs_text
@pytest.mark.parametrize("text", ["9 times faster", "slower legs"])
def test_what_operators_cannot_do_is_refused_with_what_they_can(text: str) -> None:
    with pytest.raises(EditError, match="allowed"):
        read(text)


@pytest.mark.parametrize("text", ["", " " * 5, "x" * (MAX_TEXT + 1)])
def test_texts_of_a_length_that_none_is_are_refused(text: str) -> None:
    with pytest.raises(EditError, match=f"allowed: 1 to {MAX_TEXT}"):
        read(text)
