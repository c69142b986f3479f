"""What holds for every schedule in every zone of the database, 2000 to 2040 (D4, F66).

The oracle knows nothing of offsets, gaps or bisection: it walks over the minutes of UTC, reads
the clock on the wall at each, and looks for the minutes at which an interval starts and ends.
"""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from contracts.rules import Rotation, ScheduleException, ScheduleSection
from domain.schedule import HORIZON, Schedule, compile_schedule, schedule_problems
from domain.schedule.hours import WEEKDAYS, span
from domain.schedule.zones import zone, zone_names
from services.words.catalogue import Words

INSTANT = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@st.composite
def interesting_days(draw: st.DrawFn) -> tuple[str, date]:
    """A zone and a date, mostly one on which its clocks change."""
    name = draw(st.sampled_from(zone_names()))
    first = datetime(draw(st.integers(2000, 2040)), 1, 1, tzinfo=UTC)
    offsets = [(first + n * DAY).astimezone(zone(name)).utcoffset() for n in range(367)]
    changes = [n for n, (one, two) in enumerate(pairwise(offsets)) if one != two]
    if changes and draw(st.integers(0, 4)) > 0:
        day = draw(st.sampled_from(changes)) + draw(st.integers(-1, 1))
    else:
        day = draw(st.integers(0, 365))
    return name, (first + day * DAY).date()


# Mostly times at which clocks are set, to hit their edges.
times = st.one_of(
    st.sampled_from([0, 29, 30, 60, 61, 90, 119, 120, 121, 150, 179, 180, 181, 210, 240, 1439]),
    st.integers(0, 1439),
)


def interval(start: int, end: int) -> str:
    return f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"


intervals = st.lists(st.builds(interval, times, times | st.just(1440)), max_size=4)
weeks = st.dictionaries(st.sampled_from(WEEKDAYS), intervals)


@st.composite
def sections(draw: st.DrawFn, day: date) -> ScheduleSection:
    """Any schedule that can be compiled, overlapping itself or not."""
    near = st.integers(-4, 4).map(lambda n: day + timedelta(days=n))
    exceptions = draw(st.lists(st.builds(ScheduleException, on=near, hours=intervals), max_size=3))
    match draw(st.sampled_from(["weekly", "hours", "days", "always"])):
        case "weekly":
            return ScheduleSection(weekly=draw(weeks), exceptions=exceptions)
        case "always":
            return ScheduleSection(always=True, exceptions=exceptions)
        case "hours":
            rotation = Rotation(anchor=draw(near), pattern="3/1/2/2", hours=draw(intervals))
        case _:
            each = draw(st.lists(intervals, min_size=3, max_size=3))
            rotation = Rotation(anchor=draw(near), pattern="2/1/1/0", days=each)
    return ScheduleSection(rotating=rotation, exceptions=exceptions)


@st.composite
def cases(draw: st.DrawFn) -> tuple[ScheduleSection, str, date]:
    name, day = draw(interesting_days())
    return draw(sections(day)), name, day


def instants(day: date) -> st.SearchStrategy[datetime]:
    """Instants around a date, mostly on whole minutes."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return st.builds(
        lambda minutes, more: midnight + minutes * MINUTE + more * INSTANT,
        st.integers(-2 * 1440, 3 * 1440),
        st.sampled_from([0, 0, 0, 1, 59_999_999]),
    )


def hours_on(section: ScheduleSection, day: date) -> list[str]:
    """The intervals written for a date, read from the section the plainest way."""
    hours: list[str] = []
    if section.weekly is not None:
        hours = section.weekly.get(WEEKDAYS[day.weekday()], [])
    elif section.rotating is not None:
        counts = [int(count) for count in section.rotating.pattern.split("/")]
        turn: list[list[str]] = []
        each = iter(section.rotating.days or [section.rotating.hours or []] * sum(counts))
        for index, count in enumerate(counts):
            turn += [next(each) if index % 2 == 0 else [] for _ in range(count)]
        hours = turn[(day - section.rotating.anchor).days % len(turn)]
    elif section.always:
        hours = ["00:00-24:00"]
    for exception in section.exceptions:
        if exception.on == day:
            hours = exception.hours
    return hours


def open_minutes(section: ScheduleSection, name: str, day: date) -> dict[datetime, bool]:
    """Whether each minute from two days before a date to three after it is in a shift."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    walk = [midnight + n * MINUTE for n in range(-6 * 1440, 7 * 1440)]
    walls = [minute.astimezone(zone(name)).replace(tzinfo=None) for minute in walk]
    first: dict[datetime, int] = {}
    last: dict[datetime, int] = {}
    for n, wall in enumerate(walls):
        first.setdefault(wall, n)
        last[wall] = n
    is_open = [False] * len(walk)
    for offset in range(-4, 5):
        on = day + timedelta(days=offset)
        for written in hours_on(section, on):
            start, end = (datetime.combine(on, time()) + n * MINUTE for n in span(written))
            begin = first.get(start)
            if begin is None:
                begin = next(n for n, wall in enumerate(walls) if wall > start)
            stop = last.get(end)
            if stop is None:
                stop = next(n for n, wall in enumerate(walls) if wall > end)
            is_open[begin:stop] = [True] * max(0, stop - begin)
    return dict(zip(walk[4 * 1440 : -4 * 1440], is_open[4 * 1440 : -4 * 1440], strict=True))


