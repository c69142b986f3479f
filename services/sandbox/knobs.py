"""What can be turned on this Kommo: speed, faults, and the facts that nobody has confirmed."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Milliseconds = Annotated[int, Field(ge=0, le=600_000)]


class Knobs(BaseModel):
    """Every knob; all may be turned while the server runs, except where noted.

    The counters named `*_next` count down as they take effect. Fractions are drawn from `seed`
    and the thing itself, never from a running generator, so the order of events cannot matter.

    Attributes:
        time_scale: Real seconds per documented second, for retries and for switching hooks off.
        duplicate_fraction: Share of hooks that are sent again, `duplicate_copies` times.
        drop_fraction: Share of leads all of whose hooks are lost, account and pipeline ones.
        delay_min_ms: Hooks leave between this and `delay_max_ms` after their change.
        latency_min_ms: API requests wait between this and `latency_max_ms` before they act.
        answer_delay_ms: API requests wait this long after they have acted.
        api_author: `modified_user_id` of API changes: 0, or the user of the token.
        account_block: Where account webhooks carry the `account` block.
        account_link: `account[_links][self]`; `{subdomain}` is filled in.
        one_body: Whether `update` comes in the same body as `status` and `responsible`.
        update_first: Whether `update` comes before `status` and `responsible`.
        leads_per_body: Most leads of one bulk change in a single account webhook.
        dp_json: Whether pipeline hooks are JSON instead of a form.
        dp_plain_retries: Retries of a plain pipeline hook (0 or 4 in the documentation).
        dp_widget_retries: The same for a widget's hook.
        error_next: So many API requests are answered with `error_status`.
        page: Every API request is answered by a page of HTML with this status; 0 for none.
        blocked: Every API request of this account is answered by a plain 403.
        down: Every API request of this account is answered 503.
        too_many_next: So many API requests are answered 429 whatever the rate.
        timeout_above: PATCH of more leads than this is answered 504; 0 never is.
        patched_max: PATCH is answered with `error_status` once so many leads have been changed by
            it, so that work is left until this is raised; 0 never is.
        cut_next: So many requests that PATCH anything, or POST notes or tasks, are applied, then
            the connection is cut unanswered.
        refuse_lead_ids: PATCH of these leads is refused.
        refuse_any_user_lead_ids: PATCH of these leads is refused as a wrong choice of the
            responsible, whoever it is.
        refuse_first_user_lead_ids: The same of these leads with the first user that each is asked
            for; any other is taken.
        refuse_pairs: The same of a lead, contact, company or task with a user.
        refuse_user_ids: A PATCH that names these users is refused.
        refusals: How a refused PATCH names what is wrong: `by_index` or, as Kommo does at times,
            always the first element (`first`), by id under `errors` (`by_id`), or not at all.
        garbled_ids: Things with these ids, and events about them, are shown with nulls in their
            most important fields; those of `blank_ids` with nulls throughout.
        alone_is_whole: Whether these make sense when they are shown alone.
        refuse_incoming: PATCH of leads in Incoming leads is refused.
        accept_tells: What account webhooks tell of a lead that is accepted, besides the end of
            its time among the incoming ones.
        show_deactivated: Whether the list of users shows deactivated ones.
        requests_per_second: Limit per source address, over a sliding second.
        retry_after_s: What a 429 says; null leaves the field out.
        too_many_body: `text` makes the 429 something other than JSON.
        enforce_pause: Whether everything is refused until `retry_after_s` has passed.
        block_after: So many 429 within `block_within_s` block the address; 0 never blocks.
        block_s: How long a blocked address gets a plain 403, in real seconds.
        access_token_s: How long an access token is good.
        refresh_token_s: The same of a refresh token: three months.
        code_s: The same of a code: 20 minutes.
        refresh_grace: Whether an exchanged refresh token keeps working until its successor is used.
        lose_refresh_next: So many exchanges of tokens are made, then the connection is cut.
        tokens_refused: Whether no access token lets anybody in, as after a revocation.
        hook_timeout_s: Real seconds in which a receiver must answer.
        timeout_status: What a timeout counts as in the table of retries.
        disable_after: More bad answers than this within `disable_window_s` switch a webhook off.
        delivery_concurrency: Hooks in flight at once; read at start only.
        pending_max: Hooks waiting at once; more are lost and counted.
        journal_max: Rows of each journal; read at start only.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    seed: int = 1
    time_scale: float = Field(default=1.0, gt=0, le=100)
    duplicate_fraction: Fraction = 0.0
    duplicate_copies: int = Field(default=1, ge=1, le=100)
    drop_fraction: Fraction = 0.0
    delay_min_ms: Milliseconds = 0
    delay_max_ms: Milliseconds = 0
    latency_min_ms: Milliseconds = 0
    latency_max_ms: Milliseconds = 0
    answer_delay_ms: Milliseconds = 0
    api_author: Literal["robot", "token_user"] = "robot"
    account_block: Literal["first", "last"] = "first"
    account_link: str = "https://{subdomain}.kommo.com"
    one_body: bool = False
    update_first: bool = True
    leads_per_body: int = Field(default=50, ge=1, le=250)
    dp_json: bool = False
    dp_plain_retries: int = Field(default=4, ge=0, le=4)
    dp_widget_retries: int = Field(default=0, ge=0, le=4)
    error_next: Count = 0
    error_status: int = Field(default=503, ge=400, le=599)
    page: Literal[0, 200, 403] = 0
    blocked: bool = False
    down: bool = False
    too_many_next: Count = 0
    timeout_above: Count = 0
    patched_max: Count = 0
    cut_next: Count = 0
    refuse_lead_ids: tuple[int, ...] = ()
    refuse_any_user_lead_ids: tuple[int, ...] = ()
    refuse_first_user_lead_ids: tuple[int, ...] = ()
    refuse_pairs: tuple[tuple[int, int], ...] = ()
    refuse_user_ids: tuple[int, ...] = ()
    refusals: Literal["by_index", "first", "by_id", "unnamed"] = "by_index"
    garbled_ids: tuple[int, ...] = ()
    blank_ids: tuple[int, ...] = ()
    alone_is_whole: bool = False
    refuse_incoming: bool = False
    accept_tells: Literal["nothing", "add", "status"] = "nothing"
    show_deactivated: bool = True
    requests_per_second: int = Field(default=7, ge=1, le=1_000_000)
    retry_after_s: int | None = Field(default=300, ge=0, le=86_400)
    too_many_body: Literal["problem", "text"] = "problem"
    enforce_pause: bool = False
    block_after: Count = 20
    block_within_s: float = Field(default=60.0, gt=0, le=86_400)
    block_s: float = Field(default=300.0, ge=0, le=86_400)
    access_token_s: int = Field(default=86_400, ge=1, le=864_000)
    refresh_token_s: int = Field(default=7_776_000, ge=1, le=77_760_000)
    code_s: int = Field(default=1_200, ge=1, le=12_000)
    refresh_grace: bool = True
    lose_refresh_next: Count = 0
    tokens_refused: bool = False
    hook_timeout_s: float = Field(default=2.0, gt=0, le=60)
    timeout_status: Literal[0, 499] = 499
    disable_after: int = Field(default=100, ge=0, le=1_000_000)
    disable_window_s: float = Field(default=7_200.0, gt=0, le=86_400)
    delivery_concurrency: int = Field(default=64, ge=1, le=1_000)
    pending_max: int = Field(default=1_000_000, ge=1, le=10_000_000)
    journal_max: int = Field(default=1_000_000, ge=1, le=10_000_000)

    def turn(self, values: Mapping[str, Any]) -> None:
        """Set the given knobs, all or none.

        Raises:
            pydantic.ValidationError: A name or a value is unknown; nothing was turned.
        """
        turned = Knobs.model_validate({**self.model_dump(), **values})
        for name in values:
            setattr(self, name, getattr(turned, name))

    def draw(self, *about: object) -> float:
        """Draw a number in [0, 1) that depends on the seed and on what it is about."""
        digest = blake2b(repr((self.seed, *about)).encode(), digest_size=8).digest()
        return (int.from_bytes(digest) >> 11) / (1 << 53)

    def delay_s(self, *about: object) -> float:
        """Draw how long a hook waits before it leaves."""
        return self._between_s(self.delay_min_ms, self.delay_max_ms, "delay", *about)

    def latency_s(self, *about: object) -> float:
        """Draw how long a request waits before it acts."""
        return self._between_s(self.latency_min_ms, self.latency_max_ms, "latency", *about)

    def _between_s(self, low_ms: int, high_ms: int, *about: object) -> float:
        if high_ms <= low_ms:
            return low_ms / 1_000
        return (low_ms + (high_ms - low_ms) * self.draw(*about)) / 1_000
