"""What Kommo says of the account itself: its zone and its users."""

from contracts.events import (
    AccountDescribed,
)
from contracts.inbound import (
    DescribeAccount,
)
from domain.step import Step


def describe_account(step: Step, message: DescribeAccount) -> None:
    """Kommo's zone and users were read; nothing is written unless they changed."""
    account = step.account
    limited = tuple(account.limited.values())
    known = (account.timezone, account.active_user_ids, limited, account.began_at)
    began_at = message.began_at or account.began_at
    told = (message.timezone, message.active_user_ids, message.limited, began_at)
    if known == told and not account.refused_user_ids:
        return
    step.record(
        AccountDescribed(
            timezone=message.timezone,
            active_user_ids=message.active_user_ids,
            limited=message.limited,
            at=step.now,
            began_at=message.began_at,
        )
    )
    step.has_room = True
