import resource
from collections.abc import Iterator

import pytest

from services.shared.open_files import WANTED, allow_open_files


@pytest.fixture
def low() -> Iterator[int]:
    """A soft limit of 1,024, as an ordinary user has it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1_024, hard), hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_F69_the_soft_limit_is_raised_as_far_as_allowed(low: int) -> None:
    raised = allow_open_files()

    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == raised == min(WANTED, low)
    assert allow_open_files() == raised
