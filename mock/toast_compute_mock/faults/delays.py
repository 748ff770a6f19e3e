"""Delay a reply, by a fixed time or by chance."""

from __future__ import annotations

import math

from .base import LONGEST_DELAY, BaseEffect, FaultError, check_number, check_seconds

_LARGEST_SIGMA = 10.0  # one in six delays is then 22,000 times the median; more than that models nothing


class Delay(BaseEffect, frozen=True):
    """The reply is late by always the same."""

    seconds: float

    def __post_init__(self) -> None:
        check_seconds("seconds", self.seconds)

    @property
    def says(self) -> str:
        return f"answered {self.seconds:g} s late"

    def draw(self, _first: float, _second: float) -> float:
        """Return the seconds, without any chance."""
        return float(self.seconds)


class DelayUniform(BaseEffect, frozen=True):
    """The reply is late by anything between two numbers of seconds, each as likely as the other."""

    min: float
    max: float

    def __post_init__(self) -> None:
        check_seconds("min", self.min)
        check_seconds("max", self.max)
        if self.max < self.min:
            raise FaultError("max", "must be at least min")

    @property
    def says(self) -> str:
        return f"answered {self.min:g} to {self.max:g} s late"

    def draw(self, first: float, _second: float) -> float:
        """Return the seconds that belong to a number between 0 and 1."""
        return self.min + (self.max - self.min) * first


class DelayLogNormal(BaseEffect, frozen=True):
    """The reply is late as real ones are: mostly a little, and now and then a lot."""

    median: float
    """Seconds; half of the delays are shorter."""
    sigma: float
    """How much they differ, as the standard deviation of their logarithm; 0 for not at all."""
    max: float = LONGEST_DELAY
    """Seconds; what would be longer is cut to it."""

    def __post_init__(self) -> None:
        check_seconds("median", self.median)
        check_number("sigma", self.sigma, 0, _LARGEST_SIGMA)
        check_seconds("max", self.max)
        if self.max < self.median:
            raise FaultError("max", "must be at least median")

    @property
    def says(self) -> str:
        limit = "" if self.max == LONGEST_DELAY else f", at most {self.max:g} s"
        return f"answered late, by {self.median:g} s in the median{limit}"

    def draw(self, first: float, second: float) -> float:
        """Return the seconds that belong to two numbers between 0 and 1, by the method of Box and Muller."""
        normal = math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second)
        return min(self.median * math.exp(self.sigma * normal), float(self.max))
