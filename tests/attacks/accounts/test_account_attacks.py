"""What an attacker would try against an account in particular (issue 3, bad input; security.md A.1, A.15, A.16)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from connectors.errors import InvalidAnswer
from tests.attacks import test_signature_wrapping as wrapping
from tests.attacks.refusal import assert_says_nothing_personal
from tests.support import saml_peer
from tests.support.account_peer import (
    BPK2,
    CITIZEN,
    PERSONAL,
    Account,
    AccountExchange,
    accounts,
    ask,
    begin,
    install_account,
    login,
    oid,
    technical,
)
from tests.support.saml_peer import SAMLP, rsa_pair
from tests.support.xml_signing import SAML, Recipe

STOLEN = "stolen-pseudonym"
Element = etree._Element


def evil(element: Element, *, identifier: str | None = "_evil", signed: bool = False) -> Element:
    """The attacker's copy: another citizen's pseudonym, in every wording of the accounts."""
    copy = _GENERIC(element, identifier=identifier, signed=signed)
    for attribute in copy.iter(f"{{{SAML}}}Attribute"):
        if attribute.get("Name") in {f"urn:oid:{BPK2}", "DatenuebermittlerPseudonymId"}:
            attribute[0].text = STOLEN
    for name_id in copy.iter(f"{{{SAML}}}NameID"):
        name_id.text = STOLEN
    return copy


_GENERIC: Callable[..., Element] = wrapping.evil


@pytest.mark.parametrize("profile", ["bundid", "muk", "dataport"])
@pytest.mark.parametrize("mode", wrapping.MODES)
@wrapping.EACH
def test_a_wrapped_answer_never_yields_another_pseudonym(
    profile: str,
    mode: str,
    placement: Callable[[Element], Element],
    victims: dict[str, saml_peer.Installed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """security.md A.1: every placement, whatever the account signs and encrypts."""
    monkeypatch.setattr(wrapping, "evil", evil)
    exchange = begin(victims[profile])
    octets = wrapping.message(exchange, mode, placement)
    with pytest.raises(InvalidAnswer) as caught:
        exchange.finish(octets)
    assert STOLEN not in repr(caught.value)


@pytest.fixture(scope="session")
def victims(tmp_path_factory: pytest.TempPathFactory) -> dict[str, saml_peer.Installed]:
    return {name: install_account(name, tmp_path_factory.mktemp(f"victim-{name}")) for name in accounts()}


@pytest.mark.parametrize("profile", ["bundid", "akdb", "dataport", "muk"])
def test_no_refusal_says_anything_about_the_citizen(
    profile: str, victims: dict[str, saml_peer.Installed]
) -> None:
    """design.md §3 invariant 4: the exception and all its causes."""
    exchange = begin(victims[profile])
    bad: list[dict[str, object]] = [
        {"audience": "https://other.example"},
        {"authn_context": "STORK-QAA-Level-9"},
        {"attributes": exchange.reply().attributes * 2},
        {"name_id": "<saml2:NameID>Mustermann Petersen</saml2:NameID>", "authn_context": "x"},
    ]
    refusals = 0
    for changes in bad:
        try:
            exchange.finish(exchange.reply(**changes).octets())
        except InvalidAnswer as error:
            refusals += 1
            assert_says_nothing_personal(error)
            for one in _chain(error):
                assert not [word for word in PERSONAL if word in f"{one!r} {vars(one)}"]
    assert refusals >= 2


def _chain(error: BaseException | None) -> list[BaseException]:
    found = []
    while error is not None:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def test_an_answer_signed_by_another_trusted_account_is_refused(
    victims: dict[str, saml_peer.Installed], tmp_path: Path
) -> None:
    """security.md A.16: a key trusted for one account verifies no other."""
    base = accounts()["akdb"]
    bayern = Account(
        entity_id=base.entity_id, location=base.location, reply=base.reply, settings=base.settings,
        signer=rsa_pair("bayern"),
    )  # fmt: skip
    install_account("akdb", tmp_path, account=bayern)
    exchange = begin(victims["bundid"])
    for changes in ({"signer": bayern.signer}, {"signer": bayern.signer, "issuer": bayern.entity_id}):
        with pytest.raises(InvalidAnswer) as caught:
            exchange.finish(exchange.reply(**changes).octets())
        assert caught.value.reason in {"signature.invalid", "saml.issuer"}


@pytest.mark.parametrize("profile", ["bundid", "akdb", "muk"])
def test_pkcs1_and_plain_answers_are_refused_where_no_exception_allows_them(
    profile: str, victims: dict[str, saml_peer.Installed]
) -> None:
    """bundid.md §1.3: PSS and AES-GCM."""
    exchange = begin(victims[profile])
    cases = [
        ({"recipe": Recipe(method="pkcs1-256")}, "signature.algorithm"),
        ({"encrypted": False}, "encryption.missing"),
        ({"sign_response": False}, "signature.missing"),
        ({"sign_response": False, "sign_assertion": True}, "signature.missing"),
    ]
    for changes, reason in cases:
        with pytest.raises(InvalidAnswer) as caught:
            exchange.finish(exchange.reply(**changes).octets())
        assert caught.value.reason == reason


def test_a_mock_that_signs_nothing_is_not_accepted(victims: dict[str, saml_peer.Installed]) -> None:
    """bundid.md §1.15: the simulator answers unsigned, in the clear, in our own name."""
    exchange = begin(victims["bundid"])
    reply = exchange.reply(sign_response=False, encrypted=False, issuer=victims["bundid"].connector.entity_id)
    with pytest.raises(InvalidAnswer):
        exchange.finish(reply.octets())


def test_a_pseudonym_in_a_status_detail_or_a_second_statement_is_no_source(
    victims: dict[str, saml_peer.Installed],
) -> None:
    exchange = begin(victims["bundid"])
    assert isinstance(exchange, AccountExchange)
    stolen = oid(BPK2, STOLEN, trust="NORMAL").xml()
    second = f"<saml2:AttributeStatement>{stolen}</saml2:AttributeStatement>"
    with pytest.raises(InvalidAnswer):
        exchange.finish(exchange.reply(more_statements=second).octets())

    def detail(root: Element) -> None:
        place = etree.SubElement(root.find(f"{{{SAMLP}}}Status"), f"{{{SAMLP}}}StatusDetail")
        place.append(etree.fromstring(f'<a:x xmlns:a="urn:x" xmlns:saml2="{SAML}">{stolen}</a:x>'))

    verified = exchange.finish(exchange.reply(edit_response=detail).octets())
    assert STOLEN not in (verified.identity.account_key or "")


def test_a_level_between_the_lines_does_not_count(victims: dict[str, saml_peer.Installed]) -> None:
    """A level attribute under a friendly name, or in an unknown attribute, raises nothing."""
    spoof = oid("1.2.3.4", "STORK-QAA-Level-4", friendly="EID-CITIZEN-QAA-LEVEL")
    attributes = (spoof, *technical(3, "Elster"), *CITIZEN)
    identity = login(
        victims["bundid"], attributes=attributes, authn_context="STORK-QAA-Level-3", request=ask()
    ).identity
    assert identity.assurance.level.word == "substantial"
