"""What people write for the record: put away before it is ordered, put back when it is shown (S21).

The log of an account is for ever and holds the id of a text. Who may see the event may see the
text, unless it was erased.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from contracts.inbound import ApplyRules, Command, PassLeadOn, PauseManager, PostCorrection
from contracts.sentences import Argument, Sentence
from services.application.installation import Installation
from services.storage.database import borrow
from services.storage.erasures import ERASED
from services.storage.private_texts import ID, PrivateTexts


async def put_away(
    installation: Installation, account_id: int, bodies: Sequence[Command]
) -> list[Command]:
    """The commands with ids in place of what people wrote, which is kept sealed."""
    found: list[Command] = []
    for body in bodies:
        if isinstance(body, ApplyRules) and body.note:
            note = await _kept(installation, account_id, body.note, manager_id=0)
            found.append(replace(body, note=note))
            continue
        if not isinstance(body, PauseManager | PostCorrection | PassLeadOn) or not body.reason:
            found.append(body)
            continue
        text_id = await _kept(
            installation,
            account_id,
            body.reason,
            # 0 where only the log knows whose the lead is.
            manager_id=body.manager_id or 0,
            lead_id=body.lead_id if isinstance(body, PassLeadOn) else None,
        )
        found.append(replace(body, reason=text_id))
    return found


async def _kept(
    installation: Installation,
    account_id: int,
    text: str,
    *,
    manager_id: int,
    lead_id: int | None = None,
) -> str:
    async with borrow(installation.pool) as connection, connection.transaction():
        return await PrivateTexts(installation.accounts.vault).keep(
            connection, account_id, text, manager_id=manager_id, lead_id=lead_id
        )


async def in_clear(installation: Installation, account_id: int, texts: Sequence[str]) -> list[str]:
    """What was written, in place of ids; texts that are none stay as they are."""
    wanted = {text for text in texts if ID.fullmatch(text)}
    if not wanted:
        return list(texts)
    async with borrow(installation.pool) as connection:
        known = await PrivateTexts(installation.accounts.vault).read(connection, account_id, wanted)
    return [known.get(text, ERASED) if text in wanted else text for text in texts]


async def told_in_clear(
    installation: Installation, account_id: int, sentences: Sequence[Sentence]
) -> list[Sentence]:
    """The same in sentences, and in what they are made of."""
    ids = [text for each in sentences for text in _ids_in(each)]
    if not ids:
        return list(sentences)
    known = dict(zip(ids, await in_clear(installation, account_id, ids), strict=True))
    return [_put_back(each, known) for each in sentences]


def _ids_in(argument: Argument) -> Iterator[str]:
    match argument:
        case str() if ID.fullmatch(argument):
            yield argument
        case Sentence():
            for each in argument.arguments.values():
                yield from _ids_in(each)
        case tuple():
            for each in argument:
                yield from _ids_in(each)
        case _:
            return


def _put_back(told: Sentence, known: dict[str, str]) -> Sentence:
    def back(argument: Argument) -> Argument:
        match argument:
            case str():
                return known.get(argument, argument)
            case Sentence():
                return _put_back(argument, known)
            case tuple():
                return tuple(back(each) for each in argument)
            case _:
                return argument

    return Sentence(told.id, {name: back(each) for name, each in told.arguments.items()})
