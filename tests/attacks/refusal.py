"""What every attack must meet: a refusal with a stable reason, and nothing about a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import xmlsec

from connectors.errors import ConnectorError, InvalidAnswer
from connectors.saml.validation import Expectation
from tests.support.saml_peer import PERSONAL, Exchange
from tests.support.xml_signing import NOW
from trust.keys import InMemoryKey
from trust.pinned import PinnedKey

EVIL_IDENTIFIER = "EL/DE/attacker"
_SECRETS = (*PERSONAL, EVIL_IDENTIFIER)


def refused(
    attempt: Callable[[], object], reason: str | set[str], kind: type[ConnectorError] = InvalidAnswer
) -> ConnectorError:
    """Run ``attempt``, which must end in exactly ``kind`` with ``reason`` and carry no personal data."""
    with pytest.raises(ConnectorError) as caught:
        pytest.fail(f"accepted: {attempt()!r}")
    error = caught.value
    assert type(error) is kind, error
    assert error.reason in ({reason} if isinstance(reason, str) else reason), error
    assert_says_nothing_personal(error)
    return error


def reply_refused(
    exchange: Exchange, reason: str | set[str], kind: type[ConnectorError] = InvalidAnswer, **changes: object
) -> ConnectorError:
    """The genuine reply with ``changes``, which must be refused."""
    octets = exchange.reply(**changes).octets()
    return refused(lambda: exchange.finish(octets), reason, kind)


def assert_says_nothing_personal(error: BaseException) -> None:
    """Neither the exception nor any that led to it holds a value of the message."""
    for one in chain(error):
        said = [str(one), repr(one.args), repr(vars(one))]
        if isinstance(one, UnicodeError):
            said.append(repr(getattr(one, "object", "")))
        for text in said:
            assert not [
                secret for secret in _SECRETS if secret in text or repr(secret.encode())[2:-1] in text
            ]


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """``error`` with everything in its causes and contexts."""
    if error is not None:
        yield error
        yield from chain(error.__cause__)
        if error.__context__ is not error.__cause__:
            yield from chain(error.__context__)


@contextmanager
def no_cryptography() -> Iterator[None]:
    """Inside, touching a key of ours or verifying anything fails the test."""

    def forbidden(*_: object, **__: object) -> object:
        pytest.fail("cryptography before the refusal")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xmlsec, "SignatureContext", forbidden)
        patch.setattr(InMemoryKey, "decrypt_oaep", forbidden)
        patch.setattr(InMemoryKey, "agree", forbidden)
        yield


def expectation(exchange: Exchange, **changes: object) -> Expectation:
    """What ``connectors.saml.response.receive`` is to expect; looser than eIDAS if ``changes`` say so."""
    node = exchange.node
    values: dict[str, object] = {
        "issuer": node.entity_id,
        "keys": [PinnedKey.from_certificate(p.pem) for p in (node.published or (node.signer,))],
        "decrypters": exchange.installed.keys.decrypters,
        "acs_url": exchange.installed.connector.acs_url,
        "audience": exchange.installed.connector.entity_id,
        "request_id": exchange.request.id,
        "requested_at": NOW,
        "now": NOW,
        **changes,
    }
    return Expectation(**values)  # type: ignore[arg-type]  # free keywords of tests
