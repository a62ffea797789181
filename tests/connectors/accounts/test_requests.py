"""What leaves for an account (bundid.md §1.5, §1.6, §2.2, §3.1), and what is refused before it leaves."""

import base64
from dataclasses import replace

import pytest
import xmlsec
from cryptography.hazmat.primitives import serialization

from connectors.accounts.attributes import EVALUATED
from connectors.assurance import LevelOfAssurance
from connectors.contract import FormDispatch
from connectors.errors import PeerUnavailable, RequestNotPossible
from connectors.identity import PersonKind
from tests.support.account_peer import AKDB, ask, begin, install_account, service
from tests.support.saml_peer import SAMLP
from tests.support.xml_signing import DS, NOW, SAML

BASIC, LOW, SUBSTANTIAL, HIGH = LevelOfAssurance
UI = "https://www.akdb.de/request/2018/09/classic-ui/v1"
MAILBOX, BPK2 = "urn:oid:2.5.4.18", "urn:oid:1.3.6.1.4.1.25484.494450.3"


def root_of(installed, **changes):
    return begin(installed, ask(installed.connector.settings.profile, **changes)).request.root


def requested(root):
    found = root.iter(f"{{{AKDB}}}RequestedAttribute")
    return {e.get("Name"): e.get("RequiredAttribute") == "true" for e in found}


def shown(root):
    version = root.find(f".//{{{UI}}}Version")
    return {e.tag.rpartition("}")[2]: e.text for e in version}


def methods(root):
    return [e.tag.rpartition("}")[2] for e in root.find(f".//{{{AKDB}}}AuthnMethods")]


def reference(root):
    return root.findtext(f"{{{SAMLP}}}RequestedAuthnContext/{{{SAML}}}AuthnContextClassRef")


@pytest.mark.parametrize("profile", ["bundid", "akdb", "dataport", "muk"])
def test_every_request_is_posted_signed_with_pss_and_forces_authentication(profile, tmp_path):
    """bundid.md §1.3, §1.5, §1.14: no single sign-on, not even with ourselves."""
    installed = install_account(profile, tmp_path)
    exchange = begin(installed)
    root = exchange.request.root
    assert (root.get("ForceAuthn"), root.get("IsPassive")) == ("true", "false")
    assert root.get("AssertionConsumerServiceURL") == f"https://gateway.example/connectors/{profile}/acs"
    assert root.get("ProtocolBinding") == "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
    assert root.get("Destination") == exchange.request.destination == exchange.node.location
    issuer = root.find(f"{{{SAML}}}Issuer")
    assert (issuer.text, issuer.get("Format")) == (installed.connector.entity_id, None)
    method = root.find(f".//{{{DS}}}SignatureMethod").get("Algorithm")
    assert method == "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"


def test_the_signature_is_one_that_libxmlsec_accepts(bundid):
    """An implementation that is not ours."""
    root = begin(bundid).request.root
    context = xmlsec.SignatureContext()
    pem = bundid.keys.signer.certificate.public_bytes(serialization.Encoding.PEM)
    context.key = xmlsec.Key.from_memory(pem, xmlsec.KeyFormat.CERT_PEM)
    context.register_id(root, "ID")
    context.verify(root.find(f"{{{DS}}}Signature"))


def test_pkcs1_signatures_need_their_dated_exception(tmp_path):
    """security.md A.12; after its date we sign with PSS again."""
    installed = install_account("dataport", tmp_path, request_signature="pkcs1")
    sent = begin(installed).request.root.find(f".//{{{DS}}}SignatureMethod").get("Algorithm")
    assert sent.endswith("xmldsig-more#rsa-sha256")
    later = NOW.replace(year=2027, month=7)
    sent = begin(installed, now=later).request.root.find(f".//{{{DS}}}SignatureMethod").get("Algorithm")
    assert sent.endswith("#sha256-rsa-MGF1")


@pytest.mark.parametrize(
    ("minimum", "expected"),
    [(BASIC, "STORK-QAA-Level-1"), (LOW, "STORK-QAA-Level-3"), (SUBSTANTIAL, "STORK-QAA-Level-3"), (HIGH, "STORK-QAA-Level-4")],
)  # fmt: skip
def test_levels_are_asked_for_as_minimum(bundid, minimum, expected):
    """bundid.md §1.5: level 2 is never asked for, it has no means of its own."""
    root = root_of(bundid, minimum=minimum)
    assert reference(root) == expected
    assert root.find(f"{{{SAMLP}}}RequestedAuthnContext").get("Comparison") == "minimum"


