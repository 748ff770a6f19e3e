"""Find secrets in a text, as they are or encoded, and redact them."""

from __future__ import annotations

import re
from base64 import b64decode
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import unquote

REDACTED = "***"
MIN_LENGTH = 8
"""Characters; anything shorter would be found in innocent text, and is not searched for."""
MAX_TOKENS = 10_000
"""How many tokens are remembered when they are worth nothing any more."""

_MAX_WORDS = 10_000
_MAX_FEW_WORDS = 8  # so many are found faster one by one than by an expression
_PRIVATE_KEY = "PRIVATE KEY-----"
_TOKEN_PREFIX = "00000000-0000-4000-8000-"
_TOKEN = re.compile(_TOKEN_PREFIX + "[0-9a-f]{12}", re.IGNORECASE)  # the form of the mock's own tokens
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)  # of JSON, be it whole or broken
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_TIMES_ENCODED = 3


class Vault:
    """Every secret that there has been: passwords, appkeys, tokens. Private keys are recognized by their form.

    A search costs the same however many tokens there are: those that the mock makes have one form, so only what has it
    is looked up. `is_valid` returns whether a token opens a world now.
    """

    def __init__(self, is_valid: Callable[[str], bool]) -> None:
        self._is_valid = is_valid
        self._appkeys: set[str] = set()
        self._tokens: set[str] = set()
        self._order: deque[str] = deque()
        self._words: dict[str, None] = {}
        self._few_words: tuple[str, ...] = ()
        self._pattern: re.Pattern[str] | None = None

    def add_account(self, appkey: str, password: str, token: str | None) -> None:
        """Take the secrets of an account: its appkey, its password and the token that it starts with."""
        self._appkeys.add(appkey)
        self._add_words(appkey, password)
        if token is not None:
            self.add_tokens([token])

    def add_tokens(self, tokens: Iterable[str]) -> None:
        """Take tokens; the oldest ones are forgotten when there are too many."""
        for token in tokens:
            if token in self._tokens:
                continue
            self._tokens.add(token)
            self._order.append(token)
            if len(self._order) > MAX_TOKENS:
                self._tokens.discard(self._order.popleft())
            if _TOKEN.fullmatch(token) is None:  # from a world or snapshot that somebody wrote
                self._add_words(token)

    def all(self) -> set[str]:
        """Return all that are remembered, but private keys."""
        return {*self._tokens, *self._words, *self._appkeys}

    def is_appkey(self, text: str) -> bool:
        """Return whether this is an appkey."""
        return text in self._appkeys

    def is_token(self, text: str) -> bool:
        """Return whether this is or was a token, or has the form of one."""
        return text in self._tokens or _TOKEN.fullmatch(text) is not None or self._is_valid(text)

    def contains(self, text: str) -> bool:
        """Return whether a secret stands in the text as it is."""
        # The texts of nearly all requests hold none, and this is asked for each of them.
        if _PRIVATE_KEY in text or (_TOKEN_PREFIX in text and any(map(self._is_known, _TOKEN.findall(text)))):
            return True
        if self._pattern is not None:
            return self._pattern.search(text) is not None
        for word in self._few_words:  # noqa: SIM110 (half as long as `any` with a generator)
            if word in text:
                return True
        return False

    def contains_encoded(self, text: str) -> bool:
        """Return whether a secret stands in the text as it is, percent-encoded, or escaped as in JSON."""
        return any(map(self.contains, decodings(text)))

    def redact(self, text: str) -> str:
        """Return the text without secrets. Of a text with an encoded secret or a private key, nothing is left."""
        if _PRIVATE_KEY in text:
            return REDACTED
        shown = _TOKEN.sub(lambda found: REDACTED if self._is_known(found[0]) else found[0], text)
        if self._pattern is not None:
            shown = self._pattern.sub(REDACTED, shown)
        for word in self._few_words:
            shown = shown.replace(word, REDACTED)
        return REDACTED if self.contains_encoded(shown) else shown

    def _is_known(self, token: str) -> bool:
        token = token.lower()
        return token in self._tokens or self._is_valid(token)

    def _add_words(self, *words: str) -> None:
        for word in words:
            # Bytes beyond ASCII in a header are read one by one.
            for form in {word, word.encode("utf-8", "replace").decode("latin-1")}:
                if len(form) >= MIN_LENGTH and form not in self._words:
                    self._words[form] = None
        while len(self._words) > _MAX_WORDS:
            del self._words[next(iter(self._words))]
        longest_first = sorted(self._words, key=len, reverse=True)  # one may stand in another
        if len(longest_first) <= _MAX_FEW_WORDS:
            self._few_words = tuple(longest_first)
        else:
            self._few_words = ()
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))


def is_private_key(text: str) -> bool:
    """Return whether a private key, or the first or last line of one, stands in the text."""
    return _PRIVATE_KEY in text


def decodings(text: str) -> Iterator[str]:
    """Return a text and what it may stand for: without the escapes of JSON, without those of a URL."""
    yield text
    if "\\" in text:
        unescaped = _ESCAPE.sub(_unescaped, text)
        # Two halves of one character belong together.
        yield unescaped.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "%" in text or "+" in text:
        for _ in range(_TIMES_ENCODED):
            yield text.replace("+", " ")
            decoded = unquote(text)
            if decoded == text:
                break
            text = decoded
            yield text


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else _ESCAPED.get(found[2], found[2])


def decode_base64(text: str) -> str:
    """Return what a text holds in Base64, as the user and password of an Authorization header do."""
    found: list[str] = []
    for piece in _BASE64.findall(text):
        bare = piece.rstrip("=").replace("-", "+").replace("_", "/")
        padded = bare + "=" * (-len(bare) % 4)
        try:
            found.append(b64decode(padded).decode("utf-8", "replace"))
        except ValueError:  # it has a length that no Base64 has
            continue
    return "\n".join(found)
