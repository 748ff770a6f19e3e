"""Created key pairs, and how their private key is saved to a file that only its owner can read."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from toast_compute_api import models

from ..errors import ConfigurationError, InvalidRequestError

_OWNER_ONLY = 0o600


class CreatedKeypair(models.CreatedKeypair, frozen=True, kw_only=True):
    """A key pair that was created or uploaded."""

    def save_pem(self, path: str | os.PathLike[str]) -> Path:
        """Write the private key into a new file and return the file's path.

        The file has mode 0600 from its first byte. An existing file is never overwritten and a link is never followed.
        When writing fails, no file is left, and the key pair still holds its key.

        Args:
            path: the file to create.

        Raises:
            InvalidRequestError: the key pair has no private key, since its public key was uploaded.
            ConfigurationError: the file exists or cannot be written.

        Guide: 키페어 API, 키페어 생성과 업로드 (the private key is shown once).
        """
        key = self.private_key
        if not key:
            raise InvalidRequestError(
                f"Key pair {self.name} has no private key: the service returns one only for a key pair that it made",
                path="keypair.privateKey",
            )
        target = Path(path)
        problem = _write_new(target, key if key.endswith("\n") else key + "\n")
        del key
        if problem is not None:
            raise ConfigurationError(f"The private key was not saved to {target}: {problem}")
        return target


def with_methods(keypair: models.CreatedKeypair) -> CreatedKeypair:
    """Return the key pair of a reply as the class that can save its private key."""
    return CreatedKeypair(**msgspec.structs.asdict(keypair))


def _write_new(target: Path, content: str) -> str | None:
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        return "the file exists already and is never overwritten"
    except (OSError, ValueError) as error:
        return _reason(error)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, ValueError) as error:
        target.unlink(missing_ok=True)
        return _reason(error)
    return None


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "the path or the key cannot be written"
