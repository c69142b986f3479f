"""What the roles of this process count, as Prometheus' counters, gauges and histograms.

Each class is the meter of one role and is made only where the role runs, so that a process
shows nothing that it does not do. Values that are known before anything happened are shown as 0
from the beginning: an alert on growth needs to see the first step.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from services.gateway.meter import LimiterState, PusherState
from services.gateway.sweep import Kind
from services.ingress.meter import SpoolState
from services.kommo.errors import ANSWERED, OUTCOMES
from services.outgoing.post import DELIVERED, Failure

ANSWERS = ("200", "404", "413", "429", "503", "none")
METHODS = ("GET", "PATCH", "POST")
BATCH_MESSAGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
BATCH_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
PERCENT = 100


class IngressMetrics:
    """Webhooks by answer, and the spool."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answered = Counter(
            "fairlead_webhooks_answered_total",
            "Webhooks by the status they were answered; none: the sender hung up before.",
            ["answer"],
            registry=registry,
        )
        for answer in ANSWERS:
            self._answered.labels(answer)
        self._lost = Counter(
            "fairlead_raw_bodies_lost_total",
            "Bodies of webhooks that were understood and could not be kept.",
            registry=registry,
        )
        self._usable = Gauge(
            "fairlead_spool_usable",
            "1 when the spool takes what the log does not, else 0.",
            registry=registry,
        )
        self._messages = Gauge(
            "fairlead_spool_messages", "What waits in the spool for the log.", registry=registry
        )
        self._bytes = Gauge("fairlead_spool_bytes", "Size of that.", registry=registry)
        self._filled = Gauge(
            "fairlead_spool_filled_ratio",
            "How full the spool is, by the nearer of its bounds.",
            registry=registry,
        )

    def webhook_answered(self, answer: str) -> None:
        """Count it."""
        self._answered.labels(answer).inc()

    def raw_bodies_lost(self, count: int) -> None:
        """Count them."""
        self._lost.inc(count)

    def spool_opened(self, spool: SpoolState) -> None:
        """Show how full it is whenever somebody asks."""
        self._usable.set_function(lambda: float(spool.can_take))
        self._messages.set_function(lambda: spool.rows)
        self._bytes.set_function(lambda: spool.size)
        self._filled.set_function(lambda: spool.percent / PERCENT)


class AllocatorMetrics:
    """Batches, and what stopped."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._messages = Histogram(
            "fairlead_batch_messages",
            "Messages decided in one transaction.",
            buckets=BATCH_MESSAGES,
            registry=registry,
        )
        self._seconds = Histogram(
            "fairlead_batch_decision_seconds",
            "Time to decide and store a batch.",
            buckets=BATCH_SECONDS,
            registry=registry,
        )
        self._events = Counter(
            "fairlead_events_recorded_total", "Events stored.", registry=registry
        )
        self._stopped = Gauge(
            "fairlead_sources_stopped",
            "Sources of the inbound log that rest until a person has looked.",
            registry=registry,
        )
        self._resting = 0
        self._stopped.set_function(lambda: self._resting)

    def watch_reader(self, held_back: Callable[[], int]) -> None:
        """Count also the sources that the log's reader holds back (F22)."""
        self._stopped.set_function(lambda: self._resting + held_back())

    def batch_decided(self, *, messages: int, events: int, took_s: float) -> None:
        """Count it."""
        self._messages.observe(messages)
        self._seconds.observe(took_s)
        self._events.inc(events)

    def sources_stopped(self, count: int) -> None:
        """Show it."""
        self._resting = count


class GatewayMetrics:
    """Calls to Kommo, the limiter of our address, accounts that do not let us in; webhooks out."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._called = Counter(
            "fairlead_kommo_calls_total",
            "Requests sent to Kommo by how they ended.",
            ["method", "outcome"],
            registry=registry,
        )
        self._sent = Counter(
            "fairlead_webhooks_sent_total",
            "Attempts to tell targets of accounts what happened, by how they ended.",
            ["outcome"],
            registry=registry,
        )
        for sent in (DELIVERED, *get_args(Failure)):
            self._sent.labels(sent)
        for method, outcome in product(METHODS, (ANSWERED, *OUTCOMES.values())):
            self._called.labels(method, outcome)
        self._swept = Counter(
            "fairlead_sweep_requests_total",
            "Requests to Kommo that comparing it with the account took, by kind.",
            ["sweep"],
            registry=registry,
        )
        for kind in get_args(Kind):
            self._swept.labels(kind)
        self._waiting = Gauge(
            "fairlead_limiter_waiting_calls",
            "Calls to Kommo that wait for their turn.",
            registry=registry,
        )
        self._closed = Gauge(
            "fairlead_limiter_closed_seconds",
            "For how long no call to Kommo starts, because it asked for a pause.",
            registry=registry,
        )
        self._blocked = Gauge(
            "fairlead_limiter_blocked",
            "1 when Kommo refuses our address altogether, else 0.",
            registry=registry,
        )
        self._registry = registry

    def kommo_called(self, method: str, outcome: str) -> None:
        """Count it."""
        self._called.labels(method, outcome).inc()

    def sweep_called(self, kind: str, requests: int) -> None:
        """Count them."""
        self._swept.labels(kind).inc(requests)

    def webhook_sent(self, outcome: str) -> None:
        """Count it."""
        self._sent.labels(outcome).inc()

    def gateway_built(self, limiter: LimiterState, pusher: PusherState) -> None:
        """Show how both stand whenever somebody asks."""
        self._waiting.set_function(lambda: limiter.waiting)
        self._closed.set_function(lambda: limiter.closed_s)
        self._blocked.set_function(lambda: float(limiter.is_blocked))
        self._registry.register(_StoppedAccounts(pusher))


class _StoppedAccounts(Collector):
    """A sample for each account in trouble and none for the others (I14)."""

    def __init__(self, pusher: PusherState) -> None:
        self._pusher = pusher

    def collect(self) -> Iterator[GaugeMetricFamily]:
        stopped = GaugeMetricFamily(
            "fairlead_stopped_accounts",
            "1 for each account that does not let us in, with the status it answers.",
            labels=["account", "status"],
        )
        for account_id, status in sorted(self._pusher.stopped.items()):
            stopped.add_metric([str(account_id), str(status)], 1)
        yield stopped
