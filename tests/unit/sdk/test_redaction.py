"""Test that secrets are masked in every encoding."""

from __future__ import annotations

import json
import pickle
from urllib.parse import quote

import pytest
from toast_compute._redaction import Secret, mask


def test_secret_has_a_masked_repr_and_compares_by_value() -> None:
    secret = Secret("word")
    assert f"{secret} {secret!r} {secret!s} {[secret]}" == "*** *** *** [***]"
    assert secret == Secret("word")
    assert secret != Secret("other")
    assert secret != "word"
    assert len({secret, Secret("word")}) == 1
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(secret)


def test_mask_replaces_the_longest_secret_first_and_ignores_an_empty_one() -> None:
    secrets = (Secret("abc"), Secret("abcdef"), Secret(""))
    assert mask("abcdef abc x", secrets) == "*** *** x"


@pytest.mark.parametrize(
    "echo",
    [
        "pa/ss:w\u00f6rd 9",
        quote("pa/ss:w\u00f6rd 9"),
        quote("pa/ss:w\u00f6rd 9", safe=""),
        quote("pa/ss:w\u00f6rd 9", safe="").lower(),
        "pa/ss%3aw\u00f6rd 9",
        "pa/ss:w\u00f6rd+9",
        json.dumps("pa/ss:w\u00f6rd 9")[1:-1],
        "pa\\/ss:w\\u00F6rd 9",
        "%70%61%2F%73%73%3A%77%C3%B6%72%64%20%39",
    ],
)
def test_secret_is_masked_in_every_encoding(echo: str) -> None:
    assert mask(f"<{echo}>, <{echo}> and pass", [Secret("pa/ss:w\u00f6rd 9")]) == "<***>, <***> and pass"


def test_secret_with_pattern_characters_is_masked() -> None:
    secret = r"a.c\1(x)*[^b]+$ {2}|%41"
    assert mask(f"<{secret}> abc", [Secret(secret)]) == "<***> abc"


def test_overlapping_secrets_are_masked_completely() -> None:
    assert mask("x abcdefgh y abcdef", [Secret("abcdef"), Secret("cdefgh")]) == "x *** y ***"
    assert mask("x abcabcab y", [Secret("abcab")]) == "x *** y"
