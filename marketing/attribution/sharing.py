"""The six models of attribution: how the value of a won deal is shared among the touches of its path.

Shares are integer weights, and amounts are cents: what division leaves over goes to the largest remainders,
for equal ones to the earlier touch, so that the parts add up to the whole. docs/figures.md defines each
model.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: The number of days in which a touch loses half of its weight under TimeDecay.
HALF_LIFE = 7
MICROSECONDS_A_DAY = 86_400_000_000
#: The bits of the last touch's weight under TimeDecay; a touch with 2^-62 of it or less has no weight.
BITS = 62


@dataclass(frozen=True)
class Path:
    """The touches of a deal in their order, as moments in microseconds, with the moments that its anchors
    need."""

    moments: Sequence[int]
    lead_created: int | None  #: when the first of its leads was created
    deal_created: int

    @property
    def lead_anchor(self) -> int:
        """The place of the touch at the creation of the first lead, else of the last one before, else of the
        first."""
        return 0 if self.lead_created is None else self._last_until(self.lead_created)

    @property
    def deal_anchor(self) -> int:
        """The same for the creation of the deal."""
        return self._last_until(self.deal_created)

    def _last_until(self, moment: int) -> int:
        return max(bisect_right(self.moments, moment) - 1, 0)


def _first_touch(path: Path) -> list[int]:
    return [1, *[0] * (len(path.moments) - 1)]


def _last_touch(path: Path) -> list[int]:
    return [*[0] * (len(path.moments) - 1), 1]


def _linear(path: Path) -> list[int]:
    return [1] * len(path.moments)


def _position_based(path: Path) -> list[int]:
    return _anchored(path, {0: 40}, path.lead_anchor, others=20)


def _w_shaped(path: Path) -> list[int]:
    return _anchored(path, {0: 30}, path.lead_anchor, path.deal_anchor, others=10)


def _anchored(path: Path, weights: dict[int, int], *anchors: int, others: int) -> list[int]:
    """Returns weights in which the first touch and each anchor have the first weight, and the rest shares
    `others`.

    Where anchors coincide their weights add up. If there are no other touches, the anchors share everything
    in proportion.
    """
    each = weights[0]
    for anchor in anchors:
        weights[anchor] = weights.get(anchor, 0) + each
    count = len(path.moments) - len(weights)
    if not count:
        return [weights[place] for place in range(len(path.moments))]
    return [
        weights[place] * count if place in weights else others for place in range(len(path.moments))
    ]


def _time_decay(path: Path) -> list[int]:
    """Returns weights that halve for every seven days before the last touch.

    Only proportions count, so the last touch is the measure: weights do not become too small if the win came
    late.
    """
    last = path.moments[-1]
    half = HALF_LIFE * MICROSECONDS_A_DAY
    return [int(2.0 ** (BITS - (last - moment) / half)) for moment in path.moments]


#: The models by name. Each returns the weights of the touches of a path, which must not be empty.
MODELS: dict[str, Callable[[Path], list[int]]] = {
    "FirstTouch": _first_touch,
    "LastTouch": _last_touch,
    "Linear": _linear,
    "PositionBased": _position_based,
    "WShaped": _w_shaped,
    "TimeDecay": _time_decay,
}


def share_cents(cents: int, weights: Sequence[int]) -> list[int]:
    """Returns `cents` shared in proportion to `weights`.

    Parts are whole cents by the largest remainder; for equal remainders the earlier part gets the cent.
    """
    whole = sum(weights)
    parts, left = [], cents
    remainders = []
    for place, weight in enumerate(weights):
        part, remainder = divmod(cents * weight, whole)
        parts.append(part)
        left -= part
        remainders.append((-remainder, place))
    if left:
        remainders.sort()
        for _, place in remainders[:left]:
            parts[place] += 1
    return parts


def credits(model: str, path: Path, cents: int) -> list[int]:
    """Returns what each touch of the path earned of `cents` under a model; empty without a path."""
    return share_cents(cents, MODELS[model](path)) if path.moments else []
