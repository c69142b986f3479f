"""What the doctor says of the token of an account: whether it is renewed, and when it ends."""

from datetime import datetime, timedelta

from contracts.sentences import sentence
from services.application.doctor.finding import Diagnosis, passing, problem, well
from services.storage.accounts import RegisteredAccount
from services.storage.consents import RefusedConsent

# A person is told so long before a token ends that nobody renews, and again, and once more.
TOLD = timedelta(days=30)
URGENT = timedelta(days=7)
LAST = timedelta(days=1)


def token_of(
    account: RegisteredAccount, refused: RefusedConsent | None, now: datetime
) -> Diagnosis:
    """The token of an account, as it is known without asking Kommo."""
    subject = sentence("doctor.token", account=account.account_id)
    again = sentence("remedy.connect_again", address=account.base_url)
    if account.disconnected_at is not None:
        return well(subject, sentence("doctor.disconnected", since=account.disconnected_at))
    if account.suspended_at is not None:
        return problem(subject, sentence("doctor.suspended", since=account.suspended_at), again)
    if refused is not None:
        found = sentence(
            "doctor.consent_refused", since=refused.refused_at, words=refused.refused_because
        )
        return problem(subject, found, again)
    if account.client_id is not None:
        return well(subject, sentence("doctor.token_renewed"))
    if account.token_expires_at is None:
        return well(subject, sentence("doctor.token_end_unknown"))
    return _ending(account, account.token_expires_at, now)


def _ending(account: RegisteredAccount, ends_at: datetime, now: datetime) -> Diagnosis:
    """A token that nobody renews."""
    subject = sentence("doctor.token", account=account.account_id)
    remedy = sentence("remedy.new_token", address=account.base_url)
    left = ends_at - now
    if left <= timedelta():
        return problem(subject, sentence("doctor.token_ended", at=ends_at), remedy)
    if left <= LAST:
        return problem(subject, sentence("doctor.token_ends_within_a_day", at=ends_at), remedy)
    found = sentence("doctor.token_ends", at=ends_at, count=left.days)
    if left <= URGENT:
        return problem(subject, found, remedy)
    return passing(subject, found, remedy) if left <= TOLD else well(subject, found)