def compiled(case: tuple[ScheduleSection, str, date]) -> Schedule:
    return compile_schedule(case[0], case[1])


@given(cases())
def test_F66_every_minute_agrees_with_a_walk_over_the_clock(
    case: tuple[ScheduleSection, str, date],
) -> None:
    expected = open_minutes(*case)
    schedule = compiled(case)

    assert {minute: schedule.is_open(minute) for minute in expected} == expected
    worked = sum(expected.values()) * MINUTE
    begin = min(expected)
    assert schedule.working_time_between(begin, begin + len(expected) * MINUTE) == worked


@given(cases(), st.data())
def test_F66_the_next_start_is_strictly_later_and_a_real_opening(
    case: tuple[ScheduleSection, str, date], data: st.DataObject
) -> None:
    schedule = compiled(case)
    t = data.draw(instants(case[2]))
    start = schedule.next_start(t)

    if start is None:
        # Closed to the horizon, or open now and after the end never again, or always open.
        is_open, until = schedule.state_at(t)
        worked = schedule.working_time_between(t, t + HORIZON)
        assert worked == (until - t if is_open else timedelta(0))
    else:
        assert t < start <= t + HORIZON
        assert schedule.is_open(start)
        assert not schedule.is_open(start - INSTANT)
        # Nothing opens before it.
        is_open, until = schedule.state_at(t)
        assert until <= start
        assert schedule.working_time_between(until if is_open else t, start) == timedelta(0)


@given(cases(), st.data())
def test_F66_shifts_are_never_negative_nor_empty(
    case: tuple[ScheduleSection, str, date], data: st.DataObject
) -> None:
    schedule = compiled(case)
    t = data.draw(instants(case[2]))

    for _ in range(20):
        start = schedule.next_start(t)
        if start is None:
            break
        is_open, until = schedule.state_at(start)
        assert is_open
        assert until > start
        assert schedule.working_time_between(start, until) == until - start
        t = start


@given(cases(), st.data())
def test_F66_working_time_is_additive(
    case: tuple[ScheduleSection, str, date], data: st.DataObject
) -> None:
    schedule = compiled(case)
    near = data.draw(instants(case[2]))
    far = near + data.draw(st.timedeltas(timedelta(0), timedelta(days=400)))
    a, b, c = sorted([near, data.draw(instants(case[2])), far])

    one, two = schedule.working_time_between(a, b), schedule.working_time_between(b, c)
    assert timedelta(0) <= one <= b - a
    assert schedule.working_time_between(a, c) == one + two


@given(cases(), st.data())
def test_F66_the_state_holds_until_the_instant_that_is_named(
    case: tuple[ScheduleSection, str, date], data: st.DataObject
) -> None:
    schedule = compiled(case)
    t = data.draw(instants(case[2]))
    is_open, until = schedule.state_at(t)
    between = t + data.draw(st.timedeltas(timedelta(0), until - t - INSTANT))

    assert is_open == schedule.is_open(t) == schedule.is_open(between)
    assert schedule.working_time_between(t, until) == (until - t if is_open else timedelta(0))
    assert schedule.is_open(until) != is_open or until == t + HORIZON


@given(cases(), st.data())
def test_F66_the_order_of_questions_changes_no_answer(
    case: tuple[ScheduleSection, str, date], data: st.DataObject
) -> None:
    asked, fresh = compiled(case), compiled(case)
    t = data.draw(instants(case[2]))
    asked.working_time_between(t - timedelta(days=data.draw(st.integers(0, 300))), t)

    assert asked.state_at(t) == fresh.state_at(t)
    assert asked == fresh


@given(cases())
def test_S34_looking_for_problems_never_fails(case: tuple[ScheduleSection, str, date]) -> None:
    problems = schedule_problems(case[0])

    assert all(path and Words().say(problem) for path, problem in problems)
