"""The archive is a function of its answers: the same bytes, and only what its build may hold."""

from io import BytesIO
from typing import Literal
from zipfile import ZipFile

import pytest
from pydantic import SecretStr

from services.widget.packing.building import WidgetBuild, archive


def built(build: Literal["private", "public"], version: str = "1.0.0") -> bytes:
    return archive(
        WidgetBuild(
            build=build,
            origin="https://leads.example.com",
            webhook_url=SecretStr("https://leads.example.com/dp/secret/"),
            version=version,
            support_link="https://leads.example.com/",
            support_email="help@example.com",
        )
    )


def text(packed: bytes, path: str) -> str:
    with ZipFile(BytesIO(packed)) as bundle:
        return bundle.read(path).decode()


@pytest.mark.parametrize("build", ["private", "public"])
def test_two_builds_have_the_same_bytes(build: Literal["private", "public"]) -> None:
    assert built(build) == built(build)


def test_own_files_are_asked_for_by_version_so_that_no_browser_mixes_two_uploads() -> None:
    script = text(built("private", "1.0.7"), "script.js")

    assert "'./js/card.js?v=1.0.7'" in script
    assert ".js'" not in script


def test_the_switch_at_the_avatar_is_in_no_published_widget() -> None:
    assert "userbar" in text(built("private"), "js/avatar.js")
    assert "userbar" not in text(built("public"), "js/avatar.js")


def test_the_server_is_named_in_one_place() -> None:
    packed = built("private")
    with ZipFile(BytesIO(packed)) as bundle:
        naming = [each for each in bundle.namelist() if b"leads.example.com" in bundle.read(each)]

    assert naming == ["js/constants.js", "manifest.json"]
