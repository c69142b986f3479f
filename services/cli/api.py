"""`fairlead api`: what programs need of the HTTP API."""

from services.cli.group import group
from services.cli.output import show_text

app = group("The HTTP API.")


@app.callback()
def api() -> None:
    """The HTTP API."""


@app.command()
def openapi() -> None:
    """Print the OpenAPI document, for client generators and tools.

    A running installation serves the same at /api/v1/openapi.json, and a page of it at /docs.
    """
    from services.api.document import stored

    show_text(stored())
