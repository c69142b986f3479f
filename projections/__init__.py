"""Read models: one module each, with its table, its handler and its queries."""

from typing import TypeAlias

from asyncpg import Connection as Opened
from asyncpg.pool import PoolConnectionProxy

# Opened by its user or lent by a pool: to a query they are the same.
Connection: TypeAlias = Opened | PoolConnectionProxy
