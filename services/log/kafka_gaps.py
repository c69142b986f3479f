"""What a partition of Kafka lacks when it cannot be read on from our position (F22)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What is not there of what we want next.

    Attributes:
        position: Ours: the offset of the message we want next.
        earliest: The offset of the first message that the partition holds.
        latest: The offset of the message that comes next into it.
    """

    position: int
    earliest: int
    latest: int

    @property
    def is_deleted(self) -> bool:
        """Whether it was deleted unread; else the log was made anew, or is an older backup's."""
        return self.earliest > self.position

    def __str__(self) -> str:
        """As a line of the log says it."""
        if self.is_deleted:
            gone = f"messages {self.position} to {self.earliest - 1}"
            return f"{gone} were deleted before they were read"
        return (
            f"the log ends at {self.latest}, before our position {self.position}: it was made anew"
            f" or restored from an older backup"
        )


def gap_at(*, position: int, earliest: int, latest: int) -> Gap | None:
    """What is missing for whoever wants to read on at a position; None when nothing is."""
    if earliest <= position <= latest:
        return None
    return Gap(position=position, earliest=earliest, latest=latest)


def advice(partition: int) -> str:
    """How a person lets a partition go on."""
    return f"when you know why: fairlead gaps resume {partition}"
