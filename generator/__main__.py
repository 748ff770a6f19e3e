"""The command line: `python -m generator generate` and `python -m generator check`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .checks import check
from .contract import Contract
from .contract.document import load
from .errors import ContractError, GenerationError

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "generated" / "toast_compute_api"


def main(arguments: list[str] | None = None) -> int:
    """Run the generator's command line and return its exit status: 0, or 1 after one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="generator", description="Check the contract and generate the package from it."
    )
    parser.add_argument("command", choices=["generate", "check"], help="check the contract, or check it and generate")
    parser.add_argument(
        "--contract", type=Path, default=ROOT / "openapi.yaml", help="the contract (default: openapi.yaml)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=PACKAGE,
        help="the package to write (default: generated/toast_compute_api)",
    )
    options = parser.parse_args(arguments)
    try:
        document = load(options.contract)
        try:
            contract = Contract(document.data)
            check(contract)
            if options.command == "generate":
                # Slow to import, and not needed to check.
                from .package import generate

                generate(contract, options.output)
        except ContractError as problem:
            print(document.describe(problem), file=sys.stderr)
            return 1
    except GenerationError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
