"""How does the map of the SDK's methods come to be? From the text of its classes, and from the contract."""

from __future__ import annotations

from pathlib import Path

from .. import colours
from ..contract import Contract
from ..errors import GenerationError
from .calls import Calls
from .contract import Contract as Names
from .page import as_markdown
from .reading import read_sdk


def generate(contract: Contract, sdk: Path, page: Path) -> None:
    """Write the page anew.

    Raises:
        GenerationError: a class cannot be read, or the page cannot be written.
    """
    text = derive(contract, sdk)
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise GenerationError(f"{page}: cannot be written: {problem.strerror}") from None


def derive(contract: Contract, sdk: Path) -> str:
    """Return the page.

    Args:
        contract: a checked contract.
        sdk: the folder of the package that people import.

    Raises:
        GenerationError: a class cannot be read; names the place.
    """
    names = Names(contract)
    return as_markdown(read_sdk(sdk, colours.derive(sdk)), Calls(sdk, names), names)
