"""What does the contract say of the operations that a method sends?"""

from __future__ import annotations

from collections.abc import Mapping

from ..contract import Contract as Facts
from ..contract.references import component_name
from ..emit.endpoints import module_name

SAFE = "safe"
NEVER = "never"
BY_ACTION = "by action"


class Contract:
    """Looks up operations by the names that code gives them."""

    def __init__(self, contract: Facts) -> None:
        data, places = contract.data, contract.operations
        self.functions: Mapping[str, str] = {module_name(place).rpartition(".")[2]: place.id for place in places}
        """The name of each endpoint function, and its operationId."""
        self._retries = {place.id: str(place.spec["x-retry"]) for place in places}
        self.actions: Mapping[str, tuple[str, str]] = {}
        """The model of each action: its tag and its `x-retry`."""
        schemas = data["components"]["schemas"]
        for place in places:
            body = schemas.get(component_name(place.request_schema), {})
            models = {
                tag: reference.rpartition("/")[2]
                for tag, reference in body.get("discriminator", {}).get("mapping", {}).items()
            }
            if models:
                self._retries[place.id] = BY_ACTION
                self.actions = {model: (tag, schemas[model]["x-retry"]) for tag, model in models.items()}
        codes = data["x-result-codes"]
        self._codes: dict[str, list[str]] = {}
        for item in codes["codes"]:
            self._codes.setdefault(item["kind"], []).append(str(item["code"]))
        for status, kind in codes["statuses"].items():
            self._codes.setdefault(kind, []).append(f"...{status}")

    def retry(self, operation: str) -> str:
        """Return an operation's `x-retry`; it depends on the body where that is an action."""
        return self._retries[operation]

    def codes(self, error: str) -> list[str]:
        """Return the result codes that become an error class, `...404` for all that end like this."""
        for kind, codes in self._codes.items():
            words = kind.removesuffix("-error").split("-")
            if error == "".join(map(str.capitalize, words)) + "Error":
                # A code that ends like a whole range is one of it.
                endings = tuple(code.removeprefix("...") for code in codes if code.startswith("..."))
                return [code for code in codes if code.startswith("...") or not (endings and code.endswith(endings))]
        return []
