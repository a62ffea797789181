"""The messages of PAOS: strict in what is read, by the schema in what is written (TR-03112-7)."""

import pytest
from lxml import etree

from eid_server import client_messages, envelope, server_messages
from eid_server.ecard import MINOR_CANCELLATION_BY_USER, MINOR_UNKNOWN_ERROR
from eid_server.errors import ClientReported, ProtocolViolation
from eid_server.xml import Element
from tests.eid_server.conformance import step
from tests.eid_server.samples import SHARED
from tests.support import paos
from tests.support.paos import MINOR, Command

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")

EAC1 = (("EFCardAccess", "3100"), ("IDPICC", "0102"), ("Challenge", "0102030405060708"))
EAC2 = (("EFCardSecurity", "3000"), ("AuthenticationToken", "0102030405060708"), ("Nonce", "01"))


def body(text: str) -> Element:
    return envelope.read(paos.envelope(text)).body


def test_the_header_names_the_message_and_what_it_answers():
    """TR-03112-7 §2.6: RelatesTo repeats the last MessageID."""
    read = envelope.read(paos.envelope("<a/>", message_id="urn:uuid:2", relates_to="urn:uuid:1"))
    assert (read.message_id, read.relates_to) == ("urn:uuid:2", "urn:uuid:1")


def test_the_older_header_style_is_understood():
    """npa.md §4.1: sb:Correlation carries both identifiers in attributes."""
    octets = (
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
        b'<sb:Correlation xmlns:sb="http://urn:liberty:sb:2003-08" messageID="I2" refToMessageID="I1"/>'
        b"</s:Header><s:Body><a/></s:Body></s:Envelope>"
    )
    read = envelope.read(octets)
    assert (read.message_id, read.relates_to) == ("I2", "I1")


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"<not-closed>",
        b"<Envelope/>",
        b"\xff\xfe" + paos.envelope("<a/>").decode().replace("UTF-8", "UTF-16").encode("utf-16-le"),
        b'<!DOCTYPE a [<!ENTITY x "y">]>' + paos.envelope("<a/>").split(b"?>", 1)[1],
        b'<!DOCTYPE a SYSTEM "http://localhost/x.dtd">' + paos.envelope("<a/>").split(b"?>", 1)[1],
        paos.envelope("<a/><b/>"),
        paos.envelope(""),
        paos.envelope("<a><!-- comment --></a>"),
        paos.envelope("<a><?pi x?></a>"),
        paos.envelope("<a/>") + b"<!-- behind -->",
        paos.envelope("<a/>").replace(b"<wsa:MessageID>urn:uuid:1</wsa:MessageID>", b""),
        paos.envelope("<a/>").replace(b"urn:uuid:1<", b"<"),
        paos.envelope("<a/>", message_id="urn:uuid:1</wsa:MessageID><wsa:MessageID>urn:uuid:2"),
        paos.envelope("<a/>", relates_to="1</wsa:RelatesTo><wsa:RelatesTo>2"),
        paos.envelope("<a/>", message_id="x" * 300),
        paos.envelope("<a/>", message_id="<b/>"),
        paos.envelope("<a/>").replace(
            b"</soap:Header>", b'<x xmlns="urn:x" soap:mustUnderstand="1"/></soap:Header>'
        ),
        paos.envelope("<a>" * 20 + "</a>" * 20),
        paos.envelope("<a/>" * 1200),
        paos.envelope("<a>" + "x" * 262_144 + "</a>"),
    ],
)
def test_what_is_no_plain_envelope_is_refused(octets):
    """npa.md §4.5: no DTD, no entities; nothing that could be read in two ways."""
    with pytest.raises(ProtocolViolation):
        envelope.read(octets)


def test_start_paos_names_session_slot_and_program():
    """TR-03112-7 §2.6."""
    read = client_messages.read_start_paos(body(paos.start_paos("ab" * 16)))
    assert (read.session_identifier, read.slot_handle, read.user_agent) == ("ab" * 16, "00", "Test/1.0")


def test_the_handle_of_the_eid_application_is_chosen():
    """npa.md §4.2: one of several ConnectionHandles belongs to the eID application."""
    other = paos.HANDLE.replace("e80704007f00070302", "d27600006601").replace(">00<", ">0a<")
    read = client_messages.read_start_paos(body(paos.start_paos("ab", handles=other + paos.HANDLE)))
    assert read.slot_handle == "00"


