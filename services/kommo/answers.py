"""From the bytes of an answer to what the contract says of it."""

from typing import TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from services.kommo.errors import MalformedAnswer

M = TypeVar("M", bound=BaseModel)


def read(model: type[M], body: bytes) -> M:
    """Read an answer as the given model of `contracts.kommo.rest`.

    Raises:
        MalformedAnswer: It is something else.
    """
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedAnswer("an answer is not JSON") from error
    if not isinstance(data, dict):
        raise MalformedAnswer("an answer is not a JSON object")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        places = sorted({".".join(map(str, each["loc"])) for each in error.errors()})
        # The places are names of fields; the values may be anything, and are left out.
        raise MalformedAnswer(f"an answer lacks or garbles {', '.join(places)[:200]}") from None
