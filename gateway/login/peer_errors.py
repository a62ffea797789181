"""The catalogue's view of what a connector raised, in the words of its family: 30, 31 or 32."""

from __future__ import annotations

from connectors.assurance import LevelOfAssurance
from connectors.errors import ConnectorError, OwnKeyUnavailable, PeerUnavailable
from gateway.errors import KEY_UNAVAILABLE, CatalogueEntry, GatewayError
from gateway.login.account_errors import ACCOUNT_INVALID_ANSWER, ACCOUNT_LEVEL_TOO_LOW, from_account
from gateway.login.desk import LoginDesk
from gateway.login.eid_errors import EID_DOCUMENT_DENIED, EID_INVALID_ANSWER, EID_LEVEL_TOO_LOW, from_eid
from gateway.login.exchange_errors import EXCHANGE_INVALID_ANSWER, EXCHANGE_LEVEL_TOO_LOW, from_connector
from gateway.withdrawn import SourceSuspended


def of_connector(desk: LoginDesk, connector: str, error: ConnectorError) -> GatewayError:
    """What citizen and service learn of ``error``."""
    if isinstance(error, OwnKeyUnavailable):
        return KEY_UNAVAILABLE(cause=error)
    if connector in desk.accounts:
        return from_account(error)
    if connector in desk.eid_clients:
        return from_eid(error)
    return from_connector(error)


def suspended(desk: LoginDesk, connector: str, error: SourceSuspended) -> GatewayError:
    """A way that was closed while somebody was on it: for the citizen it does not answer."""
    return of_connector(desk, connector, PeerUnavailable(str(error)))


def invalid_answer(desk: LoginDesk, connector: str) -> CatalogueEntry:
    """An answer that must not be believed."""
    if connector in desk.accounts:
        return ACCOUNT_INVALID_ANSWER
    return EID_INVALID_ANSWER if connector in desk.eid_clients else EXCHANGE_INVALID_ANSWER


def not_enough(
    desk: LoginDesk, connector: str, achieved: LevelOfAssurance, required: LevelOfAssurance
) -> GatewayError:
    """A genuine answer that is less than the service asks for."""
    entry = EXCHANGE_LEVEL_TOO_LOW
    if connector in desk.accounts:
        entry = ACCOUNT_LEVEL_TOO_LOW
    elif connector in desk.eid_clients:
        if achieved >= required:  # so it is a phone's eID, which is not notified
            return EID_DOCUMENT_DENIED()
        entry = EID_LEVEL_TOO_LOW
    return entry(achieved=achieved.word, required=required.word)
