"""`make cluster`: the whole distributed installation as processes of this machine."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import orjson
import pytest

from deploy.kafka.broker import jars
from services.application.installation import RUNTIME_FILE
from tests.services.cli.conftest import process
from tests.support.kafka import or_said
from tests.support.waiting import until_now

ROOT = Path(__file__).parents[2]


@pytest.mark.system
def test_F12_a_cluster_restarts_what_dies_and_ends_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with or_said():
        jars()
    with subprocess.Popen(
        [sys.executable, "deploy/cluster.py", "--port=0", "--partitions=2"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        start_new_session=True,
    ) as running:
        try:
            assert running.stdout is not None
            said = ""
            while "Ctrl-C ends" not in said:
                line = running.stdout.readline()
                assert line, said
                said += line
            for name, value in re.findall(r"export (\w+)='(.*)'", said):
                monkeypatch.setenv(name, value)
            (file,) = tmp_path.glob(f"fairlead-cluster-*/ingress-1/{RUNTIME_FILE}")
            first = orjson.loads(file.read_bytes())

            doctor = process(tmp_path, "doctor")
            assert "topics as declared" in doctor.out
            os.kill(first["pid"], signal.SIGKILL)
            until_now(lambda: answers_anew(file, first["pid"]))
        finally:
            running.send_signal(signal.SIGINT)
            rest = running.stdout.read() if running.stdout is not None else ""
        assert running.wait(60) == 0
        assert "ingress-1 ended with -9, starts again" in rest
    assert list(tmp_path.glob("fairlead-cluster-*")) == []


def answers_anew(file: Path, former: int) -> bool:
    if not file.exists() or (state := orjson.loads(file.read_bytes()))["pid"] == former:
        return False
    return httpx.get(f"{state['address']}/healthz").status_code == 200
