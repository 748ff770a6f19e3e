"""How does a private key get into a file that nobody else can read?"""

from __future__ import annotations

import os
from pathlib import Path

from toast_compute_api.models import CreatedKeypair

from .errors import ConfigurationError, InvalidRequestError

_OWNER_ONLY = 0o600


def save_pem(keypair: CreatedKeypair, path: str | os.PathLike[str]) -> Path:
    """Write the private key of a new key pair into a new file and return the file's path.

    The file has mode 0600 from its first byte. An existing file is never overwritten and a link is never followed. When
    writing fails, no file stays behind; the key is still in `keypair` then.

    Args:
        keypair: what `keypairs.create` returned.
        path: the file to make.

    Raises:
        InvalidRequestError: the key pair has no private key, since its public key was uploaded.
        ConfigurationError: the file exists or cannot be written.

    Guide: 키페어 API, 키페어 생성과 업로드 (the private key is shown once).
    """
    key = keypair.private_key
    if not key:
        raise InvalidRequestError(
            f"Key pair {keypair.name} has no private key: the service returns one only for a key pair that it made",
            path="keypair.privateKey",
        )
    target = Path(path)
    problem = _write_new(target, key if key.endswith("\n") else key + "\n")
    del key
    if problem is not None:
        raise ConfigurationError(f"The private key was not saved to {target}: {problem}")
    return target


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
