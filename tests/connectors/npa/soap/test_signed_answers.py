"""Only what the pinned key has signed, wholly and just now, is an answer (TR-03130-1 §3.1, WSS 1.1 §8)."""

import base64
import secrets
from datetime import UTC, date, datetime, timedelta

import pytest
from lxml import etree

from connectors.assurance import LevelOfAssurance
from connectors.errors import InvalidAnswer, PeerUnavailable
from connectors.npa.soap.settings import SignerPin, SOAPException
from sandbox.eid_service import envelope
from sandbox.eid_service.names import DS, SOAP, WSSE, WSU
from tests.support.eid_service_peer import ADDRESSES, ERIKA, REFRESH, EIDServicePeer, asked, erika, now
from trust.algorithms import Deviation

REQUEST = asked(*ERIKA, minimum=LevelOfAssurance.HIGH)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BODY, SECURITY = f"{{{SOAP}}}Body", f"{{{WSSE}}}Security"
SIGNATURE, TIMESTAMP = f"{{{DS}}}Signature", f"{{{WSU}}}Timestamp"


def fetched(peer, section=None, **keys):
    """A whole login; faults begin with the result."""
    service = peer.service(section, **keys)
    change, peer.change = peer.change, None
    session = service.open(
        REQUEST, relay_state="r", addresses=ADDRESSES, now=now(), random=secrets.token_bytes
    ).session
    peer.change = change
    peer.cards.outcome = erika()
    return service.result(REQUEST, session, REFRESH, now=now())


def refused(peer, detail, **section):
    with pytest.raises(InvalidAnswer) as caught:
        fetched(peer, peer.section(**section))
    assert caught.value.reason == "npa.service.answer"
    assert detail in caught.value.detail


def test_honest_answer_written_anew_is_taken(peer):
    """The control of everything below."""
    peer.write_anew()
    assert fetched(peer).given_names == "ERIKA"


def test_wrong_signer_is_refused(peer):
    """§3.1: the pinned key, not the one that KeyInfo names."""
    peer.write_anew(peer.other)
    refused(peer, "signature.invalid")


def test_unsigned_answer_is_refused(peer):
    """§3.1: every message both ways."""
    peer.write_anew(signed=())
    refused(peer, "signature.missing")


@pytest.mark.parametrize("signed", [("TS-1",), ("Body-1",)])
def test_body_and_timestamp_are_both_signed(peer, signed):
    """§3.1: neither alone is enough."""
    peer.write_anew(signed=signed)
    refused(peer, "signature.reference")


def test_digest_by_sha1_is_refused(peer):
    """A2_04."""
    peer.write_anew(digest="sha1")
    refused(peer, "signature.digest-algorithm")


@pytest.fixture
def rsa_peer(tmp_path):
    made = EIDServicePeer(tmp_path, service_kind="rsa-3072", kind="rsa-3072")
    yield made
    made.close()


def test_signature_by_sha1_is_refused(rsa_peer):
    """A2_04."""
    rsa_peer.write_anew(method="rsa-sha1")
    refused(rsa_peer, "signature.algorithm")


def test_pkcs1_needs_a_dated_exception(rsa_peer):
    """security.md A.12: RSASSA-PSS, unless an exception says otherwise, and until its day."""
    rsa_peer.write_anew(method="rsa-sha256")
    refused(rsa_peer, "signature.algorithm")
    reason = "service cannot do PSS yet"
    yesterday = date.today() - timedelta(days=2)  # noqa: DTZ011 - two days from any zone's today
    over = SOAPException(kind=Deviation.RSA_PKCS1, until=yesterday, reason=reason)
    refused(rsa_peer, "signature.algorithm", exceptions=(over,))
    good = SOAPException(kind=Deviation.RSA_PKCS1, until=date(2027, 12, 31), reason=reason)
    assert fetched(rsa_peer, rsa_peer.section(exceptions=(good,))).given_names == "ERIKA"


def test_our_signature_follows_the_exception(rsa_peer):
    """The same exception lets our own requests go out by PKCS #1, for a service that knows no PSS."""
    good = SOAPException(kind=Deviation.RSA_PKCS1, until=date(2027, 12, 31), reason="no PSS there")
    fetched(rsa_peer, rsa_peer.section(request_signature="pkcs1", exceptions=(good,)))
    assert b"xmldsig-more#rsa-sha256" in rsa_peer.asked[-1]
    fetched(rsa_peer)
    assert b"sha256-rsa-MGF1" in rsa_peer.asked[-1]


