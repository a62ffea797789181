"""The Online-Ausweis in the configuration: a certificate's rights and origin, found before any citizen does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eid_server.chat import SELECTOR_RIGHTS, rights_of
from eid_server.description import CertificateDescription
from eid_server.errors import Misconfigured
from eid_server.pki import TrialPKI
from gateway.bundle import Configuration, load
from gateway.own_keys import files as key_files
from gateway.settings import KeyPurpose
from gateway.sources import build_connectors, service_keys
from tests.gateway.test_bundle import FILES, GATEWAY, edit, problems
from trust.log import AppendOnlyLog, open_database

CLIENT_FILE = "registry/clients/amt24.toml"
CARD_FILE = "registry/connectors/npa.toml"
CLIENT = 'means = ["npa", "eidas"]\n' + FILES[CLIENT_FILE]
ATTACHED = """
kind = "npa"
id = "npa"
name.de = "Online-Ausweis"
way = "attached"
subject_url = "https://id.example"
rights = ["FamilyNames", "GivenNames", "RestrictedID", "AgeVerification"]
[attached]
pki = "pki"
"""
SOAP = """
kind = "npa"
id = "npa"
name.de = "Online-Ausweis"
way = "soap"
subject_url = "https://id.example"
rights = ["FamilyNames", "GivenNames", "RestrictedID", "AgeVerification"]
[soap]
address = "https://eid-service.example/eID"
server_ca = "keys/eid-tls.crt"
signers = [{ certificate = "keys/eid-signing.crt" }]
"""
EID_KEYS = """
[[keys]]
id = "eid-signing"
purpose = "eid-signing"
private_key = "file:keys/eid-signing.key"
certificate = "keys/eid-signing.crt"

