"""Result minors of eID-Server and eID-Client (npa.md §1.6, §4.6)."""

import pytest

from connectors import errors
from connectors.npa import failures

SERVER = "http://www.bsi.bund.de/eid/server/2.0/resultminor"
ECARD = "http://www.bsi.bund.de/ecard/api/1.1/resultminor"


@pytest.mark.parametrize(
    ("minor", "kind", "reason"),
    [
        (f"{SERVER}/common#internalError", errors.PeerUnavailable, "npa.service.internal"),
        (f"{SERVER}/common#schemaViolation", errors.PeerRefused, "npa.service.schema-violation"),
        (f"{SERVER}/useID#invalidPSK", errors.PeerRefused, "npa.service.psk"),
        (f"{SERVER}/useID#tooManyOpenSessions", errors.PeerUnavailable, "npa.service.busy"),
        (f"{SERVER}/useID#missingArgument", errors.PeerRefused, "npa.service.missing-argument"),
        (f"{SERVER}/useID#missingTerminalRights", errors.PeerRefused, "npa.service.rights"),
        (f"{SERVER}/getResult#noResultYet", errors.AuthenticationFailed, "npa.no-result"),
        (f"{SERVER}/getResult#invalidSession", errors.AuthenticationFailed, "npa.session-lost"),
        (f"{SERVER}/getResult#invalidCounter", errors.AuthenticationFailed, "npa.session-lost"),
        (f"{SERVER}/getResult#deniedDocument", errors.AuthenticationFailed, "npa.document-denied"),
        (f"{SERVER}/getResult#invalidDocument", errors.AuthenticationFailed, "npa.document-invalid"),
        (f"{ECARD}/sal#cancellationByUser", errors.Cancelled, "npa.cancelled"),
        (f"{ECARD}/ifdl#cancellationByUser", errors.Cancelled, "npa.cancelled"),
        (f"{ECARD}/ifdl/terminal#noCard", errors.AuthenticationFailed, "npa.card-lost"),
        (f"{ECARD}/dp#timeout", errors.AuthenticationFailed, "npa.timeout"),
        (f"{ECARD}/dp#trustedChannelEstablishmentFailed", errors.AuthenticationFailed, "npa.channel"),
        (f"{ECARD}/il/signature#invalidCertificatePath", errors.PeerRefused, "npa.certificate-path"),
        (f"{ECARD}/sal#securityConditionNotSatisfied", errors.AttributeMissing, "npa.attribute.refused"),
        (f"{ECARD}/al/common#unknownError", errors.AuthenticationFailed, "npa.client-error"),
        ("https://attacker.example/#ok", errors.AuthenticationFailed, "npa.client-error"),
        ("", errors.AuthenticationFailed, "npa.client-error"),
    ],
)
def test_every_minor_has_its_outcome(minor, kind, reason):
    """npa.md §1.6 column "gateway outcome"; nothing foreign reaches the reason."""
    error = failures.of_minor(minor)
    assert type(error) is kind
    assert (error.reason, error.detail) == (reason, "")


def test_a_query_without_error_reports_nothing():
    """npa.md §3.3: hints only, and ``ok`` is not one."""
    assert failures.of_query(b"RelayState=x&ResultMajor=ok") is None
    assert failures.of_query(b"") is None


@pytest.mark.parametrize("query", [b"\xff", b"&".join([b"a=b"] * 30)])
def test_a_query_that_is_none_is_refused(query):
    """A bound on what is parsed at all."""
    with pytest.raises(errors.InvalidAnswer, match=r"npa\.query"):
        failures.of_query(query)
