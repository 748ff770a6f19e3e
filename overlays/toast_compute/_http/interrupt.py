"""What of an exchange does an interrupt or a cancellation carry to whoever sees it?"""

from __future__ import annotations


def without_frames(interrupt: BaseException, handled: BaseException | None) -> BaseException:
    """Return what broke an exchange off, without the frames of the HTTP library, in which the secrets stand.

    Args:
        interrupt: what broke it off; it is not ours to turn into an error.
        handled: what was being handled when the exchange began, which stays behind it. Errors of the exchange do not.
    """
    if handled is not interrupt:
        interrupt.__context__ = handled
    return interrupt.with_traceback(None)
