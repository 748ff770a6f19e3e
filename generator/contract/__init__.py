"""The contract and the facts that follow from it, each computed once."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from .references import referenced
from .replies import Operation, Reply, operations_of, reply_of


class Contract:
    """A contract's data and what checks and writers need to know of it.

    Facts are computed when they are first read: the first checks run on a contract that is not sound enough for them.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    @property
    def schemas(self) -> dict[str, dict[str, Any]]:
        """The schema components by name."""
        schemas: dict[str, dict[str, Any]] = self.data["components"]["schemas"]
        return schemas

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """The operations in the order in which they are written."""
        return tuple(operations_of(self.data))

    @cached_property
    def replies(self) -> dict[str, Reply]:
        """The reply of each operation by operationId.

        Raises:
            ContractError: A reply does not follow the convention.
        """
        return {operation.id: reply_of(self.data, operation) for operation in self.operations}

    @cached_property
    def sent(self) -> frozenset[str]:
        """The components that requests are made of: bodies and parameters."""
        roots: list[Any] = [self.data["components"].get("parameters", {})]
        for operation in self.operations:
            roots += [operation.request_schema or {}, operation.spec.get("parameters", [])]
        return referenced(self.data, roots)

    @cached_property
    def received(self) -> frozenset[str]:
        """The components that replies are made of."""
        return referenced(self.data, [operation.reply_schema or {} for operation in self.operations])

    @cached_property
    def actions(self) -> frozenset[str]:
        """The discriminator values of all unions, such as `reboot`."""
        return frozenset(
            value for schema in self.schemas.values() for value in schema.get("discriminator", {}).get("mapping", {})
        )
