"""How tokens are renewed that end by themselves."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.shared.settings import Settings


class RenewalSettings(Settings):
    """When tokens of accounts that let an integration in are renewed; they last a day.

    Attributes:
        ahead_s: So long before a token ends it is renewed.
        look_s: How often it is looked whose token is about to end.
        lease_s: Who asked so long ago and told nothing since has died: another asks once more.
        wait_s: How long a call waits for somebody else who renews the token that it needs.
        retry_first_s: The first pause after Kommo did not answer; doubled each time.
        retry_max_s: The longest such pause.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_GATEWAY_TOKENS_")

    ahead_s: float = Field(default=3_600.0, ge=0, le=43_200)
    look_s: float = Field(default=30.0, ge=0.1, le=3_600)
    # Two attempts of ten seconds each, and a look-up.
    lease_s: float = Field(default=45.0, ge=0.1, le=600)
    wait_s: float = Field(default=20.0, ge=0.1, le=600)
    retry_first_s: float = Field(default=5.0, ge=0.1, le=600)
    retry_max_s: float = Field(default=300.0, ge=1, le=3_600)
