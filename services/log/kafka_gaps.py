"""What a partition of Kafka lacks when it cannot be read on from our position (F22)."""


def missing(*, position: int, earliest: int, latest: int) -> str | None:
    """What is not there of what we want next; None when nothing is missing.

    Args:
        position: Ours: the offset of the message we want next.
        earliest: The offset of the first message that the partition holds.
        latest: The offset of the message that comes next into it.
    """
    if earliest > position:
        return f"messages {position} to {earliest - 1} were deleted before they were read"
    if latest < position:
        return (
            f"the log ends at {latest}, before our position {position}: it was made anew or"
            f" restored from an older backup"
        )
    return None


def advice(partition: int) -> str:
    """How a person lets a partition go on."""
    return f"when you know why: fairlead gaps resume {partition}"
