"""What programs send and get: unknown fields are refused, and nothing else is ever sent (S9)."""

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

NUL = "\0"


class Input(BaseModel):
    """A body: unknown fields are refused, and nothing becomes what it is not (S9)."""

    model_config = ConfigDict(extra="forbid", strict=True, str_max_length=10_000)

    @field_validator("*")
    @classmethod
    def _is_text(cls, value: Any) -> Any:  # noqa: ANN401 - of every field
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(each, str) and NUL in each for each in texts):
            raise ValueError("expected text, without a NUL")
        return value


class Output(BaseModel):
    """An answer: what it has is written here, and nothing else is ever sent (S9)."""

    model_config = ConfigDict(extra="forbid")
