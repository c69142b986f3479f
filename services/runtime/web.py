"""The role `web`: API, console and what the widget calls, at one address."""

import asyncio

import structlog
from starlette.types import ASGIApp

from services.access.sign_in_log import Caller
from services.access.wiring import Access
from services.api.app import create_api
from services.api.pages import PLACES, create_pages
from services.api.resource import PREFIX
from services.application.installation import WEB_FILE, Installation
from services.application.people.inviting import address_of, first_link, link
from services.console.app import create_console
from services.console.in_kommo import PREFIX as FRAME
from services.console.in_kommo import create_frame
from services.runtime.listening import OnListening, not_listening, told_in
from services.shared.http_server import listen, serve_until
from services.web.bodies import BoundedBodies
from services.web.halls import Halls
from services.web.premises import Premises
from services.web.request_ids import RequestIds
from services.web.settings import WebSettings
from services.widget.app import create_widget
from services.widget.resource import PREFIX as WIDGET_PREFIX

log = structlog.get_logger(__name__)

OF_THE_API = f"{PREFIX}/"
OF_THE_WIDGET = f"{WIDGET_PREFIX}/"
AT_START = Caller(principal="cli:web", whence="terminal")


def create_web(premises: Premises) -> ASGIApp:
    """Everything that is served at the address."""
    api, console = create_api(premises), create_console(premises)
    pages = dict.fromkeys(PLACES, create_pages())  # before the API: the document lies below it
    in_kommo: dict[str, ASGIApp] = {
        FRAME: create_frame(premises),
        OF_THE_WIDGET: create_widget(premises),
    }
    halls = Halls({**pages, OF_THE_API: api, **in_kommo}, otherwise=console)
    bounded = BoundedBodies(halls, bytes_max=premises.settings.body_bytes_max)
    return RequestIds(bounded, is_https=premises.is_https)


async def serve_web(
    installation: Installation,
    settings: WebSettings,
    access: Access,
    *,
    stop: asyncio.Event,
    on_listening: OnListening,
) -> None:
    """Serve until told to stop.

    Args:
        installation: What is served.
        settings: Where.
        access: Who may.
        stop: Ends it.
        on_listening: Told the address as that of `web`, and as that of `first` the link for whoever
            claims the installation, if nobody has.

    Raises:
        services.runtime.wrong.Wrong: The address cannot be listened at.
    """
    premises = Premises(installation=installation, settings=settings, access=access, stop=stop)
    try:
        listener = listen(settings.host, settings.port)
    except OSError as error:
        raise not_listening(
            error,
            settings.host,
            settings.port,
            what="API and console cannot be served",
            choose="FAIRLEAD_WEB_PORT or FAIRLEAD_WEB_HOST",
        ) from error

    # Where many processes serve, each would end the link of the one before.
    first = await first_link(access, AT_START) if installation.kafka is None else None

    def tell(address: str) -> None:
        log.info("web_up", address=address)
        on_listening("web", address)
        if first is not None:
            on_listening("first", link(address_of(installation), first[1]))

    with told_in(installation.data / WEB_FILE, settings.host, tell) as on_bound:
        await serve_until(
            create_web(premises), settings.http, listener=listener, stop=stop, on_bound=on_bound
        )
