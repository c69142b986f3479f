"""How clients of Apache Kafka reach the brokers: by TLS, by user and password, or plainly (S27)."""

import ssl
from functools import lru_cache
from typing import Any

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from services.log.kafka import KafkaSettings

SASL: dict[str, type[SASLPlaintext | SASLScram256 | SASLScram512]] = {
    "PLAIN": SASLPlaintext,
    "SCRAM-SHA-256": SASLScram256,
    "SCRAM-SHA-512": SASLScram512,
}


def reached(settings: KafkaSettings) -> dict[str, Any]:
    """What every client of aiokafka is made with."""
    secured: dict[str, Any] = {"security_protocol": settings.security_protocol}
    if settings.has_tls:
        secured["ssl_context"] = _tls(settings)
    if settings.has_user:
        secured["sasl_mechanism"] = settings.sasl_mechanism
        secured["sasl_plain_username"] = settings.user
        secured["sasl_plain_password"] = _password(settings)
    return {"bootstrap_servers": settings.servers, **secured}


def security(settings: KafkaSettings) -> BaseSecurity:
    """The same in the words of the framework."""
    context = _tls(settings) if settings.has_tls else None
    if not settings.has_user:
        return BaseSecurity(ssl_context=context, use_ssl=settings.has_tls)
    return SASL[settings.sasl_mechanism](
        settings.user or "", _password(settings), ssl_context=context, use_ssl=settings.has_tls
    )


def _password(settings: KafkaSettings) -> str:
    return "" if settings.password is None else settings.password.get_secret_value()


@lru_cache(maxsize=8)
def _tls(settings: KafkaSettings) -> ssl.SSLContext:
    return settings.tls()
