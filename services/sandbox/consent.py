"""The page on which a person lets an integration into an account, as a plain form."""

from typing import Final
from urllib.parse import urlencode

from starlette.datastructures import FormData, QueryParams
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.pages.parts import escape, frame
from services.sandbox.crm import Crm
from services.sandbox.oauth import Integration

INTERNATIONAL: Final = 2  # the platform: 1 is amocrm.ru
_SEE_OTHER: Final = 303


def consent_page(crm: Crm, params: QueryParams) -> Response:
    """Ask: which user, and yes or no."""
    integration = crm.oauth.integrations.get(params.get("client_id", ""))
    if integration is None:
        return _page("Unknown integration", "<p>No integration has this client_id.</p>", 400)
    admins = "".join(
        f'<option value="{user.id}">{escape(user.name)}</option>'
        for user in crm.account.users.values()
        if user.is_admin and user.is_active
    )
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(params[name])}">'
        for name in ("client_id", "state")
        if name in params
    )
    content = (
        f"<p>{escape(integration.name)} wants to work in the account "
        f"<strong>{escape(crm.account.name)}</strong>.</p>"
        f'<form method="post" action="/oauth">{hidden}'
        f'<p><label>As <select name="user_id">{admins}</select></label></p>'
        '<p><button name="decision" value="allow">Allow</button> '
        '<button name="decision" value="deny">Deny</button></p></form>'
    )
    return _page("Allow access?", content)


def consented(crm: Crm, form: FormData) -> Response:
    """Send the person back to the integration with a code, or with their refusal."""
    integration = crm.oauth.integrations.get(str(form.get("client_id", "")))
    if integration is None:
        return _page("Unknown integration", "<p>No integration has this client_id.</p>", 400)
    state = {"state": str(form["state"])} if "state" in form else {}
    if form.get("decision") != "allow":
        refusal = {"error": "access_denied", "client_id": integration.client_id, **state}
        return _back(integration, refusal)
    given = str(form.get("user_id", ""))
    user_id = int(given[:18]) if given.isascii() and given.isdigit() else crm.account.admin_id()
    user = crm.account.users.get(user_id)
    if user is None or not user.is_admin:
        return _page("Not allowed", "<p>Only an administrator can do this.</p>", 403)
    return _back(integration, {**granted(crm, integration, user_id), **state})


def granted(crm: Crm, integration: Integration, user_id: int) -> dict[str, str]:
    """What the integration is told, with a code that is good for 20 minutes."""
    expires_at = crm.clock.second() + crm.knobs.code_s
    code = crm.oauth.code(integration.client_id, crm.account.id, user_id, expires_at=expires_at)
    return {
        "code": code,
        "referer": crm.account.domain,
        "client_id": integration.client_id,
        "platform": str(INTERNATIONAL),
    }


def _back(integration: Integration, params: dict[str, str]) -> Response:
    mark = "&" if "?" in integration.redirect_uri else "?"
    address = f"{integration.redirect_uri}{mark}{urlencode(params)}"
    return RedirectResponse(address, status_code=_SEE_OTHER)


def _page(title: str, content: str, status: int = 200) -> Response:
    return HTMLResponse(frame(title, f"<main><h1>{escape(title)}</h1>{content}</main>"), status)
