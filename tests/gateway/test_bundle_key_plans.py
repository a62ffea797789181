"""Plans of own keys beside the keys themselves: each day has its key, and peers learn of it in time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.bundle import load
from gateway.bundle.key_plans import spki_sha256
from gateway.bundle.objects import read_bundle, write_bundle
from gateway.own_keys import files as key_files
from gateway.settings import ConfigurationError, KeyPurpose
from tests.gateway.key_calendar import DAY, HOUR, NOW, calendar, write
from tests.gateway.registry_bundle import directory, keys
from trust.registry import ObjectKey, RegistryObject, State

__all__ = ["calendar", "directory", "keys"]


def problems(directory: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(directory)
    return str(caught.value)


def warnings(directory: Path) -> str:
    return "\n".join(map(str, load(directory).warnings))


def test_plan_counts_in_place_of_the_state_in_the_file(calendar: Path) -> None:
    write(calendar, "oidc-new", "oidc-signing", publish_from=NOW - DAY, active_from=NOW - HOUR)
    write(calendar, "oidc", "oidc-signing", retire_from=NOW - HOUR, gone_from=NOW + DAY)
    found = load(calendar)
    assert {key.id: key.state.value for key in found.keys[KeyPurpose.OIDC_SIGNING]} == {
        "oidc": "retired", "oidc-new": "active",
    }  # fmt: skip
    assert {key.id for key in found.declared_keys} >= {"oidc", "oidc-new", "saml-signing-new"}


def test_plan_names_a_key_that_is_there_with_its_purpose_and_octets(calendar: Path) -> None:
    """spki_sha256: what two people approved is this very key."""
    dates = {"publish_from": NOW + DAY, "active_from": NOW + 5 * DAY}
    write(calendar, "absent", "oidc-signing", **dates)
    write(calendar, "saml-signing-new", "saml-decryption", **dates)
    write(calendar, "oidc-new", "oidc-signing", **dates, spki_sha256="0" * 64)
    told = problems(calendar)
    assert "registry/keys/absent.toml: id: there is no key absent in gateway.toml" in told
    assert "saml-signing-new.toml: purpose: saml-signing-new is saml-signing in gateway.toml" in told
    assert "oidc-new.toml: spki_sha256: oidc-new here is the key " in told
    assert told.count("remedy") == 3


def test_very_key_that_was_approved_is_taken(calendar: Path) -> None:
    digest = next(spki_sha256(key) for key in load(calendar).declared_keys if key.id == "oidc-new")
    dates = {"publish_from": NOW + DAY, "active_from": NOW + 5 * DAY}
    write(calendar, "oidc-new", "oidc-signing", **dates, spki_sha256=digest)
    assert load(calendar).key_plans["oidc-new"].spki_sha256 == digest


def test_process_that_was_started_before_the_key_came_goes_on(calendar: Path, tmp_path: Path) -> None:
    """A suspension must reach it all the same: it says that it has to be restarted, and keeps its old key."""
    started = load(calendar)
    write(calendar, "absent", "oidc-signing", publish_from=NOW - 2 * DAY, active_from=NOW - DAY)
    write(calendar, "oidc", "oidc-signing", retire_from=NOW - DAY, gone_from=NOW - HOUR)
    found = load(calendar, started=started)
    assert [(key.id, key.state.value) for key in found.keys[KeyPurpose.OIDC_SIGNING]] == [
        ("oidc", "active"), ("oidc-new", "next"),
    ]  # fmt: skip
    assert "this process has no key absent; remedy: restart it" in "\n".join(map(str, found.warnings))


def test_key_that_is_gone_may_leave_the_file_before_its_plan(calendar: Path) -> None:
    write(calendar, "former", "oidc-signing", retire_from=NOW - 9 * DAY, gone_from=NOW - DAY)
    assert "former is gone, and no longer in gateway.toml; remedy: remove the plan" in warnings(calendar)


@pytest.mark.parametrize(
    "purpose", ["oidc-signing", "saml-signing", "saml-decryption", "saml-metadata-signing"]
)
def test_day_without_a_key_is_refused_when_it_is_planned(calendar: Path, purpose: str) -> None:
    """Every future day has an active key of every purpose that is needed."""
    name = {"oidc-signing": "oidc", "saml-metadata-signing": "saml-metadata"}.get(purpose, purpose)
    write(calendar, name, purpose, retire_from=NOW + 10 * DAY)
    day = (NOW + 10 * DAY).isoformat().replace("+00:00", "Z")
    assert f"registry/keys: {day}: from then on: no active key of purpose {purpose}" in problems(calendar)
    write(calendar, f"{name}-new", purpose, publish_from=NOW, active_from=NOW + 10 * DAY)
    load(calendar)


def test_day_without_the_algorithm_of_a_client_is_refused(calendar: Path, keys: Path) -> None:
    """A successor of another kind is none for a client that is registered for ES256."""
    if not (keys / "oidc-rsa.key").exists():
        key_files.create(keys, "oidc-rsa", KeyPurpose.OIDC_SIGNING, algorithm="rsa3072", days=1, subject="x")
    with (calendar / "gateway.toml").open("a") as file:
        file.write(
            '\n[[keys]]\nid = "oidc-rsa"\npurpose = "oidc-signing"\nprivate_key = "file:keys/oidc-rsa.key"\n'
        )
    write(calendar, "oidc", "oidc-signing", retire_from=NOW + 10 * DAY)
    assert "from then on: client amt24 wants ES256" in problems(calendar)


@pytest.mark.parametrize(
    ("purpose", "notice", "words"),
    [
        ("oidc-signing", 2 * HOUR - timedelta(seconds=1), "peers need 2 h"),
        ("saml-signing", DAY, "24 h before active_from; peers need 48 h"),
        ("saml-decryption", timedelta(minutes=1), "peers need 5 min"),
    ],
)
def test_key_is_published_ahead_for_twice_the_time_in_which_peers_read_it(
    calendar: Path, purpose: str, notice: timedelta, words: str
) -> None:
    """security.md D.7. In an emergency two people say why they do not wait, and it is a warning."""
    name = "oidc-new" if purpose == "oidc-signing" else f"{purpose}-new"
    dates = {"publish_from": NOW + DAY, "active_from": NOW + DAY + notice}
    write(calendar, name, purpose, **dates)
    assert words in problems(calendar)
    write(calendar, name, purpose, **dates, short_notice="key reported stolen, file 12-0241/9")
    assert words in warnings(calendar)


@pytest.mark.parametrize(
    ("purpose", "kept", "words"),
    [
        ("oidc-signing", HOUR, "needed for 65 min"),  # an hour in caches, and five minutes of a token
        ("saml-signing", timedelta(minutes=10), "needed for 20 min"),
        ("saml-decryption", DAY, "needed for"),
    ],
)
def test_key_stays_for_what_is_under_way(calendar: Path, purpose: str, kept: timedelta, words: str) -> None:
    """JWKS keep the old key for the life of a token and of a cache; what is encrypted to it comes for days."""
    name = "oidc" if purpose == "oidc-signing" else purpose
    write(calendar, f"{name}-new", purpose, publish_from=NOW, active_from=NOW + 10 * DAY)
    write(calendar, name, purpose, retire_from=NOW + 10 * DAY, gone_from=NOW + 10 * DAY + kept)
    assert words in problems(calendar)


def test_certificate_covers_the_time_in_which_its_key_is_used(calendar: Path) -> None:
    """Peers refuse a signature, and to encrypt, under a certificate that has ended."""
    write(
        calendar, "saml-signing-new", "saml-signing",
        publish_from=NOW - DAY, active_from=NOW + 5 * DAY, retire_from=NOW + 200 * DAY,
    )  # fmt: skip
    told = problems(calendar)
    assert "publish_from: the certificate is valid only from" in told
    assert "retire_from: the certificate ends" in told


def test_certificate_that_goes_by_hand_gets_a_warning(calendar: Path) -> None:
    """Nothing here knows when a partner has taken over the anchor for our metadata."""
    write(
        calendar, "saml-metadata-new", "saml-metadata-signing",
        publish_from=NOW + DAY, active_from=NOW + 5 * DAY,
    )  # fmt: skip
    assert "and the peer gets it by hand; remedy: make sure that it is there, or allow 14 days" in warnings(
        calendar
    )


def test_key_that_was_replaced_and_never_ends_is_a_warning(calendar: Path) -> None:
    write(calendar, "oidc-new", "oidc-signing", publish_from=NOW - DAY, active_from=NOW - HOUR)
    assert "registry/keys: oidc: was replaced by oidc-new, and nothing ends it" in warnings(calendar)


def test_plan_is_an_object_of_the_registry(calendar: Path, tmp_path: Path) -> None:
    """It goes in and out of a bundle like the others; dates are texts in it."""
    write(calendar, "oidc-new", "oidc-signing", publish_from=NOW, active_from=NOW + DAY)
    documents = read_bundle(calendar).documents
    key = ObjectKey.parse("key-plan/oidc-new")
    assert documents[key]["settings"]["active_from"] == (NOW + DAY).isoformat()
    state = State({name: RegistryObject(key=name, document=found) for name, found in documents.items()})
    out = tmp_path / "out"
    write_bundle(state, out)
    assert read_bundle(out).documents == documents
    (out / "gateway.toml").write_text((calendar / "gateway.toml").read_text())
    (out / "keys").symlink_to(calendar / "keys")
    assert load(out).key_plans["oidc-new"].active_from == NOW + DAY