@pytest.mark.parametrize(
    "message",
    [
        paos.start_paos(""),
        paos.start_paos("x" * 200),
        paos.start_paos("ab", handles=""),
        paos.start_paos("ab", handles="<ConnectionHandle><SlotHandle>xy</SlotHandle></ConnectionHandle>"),
        paos.start_paos("ab", handles="<ConnectionHandle/>"),
        paos.start_paos("ab", versions=""),
        paos.start_paos("ab", versions="<SupportedAPIVersions><Major>2</Major></SupportedAPIVersions>"),
        paos.start_paos("ab", versions="<SupportedAPIVersions><Major>one</Major></SupportedAPIVersions>"),
        paos.start_paos("ab", protocols=["urn:oid:1.3.162.15480.3.0.9"]),
        paos.start_paos("ab").replace("</StartPAOS>", "<More/></StartPAOS>"),
        paos.start_paos("ab").replace("<UserAgent>", "text<UserAgent>"),
        paos.start_paos("ab").replace("<Name>Test", "<Name>" + "Test" * 20),
        paos.start_paos("ab").replace("<Name>Test", "<Name>Te\nst"),
        paos.transmit_response(["9000"]),
    ],
)
def test_start_paos_outside_the_schema_is_refused(message):
    """ISO24727-Protocols.xsd, StartPAOS."""
    with pytest.raises(ProtocolViolation):
        client_messages.read_start_paos(body(message))


def test_extended_access_control_with_or_without_its_arc_is_spoken():
    """TR-03112-7: clients name the protocol or an arc below it."""
    spoken = ["urn:oid:1.3.162.15480.3.0.9", "urn:oid:1.3.162.15480.3.0.14.2"]
    assert client_messages.read_start_paos(body(paos.start_paos("ab", protocols=spoken))).slot_handle == "00"


@pytest.mark.parametrize("missing", [name for name, _ in EAC1])
@pytest.mark.parametrize("times", [0, 2])
def test_each_value_of_eac1_output_occurs_exactly_once(missing, times):
    """TR-03130-4 C1_3: IDPICC and Challenge exactly once."""
    fields = [field for field in EAC1 for _ in range(times if field[0] == missing else 1)]
    with pytest.raises(ProtocolViolation):
        client_messages.read_eac1_output(body(paos.did_response("EAC1OutputType", *fields)))


@pytest.mark.parametrize("missing", [name for name, _ in EAC2])
@pytest.mark.parametrize("times", [0, 2])
def test_each_value_of_eac2_output_occurs_exactly_once(missing, times):
    """TR-03130-4 C1_3: EFCardSecurity, AuthenticationToken and Nonce exactly once."""
    fields = [field for field in EAC2 for _ in range(times if field[0] == missing else 1)]
    with pytest.raises(ProtocolViolation):
        client_messages.read_eac2_output(body(paos.did_response("EAC2OutputType", *fields)))


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("EAC2OutputType", EAC1),
        ("EAC1OutputType", [EAC1[1], EAC1[0], EAC1[2]]),
        ("EAC1OutputType", [("EFCardAccess", "310"), *EAC1[1:]]),
        ("EAC1OutputType", [("EFCardAccess", ""), *EAC1[1:]]),
        ("EAC1OutputType", [("CertificationAuthorityReference", "A")] * 3 + list(EAC1)),
        ("EAC1OutputType", [("CertificationAuthorityReference", "DE" * 9), *EAC1]),
        ("EAC1OutputType", [*EAC1, ("Extra", "00")]),
    ],
)
def test_eac1_output_outside_the_schema_is_refused(kind, fields):
    """ISO24727-Protocols.xsd, EAC1OutputType: order, type and number."""
    with pytest.raises(ProtocolViolation):
        client_messages.read_eac1_output(body(paos.did_response(kind, *fields)))


