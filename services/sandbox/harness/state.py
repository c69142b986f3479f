"""What Kommo's pages know when they open, as the loader and the screens read it."""

from typing import Any

from services.sandbox.harness.board import drawn
from services.sandbox.harness.setting import Harness, Look
from services.sandbox.model import User


def state(harness: Harness, look: Look) -> dict[str, Any]:
    """Everything of the account, and who is looking."""
    account = harness.crm.account
    user = account.users[look.user_id]
    return {
        "account": {
            "id": account.id,
            "name": account.name,
            "subdomain": account.subdomain,
            "timezone": account.timezone,
        },
        "user": {"id": user.id, "name": user.name, "is_admin": user.is_admin},
        "is_free": user.is_free,
        "managers": {str(each.id): _manager(each, look) for each in account.users.values()},
        "groups": {"group_0": "Sales Office"},
        "theme": look.theme,
        "language": look.language,
        "knobs": look.knobs,
        "marker": look.marker,
        "pipelines": [
            {
                "id": pipeline.id,
                "name": pipeline.name,
                "statuses": [
                    {"id": each.id, "name": each.name, "is_incoming": each.type == 1}
                    for each in pipeline.statuses
                ],
                "triggers": drawn(harness, pipeline.id),
            }
            for pipeline in account.pipelines.values()
        ],
        "widget": _widget(harness, look),
    }


def listed(harness: Harness, look: Look) -> dict[str, Any]:
    """What the loader is told of the widgets of an area: those that are installed."""
    widgets = {} if harness.settings is None else {harness.code: _widget(harness, look)}
    return {"widgets": widgets, "system": {"amouser_id": look.user_id}}


def _manager(user: User, look: Look) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "title": user.name,
        "login": user.email,
        "active": user.is_active,
        "is_admin": "Y" if user.is_admin else "N",
        "free_user": "Y" if user.is_free else "N",
        "group": f"group_{user.group_id}",
        "theme": look.theme,
    }


def _widget(harness: Harness, look: Look) -> dict[str, Any]:
    archive, code = harness.widget, harness.code
    path = f"/upl/{code}/widget"
    language = archive.language(look.language)
    settings = harness.settings
    return {
        "code": code,
        "name": archive.name(language),
        "src": f"{path}/script.js",
        "lang": f"{path}/i18n/{language}.json",
        "path": path,
        "images_path": f"{path}/images",
        "version": archive.version,
        "installed_version": archive.version,
        "active": "N" if settings is None else "Y",
        "init_once": bool(archive.manifest["widget"].get("init_once")) or "init_once" in look.knobs,
        "oauth_client_uuid": harness.client_id,
        "settings": dict(settings or {}),
        "locations": archive.locations,
        "fields": archive.manifest.get("settings", {}),
        "trigger_fields": archive.manifest.get("dp", {}).get("settings", {}),
        "menu": archive.manifest.get("left_menu", {}),
        "server": harness.server,
    }
