"""What do the tests start from that need a run which has already begun?"""

from __future__ import annotations

from ..mock_target import MockTarget
from ..run import Run
from ..target import Target
from .access_probes import Prober
from .fixtures import Given, find_material
from .inventory import Stock
from .observer import Lookout
from .preparation import Arranger


class World:
    """A run on a fresh mock, with what is needed to arrange requests."""

    def __init__(self, target: Target | None = None) -> None:
        self.run = Run(target or MockTarget(1))
        _ = self.run.token
        self.material = find_material(self.run, Given())
        self.lookout = lookout = Lookout(self.run)
        self.prober = Prober(self.run)
        lookout.from_both_sides(None)
        self.run.call("listKeypairs")
        self.run.ledger.created_before = set(self.run.ledger.instances)
        self.stock = Stock(self.run, lookout, self.material, label="test")
        self.stock.fill()
        self.arranger = Arranger(self.run, self.stock)
