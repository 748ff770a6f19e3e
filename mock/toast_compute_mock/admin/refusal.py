"""How does the admin API say no? With an HTTP status and one sentence."""

from __future__ import annotations

from http import HTTPStatus


class AdminError(Exception):
    """A request to the admin API is refused; its text is the sentence that the reply carries."""

    def __init__(self, status: HTTPStatus, message: str, *headers: tuple[str, str]) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


def malformed(place: str, reason: str) -> AdminError:
    """Return the refusal of a wrong value."""
    return AdminError(HTTPStatus.BAD_REQUEST, f"{place}: {reason}")
