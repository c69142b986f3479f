"""The gateway's settings: a class for each of its parts, which takes it as it is read."""

from pydantic import BaseModel, Field
from pydantic_settings import SettingsConfigDict

from services.kommo.settings import CallSettings, LimiterSettings
from services.oauth.settings import RenewalSettings
from services.outgoing.settings import WebhookSettings
from services.shared.settings import Settings


class PushSettings(Settings):
    """How responsibles are set in Kommo.

    Attributes:
        batch_size: Leads in one request; Kommo takes 250 and advises 50.
        batch_size_max: Leads in one request while more of the account's leads wait than one request
            takes.
        linger_ms: How long a batch that is not full waits for company.
        flights_max: Requests of one account at the same time.
        poll_ms: How often the list of pushes is read without a wake-up.
        scan_spacing_ms: The least time between two looks at the list.
        page_rows: Results that are looked for at once.
        rows_max: Leads of one account that may wait for another try; beyond that no new ones are
            taken.
        told_max: Results of one account that it has not taken notice of yet; beyond that its pushes
            wait.
        fresh_s: A decision older than this is read from Kommo before it is sent.
        unsure_s: For so long after our database was restored from a backup, every lead is read
            before it is sent (F79).
        settle_s: A result that its account has not taken notice of after this is looked at again.
        attempts_max: After so many failures a lead or an account is parked.
        retry_first_s: The first pause after a failure is random, up to this; the bound triples each
            time.
        parked_s: The pause between tries of what is parked; they never end.
        stopped_s: The pause of an account that is unpaid or does not let us in.
        rejected_max: After so many unexplained refusals in a row the account is parked, instead of
            closing its requests (F33).
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_GATEWAY_PUSH_")

    batch_size: int = Field(default=50, ge=1, le=250)
    batch_size_max: int = Field(default=250, ge=1, le=250)
    linger_ms: int = Field(default=100, ge=0, le=5_000)
    flights_max: int = Field(default=2, ge=1, le=10)
    poll_ms: int = Field(default=1_000, ge=10, le=60_000)
    scan_spacing_ms: int = Field(default=50, ge=1, le=5_000)
    page_rows: int = Field(default=2_000, ge=1, le=100_000)
    rows_max: int = Field(default=5_000, ge=1, le=100_000)
    told_max: int = Field(default=50_000, ge=1, le=1_000_000)
    fresh_s: float = Field(default=60.0, ge=1, le=3_600)
    unsure_s: float = Field(default=3_600.0, ge=0, le=86_400)
    settle_s: float = Field(default=120.0, ge=1, le=3_600)
    attempts_max: int = Field(default=5, ge=1, le=100)
    retry_first_s: float = Field(default=20.0, ge=0.1, le=600)
    parked_s: float = Field(default=600.0, ge=1, le=86_400)
    stopped_s: float = Field(default=3_600.0, ge=1, le=86_400)
    rejected_max: int = Field(default=20, ge=1, le=10_000)


class LookupSettings(Settings):
    """How work lists are gone through: what is read, and what is linked, because an account asked.

    Attributes:
        batch_size: Rows of one account that are read at once; Kommo takes and returns 250 at most.
        page_rows: Rows of a work list that are fetched at once.
        poll_ms: How often the work lists are read without a wake-up.
        settle_s: A reading that its account has not taken notice of after this is repeated.
        retry_s: The longest pause of an account after failures in a row; the first is a sixteenth
            of it, each other twice the one before.
        stopped_s: The pause of an account that does not let us in.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_GATEWAY_LOOKUP_")

    batch_size: int = Field(default=250, ge=1, le=250)
    page_rows: int = Field(default=2_000, ge=1, le=100_000)
    poll_ms: int = Field(default=1_000, ge=10, le=60_000)
    settle_s: float = Field(default=60.0, ge=1, le=3_600)
    retry_s: float = Field(default=10.0, ge=0.1, le=3_600)
    stopped_s: float = Field(default=600.0, ge=1, le=86_400)