def test_the_reference_for_low_is_a_setting(tmp_path):
    installed = install_account("bundid", tmp_path, low_reference="STORK-QAA-Level-2")
    assert reference(root_of(installed, minimum=LOW)) == "STORK-QAA-Level-2"


def test_bundid_gets_no_name_id_policy_and_the_others_a_persistent_one(bundid, dataport, muk):
    """Official samples; bundid.md §2.2, §3.1."""
    policy = f"{{{SAMLP}}}NameIDPolicy"
    assert root_of(bundid).find(policy) is None
    for installed in (dataport, muk):
        found = root_of(installed).find(policy)
        assert found.get("Format").endswith(":persistent")
        assert found.get("AllowCreate") == "true"


def test_a_name_id_format_can_be_set(tmp_path):
    transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
    root = root_of(install_account("bundid", tmp_path, name_id_format=transient))
    policy = root.find(f"{{{SAMLP}}}NameIDPolicy")
    assert (policy.get("Format"), policy.get("AllowCreate")) == (transient, None)


def test_only_what_is_evaluated_and_registered_is_requested(bundid):
    """Data minimisation: four evaluated attributes, the pseudonym, the service's own."""
    found = requested(root_of(bundid))
    evaluated = {a.name for a in EVALUATED}
    assert {n for n in found if n not in evaluated} == {
        BPK2, "urn:oid:2.5.4.42", "urn:oid:2.5.4.4", "urn:oid:1.2.40.0.10.2.1.1.55",
    }  # fmt: skip
    assert {n for n, required in found.items() if required} == {BPK2, "urn:oid:2.5.4.42", "urn:oid:2.5.4.4"}


def test_account_facts_are_requested_where_the_service_is_registered_for_them(bundid):
    assert MAILBOX not in requested(root_of(bundid))
    assert requested(root_of(bundid, account_facts=frozenset({"mailbox_handle"})))[MAILBOX] is False
    assert requested(root_of(bundid, required=frozenset({"mailbox_handle"})))[MAILBOX] is True


def test_nothing_but_pseudonym_and_mailbox_is_required_at_level_one(bundid):
    """IF 9.2: self-registered citizens may leave anything out."""
    everything = frozenset({"given_name", "family_name", "address", "mailbox_handle"})
    found = requested(root_of(bundid, minimum=BASIC, required=everything))
    assert {n for n, required in found.items() if required} == {BPK2, MAILBOX}


def test_an_address_is_four_attributes_of_which_one_is_required(bundid):
    found = requested(root_of(bundid, required=frozenset({"address"})))
    numbers = ("2.5.4.16", "2.5.4.17", "2.5.4.7", "1.2.40.0.10.2.1.1.225599")
    assert [found[f"urn:oid:{n}"] for n in numbers] == [False, False, True, False]


def test_a_service_that_welcomes_guests_asks_for_nothing_that_hides_them(bundid):
    """IF 9.2.1: neither pseudonym nor mailbox."""
    request = replace(ask(account_facts=frozenset({"mailbox_handle"})), service=service(guest="true"))
    found = requested(begin(bundid, request).request.root)
    assert BPK2 not in found
    assert MAILBOX not in found


def test_the_citizen_sees_the_service_and_not_the_gateway(bundid):
    """Issue 3 number 1: display texts come from the client's registration."""
    assert shown(root_of(bundid)) == {
        "OrganizationDisplayName": "Amt24: Bohranzeige", "Lang": "de", "OnlineServiceId": "BMI-X0000",
    }  # fmt: skip
    other = service("service-bw", display_name="Service-BW", online_service_id="BMI-X0001", purpose="Antrag",
                    back_url="https://gateway.example/login/x/back")  # fmt: skip
    assert shown(root_of(bundid, service=other, languages=("fr", "uk", "en"))) == {
        "Purpose": "Antrag", "OrganizationDisplayName": "Service-BW", "Lang": "uk",
        "BackURL": "https://gateway.example/login/x/back", "OnlineServiceId": "BMI-X0001",
    }  # fmt: skip


def test_status_detail_is_asked_for(bundid):
    extension = root_of(bundid).find(f".//{{{AKDB}}}AuthenticationRequest")
    assert (extension.get("Version"), extension.get("EnableStatusDetail")) == ("2", "true")


