"""Is every place in a JSON value known, and is nothing changed but a copy?"""

from __future__ import annotations

from .places import at, places, with_other, without

VALUE = {"a": [{"b": 1}, 2], "c": "text"}
TEXT = repr(VALUE)


def test_whole_objects_and_arrays_are_places_too() -> None:
    assert list(places(VALUE)) == [("a",), ("a", 0), ("a", 0, "b"), ("a", 1), ("c",)]
    assert [at(VALUE, place) for place in places(VALUE)] == [[{"b": 1}, 2], {"b": 1}, 1, 2, "text"]


def test_a_change_is_one_of_a_copy() -> None:
    assert with_other(VALUE, ("a", 0, "b"), None) == {"a": [{"b": None}, 2], "c": "text"}
    assert without(VALUE, ("a", 0)) == {"a": [2], "c": "text"}
    assert repr(VALUE) == TEXT
