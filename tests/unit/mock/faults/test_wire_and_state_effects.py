"""Check the reply after each effect of the wire, state and delay families."""

from __future__ import annotations

from dataclasses import replace

import pytest
from toast_compute_mock import faults
from toast_compute_mock.exchange import CONTENT_TYPE, Break, Reply, Wire
from toast_compute_mock.faults.base import LONGEST_DELAY

HONEST = Reply(200, (("content-type", CONTENT_TYPE),), b'{"header":{}}')
NOTHING = Reply(200, (), b"")


@pytest.mark.parametrize(
    ("effect", "wire"),
    [
        (faults.Reset(), Wire(Break.RESET)),
        (faults.Close(), Wire(Break.CLOSE)),
        (faults.Garbage(), Wire(Break.GARBAGE)),
        (faults.ShortBody(), Wire(Break.SHORT_BODY)),
        (faults.BadChunk(), Wire(Break.BAD_CHUNK)),
        (faults.Stall(), Wire(Break.STALL)),
        (faults.Dribble(), Wire(Break.PIECES, 16, 0.0)),
        (faults.Dribble(3, 0.5), Wire(Break.PIECES, 3, 0.5)),
        (faults.Slow(), Wire(Break.PIECES, 64, 0.05)),
        (faults.Slow(7, 1), Wire(Break.PIECES, 7, 1.0)),
        (faults.LoseReply(), Wire(Break.CLOSE)),
        (faults.LoseReply("reset"), Wire(Break.RESET)),
        (faults.LoseReply("stall"), Wire(Break.STALL)),
    ],
)
def test_reply_suffers_on_its_way_after_the_work_is_done(effect: faults.Effect, wire: Wire) -> None:
    assert effect.apply(HONEST) == replace(HONEST, wire=wire)
    assert (effect.commits, effect.times, effect.stale) == (True, 1, False)


@pytest.mark.parametrize(
    ("effect", "kind"),
    [
        (faults.Reset(commit=False), Break.RESET),
        (faults.Close(commit=False), Break.CLOSE),
        (faults.Garbage(commit=False), Break.GARBAGE),
    ],
)
def test_connection_can_break_before_the_work_is_done(effect: faults.Effect, kind: Break) -> None:
    assert not effect.commits
    assert effect.apply(NOTHING).wire == Wire(kind)


@pytest.mark.parametrize(("how", "kind"), [("close", Break.CLOSE), ("reset", Break.RESET), ("stall", Break.STALL)])
def test_lost_request_equals_a_lost_reply_to_the_client(how: str, kind: Break) -> None:
    effect = faults.LoseRequest(how)
    assert (effect.commits, effect.times, effect.stale) == (False, 1, False)
    assert effect.apply(NOTHING) == Reply(200, HONEST.headers, b"{}", wire=Wire(kind))


def test_half_of_a_stalled_reply_is_not_a_reply() -> None:
    body = faults.LoseRequest("stall").apply(NOTHING).body
    assert 0 < len(body) // 2 < len(body)


def test_work_is_done_twice_under_one_honest_reply() -> None:
    effect = faults.ApplyTwice()
    assert (effect.commits, effect.times, effect.stale) == (True, 2, False)
    assert effect.apply(HONEST) is HONEST


def test_operation_that_ends_in_error_has_an_honest_reply() -> None:
    effect = faults.EndInError()
    assert (effect.commits, effect.times, effect.stale, effect.fails) == (True, 1, False, True)
    assert effect.apply(HONEST) is HONEST
    assert not faults.LoseReply().fails


def test_stale_read_is_answered_honestly_from_the_past() -> None:
    effect = faults.StaleRead(2.0)
    assert (effect.commits, effect.times, effect.stale) == (True, 1, True)
    assert effect.apply(HONEST) is HONEST


@pytest.mark.parametrize("effect", [faults.Delay(1), faults.DelayUniform(1, 2), faults.DelayLogNormal(1, 0.5)])
def test_delay_changes_neither_work_nor_reply(effect: faults.Effect) -> None:
    assert (effect.commits, effect.times, effect.stale) == (True, 1, False)
    assert effect.apply(HONEST) is HONEST


def test_uniform_delay_is_spread_evenly() -> None:
    delay = faults.DelayUniform(1.0, 3.0)
    assert [delay.draw(chance, 0.5) for chance in (0.0, 0.25, 0.5, 1.0)] == [1.0, 1.5, 2.0, 3.0]


def test_log_normal_delay_has_its_median_and_its_limit() -> None:
    assert faults.DelayLogNormal(2.0, 0.0).draw(0.3, 0.9) == 2.0
    assert faults.DelayLogNormal(2.0, 1.0).draw(0.5, 0.25) == pytest.approx(2.0)  # a cosine of 0
    assert faults.DelayLogNormal(2.0, 1.0, max=5.0).draw(1e-15, 0.0) == 5.0
    assert faults.DelayLogNormal(2.0, 10.0).draw(1e-15, 0.0) == LONGEST_DELAY
    assert 0 <= faults.DelayLogNormal(2.0, 10.0).draw(1e-15, 0.5) < 1e-30
