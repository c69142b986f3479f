"""Settings from the environment, refused in a line that names the variable."""

from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from services.cli.wrong import Wrong

S = TypeVar("S", bound=BaseSettings)


def from_environment(kind: type[S], **given: Any) -> S:  # noqa: ANN401 - whatever its fields are
    """Settings of this kind; what is given is not read from the environment.

    Raises:
        Wrong: A value is out of bounds or of the wrong kind.
    """
    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise Wrong(f"{kind.model_config['env_prefix']}{name}: {first['msg']}") from error
