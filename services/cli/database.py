"""Commands for whoever keeps the database of a distributed installation."""

from contracts.sentences import sentence
from services.cli.group import group
from services.cli.opening import complete
from services.cli.output import say_all
from services.cli.speech import words

database = group("Prepare the database of a distributed installation.")


@database.callback()
def named() -> None:
    """Keep `prepare` a command of its own name, though it is the only one."""


@database.command()
def prepare() -> None:
    """Bring the database up to date, and give each role a user that may do what it needs.

    Run it before the first start and after each upgrade, with the database's owner named in
    FAIRLEAD_DATABASE_URL. The users are called fairlead_ingress and so on;
    FAIRLEAD_DATABASE_INGRESS_PASSWORD and the like set their passwords.
    """

    async def work() -> None:
        from services.runtime.database import prepare

        done = await prepare()
        said = [sentence("database.prepared", migration=done.migration, count=done.applied)]
        if done.passwords:
            said.append(sentence("database.passwords_set", users=done.passwords))
        say_all(words().lines(said))

    complete(work())
