"""Every place in a JSON value is found, and only a copy is changed."""

from __future__ import annotations

from .places import at, places, with_other, without

VALUE = {"a": [{"b": 1}, 2], "c": "text"}
TEXT = repr(VALUE)


def test_objects_and_arrays_are_places() -> None:
    assert list(places(VALUE)) == [("a",), ("a", 0), ("a", 0, "b"), ("a", 1), ("c",)]
    assert [at(VALUE, place) for place in places(VALUE)] == [[{"b": 1}, 2], {"b": 1}, 1, 2, "text"]


def test_change_is_made_to_a_copy() -> None:
    assert with_other(VALUE, ("a", 0, "b"), None) == {"a": [{"b": None}, 2], "c": "text"}
    assert without(VALUE, ("a", 0)) == {"a": [2], "c": "text"}
    assert repr(VALUE) == TEXT
