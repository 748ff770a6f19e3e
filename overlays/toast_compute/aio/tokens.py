"""Tokens: issue and look up."""

from __future__ import annotations

from toast_compute_api.models import Access

from .._operations import catalog as _catalog
from .._redaction import Secret
from ._base import AsyncResource


class AsyncTokens(AsyncResource):
    """Issue and look up tokens. Calls look after their own token: this is for those who need one elsewhere."""

    async def issue(self) -> Access:
        """Issue a new token for the client's user.

        Returns:
            The token and its user; `access.token.id` goes into the `X-Auth-Token` header.

        Raises:
            AuthenticationError: the user name or the password is wrong.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 토큰 API, Token 발급.
        """
        return await self._run(self._core.issue_token())

    async def get(self, token_id: str) -> Access:
        """Look up the lifetime and the user of a token.

        Args:
            token_id: the id of the token.

        Raises:
            InvalidRequestError: the id is invalid; nothing was sent.
            NotFoundError: there is no such token.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 토큰 API, Token 정보 조회.
        """
        secret = Secret(token_id)
        # A traceback with local variables must not show it.
        del token_id
        return await self._run(_catalog.get_token(self._core, secret))