[[keys]]
id = "eid-tls"
purpose = "eid-tls"
private_key = "file:keys/eid-tls.key"
certificate = "keys/eid-tls.crt"
"""


def clock() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for purpose in KeyPurpose:
        name = {"oidc-signing": "oidc", "saml-metadata-signing": "saml-metadata"}.get(purpose, purpose)
        key_files.create(folder, name, purpose, algorithm="p256", days=30, subject="test")
    return folder


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    description = CertificateDescription(
        issuer_name="trial",
        subject_name="Land",
        subject_url="https://id.example",
        terms_of_usage="none",
    )
    rights = rights_of(*SELECTOR_RIGHTS.keys() - {"PlaceVerification"})
    TrialPKI.create(today=clock().date(), description=description, rights=rights).save(folder)
    return folder


@pytest.fixture
def directory(tmp_path: Path, keys: Path, pki: Path) -> Path:
    """A development installation with the attached eID-Server."""
    (tmp_path / "keys").symlink_to(keys)
    (tmp_path / "pki").symlink_to(pki)
    files = {
        **FILES,
        "gateway.toml": GATEWAY.replace("[gateway]\n", '[gateway]\nmode = "development"\n', 1),
        CARD_FILE: ATTACHED,
        CLIENT_FILE: CLIENT,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def soap(directory: Path) -> Path:
    """A production installation with a certified eID service."""
    (directory / "gateway.toml").write_text(GATEWAY + EID_KEYS, encoding="utf-8")
    (directory / CARD_FILE).write_text(SOAP, encoding="utf-8")
    return directory


def warnings(directory: Path) -> str:
    return "\n".join(map(str, load(directory).warnings))


def built(configuration: Configuration) -> set[str]:
    log = AppendOnlyLog(open_database("sqlite:///:memory:"))
    try:
        return set(build_connectors(configuration, log, clock=clock))
    finally:
        log.stop()


def test_an_online_ausweis_is_loaded_and_built(directory: Path) -> None:
    configuration = load(directory)
    assert set(configuration.cards) == {"npa"}
    assert built(configuration) == {"npa", "eidas"}


def test_a_certified_service_runs_in_production_with_keys_of_its_own(soap: Path) -> None:
    """npa.md §1: mutual TLS and WS-Security, each with its own key."""
    configuration = load(soap)
    keys = service_keys(configuration, configuration.cards["npa"])
    assert keys.saml is None
    assert [key.id for key in (*keys.signing, *keys.tls)] == ["eid-signing", "eid-tls"]
    assert built(configuration) == {"npa", "eidas"}


def test_the_attached_eid_server_is_refused_in_production(directory: Path) -> None:
    """Issue 4 item 3: it refuses to run in production mode and says so."""
    configuration = load(directory)
    edit(directory, "gateway.toml", 'mode = "development"\n', "")
    assert f"{CARD_FILE}: way: the attached eID-Server is for test and reference" in problems(directory)
    settings = configuration.settings
    production = settings.gateway.model_copy(update={"mode": "production"})
    forced = replace(configuration, settings=settings.model_copy(update={"gateway": production}))
    with pytest.raises(Misconfigured, match="production"):
        built(forced)


def test_the_attached_eid_server_needs_one_process(directory: Path) -> None:
    """npa.md §3.4: session and TLS session are in one process."""
    edit(directory, "gateway.toml", "[gateway]\n", "[listen]\nworkers = 2\n\n[gateway]\n")
    assert "remedy: [listen] workers = 1" in problems(directory)


@pytest.mark.parametrize(
    "url", ["https://id.sachsen.example", "https://id.example:8443", "http://id.example"]
)
def test_a_certificate_for_another_origin_is_refused(directory: Path, url: str) -> None:
    """npa.md §3.5 no. 3 and 6: scheme, host and port of subjectURL (RFC 6454)."""
    edit(directory, CARD_FILE, 'subject_url = "https://id.example"', f'subject_url = "{url}"')
    assert f"{CARD_FILE}: subject_url: is of another origin" in problems(directory)


def test_an_origin_is_compared_without_path_and_default_port(directory: Path) -> None:
    """RFC 6454 §4."""
    edit(
        directory, CARD_FILE, 'subject_url = "https://id.example"', 'subject_url = "https://ID.example:443/x"'
    )
    assert load(directory).cards


def test_an_origin_that_nobody_compared_is_told(soap: Path) -> None:
    edit(soap, CARD_FILE, 'subject_url = "https://id.example"\n', "")
    assert "subject_url: is missing" in warnings(soap)


def test_rights_that_the_certificate_does_not_have_end_the_start(directory: Path) -> None:
    """TR-03130-1 missingTerminalRights would come with the first citizen."""
    edit(directory, CARD_FILE, '"AgeVerification"', '"AgeVerification", "PlaceVerification"')
    with pytest.raises(ValueError, match="PlaceVerification"):
        built(load(directory))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            '"family_name"',
            '"family_name", "address"',
            "npa: the authorisation certificate does not allow PlaceOfResidence",
        ),
        ('"family_name"', '"family_name", "email"', "npa: no card delivers email, which is required"),
        ("[]", '["legal"]', "npa: cards identify natural persons only"),
    ],
)
def test_a_client_that_no_card_can_serve_is_found(directory: Path, old: str, new: str, problem: str) -> None:
    if old == "[]":
        path = directory / CLIENT_FILE
        text = path.read_text("utf-8").replace('"family_name"', '"legal_name"')
        path.write_text(f"persons = {new}\n{text}", "utf-8")
    else:
        edit(directory, CLIENT_FILE, old, new)
    assert f"{CLIENT_FILE}: means: {problem}" in problems(directory)


def add(directory: Path, line: str) -> None:
    path = directory / CLIENT_FILE
    path.write_text(f"{line}\n{path.read_text('utf-8')}", "utf-8")


def test_a_client_that_demands_a_representative_is_found(directory: Path) -> None:
    add(directory, 'representation = "require"')
    assert f"{CLIENT_FILE}: means: npa never names a representative" in problems(directory)


def test_an_age_is_registered_where_the_certificate_allows_it(directory: Path) -> None:
    add(directory, "age_verification = [18]")
    assert load(directory).clients["amt24"].age_verification == (18,)
    edit(directory, CARD_FILE, ', "AgeVerification"', "")
    assert "does not allow AgeVerification" in problems(directory)


def test_an_age_alone_needs_nothing_else(directory: Path) -> None:
    """Data minimisation: no attribute, no identifier."""
    add(directory, "age_verification = [18]\nidentifier = false")
    edit(directory, CLIENT_FILE, 'required = ["family_name"]\n', "")
    assert load(directory).clients["amt24"].required == ()


def test_nothing_at_all_is_found(directory: Path) -> None:
    add(directory, "identifier = false")
    edit(directory, CLIENT_FILE, 'required = ["family_name"]\n', "")
    assert "npa: nothing would be read" in problems(directory)


def test_what_is_optional_and_never_read_is_told(directory: Path) -> None:
    add(directory, 'optional = ["address"]\ncard_facts = ["document_type"]')
    told = warnings(directory)
    assert f"{CLIENT_FILE}: address: is never read" in told
    assert f"{CLIENT_FILE}: document_type: is never read" in told


@pytest.mark.parametrize(
    "line", ['card_facts = ["document_type"]', "age_verification = [18]", 'place_verification = "0276"']
)
def test_registrations_for_a_card_need_the_card_among_means(directory: Path, line: str) -> None:
    edit(directory, CLIENT_FILE, 'means = ["npa", "eidas"]', f'means = ["eidas"]\n{line}')
    assert f"{line.partition(' ')[0]}: no Online-Ausweis is among means" in problems(directory)


@pytest.mark.parametrize("area", ["14612", "0276146", "027614612000", "0280"])
def test_an_area_is_a_beginning_of_data_group_18(directory: Path, area: str) -> None:
    """TR-03127 §3.2.2: 0276, then Land, region, district, community."""
    add(directory, f'place_verification = "{area}"')
    assert "place_verification" in problems(directory)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("keys/eid-tls.crt", "keys/gone.crt", "soap.server_ca: keys/gone.crt does not exist"),
        (
            "keys/eid-signing.crt",
            "keys/gone.crt",
            "soap.signers[0].certificate: keys/gone.crt does not exist",
        ),
    ],
)
def test_files_that_are_not_there_are_named(soap: Path, old: str, new: str, problem: str) -> None:
    edit(soap, CARD_FILE, old, new)
    assert f"{CARD_FILE}: {problem}" in problems(soap)


def test_missing_keys_towards_the_eid_service_are_named_with_the_command_that_makes_them(soap: Path) -> None:
    (soap / "gateway.toml").write_text(GATEWAY, encoding="utf-8")
    told = problems(soap)
    for purpose in ("eid-signing", "eid-tls"):
        assert f"no active key of purpose {purpose}" in told
        assert f"eid-gateway keys new --purpose {purpose}" in told


def test_an_attached_eid_server_needs_no_saml_keys(directory: Path) -> None:
    """A gateway for cards alone has no SAML at all."""
    for name in (
        "registry/connectors/eidas.toml",
        "registry/countries/gr.toml",
        "registry/anchors/gr-node.toml",
    ):
        (directory / name).unlink()
    path = directory / "gateway.toml"
    path.write_text(path.read_text("utf-8").partition('[[keys]]\nid = "saml-signing"')[0], "utf-8")
    edit(directory, CLIENT_FILE, '["npa", "eidas"]', '["npa"]')
    assert built(load(directory)) == {"npa"}


def test_a_key_for_a_connector_that_does_not_use_it_is_named(directory: Path) -> None:
    path = directory / "gateway.toml"
    path.write_text(
        path.read_text("utf-8") + EID_KEYS.replace('eid-tls.crt"\n', 'eid-tls.crt"\nconnectors = ["npa"]\n')
    )
    assert "eid-tls for npa, which does not use it" in problems(directory)


@pytest.mark.parametrize("name", ["csca", "master_lists", "revocation_lists"])
def test_lists_of_an_attached_eid_server_that_are_not_there_are_named(directory: Path, name: str) -> None:
    edit(directory, CARD_FILE, 'pki = "pki"', f'pki = "pki"\n{name} = ["gone.bin"]')
    assert f"attached.{name}[0]: gone.bin does not exist" in problems(directory)
