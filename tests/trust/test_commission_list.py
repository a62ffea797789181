"""The Commission's list: JSON that nobody signs (security.md D.3). Shape as recorded in May 2024."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trust.metadata_maker import issue, key
from trust.commission_list import CommissionList, read_commission_list
from trust.errors import TrustError
from trust.pinned import PinnedKey

URL = "https://eidas.gov.example/EidasNode/ServiceMetadata"


def certificate(name: str = "node", **flags: object) -> dict[str, object]:
    der = issue(name, key(name))
    return {"base64": base64.b64encode(der).decode(), "type": "METADATA_SIGN", **flags}


def entity(url: str = URL, **changes: object) -> dict[str, object]:
    return {"status": "ACTIVE", "metadataUrl": url, "signingCertificates": [certificate()], **changes}


def node(**changes: object) -> dict[str, object]:
    return {
        "status": "ACTIVE",
        "environmentType": "PROD",
        "commonSigningCertificates": [],
        "mdsl": None,
        "eidasService": {"proxyService": entity(), "middlewareServiceProvided": None},
        "eidasConnectors": [],
        "middlewareServiceHosted": [],
        **changes,
    }


def country(code: str = "EL", **changes: object) -> dict[str, object]:
    return {"countryCode": code, "productionNode": node(**changes), "testingNode": None}


def read(value: Any, *countries: str, environment: str = "productionNode") -> CommissionList:
    octets = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read_commission_list(octets, countries=frozenset(countries or ("GR",)), environment=environment)


def test_country_is_read_with_address_and_signers() -> None:
    """Greece as EL; the entityID is the address of the metadata."""
    (place,) = read(country()).locations
    assert (place.country, place.location) == ("GR", URL)
    assert [(endpoint.role, endpoint.entity_id) for endpoint in place.endpoints] == [("idp", URL)]
    assert place.keys == (PinnedKey.from_public_key(key("node").public_key()),)


def test_common_certificates_count_for_the_roles_they_are_flagged_for() -> None:
    """One certificate for several services of a node."""
    common = [certificate("common", service=True, connector=False)]
    connector = entity("https://eidas.gov.example/Connector", scope="public")
    found = read(country(commonSigningCertificates=common, eidasConnectors=[connector])).locations
    assert [(place.endpoints[0].role, len(place.keys)) for place in found] == [("idp", 2), ("sp", 1)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "INACTIVE"}, "commission.inactive"),
        ({"eidasService": {"proxyService": entity(status="INACTIVE")}}, "commission.inactive"),
        (
            {"eidasService": {"proxyService": None, "middlewareServiceProvided": {"id": 1}}},
            "commission.middleware",
        ),
        ({"eidasService": {"proxyService": entity("http://x.example/")}}, "servicelist.location"),
        ({"eidasService": {"proxyService": entity("https://[")}}, "servicelist.location"),
        ({"eidasService": {"proxyService": entity(signingCertificates=[])}}, "commission.key"),
        (
            {"eidasService": {"proxyService": entity(signingCertificates=[certificate(type="TLS")])}},
            "commission.key",
        ),
        (
            {"eidasService": {"proxyService": entity(signingCertificates=[{"base64": "!"}])}},
            "commission.certificate",
        ),
        (
            {"eidasService": {"proxyService": entity(signingCertificates=[{"base64": "A" * 20_000}])}},
            "commission.certificate",
        ),
        (
            {"eidasService": {"proxyService": entity(signingCertificates=[{"base64": "AAAA"}])}},
            "certificate.unreadable",
        ),
        ({"eidasService": {"proxyService": {"status": "ACTIVE"}}}, "commission.form"),
    ],
)
def test_bad_country_is_left_out_and_the_others_kept(changes: dict[str, object], reason: str) -> None:
    """design.md §3 invariant 10."""
    found = read([country("CZ"), country(**changes)], "CZ", "GR")
    assert [place.country for place in found.locations] == ["CZ"]
    assert [(dropped.entity_id, dropped.reason) for dropped in found.dropped] == [("EL", reason)]


def test_country_without_a_node_twice_or_not_covered_is_left_out() -> None:
    """Each with its reason."""
    found = read([country("CZ"), country("CZ"), country("FR"), {"countryCode": "NO"}], "CZ", "NO")
    assert [place.country for place in found.locations] == ["CZ"]
    assert [dropped.reason for dropped in found.dropped] == [
        "commission.country", "entity.country-not-covered", "commission.no-node",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "commission.json"),
        (b"[" * 100_000, "commission.json"),
        (b'{"countryCode": 7}', "commission.country"),
        (b'"EL"', "commission.country"),
        (b" " * 4_194_305, "commission.size"),
    ],
    ids=["empty", "deep", "number", "text", "large"],
)
def test_anything_else_is_refused(octets: bytes, reason: str) -> None:
    """Whatever comes back instead, such as a login page."""
    with pytest.raises(TrustError) as caught:
        read(octets)
    assert caught.value.reason == reason


_NAMES = (
    "countryCode", "productionNode", "status", "eidasService", "proxyService", "middlewareServiceProvided",
    "eidasConnectors", "metadataUrl", "signingCertificates", "commonSigningCertificates", "base64", "type",
    "service",
)  # fmt: skip
_LEAVES = st.none() | st.booleans() | st.integers() | st.sampled_from(["EL", "ACTIVE", URL, "AAAA", "", "é"])
_ANYTHING = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=6),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.fixed_dictionaries({"countryCode": st.just("EL"), "productionNode": _ANYTHING}))
def test_whatever_stands_where_a_node_should_the_other_countries_stay(entry: object) -> None:
    """Of another shape than recorded, it drops its country at most."""
    found = read([country("CZ"), entry], "CZ", "GR")
    assert "CZ" in {place.country for place in found.locations}
    with suppress(TrustError):
        read(entry)