@pytest.mark.parametrize("shift", [timedelta(minutes=-12), timedelta(minutes=4)])
def test_answer_of_another_time_is_refused(peer, shift):
    """WSS 1.1 §10: a Timestamp is five minutes good."""
    peer.write_anew(at=now() + shift)
    refused(peer, "soap.timestamp")


@pytest.mark.parametrize(
    "pin",
    [
        {"until": date(2026, 1, 1)},
        {"since": date(2199, 1, 1)},
    ],
)
def test_pin_counts_on_its_days_only(peer, pin):
    """security.md D.1: a pin has an end."""
    refused(peer, "signature.no-key", signers=(SignerPin(certificate="service.crt", **pin),))


def test_second_pin_serves_a_roll_over(peer):
    """§3.1: the service announces a new certificate before it uses it."""
    both = (SignerPin(certificate="other.crt"), SignerPin(certificate="service.crt"))
    assert fetched(peer, peer.section(signers=both)).given_names == "ERIKA"


def test_pin_ends_with_its_certificate(peer):
    """RFC 5280 §4.1.2.5."""
    service = peer.service()
    late = datetime.now(UTC) + timedelta(days=500)
    peer.interface.clock = lambda: late
    with pytest.raises(InvalidAnswer) as caught:
        service.server_info(now=late)
    assert "certificate.expired" in caught.value.detail


def parsed(octets):
    return etree.fromstring(octets)


def written(root):
    return etree.tostring(root)


def evil_body(root):
    """A copy of the signed Body with another name in it."""
    copy = parsed(written(root.find(BODY)))
    name = copy.find(".//{http://bsi.bund.de/eID/}GivenNames")
    if name is not None:
        name.text = "MALLORY"
    return copy


def second_body(octets):
    root = parsed(octets)
    root.append(evil_body(root))
    return written(root)


def body_moved_into_header(octets):
    root = parsed(octets)
    original, evil = root.find(BODY), evil_body(root)
    root.replace(original, evil)
    evil.set(f"{{{WSU}}}Id", "other")
    wrapper = etree.SubElement(root[0], "{urn:of:nobody}Wrapper")
    wrapper.append(original)
    return written(root)


def body_moved_into_signature(octets):
    root = parsed(octets)
    original, evil = root.find(BODY), evil_body(root)
    root.replace(original, evil)
    etree.SubElement(root.find(f".//{SIGNATURE}"), f"{{{DS}}}Object").append(original)
    return written(root)


def same_id_twice(octets):
    root = parsed(octets)
    original, evil = root.find(BODY), evil_body(root)
    root.replace(original, evil)
    etree.SubElement(root[0], "{urn:of:nobody}Wrapper").append(original)
    return written(root)


def changed_value(octets):
    return octets.replace(b"ERIKA", b"ERICA")


def changed_time(octets):
    root = parsed(octets)
    root.find(f".//{TIMESTAMP}")[1].text = "2099-01-01T00:00:00Z"
    return written(root)


def second_signature(octets):
    root = parsed(octets)
    signature = root.find(f".//{SIGNATURE}")
    signature.addnext(parsed(written(signature)))
    return written(root)


def second_security(octets):
    root = parsed(octets)
    root[0].append(parsed(written(root[0][0])))
    return written(root)


def without_timestamp(octets):
    root = parsed(octets)
    security = root.find(f".//{SECURITY}")
    security.remove(security.find(TIMESTAMP))
    return written(root)


def for_another_actor(octets):
    root = parsed(octets)
    root.find(f".//{SECURITY}").set(f"{{{SOAP}}}actor", "urn:of:nobody")
    return written(root)


def must_understand(octets):
    root = parsed(octets)
    etree.SubElement(root[0], "{urn:of:nobody}Header").set(f"{{{SOAP}}}mustUnderstand", "1")
    return written(root)


def inclusive_canonicalisation(octets):
    return octets.replace(
        b"http://www.w3.org/2001/10/xml-exc-c14n#", b"http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
    )


def xpath_transform(octets):
    root = parsed(octets)
    transforms = root.find(f".//{{{DS}}}Transforms")
    etree.SubElement(
        transforms, f"{{{DS}}}Transform", Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"
    )
    return written(root)


def encrypted_key(octets):
    root = parsed(octets)
    etree.SubElement(root.find(f".//{SECURITY}"), "{http://www.w3.org/2001/04/xmlenc#}EncryptedKey")
    return written(root)


def with_comment(octets):
    return octets.replace(b"ERIKA", b"ERI<!-- -->KA")


def with_doctype(octets):
    head, _, rest = octets.partition(b"?>")
    return head + b'?><!DOCTYPE x [<!ENTITY e "ERIKA">]>' + rest


