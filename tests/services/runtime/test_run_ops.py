"""What a process of the distributed installation tells of itself while a peer is away."""

import base64
import socket
from pathlib import Path
from typing import Any

import httpx

from services.demo.local_cluster import LocalProcess
from tests.services.ops.harness import read_samples
from tests.support.waiting import until


async def test_F15_a_role_without_kafka_lives_and_says_that_it_is_not_ready(
    tmp_path: Path, database_url: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        "FAIRLEAD_DATABASE_URL": database_url,
        "FAIRLEAD_MASTER_KEY": base64.b64encode(b"k" * 32).decode(),
        "FAIRLEAD_KAFKA_SERVERS": "127.0.0.1:1",
        "FAIRLEAD_OPS_PORT": str(port),
    }
    waiting = LocalProcess("allocator", tmp_path / "all", ("allocator",), environment)
    await waiting.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await until(lambda: _has_parts(http, "database", "kafka"))
            ready, metrics = await _get(http, "/readyz"), await _get(http, "/metrics")
            alive = (await http.get("/livez")).status_code
        assert await waiting.stop() == 0
    finally:
        await waiting.kill()

    parts = {part["part"]: part for part in ready.json()["parts"]}
    assert (alive, ready.status_code) == (200, 503)
    assert parts["database"] == {"part": "database", "ready": True}
    assert parts["kafka"]["ready"] is False
    assert parts["kafka"]["reason"].startswith("Kafka at 127.0.0.1:1: ")
    assert read_samples(metrics.text)["fairlead_tables_readable"] == 1


async def _get(http: httpx.AsyncClient, path: str) -> httpx.Response:
    return await http.get(path, timeout=30)


async def _has_parts(http: httpx.AsyncClient, *names: str) -> bool:
    try:
        answer: Any = (await _get(http, "/readyz")).json()
    except httpx.TransportError:
        return False
    return {*names} <= {part["part"] for part in answer["parts"]}
