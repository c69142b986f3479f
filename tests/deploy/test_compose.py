"""The compose file and the image: what they name exists, and is what the code understands.

No engine is needed, and none was: whether the images build, only a build tells.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from services.runtime.environment import from_environment
from services.runtime.roles import ROLES
from services.runtime.settings import KINDS, knobs_of
from tests.deploy.commands import UsageError, check

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z-]+)?")
REQUIRED = re.compile(r"\$\{(\w+):\?\}")
LOGIN = re.compile(r"postgresql://(\w+):\$\{(\w+):\?\}@postgres/fairlead")
SAMPLES = {
    "FAIRLEAD_DATABASE_PASSWORD": "secret",
    **{
        f"FAIRLEAD_DATABASE_{role.upper()}_PASSWORD": "secret"
        for role in (*ROLES, "commands", "dash")
    },
    "FAIRLEAD_MASTER_KEY": "A" * 43 + "=",
    "KAFKA_CLUSTER_ID": "MkU3OEVBNTcwNTJENDM2Qg",
    "GRAFANA_PASSWORD": "secret",
}


def compose() -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe").load(COMPOSE.read_text())
    return document


def containers() -> dict[str, dict[str, Any]]:
    """Our own services."""
    return {name: s for name, s in compose()["services"].items() if "build" in s}


def known_variables() -> set[str]:
    return {knob.variable for kind in KINDS for knob in knobs_of(kind)}


def test_every_image_is_pinned_to_a_version() -> None:
    images = [service["image"] for service in compose()["services"].values()]
    stages = re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)

    assert [image for image in images + stages if not PINNED.fullmatch(image)] == []


def test_there_is_a_service_for_each_role_and_every_command_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run: list[str] = []
    for service in containers().values():
        for name, value in service["environment"].items():
            monkeypatch.setenv(name, value)
        command, *arguments = check(service["command"])
        if command == "run":
            run += arguments

    assert sorted(run) == sorted(ROLES)


def test_a_command_that_is_none_would_be_found() -> None:
    for words in (["runs", "ingress"], ["run", "ingress", "--no-such-option"], ["dead", "shown"]):
        with pytest.raises(UsageError):
            check(words)


def test_every_variable_is_known_and_has_a_value_that_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = known_variables()
    for service in containers().values():
        ours = {n: v for n, v in service["environment"].items() if n.startswith("FAIRLEAD_")}
        assert set(ours) <= known
        for name, value in ours.items():
            monkeypatch.setenv(name, REQUIRED.sub(lambda match: SAMPLES[match[1]], value))

    assert [type(from_environment(kind)) for kind in KINDS] == list(KINDS)


def test_S27_each_role_has_a_user_of_the_database_and_only_its_preparation_has_the_owner() -> None:
    told = {
        name: LOGIN.fullmatch(service["environment"].get("FAIRLEAD_DATABASE_URL", ""))
        for name, service in containers().items()
    }
    logins = {name: login.groups() for name, login in told.items() if login}
    given = {
        name for name in compose()["services"]["database"]["environment"] if "PASSWORD" in name
    }

    assert logins.pop("database") == ("fairlead", "FAIRLEAD_DATABASE_PASSWORD")
    assert logins == {
        name: (f"fairlead_{name}", f"FAIRLEAD_DATABASE_{name.upper()}_PASSWORD")
        for name in (*ROLES, "commands")
    }
    grafanas = "FAIRLEAD_DATABASE_DASH_PASSWORD"
    assert given == {grafanas, *(variable for _, variable in logins.values())}
    assert grafanas in compose()["services"]["grafana"]["environment"]


def test_what_has_to_be_given_is_in_the_example_and_has_no_value_there() -> None:
    example = dict(
        line.split("=", 1)
        for line in (DEPLOY / ".env.example").read_text().splitlines()
        if line and not line.startswith("#")
    )

    assert set(REQUIRED.findall(COMPOSE.read_text())) == set(example) == set(SAMPLES)
    assert set(example.values()) == {""}


def test_what_services_name_is_there() -> None:
    document = compose()
    assert len(document["services"]) > 0
    for service in document["services"].values():
        assert set(service.get("depends_on", ())) <= set(document["services"])
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            is_there = (
                (DEPLOY / source).is_dir() if source[0] == "." else source in document["volumes"]
            )
            assert is_there, volume


def test_S25_nothing_is_published_beyond_this_machine_and_health_not_at_all() -> None:
    ports = [port for s in compose()["services"].values() for port in s.get("ports", ())]

    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert [port for port in ports if port.endswith(":9100")] == []


def test_prometheus_scrapes_every_role_where_it_answers() -> None:
    configuration = YAML(typ="safe").load((DEPLOY / "prometheus" / "prometheus.yaml").read_text())
    (job,) = configuration["scrape_configs"]
    targets = [target for part in job["static_configs"] for target in part["targets"]]
    running = [name for name, service in containers().items() if service["command"][0] == "run"]
    rules = [DEPLOY / "prometheus" / Path(path).name for path in configuration["rule_files"]]

    assert job["job_name"] == "fairlead"
    assert sorted(targets) == sorted(f"{name}:9100" for name in running)
    assert {containers()[name]["environment"]["FAIRLEAD_OPS_PORT"] for name in running} == {"9100"}
    assert all(path.is_file() for path in rules)


def test_S28_the_image_installs_what_is_locked_and_does_not_run_as_root() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    installs = [line for line in lines if "pip install" in line]
    copied = [
        source
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    let_in = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    }
    user = [line.split()[1] for line in lines if line.startswith("USER ")]

    assert "--require-hashes" in installs[0]
    assert all("--no-deps" in line for line in installs[1:])
    assert all((ROOT / source).exists() and source in let_in for source in copied)
    assert user == ["10001:10001"]
