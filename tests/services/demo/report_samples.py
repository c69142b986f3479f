"""A report as the demo makes it, and hostile ones."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from services.demo.report import DemoReport, ReportedDecision, ReportedManager


def manager(number: int = 501, name: str = "Anna Kowalska", **changes: object) -> ReportedManager:
    values: dict[str, object] = {
        "coefficient": Decimal(1),
        "tier": 1,
        "limit": None,
        "note": "",
        "fair_share": Fraction(100, 3),
        "assigned": 33,
    }
    return ReportedManager(manager_id=number, name=name, **(values | changes))  # type: ignore[arg-type]  # checked by use


def report(**changes: object) -> DemoReport:
    values: dict[str, object] = {
        "made_at": datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
        "settings": "seed 7, 1,000 leads at once, 20% of the webhooks twice, embedded PostgreSQL",
        "requested": 1_000,
        "decided": 1_000,
        "in_kommo": 1_000,
        "waiting": 0,
        "lost": 0,
        "twice": 0,
        "took_s": 3.31,
        "kommo_floor_s": 2.86,
        "requests": 20,
        "managers": (
            manager(
                501,
                "Anna Kowalska",
                coefficient=Decimal("1.5"),
                limit=400,
                fair_share=Fraction("263.16"),
                assigned=263,
            ),
            manager(502, "Boris Nikolaev", fair_share=Fraction("175.44"), assigned=176),
            manager(503, "Chiara Lombardi-Bianchi", fair_share=Fraction("175.44"), assigned=175),
            manager(
                504, "Dmitri", coefficient=Decimal("0.5"), fair_share=Fraction("87.72"), assigned=88
            ),
            manager(
                505,
                "Eva",
                limit=120,
                note="at the limit after 120 leads",
                fair_share=Fraction("120.25"),
                assigned=120,
            ),
            manager(
                506, "Farid", note="paused by an administrator", fair_share=Fraction(0), assigned=0
            ),
            manager(
                507,
                "Grace Okafor",
                coefficient=Decimal(2),
                fair_share=Fraction("177.99"),
                assigned=178,
                note="on shift from lead 400 on",
            ),
            manager(
                508,
                "Hanna",
                tier=2,
                note="asked only while nobody of priority 1 can take a lead",
                fair_share=Fraction(0),
                assigned=0,
            ),
        ),
        "deviations": tuple(
            (n, 0.2 + (n * 7919 % 97) / 110 + (0.35 if n > 400 else 0)) for n in range(1, 1_001)
        ),
        "progress": tuple(
            (i / 10, max(0, min(1000, i * 260) - 50 * (i * 7 // 10)), min(1000, 50 * (i * 7 // 10)))
            for i in range(34)
        ),
        "decisions": (
            ReportedDecision(
                title="Lead 900412 went to Grace Okafor",
                lines=(
                    "09:30:02 the trigger of stage Talks fired; rule site, revision 3",
                    "6 of 8 could take it: Farid is paused, Hanna has priority 2",
                    "Grace has the largest credit, 0.81 leads, and pays one lead",
                ),
                columns=("Manager", "Verdict", "Credit before", "Share", "Open leads"),
                rows=(
                    ("Anna Kowalska", "eligible", "0.12", "0.214", "108 of 400"),
                    ("Farid", "paused", "0.00", "", "0"),
                    ("Grace Okafor", "eligible", "0.52", "0.286", "4"),
                ),
            ),
            ReportedDecision(title="Lead 900413 waited", lines=("Everybody was at the limit.",)),
        ),
    }
    return DemoReport(**(values | changes))  # type: ignore[arg-type]  # checked by use
