"""`fairlead database prepare`: the schema, the read models, and the users with what they may do.

Given by the owner of the database, before a release is started and after each upgrade; it may be
given again at any time, also while everything runs.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
from pydantic import SecretStr

from services.projector.registry import PROJECTIONS
from services.projector.schema import create_missing
from services.runtime.connections import DATABASE_URL, let_in, refuse_pooler, url_of
from services.runtime.environment import from_environment
from services.runtime.production import refuse_unsafe_database
from services.runtime.wrong import Wrong
from services.shared.settings import InstallationSettings
from services.storage import roles
from services.storage.database import Connection, borrow, open_pool
from services.storage.migrate import known_migrations, migrate
from services.storage.passwords import PasswordSettings, set_password

NONE: Mapping[str, SecretStr] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What was done.

    Attributes:
        migration: The number that the schema is at.
        applied: How many migrations were missing.
        passwords: Users whose password was set.
    """

    migration: int
    applied: int
    passwords: tuple[str, ...]


async def prepare() -> Prepared:
    """Prepare the database that the environment names.

    Raises:
        services.storage.migrate.SchemaRefused: The database is of a newer release.
        services.shared.errors.Unavailable: It does not answer.
        Wrong: The environment names none, or it does not let us in, or not do this.
    """
    here = from_environment(InstallationSettings)
    passwords = from_environment(PasswordSettings).given()
    refuse_unsafe_database(here, os.environ)
    if here.database_url is None:
        raise Wrong(
            "FAIRLEAD_DATABASE_URL is not set: it names the PostgreSQL of a distributed"
            " installation; that of a folder has one user, and needs no preparation"
        )
    return await prepare_at(here.database_url, passwords)


async def prepare_at(url: SecretStr, passwords: Mapping[str, SecretStr] = NONE) -> Prepared:
    """Prepare a database.

    Args:
        url: Names its owner.
        passwords: By user; the others' stay as they are.

    Raises:
        services.storage.migrate.SchemaRefused: As `prepare`.
        services.shared.errors.Unavailable: As `prepare`.
        Wrong: It does not let us in, or not do this.
    """
    await refuse_pooler(url_of(url))
    with let_in(DATABASE_URL):
        pool = await open_pool(url_of(url), size_max=1)
    try:
        async with borrow(pool) as connection:
            applied = await _prepared(connection)
            for user, password in passwords.items():
                await set_password(connection, user, password)
    except asyncpg.InsufficientPrivilegeError as error:
        raise Wrong(
            f"the database refuses: {error}. FAIRLEAD_DATABASE_URL has to name the owner of the"
            " database, who may also make users (CREATEROLE)"
        ) from error
    finally:
        await pool.close()
    return Prepared(
        migration=known_migrations()[-1].number, applied=applied, passwords=tuple(passwords)
    )


async def _prepared(connection: Connection) -> int:
    applied = await migrate(connection)
    await create_missing(connection)
    await roles.make_users(connection)
    if mighty := await roles.mighty_users(connection):
        raise Wrong(
            f"{mighty[0]} may do everything in this database: expected a user without SUPERUSER"
            " and BYPASSRLS"
        )
    await roles.apply(connection, [projection.NAME for projection in PROJECTIONS])
    return applied
