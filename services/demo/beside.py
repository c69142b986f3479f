"""What an account has of another one behind the same address that has very much to do."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.demo.kommo_process import LocalKommo

_PERCENT = 95


@dataclass(frozen=True, slots=True)
class Beside:
    """How long leads of an account waited, 95 of 100 of them at most so long.

    Attributes:
        alone_s: From the hook to the manager in Kommo, before the other one had so much to do.
        beside_s: The same of the leads that came while it did.
        own: Its own requests in that time: who takes turns has as many.
        between: Requests for the other account in that time.
    """

    alone_s: float
    beside_s: float
    own: int
    between: int

    @property
    def words(self) -> str:
        """It as a sentence."""
        return (
            f"95 of 100 leads were set within {self.beside_s:.2f} s beside the other account,"
            f" within {self.alone_s:.2f} s before that; {self.between} requests for the other one"
            f" came between, beside {self.own} of its own."
        )


async def beside(
    kommo: LocalKommo, other: LocalKommo, lead_ids: Collection[int], *, flooded_at: float
) -> Beside:
    """Measure it by the journals of both accounts, which have one clock.

    Args:
        kommo: The account that goes on as before.
        other: The one that has very much to do.
        lead_ids: Of the first.
        flooded_at: Since when that is so.
    """
    wanted = dict.fromkeys(lead_ids)
    begun: dict[int, float] = {}
    for row in await kommo.rows("deliveries"):
        for lead_id in row["lead_ids"]:
            if lead_id in wanted:
                begun.setdefault(lead_id, row["at"])
    ended: dict[int, float] = {
        row["lead_id"]: row["at"]
        for row in await kommo.rows("responsibles")
        if row["via"] == "api" and row["lead_id"] in begun
    }
    own, calls = [
        sorted(row["at"] for row in await each.rows("requests")) for each in (kommo, other)
    ]
    last = max(calls, default=flooded_at)
    waits = [(begun[lead_id], at) for lead_id, at in ended.items()]
    meanwhile = [wait for wait in waits if flooded_at <= wait[0] < last]
    return Beside(
        alone_s=_most([end - at for at, end in waits if end < flooded_at]),
        beside_s=_most([end - at for at, end in meanwhile]),
        own=int(_most([_between(own, *wait) for wait in meanwhile])),
        between=int(_most([_between(calls, *wait) for wait in meanwhile])),
    )


def _between(calls: Sequence[float], begin: float, end: float) -> int:
    return bisect_right(calls, end) - bisect_left(calls, begin)


def _most(found: Sequence[float]) -> float:
    ordered = sorted(found)
    return ordered[max(0, -(-_PERCENT * len(ordered) // 100) - 1)] if ordered else 0.0
