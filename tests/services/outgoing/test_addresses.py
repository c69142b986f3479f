"""No target by which somebody reaches into our own network, however it is written (S14)."""

import ssl
from collections.abc import Sequence
from typing import get_args

import pytest

from services.outgoing.addresses import NotATarget, Resolve, checked_url, is_public, pinned
from services.outgoing.post import Failure, Poster
from services.shared.errors import Unavailable
from services.words.source import ADDRESSES, NOT_TAKEN

EVIL = [
    "http://hooks.example.com/",
    "ftp://hooks.example.com/",
    "//hooks.example.com/",
    "hooks.example.com",
    "https://",
    "https:///path",
    "https://localhost/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://1.2.3.4.5/",
    "https://user@hooks.example.com/",
    "https://user:secret@hooks.example.com/",
    "https://hooks.example.com@evil.test/",
    "https://@hooks.example.com/",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:/",
    "https://hooks.example.com:99999/",
    "https://hooks.example.com:8o/",
    "https://hooks.example.com./",
    "https://HOOKS.example.com/",
    "https://hooks%2eexample.com/",
    "https://hooks.example.com\\@evil.test/",
    "https://hooks.example.com/\r\nHost: evil.test",
    "https://hooks.example.com/a b",
    "https://hooks.example.com/#fragment",
    "https://höoks.example.com/",
    "https://hooks_under.example.com/",
    "https://-hooks.example.com/",
    "https://intranet/",
    "https://" + "a" * 64 + ".example.com/",
    "https://" + "a." * 130 + "com/",
    "https://hooks.example.com/" + "a" * 2_000,
    "gopher://hooks.example.com/",
    "javascript:alert(1)",
    "",
]
GOOD = [
    "https://hooks.example.com/",
    "https://hooks.example.com",
    "https://hooks.example.com:8443/in?key=1&x=%20",
    "https://a.b-c.example.co.uk/path",
    "https://xn--hoks-5qa.example.com/",
]
PRIVATE = [
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "127.0.0.1",
    "0.0.0.0",  # noqa: S104 - nobody binds to it here
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "2001:0:a00:1::",
    "2001:db8::1",
    "not an address",
    "",
]


def resolving(*addresses: str) -> Resolve:
    async def resolve(name: str) -> Sequence[str]:
        assert name
        return addresses

    return resolve


@pytest.mark.parametrize("url", EVIL)
def test_S14_an_address_that_may_mean_anything_else_is_refused(url: str) -> None:
    with pytest.raises(NotATarget) as refused:
        checked_url(url, allows_local=False)

    assert refused.value.code in ADDRESSES
    assert not url or url not in str(refused.value)


@pytest.mark.parametrize("url", GOOD)
async def test_S14_a_host_of_the_internet_is_told(url: str) -> None:
    address = await pinned(url, allows_local=False, resolve=resolving("93.184.215.14"))

    assert address.url.startswith("https://93.184.215.14")
    assert address.host in url
    assert ":" not in address.name


@pytest.mark.parametrize("ip", PRIVATE)
async def test_S14_a_name_that_means_somebody_inside_is_not_connected_to(ip: str) -> None:
    assert not is_public(ip)
    for found in ([ip], ["93.184.215.14", ip]):  # one of several is enough
        with pytest.raises(NotATarget, match="is_not_public"):
            await pinned(GOOD[0], allows_local=False, resolve=resolving(*found))


@pytest.mark.parametrize("ip", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
async def test_S14_the_connection_goes_to_the_address_that_was_looked_at(ip: str) -> None:
    address = await pinned(GOOD[2], allows_local=False, resolve=resolving(ip))
    host = f"[{ip}]" if ":" in ip else ip

    assert is_public(ip)
    assert address.url == f"https://{host}:8443/in?key=1&x=%20"
    assert (address.host, address.name) == ("hooks.example.com:8443", "hooks.example.com")


async def test_S14_a_name_that_nobody_knows_is_tried_another_time() -> None:
    async def unknown(name: str) -> Sequence[str]:
        raise OSError(name)

    for resolve in (unknown, resolving()):
        with pytest.raises(Unavailable):
            await pinned(GOOD[0], allows_local=False, resolve=resolve)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/in", "http://localhost/", "http://[::1]/"])
def test_S14_a_server_of_this_machine_is_for_a_desk_alone(url: str) -> None:
    assert checked_url(url, allows_local=True).geturl() == url
    with pytest.raises(NotATarget):
        checked_url(url, allows_local=False)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "http://hooks.example.com/", "https://10.0.0.1/"]
)
def test_S14_a_desk_opens_nothing_but_this_machine(url: str) -> None:
    with pytest.raises(NotATarget):
        checked_url(url, allows_local=True)


async def test_S14_what_resolves_inside_later_is_refused_when_it_is_sent() -> None:
    poster = Poster(
        allows_local=False,
        timeout_s=5,
        resolve=resolving("10.0.0.1"),
        trusted=ssl.create_default_context(),
    )
    answer = await poster.post(GOOD[0], {}, b"{}")

    assert (answer.failure, answer.status) == ("address_refused", None)


def test_W5_each_failure_has_its_words() -> None:
    assert (*get_args(Failure), "target_off") == NOT_TAKEN
