"""What the console says of services and of our own keys, without HTTP."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from gateway.admin.client_views import client_view, client_views, suspended_clients
from gateway.admin.key_views import keys_view
from gateway.admin.sight import Sight
from gateway.bundle import Configuration, load
from gateway.expiry import Band, expiries
from gateway.own_keys.plan import KeyPhase, KeyPlan
from gateway.settings import KeyPurpose
from tests.admin.in_force import InForce
from tests.admin.test_partner_views import people
from tests.gateway.registry_bundle import CERTIFICATE, directory, keys
from tests.trust.metadata_maker import NOW, issue, key
from tests.trust.registry.people import ANNA, BERT, People
from trust.registry import Document, Fold, ObjectKey, ObjectKind

__all__ = ["directory", "keys", "people"]

DAY = timedelta(days=1)
AMT24 = ObjectKey(ObjectKind.CLIENT, "amt24")


def sight(configuration: Configuration, fold: Fold | None = None) -> Sight:
    generation = InForce(configuration)
    ends = expiries(generation, fold, NOW)
    return Sight(generation=generation, fold=fold, now=NOW, ends=ends, last_by_client={"amt24": NOW})


def registered(client_id: str) -> Document:
    return {"settings": {"client_id": client_id}, "files": {}}


def test_a_service_shows_its_keys_by_thumbprint_and_its_certificates(directory: Path) -> None:
    """RFC 7638: what the service's administrator can read out as well."""
    configuration = load(directory)
    der = issue("client", key("client"), end=NOW + 5 * DAY)
    entry = {
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "2026",
        "x5c": [base64.b64encode(der).decode()],
    }  # fmt: skip
    client = configuration.clients["amt24"].model_copy(update={"jwks": {"keys": [entry]}})
    found = client_view(sight(replace(configuration, clients={"amt24": client})), client)
    [shown] = found.keys
    assert "thumbprint kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" in shown  # RFC 8037 appendix A.3
    [certificate] = found.certificates
    assert certificate.certificate_fingerprint.replace(" ", "") == sha256(der).hexdigest()
    assert [one.band for one in found.ends] == [Band.DAYS_7]
    assert found.last_login == NOW
    assert found.requester_id == "https://id.example/clients/amt24"


def test_who_approved_a_service_comes_from_the_log(directory: Path, people: People) -> None:
    people.put(AMT24, registered("amt24"))
    [found] = client_views(sight(load(directory), people.registry.follow()))
    assert found.standing.decision is not None
    assert found.standing.decision.signers == (ANNA, BERT)
    assert not found.suspended


def test_a_suspended_service_is_listed_though_the_gateway_does_not_know_it(
    directory: Path, people: People
) -> None:
    people.put(AMT24, registered("amt24"))
    people.suspend(AMT24, by=BERT)
    configuration = replace(load(directory), clients={})
    found = sight(configuration, people.registry.follow())
    assert client_views(found) == ()
    [suspended] = suspended_clients(found)
    assert (suspended.key, suspended.suspended_by) == (AMT24, (BERT,))
    assert suspended_clients(sight(configuration)) == ()


def test_a_key_file_that_is_gone_leaves_the_page_standing(directory: Path) -> None:
    configuration = load(directory)
    client = configuration.clients["amt24"].model_copy(update={"jwks_file": "registry/gone.jwks"})
    found = client_view(sight(replace(configuration, clients={"amt24": client})), client)
    assert (found.keys, found.certificates) == ((), ())


def test_own_keys_are_shown_with_phase_certificate_and_calendar(directory: Path) -> None:
    plan = KeyPlan(
        id="saml-signing",
        purpose=KeyPurpose.SAML_SIGNING,
        retire_from=NOW + 9 * DAY,
        gone_from=NOW + 20 * DAY,
    )
    configuration = load(directory)
    [signing] = configuration.keys[KeyPurpose.SAML_SIGNING]
    other = KeyPlan(
        id="next", purpose=KeyPurpose.SAML_SIGNING, publish_from=NOW + DAY, active_from=NOW + 9 * DAY
    )
    listen = configuration.settings.listen.model_copy(update={"tls_certificate": CERTIFICATE})
    planned = replace(
        configuration,
        settings=configuration.settings.model_copy(update={"listen": listen}),
        declared_keys=(*configuration.declared_keys, replace(signing, id="next")),
        key_plans={"saml-signing": plan, "next": other},
    )
    found = keys_view(sight(planned))
    shown = {view.key.key.id: view for view in found.keys}
    assert shown["saml-signing"].key.phase is KeyPhase.ACTIVE
    assert shown["next"].key.phase is KeyPhase.PLANNED
    step = shown["next"].next_step
    assert step is not None
    assert (step.at, step.after) == (NOW + DAY, KeyPhase.NEXT)
    assert [step.after for step in found.steps if step.key.id == "next"] == [KeyPhase.NEXT, KeyPhase.ACTIVE]
    certificate = signing.key.certificate
    assert certificate is not None
    shown_print = shown["saml-signing"].certificate.certificate_fingerprint.replace(" ", "")
    assert shown_print == sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
    assert shown["oidc"].certificate.subject == ""
    assert shown["oidc"].certificate.key_fingerprint
    assert not shown["oidc"].in_module
    assert [listener.setting for listener in found.listeners] == ["listen.tls_certificate"]
