"""What people may be called, and sign in with."""

from services.access.people import LOGIN_MAX, LOGIN_MIN, NAME_MAX
from services.application.refused import Refused
from services.words.languages import LISTED


def usable_name(text: str) -> str:
    """A name, without spaces around it.

    Raises:
        Refused: It is empty, too long, or has characters that steer.
    """
    name = text.strip()
    if not name or len(name) > NAME_MAX or not name.isprintable():
        raise Refused("name_unusable", most=NAME_MAX)
    return name


def usable_login(text: str) -> str:
    """An e-mail or another login; never a number, which is how people are told apart.

    Raises:
        Refused: It is too short or too long, or has spaces or characters that steer.
    """
    login = text.strip()
    is_whole = login.isprintable() and not any(each.isspace() for each in login)
    is_whole = is_whole and not login.isdecimal()
    if not LOGIN_MIN <= len(login) <= LOGIN_MAX or not is_whole:
        raise Refused("login_unusable", least=LOGIN_MIN, most=LOGIN_MAX)
    return login


def usable_language(text: str) -> str:
    """A language that is spoken here: `pt-BR` and `pt_BR` are one.

    Raises:
        Refused: It is none.
    """
    language = text.strip().replace("-", "_")
    if language not in LISTED:
        raise Refused("language_unknown", languages=LISTED)
    return language