def test_a_challenge_alone_asks_for_the_signature_once_more():
    """TR-03112-7 §3.6.4.4: EAC2Output is either the values or a challenge."""
    read = client_messages.read_eac2_output(body(paos.did_response("EAC2OutputType", ("Challenge", "01"))))
    assert read == client_messages.EAC2Challenge(challenge=b"\1")
    both = paos.did_response("EAC2OutputType", ("Challenge", "01"), *EAC2)
    with pytest.raises(ProtocolViolation):
        client_messages.read_eac2_output(body(both))


def test_an_error_result_is_the_clients_reason_whatever_else_is_in_the_message():
    """TR-03112-7: the citizen cancelled; the values beside it are nobody's business."""
    outcome = paos.result(paos.ERROR, f"{MINOR}/sal#cancellationByUser")
    with pytest.raises(ClientReported) as caught:
        client_messages.read_eac1_output(body(paos.did_response("EAC1OutputType", *EAC1, outcome=outcome)))
    assert caught.value.minor == MINOR_CANCELLATION_BY_USER
    bare = f'<DIDAuthenticateResponse xmlns="urn:iso:std:iso-iec:24727:tech:schema">{outcome}</DIDAuthenticateResponse>'
    with pytest.raises(ClientReported):
        client_messages.read_eac2_output(body(bare))


@pytest.mark.parametrize(
    "minor", [None, "", "anything", f"{MINOR}/x#y&lt;script&gt;", f"{MINOR}/al/" + "a" * 99]
)
def test_an_unknown_reason_is_not_passed_on(minor):
    """npa.md §4.6: only codes of the eCard-API leave the server again."""
    message = paos.transmit_response([], outcome=paos.result(paos.ERROR, minor))
    with pytest.raises(ClientReported) as caught:
        client_messages.read_transmit_response(body(message))
    assert caught.value.minor == MINOR_UNKNOWN_ERROR


@pytest.mark.parametrize("outcome", ["", paos.result("urn:fine"), paos.result() * 2])
def test_a_response_without_a_result_is_refused(outcome):
    """urn:oasis:names:tc:dss:1.0:core:schema, Result: exactly one, with a known ResultMajor."""
    with pytest.raises(ProtocolViolation):
        client_messages.read_transmit_response(body(paos.transmit_response(["9000"], outcome=outcome)))


def test_initialize_framework_response_states_a_version_we_speak():
    """TR-03112-3 §3.1.1."""
    read = client_messages.read_initialize_framework_response(body(paos.initialize_framework_response()))
    assert read.version == (1, 1, 5)
    for bad in (paos.initialize_framework_response(minor=2), paos.initialize_framework_response(outcome="")):
        with pytest.raises(ProtocolViolation):
            client_messages.read_initialize_framework_response(body(bad))


def test_what_is_written_declares_the_prefixes_of_its_types():
    """XML Schema part 1 §2.6.1: xsi:type is a qualified name, so its prefix must be in scope."""
    content = server_messages.EAC2Input(ephemeral_public_key=b"\4", signature=b"\5")
    octets = envelope.write(
        server_messages.eac2_input("00", content), message_id="urn:uuid:1", relates_to="urn:uuid:0"
    )
    data = etree.fromstring(octets).find(f".//{paos.ISO}AuthenticationProtocolData")
    prefix, _, name = data.get("{http://www.w3.org/2001/XMLSchema-instance}type").partition(":")
    assert (data.nsmap[prefix], name) == (paos.ISO.strip("{}"), "EAC2InputType")
    assert Command(octets).relates_to == "urn:uuid:0"


def test_a_client_identifier_cannot_break_out_of_the_answer():
    """XML 1.0 §2.4: what is echoed is escaped."""
    octets = envelope.write(
        server_messages.start_paos_response(), message_id="m", relates_to="</wsa:RelatesTo>&"
    )
    assert Command(octets).relates_to == "</wsa:RelatesTo>&"


@needs_shared
@pytest.mark.parametrize("name", ["OUT_START_PAOS", "OUT_START_PAOS_DIDPROTOCOLS"])
def test_start_paos_of_the_conformity_suite_is_read(name):
    """TR-03130-4, steps of group C."""
    read = client_messages.read_start_paos(envelope.read(step(name, SESSIONIDENTIFIER="ab" * 16)).body)
    assert (read.session_identifier, read.slot_handle) == ("ab" * 16, "36333334")