class SweepSettings(Settings):
    """How often Kommo is read for what no webhook told.

    Attributes:
        interval_s: The time from the start of one sweep of an account to the start of the next.
        overlap_s: How far a sweep reaches back before the start of the one before.
        full_interval_s: How often all leads are read, whether they changed or not.
        requests_per_hour_max: Requests that sweeps of one account may take in an hour; one of all
            leads takes one for 250.
        requests_at_once_max: The same at once, after a pause.
        pages_max: Pages of one account that are read before others have their turn.
        accounts_max: Accounts swept at the same time.
        poll_ms: How often it is looked whose sweep is due.
        retry_s: The longest pause of an account after failures in a row; the first is a sixteenth
            of it, each other twice the one before.
        stopped_s: The pause of an account that does not let us in.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_GATEWAY_SWEEP_")

    interval_s: float = Field(default=300.0, ge=1, le=86_400)
    overlap_s: float = Field(default=60.0, ge=1, le=3_600)
    full_interval_s: float = Field(default=86_400.0, ge=60, le=30 * 86_400)
    requests_per_hour_max: int = Field(default=3_600, ge=12, le=25_200)
    requests_at_once_max: int = Field(default=600, ge=1, le=25_200)
    pages_max: int = Field(default=20, ge=1, le=1_000)
    accounts_max: int = Field(default=4, ge=1, le=100)
    poll_ms: int = Field(default=1_000, ge=10, le=60_000)
    retry_s: float = Field(default=60.0, ge=1, le=3_600)
    stopped_s: float = Field(default=3_600.0, ge=1, le=86_400)


class TaskSettings(Settings):
    """How often open tasks are read, of accounts whose rules have a limit of them (D5.6).

    Attributes:
        interval_s: The time from one reading of all open tasks of an account to the next.
        poll_ms: How often it is looked whether rules have such a limit, and whose reading is due.
        retry_s: The longest pause of an account after failures in a row; the first is a sixteenth
            of it, each other twice the one before.
        stopped_s: The pause of an account that does not let us in.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_GATEWAY_TASKS_")

    interval_s: float = Field(default=300.0, ge=10, le=86_400)
    poll_ms: int = Field(default=10_000, ge=10, le=60_000)
    retry_s: float = Field(default=60.0, ge=1, le=3_600)
    stopped_s: float = Field(default=3_600.0, ge=1, le=86_400)


class DirectorySettings(Settings):
    """How often an account's people are read; Kommo has no webhook for users.

    Attributes:
        interval_s: How often users, stages and the state of the webhooks are read.
        poll_ms: How often it is looked whose reading is due.
        retry_s: The longest pause of an account after failures in a row; the first is a sixteenth
            of it, each other twice the one before.
        listen_s: How often it is looked whether sweeps found leads that no webhook told of; such an
            account is read at once.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_GATEWAY_DIRECTORY_")

    interval_s: float = Field(default=3_600.0, ge=10, le=86_400)
    poll_ms: int = Field(default=1_000, ge=10, le=60_000)
    retry_s: float = Field(default=60.0, ge=1, le=3_600)
    listen_s: float = Field(default=60.0, ge=1, le=3_600)


class RegistrySettings(Settings):
    """How soon an account that was connected, or has a new token, is noticed.

    Attributes:
        reload_s: How often the registry of accounts is read.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_GATEWAY_ACCOUNTS_")

    reload_s: float = Field(default=10.0, ge=0.1, le=3_600)


class GatewaySettings(BaseModel, frozen=True):
    """All of them."""

    limiter: LimiterSettings = LimiterSettings()
    call: CallSettings = CallSettings()
    push: PushSettings = PushSettings()
    lookup: LookupSettings = LookupSettings()
    sweep: SweepSettings = SweepSettings()
    tasks: TaskSettings = TaskSettings()
    webhooks: WebhookSettings = WebhookSettings()
    directory: DirectorySettings = DirectorySettings()
    accounts: RegistrySettings = RegistrySettings()
    tokens: RenewalSettings = RenewalSettings()
