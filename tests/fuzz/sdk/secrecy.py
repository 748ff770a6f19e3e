"""Check that an error can be shown: typed, short, picklable, and without a secret anywhere on it."""

from __future__ import annotations

import copy
import logging
import pickle
import re
import traceback
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import toast_compute
from toast_compute import ToastComputeError

LONGEST_TEXT = 2000
_SDK = str(Path(toast_compute.__file__).parent)
_LOGGERS = ("toast_compute", "httpx", "httpcore")


def spellings(secrets: Collection[str]) -> list[str]:
    """Return every form in which a secret may show: as it is, in a URL, and in a JSON text."""
    forms: dict[str, None] = {}
    for secret in secrets:
        in_url = quote(secret, safe="")
        lower = re.sub("%..", lambda code: code[0].lower(), in_url)
        forms |= dict.fromkeys((secret, in_url, lower, quote(secret), secret.replace("/", "\\/")))
    return list(forms)


def shows(text: str, secrets: Collection[str]) -> bool:
    """Return whether a text shows one of the secrets, or the rest of one of which another one was masked."""
    rests = [whole.removeprefix(part) for whole in secrets for part in secrets if part != whole and part in whole]
    return any(form in text for form in spellings([*secrets, *rests]))


def problems_of_error(error: BaseException, secrets: Collection[str], *, with_locals: bool = False) -> Iterator[str]:
    """Yield what is wrong with an exception that a caller got; `with_locals` reads a traceback's variables, too.

    The texts name the class only: they are printed, and an error that shows a secret must not be.
    """
    name = type(error).__name__
    if not isinstance(error, ToastComputeError):
        yield f"{name} is not a ToastComputeError"
        return
    for text in (str(error), repr(error), *getattr(error, "__notes__", ())):
        if len(text) > LONGEST_TEXT:
            yield f"{name} has a text of {len(text)} characters"
        if "\n" in text:
            yield f"{name} has a text of several lines"
    if shows(_everything_on(error, with_locals=with_locals), secrets):
        yield f"{name} shows a secret"
    yield from _problems_of_pickle(error, secrets)


def _everything_on(error: BaseException, *, with_locals: bool) -> str:
    """Return the error, its causes, their attributes and, if asked for, the variables of the SDK's frames."""
    parts: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        parts += [str(seen), repr(seen), repr(seen.__dict__)]
        if with_locals:
            steps = traceback.TracebackException.from_exception(seen, capture_locals=True, compact=True)
            parts += [str(frame.locals) for frame in steps.stack if frame.filename.startswith(_SDK)]
        seen = seen.__cause__ or seen.__context__
    return "\n".join(parts)


def _problems_of_pickle(error: ToastComputeError, secrets: Collection[str]) -> Iterator[str]:
    name = type(error).__name__
    try:
        content = pickle.dumps(error)
        copies = (pickle.loads(content), copy.deepcopy(error))
    except Exception as problem:  # whatever it is, it is the finding
        yield f"{name} cannot be pickled and copied: {type(problem).__name__}"
        return
    if any(form.encode() in content for form in spellings(secrets)):
        yield f"{name} carries a secret in its pickle"
    for other in copies:
        if type(other) is not type(error) or repr(other.__dict__) != repr(error.__dict__) or str(other) != str(error):
            yield f"{name} is another error after it was pickled or copied"


class Log(logging.Handler):
    """Keeps what the SDK and httpx log until it is searched for secrets."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record as it would be written."""
        self._texts.append(record.getMessage())

    def problems(self, secrets: Collection[str]) -> Iterator[str]:
        """Yield what is wrong with what was logged since the last time, and forget it."""
        texts, self._texts = self._texts, []
        if texts and shows("\n".join(texts), secrets):
            yield "a log record shows a secret"

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Get all that the SDK and httpx log in the block, at every level; it goes nowhere else."""
        loggers = [logging.getLogger(name) for name in _LOGGERS]
        before = [(logger.level, logger.propagate) for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.DEBUG)
            logger.propagate = False
            logger.addHandler(self)
        try:
            yield
        finally:
            for logger, (level, propagates) in zip(loggers, before, strict=True):
                logger.setLevel(level)
                logger.propagate = propagates
                logger.removeHandler(self)