@needs_shared
def test_good_answers_of_the_conformity_suite_are_read():
    """TR-03130-4, steps of group C."""
    chat = "7F4C12060904007F00070301020253050000000004"
    for name, effective in (("WITH_CHAT", "0000000004"), ("WITHOUT_CHAT", None)):
        octets = step(f"OUT_DID_AUTHENTICATE_EAC_1_OUTPUTTYPE_{name}", CHAT="0000000004")
        read = client_messages.read_eac1_output(envelope.read(octets).body)
        assert read.effective_chat == (bytes.fromhex(chat) if effective else None)
    octets = step("OUT_DID_AUTHENTICATE_EAC_2_OUTPUTTYPE_A")
    assert isinstance(
        client_messages.read_eac2_output(envelope.read(octets).body), client_messages.EAC2Output
    )
    octets = step("OUT_DID_AUTHENTICATE_EAC_2_OUTPUTTYPE_B")
    assert isinstance(
        client_messages.read_eac2_output(envelope.read(octets).body), client_messages.EAC2Challenge
    )
    octets = step("OUT_TRANSMIT").replace(b"   01", b"<OutputAPDU>9000</OutputAPDU>")
    assert client_messages.read_transmit_response(envelope.read(octets).body).output_apdus == (b"\x90\x00",)
    octets = step("OUT_INITIALIZE_FRAMEWORK_RESPONSE")
    assert client_messages.read_initialize_framework_response(envelope.read(octets).body).version == (1, 1, 4)


@needs_shared
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("EAC_1_OUTPUTTYPE_INTERNALERROR", ClientReported),
        ("EAC_1_OUTPUTTYPE_WITHOUT_CHALLENGE", ProtocolViolation),
        ("EAC_1_OUTPUTTYPE_WITHOUT_IDPICC", ProtocolViolation),
        ("EAC_2_OUTPUTTYPE_A_DUPLICATED_AUTHENTICATIONTOKEN", ProtocolViolation),
        ("EAC_2_OUTPUTTYPE_A_DUPLICATED_EFCARDSECURITY", ProtocolViolation),
        ("EAC_2_OUTPUTTYPE_A_DUPLICATED_NONCE", ProtocolViolation),
        ("EAC_2_OUTPUTTYPE_A_INTERNALERROR", ClientReported),
        ("EAC_2_OUTPUTTYPE_A_NO_AUTHENTICATIONTOKEN", ProtocolViolation),
        ("EAC_2_OUTPUTTYPE_A_NO_EFCARDSECURITY", ProtocolViolation),
        ("EAC_2_OUTPUTTYPE_A_NO_NONCE", ProtocolViolation),
        ("EAC_2_OUTPUTTYPE_INTERNALERROR", ClientReported),
    ],
)
def test_bad_answers_of_the_conformity_suite_are_refused(name, error):
    """TR-03130-4 C1_3."""
    read = client_messages.read_eac1_output if "EAC_1" in name else client_messages.read_eac2_output
    message = envelope.read(step(f"OUT_DID_AUTHENTICATE_{name}"))
    with pytest.raises(error):
        read(message.body)


@needs_shared
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("StartPaos", client_messages.read_start_paos),
        ("Eac1Output", client_messages.read_eac1_output),
        ("Eac2Output", client_messages.read_eac2_output),
    ],
)
def test_messages_of_another_client_are_read(name, read):
    """Bodies of Open eCard: white space around values, attributes on StartPAOS, several trust points."""
    text = (SHARED / "open-ecard" / f"{name}.xml").read_text()
    found = read(body(text))
    if name == "Eac1Output":
        assert found.certification_authority_references == ("DECVCAeID00107", "DECVCAeID00106")
    if name == "StartPaos":
        assert found.user_agent == "Open eCard App/2.3.13"
    if name == "Eac2Output":
        assert len(found.authentication_token) == 8


@needs_shared
def test_envelopes_of_ausweisapp_in_both_header_styles_are_read():
    """npa.md §4.1; templates with places to fill in hold comments and are no messages."""
    read = 0
    for path in sorted((SHARED / "paos-fixtures").glob("*.xml")):
        octets = path.read_bytes()
        if b"<!--" not in octets:
            assert envelope.read(octets).message_id
            read += 1
    assert read > 5
