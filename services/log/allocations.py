"""Messages of the allocations log as bytes, and back."""

import orjson
from eventsourcing.persistence import StoredEvent
from pydantic import ValidationError

from contracts.allocations import AllocationMessage
from services.log.kafka import VALUE_BYTES_MAX
from services.log.port import Entry
from services.shared.codec import ACCOUNT_PREFIX, first_fault
from services.shared.errors import Malformed


def allocation_entry(stored: StoredEvent) -> Entry:
    """The message about a stored event, whose bytes are passed on as they are.

    Also those of a newer release than this one, and without making sense of them.
    """
    account_id = int(str(stored.originator_id).removeprefix(ACCOUNT_PREFIX))
    document = {
        "v": 1,
        "account": account_id,
        "version": stored.originator_version,
        "type": stored.topic,
        "event": orjson.Fragment(stored.state),
    }
    value = orjson.dumps(document)
    if len(value) > VALUE_BYTES_MAX:
        value = orjson.dumps(document | {"event": None})
    return Entry(account_id, value)


def read_allocation(value: bytes) -> AllocationMessage:
    """The message in the bytes.

    Raises:
        services.shared.errors.Malformed: None of ours; names the field and what was expected there.
    """
    try:
        return AllocationMessage.model_validate_json(value)
    except ValidationError as error:
        raise Malformed(f"allocation: {first_fault(error)}") from error