@pytest.mark.parametrize(
    ("minimum", "words", "expected"),
    [
        (BASIC, "", ["Benutzername", "eID", "eIDAS", "Elster", "FINK"]),
        (BASIC, "Diia eID Authega", ["Authega", "Diia", "eID"]),
        (SUBSTANTIAL, "", ["eID", "eIDAS", "Elster", "FINK"]),
        (HIGH, "", ["eID", "eIDAS", "FINK"]),
        (HIGH, "eIDAS Elster eID", ["eID", "eIDAS"]),
    ],
)
def test_exactly_the_methods_that_reach_the_level_are_listed(bundid, minimum, words, expected):
    """bundid.md §1.6: safest is to list the allowed methods, each enabled. What BundID does not have
    (§1.11: Authega, Diia) is offered only where a service or the operator names it."""
    request = ask(minimum=minimum, service=service(methods=words))
    root = begin(bundid, request).request.root
    assert methods(root) == expected
    assert {e.text for e in root.iter(f"{{{AKDB}}}Enabled")} == {"true"}
    option = bundid.connector.options(request, now=NOW)[0]
    assert list(option.scheme_names) == expected


def test_the_installation_limits_the_methods_of_every_service(tmp_path):
    installed = install_account("bundid", tmp_path, methods=["eID", "Elster"])
    assert methods(root_of(installed, minimum=BASIC)) == ["eID", "Elster"]


def test_dataport_and_muk_get_no_extension(dataport, muk):
    for installed in (dataport, muk):
        assert root_of(installed).find(f"{{{SAMLP}}}Extensions") is None
    assert reference(root_of(dataport, minimum=HIGH)) == "http://eidas.europa.eu/LoA/high"
    assert root_of(muk).find(f"{{{SAMLP}}}RequestedAuthnContext") is None


@pytest.mark.parametrize(
    ("profile", "changes", "reason", "word"),
    [
        ("bundid", {"persons": frozenset({PersonKind.LEGAL})}, "account.person-not-offered", "person"),
        ("muk", {"persons": frozenset({PersonKind.NATURAL})}, "account.person-not-offered", "person"),
        ("bundid", {"persons": frozenset(PersonKind)}, "account.person-undecided", None),
        ("muk", {"minimum": HIGH}, "account.level-not-offered", "level"),
        ("bundid", {"minimum": HIGH, "service": service(methods="Elster")}, "account.methods-empty", "level"),
        ("bundid", {"service": service(methods="Passwort")}, "account.method-unknown", "service"),
        ("bundid", {"required": frozenset({"gender"})}, "account.attribute-not-offered", "attributes"),
        ("bundid", {"service": service(online_service_id="")}, "account.request", "service"),
        ("bundid", {"service": replace(service(), presentation={})}, "account.presentation", "service"),
        ("muk", {"service": replace(service(), presentation={})}, "account.presentation", "service"),
        ("bundid", {"service": service(colour="red")}, "account.presentation", "service"),
        ("bundid", {"service": service(purpose="<b>x</b>")}, "account.request", None),
        ("bundid", {"service": service(back_url="http://evil.example/")}, "account.request", None),
    ],
)
def test_what_an_account_cannot_serve_is_refused_and_said_beforehand(
    profile, changes, reason, word, tmp_path
):
    installed = install_account(profile, tmp_path)
    request = ask(profile, **changes)
    with pytest.raises(RequestNotPossible) as caught:
        begin(installed, request)
    assert caught.value.reason == reason
    if word is not None:
        assert [o.reason for o in installed.connector.options(request, now=NOW)] == [word]


def test_both_kinds_of_person_may_still_be_open_on_the_page(dataport, muk):
    request = ask("muk", persons=frozenset(PersonKind))
    assert muk.connector.options(request, now=NOW)[0].available
    either = ask("dataport", persons=frozenset(PersonKind), required=frozenset())
    assert dataport.connector.options(either, now=NOW)[0].available


def test_without_metadata_nothing_leaves(tmp_path):
    installed = install_account("bundid", tmp_path, refresh=False)
    with pytest.raises(PeerUnavailable):
        begin(installed)
    option = installed.connector.options(ask(), now=NOW)[0]
    assert (option.available, option.reason) == (False, "down")


def test_an_anchor_that_is_not_there_leaves_the_account_down(tmp_path):
    installed = install_account("bundid", tmp_path, anchor="other")
    status = installed.connector.peers(now=NOW)[0]
    assert (status.state, status.reason) == ("down", "metadata.unknown-anchor")


def test_the_form_carries_message_and_handle_only(bundid):
    start = bundid.connector.begin(ask(), relay_state="J.h", now=NOW, random=lambda n: b"\x01" * n)
    assert isinstance(start.dispatch, FormDispatch)
    names = [name for name, _ in start.dispatch.fields]
    assert names == ["SAMLRequest", "RelayState"]
    assert base64.b64decode(start.dispatch.fields[0][1]).startswith(b"<")
