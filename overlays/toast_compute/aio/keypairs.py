"""Key pairs: the SSH keys of the user."""

from __future__ import annotations

import builtins

from toast_compute_api.models import Keypair

from .._operations import keypairs as _keypairs
from .._operations.created_keypair import CreatedKeypair
from ._base import AsyncResource


class AsyncKeypairs(AsyncResource):
    """The SSH key pairs of the user."""

    async def list(self) -> builtins.list[Keypair]:
        """List all key pairs. `created_at` is None in a list: ask for one with `get`.

        Raises:
            ToastComputeError: any failure; see `toast_compute.errors`.

        Guide: 키페어 API, 키페어 조회.
        """
        return await self._run(_keypairs.list_all(self._core))

    async def get(self, name: str) -> Keypair:
        """Read one key pair.

        Args:
            name: the name of the key pair, never empty.

        Raises:
            InvalidRequestError: the name is invalid; nothing was sent.
            NotFoundError: there is no such key pair.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 키페어 API, 키페어 조회.
        """
        return await self._run(_keypairs.get(self._core, name))

    async def create(self, name: str) -> CreatedKeypair:
        """Have the service make a key pair.

        The reply carries the private key, once: save it with its `save_pem`.

        Args:
            name: the name of the new key pair.

        Raises:
            InvalidRequestError: the name is invalid; nothing was sent.
            ConflictError: the name is taken.
            AmbiguousOutcomeError: no valid reply came back; the key pair may exist.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 키페어 API, 키페어 생성과 업로드.
        """
        return await self._run(_keypairs.create(self._core, name))

    async def upload(self, name: str, public_key: str) -> CreatedKeypair:
        """Upload a public key under a name.

        Args:
            name: the name of the new key pair.
            public_key: the public key in the form of an `authorized_keys` line.

        Raises:
            InvalidRequestError: an argument is invalid; nothing was sent.
            InvalidParametersError: the service cannot read the key.
            ConflictError: the name is taken.
            AmbiguousOutcomeError: no valid reply came back; the key pair may exist.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 키페어 API, 키페어 생성과 업로드.
        """
        return await self._run(_keypairs.upload(self._core, name, public_key))

    async def delete(self, name: str) -> None:
        """Delete a key pair.

        Args:
            name: the name of the key pair.

        Raises:
            InvalidRequestError: the name is invalid; nothing was sent.
            NotFoundError: there is no such key pair.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 키페어 API, 키페어 삭제.
        """
        await self._run(_keypairs.delete(self._core, name))
