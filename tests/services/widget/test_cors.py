"""Which pages may call, and how soon that is known."""

from services.widget.cors import KNOWN_S, UNKNOWN_S, KnownOrigins

ACME, OTHER = "https://acme.kommo.com", "https://other.kommo.com"


async def test_S13_an_account_that_has_just_let_us_in_is_not_kept_waiting() -> None:
    """And whoever makes origins up does not have the database asked each time."""
    allowed, readings, now = {ACME}, [], [0.0]

    async def read() -> frozenset[str]:
        readings.append(now[0])
        return frozenset(allowed)

    known = KnownOrigins(read, lambda: now[0])
    before = [await known.has(each) for each in (ACME, OTHER, OTHER)]
    allowed.add(OTHER)
    now[0] = UNKNOWN_S
    after = [await known.has(each) for each in (ACME, OTHER, ACME)]
    allowed.clear()
    now[0] = UNKNOWN_S + KNOWN_S
    gone = await known.has(ACME)

    assert (before, after, gone) == ([True, False, False], [True, True, True], False)
    assert readings == [0.0, UNKNOWN_S, UNKNOWN_S + KNOWN_S]