def fault(_octets):
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><s:Fault><faultcode>s:Server</faultcode>'
        "<faultstring>x</faultstring></s:Fault></s:Body></s:Envelope>"
    ).encode()


ATTACKS = [
    second_body, body_moved_into_header, body_moved_into_signature, same_id_twice, changed_value, changed_time,
    second_signature, second_security, without_timestamp, for_another_actor, must_understand,
    inclusive_canonicalisation, xpath_transform, encrypted_key, with_comment, with_doctype, fault,
    lambda _: b"", lambda _: b"<a", lambda octets: octets[:-20],
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_manipulated_answer_is_refused(peer, attack):
    """security.md A.4 and A.5, for SOAP: wrapping, relocation, additions, other canonical forms."""
    peer.change = attack
    with pytest.raises(InvalidAnswer) as caught:
        fetched(peer)
    assert "MALLORY" not in str(caught.value)


def test_unsigned_header_beside_is_not_looked_at(peer):
    """SOAP 1.1 §4.2.3: what need not be understood may be there, and means nothing."""

    def add(octets):
        root = parsed(octets)
        etree.SubElement(root[0], "{urn:of:nobody}Header").text = "x"
        return written(root)

    peer.change = add
    assert fetched(peer).given_names == "ERIKA"


def test_answer_to_another_operation_is_refused(peer):
    """A signed useIDResponse is no result."""
    kept = []

    def keep(octets):
        kept.append(octets)
        return octets

    service = peer.service()
    peer.change = keep
    session = service.open(
        REQUEST, relay_state="r", addresses=ADDRESSES, now=now(), random=secrets.token_bytes
    ).session
    peer.change = lambda _: kept[0]
    with pytest.raises(InvalidAnswer, match="another operation"):
        service.result(REQUEST, session, REFRESH, now=now())


def test_repeated_answer_has_the_replay_key_of_the_first(peer):
    """getResultResponse names no session: so the same signed octets count once, whoever sends them."""
    first = fetched(peer)
    kept = []
    peer.change = lambda octets: kept.append(octets) or octets
    second = fetched(peer)
    peer.change = lambda _: kept[0]
    third = fetched(peer)
    assert second.replay_keys[1][0] == third.replay_keys[1][0]
    assert second.replay_keys[0][0] != third.replay_keys[0][0]
    assert first.replay_keys[1][0] != second.replay_keys[1][0]


def test_replay_key_survives_the_other_form_of_an_ecdsa_signature(peer):
    """(r, n - s) verifies wherever (r, s) does (FIPS 186-5 §6.4): an old answer must not pass as new by it."""
    kept = []
    peer.change = lambda octets: kept.append(octets) or octets
    honest = fetched(peer)

    def other_form(_):
        root = parsed(kept[0])
        element = root.find(f".//{{{DS}}}SignatureValue")
        value = base64.b64decode(element.text)
        s = P256_ORDER - int.from_bytes(value[32:], "big")
        element.text = base64.b64encode(value[:32] + s.to_bytes(32, "big")).decode()
        return written(root)

    peer.change = other_form
    assert fetched(peer).replay_keys[1][0] == honest.replay_keys[1][0]


def test_answer_older_than_its_question_is_refused(peer):
    """An answer kept from another call does not become one to this, though its Timestamp still holds."""
    kept = []
    peer.change = lambda octets: kept.append(octets) or octets
    fetched(peer)
    service = peer.service()
    peer.change = lambda _: kept[0]
    later = now() + timedelta(minutes=2)
    with pytest.raises(InvalidAnswer) as caught:
        service.result(REQUEST, {"id": "0" * 32}, REFRESH, now=later)
    assert (caught.value.reason, caught.value.detail) == ("npa.service.answer", "older than the question")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda root: root.append(etree.Element("{http://bsi.bund.de/eID/}Surplus")),
        lambda root: root.remove(root[-1]),
        lambda root: root.insert(0, root[-1]),
    ],
)
def test_signed_answer_that_breaks_the_schema_is_refused(peer, spoil):
    """§3.2: our schema file, before anything is read."""

    def anew(octets):
        content = envelope.parse(octets)[1][0]
        spoil(content)
        return envelope.write(content, peer.answering, now=now())

    peer.change = anew
    refused(peer, "xml.schema")


def test_request_with_an_unknown_signer_gets_no_data(peer):
    """§3.1: the service tells clients apart by their signing key, and says no more than internalError."""
    stranger = peer.store.obtain("stranger", "p256", "Nobody's eService")
    with pytest.raises(PeerUnavailable) as caught:
        fetched(peer, None, signing=stranger)
    assert caught.value.reason == "npa.service.internal"
    assert peer.cards.opened == []
