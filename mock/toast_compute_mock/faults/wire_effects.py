"""Damage a reply on its way: broken connections and broken framing."""

from __future__ import annotations

from dataclasses import replace

from ..exchange import Break, Reply, Wire
from .base import BaseEffect, carried_out, check_flag, check_seconds, check_whole


class Reset(BaseEffect, frozen=True):
    """The connection is reset; nothing of the reply arrives."""

    commit: bool = True
    """Whether the operation is carried out before."""

    def __post_init__(self) -> None:
        check_flag("commit", self.commit)

    @property
    def commits(self) -> bool:
        return self.commit

    @property
    def says(self) -> str:
        return f"{carried_out(self.commit)}, and the connection is reset"

    def apply(self, reply: Reply) -> Reply:
        return replace(reply, wire=Wire(Break.RESET))


class Close(BaseEffect, frozen=True):
    """The connection is closed in an orderly way; nothing of the reply arrives."""

    commit: bool = True
    """Whether the operation is carried out before."""

    def __post_init__(self) -> None:
        check_flag("commit", self.commit)

    @property
    def commits(self) -> bool:
        return self.commit

    @property
    def says(self) -> str:
        return f"{carried_out(self.commit)}, and the connection is closed without a reply"

    def apply(self, reply: Reply) -> Reply:
        return replace(reply, wire=Wire(Break.CLOSE))


class Garbage(BaseEffect, frozen=True):
    """What arrives does not begin with a status line."""

    commit: bool = True
    """Whether the operation is carried out before."""

    def __post_init__(self) -> None:
        check_flag("commit", self.commit)

    @property
    def commits(self) -> bool:
        return self.commit

    @property
    def says(self) -> str:
        return f"{carried_out(self.commit)}, and what comes back is not HTTP"

    def apply(self, reply: Reply) -> Reply:
        return replace(reply, wire=Wire(Break.GARBAGE))


class ShortBody(BaseEffect, frozen=True):
    """The operation is carried out; the body of its reply ends in the middle, before its content-length."""

    @property
    def says(self) -> str:
        return "carried out, and the reply's body ends too early"

    def apply(self, reply: Reply) -> Reply:
        return replace(reply, wire=Wire(Break.SHORT_BODY))


class BadChunk(BaseEffect, frozen=True):
    """The operation is carried out; the body of its reply is chunked, and a chunk's size is not a number."""

    @property
    def says(self) -> str:
        return "carried out, and the reply's chunks are broken"

    def apply(self, reply: Reply) -> Reply:
        return replace(reply, wire=Wire(Break.BAD_CHUNK))


class Dribble(BaseEffect, frozen=True):
    """The operation is carried out; its whole reply arrives, head and body in tiny pieces."""

    piece: int = 16
    """Bytes in a piece."""
    pause: float = 0.0
    """Seconds between two pieces, on the mock's clock."""

    def __post_init__(self) -> None:
        check_whole("piece", self.piece, least=1)
        check_seconds("pause", self.pause)

    @property
    def says(self) -> str:
        return f"carried out, and the reply comes {_in_pieces(self.piece, self.pause)}"

    def apply(self, reply: Reply) -> Reply:
        return replace(reply, wire=Wire(Break.PIECES, self.piece, float(self.pause)))


class Slow(BaseEffect, frozen=True):
    """The operation is carried out; its whole reply arrives, slowly."""

    piece: int = 64
    """Bytes in a piece."""
    pause: float = 0.05
    """Seconds between two pieces, on the mock's clock."""

    def __post_init__(self) -> None:
        check_whole("piece", self.piece, least=1)
        check_seconds("pause", self.pause)

    @property
    def says(self) -> str:
        return f"carried out, and the reply comes slowly, {_in_pieces(self.piece, self.pause)}"

    def apply(self, reply: Reply) -> Reply:
        return replace(reply, wire=Wire(Break.PIECES, self.piece, float(self.pause)))


class Stall(BaseEffect, frozen=True):
    """The operation is carried out; the head and half of the body arrive, and then nothing more."""

    @property
    def says(self) -> str:
        return "carried out, and the reply stalls half way"

    def apply(self, reply: Reply) -> Reply:
        return replace(reply, wire=Wire(Break.STALL))


def _in_pieces(piece: int, pause: float) -> str:
    return f"in pieces of {piece} bytes" + (f" every {pause:g} s" if pause else "")
