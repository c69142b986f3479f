"""The account aggregate as records: what a decision may depend on, and nothing else.

The state grows with open leads, managers and waiting requests, never with history: closed leads
are remembered for a day, so that late copies of a webhook are still recognised. How each record is
written into a snapshot stands beside it; how events change it is told in `domain.evolve`.
"""

from domain.state.account import LAPSE_TIMER, Account, KindAccount, Pause, RegistryBook, Timer
from domain.state.commands import Taken
from domain.state.lead import (
    ANNOUNCED,
    CLOCK_SLACK,
    CLOCKS_DIFFER_BY,
    CROWDED,
    REMEMBERED_FOR,
    TOLD_GONE,
    Announced,
    Gone,
    Lead,
    Told,
    Wanted,
)
from domain.state.notices import OpenNotice, Why
from domain.state.offer import Offer
from domain.state.request import Request, Requests
from domain.state.transfers import Thing, Transfers

__all__ = [
    "ANNOUNCED",
    "CLOCKS_DIFFER_BY",
    "CLOCK_SLACK",
    "CROWDED",
    "LAPSE_TIMER",
    "REMEMBERED_FOR",
    "TOLD_GONE",
    "Account",
    "Announced",
    "Gone",
    "KindAccount",
    "Lead",
    "Offer",
    "OpenNotice",
    "Pause",
    "RegistryBook",
    "Request",
    "Requests",
    "Taken",
    "Thing",
    "Timer",
    "Told",
    "Transfers",
    "Wanted",
    "Why",
]
