"""The metadata service list (eidas.md §6.3, §6.2)."""

import base64
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.trust.metadata_maker import (
    DS,
    NOW,
    instant,
    issue,
    key,
    sign,
    signer_certificate,
    with_null_parameters,
)
from trust.algorithms import Deviation
from trust.errors import TrustError
from trust.metadata import DatedDeviation
from trust.pinned import PinnedKey
from trust.servicelist import PROXY_SERVICE, ListPolicy, MetadataServiceList, verify_service_list

SER = "http://eidas.europa.eu/metadata/servicelist"
SAMPLE = Path(__file__).parents[3] / "shared/data/eidas/metadata/se-mdservicelist-valid.xml"


def location(url: str, certificate: bytes | None, entity_id: str | None = None) -> str:
    endpoint = f'<s:Endpoint EndpointType="{PROXY_SERVICE}" EntityID="{entity_id}"/>' if entity_id else ""
    key_info = ""
    if certificate is not None:
        key_info = (
            f'<d:KeyInfo xmlns:d="{DS}"><d:X509Data><d:X509Certificate>'
            f"{base64.b64encode(certificate).decode()}</d:X509Certificate></d:X509Data></d:KeyInfo>"
        )
    return f'<s:MetadataLocation Location="{url}">{endpoint}{key_info}</s:MetadataLocation>'


def listed(
    content: str,
    *,
    next_update: datetime | None = NOW + timedelta(days=1),
    issued: datetime = NOW,
    sequence: int | str | None = None,
) -> str:
    update = "" if next_update is None else f' NextUpdate="{instant(next_update)}"'
    number = "" if sequence is None else f' SequenceNumber="{sequence}"'
    return (
        f'<s:MetadataServiceList xmlns:s="{SER}" ID="_list" Version="1.0" IssueDate="{instant(issued)}"'
        f"{update}{number}><s:SchemeInformation><s:IssuerName>Test</s:IssuerName>"
        "<s:SchemeIdentifier>urn:test</s:SchemeIdentifier><s:SchemeTerritory>SE</s:SchemeTerritory>"
        f"</s:SchemeInformation>{content}</s:MetadataServiceList>"
    )


def territory(code: str, content: str, attributes: str = "") -> str:
    return f'<s:MetadataList Territory="{code}"{attributes}>{content}</s:MetadataList>'


def read(octets: bytes, *countries: str) -> MetadataServiceList:
    rules = ListPolicy(certificates=(signer_certificate(),), countries=frozenset(countries or ("SE",)))
    return verify_service_list(octets, rules, now=NOW)


def refused(octets: bytes) -> str:
    with pytest.raises(TrustError) as caught:
        read(octets)
    return caught.value.reason


NODE = issue("node", key("node"))


def test_list_is_read_per_country() -> None:
    """Territory, location, endpoints and keys; Greece as EL."""
    octets = sign(
        listed(
            territory("SE", location("https://se.example/md", NODE, "https://se.example/id"))
            + territory("EL", location("https://gr.example/md", with_null_parameters(NODE)))
        )
    )
    found = read(octets, "SE", "GR")
    assert [place.country for place in found.locations] == ["SE", "GR"]
    assert [e.entity_id for e in found.locations[0].endpoints] == ["https://se.example/id"]
    assert found.locations[1].endpoints == ()
    expected = PinnedKey.from_public_key(key("node").public_key())
    assert all(place.keys == (expected,) for place in found.locations)
    assert (found.issuer_name, found.scheme_identifier) == ("Test", "urn:test")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (territory("FR", location("https://fr.example/md", NODE)), "entity.country-not-covered"),
        (
            territory("SE", location("https://se.example/md", NODE), ' Suspend="true"'),
            "servicelist.suspended",
        ),
        (territory("SE", location("http://se.example/md", NODE)), "servicelist.location"),
        (territory("SE", location("https://se.example/md x", NODE)), "servicelist.location"),
        (territory("SE", location("https://u@se.example/md", NODE)), "servicelist.location"),
        (territory("SE", location("https://se.example/" + "a" * 1024, NODE)), "servicelist.location"),
        (territory("SE", location("https://[se.example/", NODE)), "servicelist.location"),
        (territory("SE", location("https://se.example/md", NODE, " " * 1025)), "servicelist.endpoint"),
        (territory("SE", location("https://se.example/md", None)), "servicelist.key"),
        (territory("SE", location("https://se.example/md", b"garbage")), "certificate.unreadable"),
    ],
)
def test_bad_row_is_left_out_and_the_rest_kept(content: str, reason: str) -> None:
    """design.md §3 invariant 10; security.md D.3."""
    good = territory("SE", location("https://good.example/md", NODE))
    found = read(sign(listed(content + good)))
    assert [place.location for place in found.locations] == ["https://good.example/md"]
    assert [d.reason for d in found.dropped] == [reason]


def test_unsigned_outdated_future_and_foreign_lists_are_refused() -> None:
    """Same rules as for metadata."""
    plain = listed(territory("SE", location("https://se.example/md", NODE)))
    assert refused(plain.encode()) == "signature.missing"
    assert refused(sign(plain, key("stranger"))) == "signature.invalid"
    with pytest.raises(TrustError, match=re.escape("servicelist.outdated")):
        read(sign(listed("", next_update=NOW))).require_current(NOW)
    assert refused(sign(listed("", issued=NOW + timedelta(hours=1)))) == "servicelist.issue-date"
    assert refused(sign(plain.replace("MetadataServiceList", "OtherList"))) == "servicelist.root"


@pytest.mark.skipif(not SAMPLE.exists(), reason="the sample files are not here")
def test_swedish_sample_behaves_as_its_index_says() -> None:
    """rsa-sha256 over RSA 2048, NextUpdate 2018-03-03: strict refuses, exceptions read it."""
    octets = SAMPLE.read_bytes()
    signature = etree.fromstring(octets).find(f"{{{DS}}}Signature")
    assert signature is not None
    text = signature.findtext(f".//{{{DS}}}X509Certificate") or ""
    certificate = base64.b64decode("".join(text.split()))
    countries = ("SE", "NO")
    dated = tuple(
        DatedDeviation(kind=kind, until=date(2027, 1, 1))
        for kind in (Deviation.RSA_PKCS1, Deviation.RSA_2048, Deviation.EXPIRED_CERTIFICATE)
    )
    then = datetime(2018, 3, 1, tzinfo=UTC)
    strict = ListPolicy(certificates=(certificate,), countries=frozenset(countries))
    with pytest.raises(TrustError, match=re.escape("signature.algorithm")):
        verify_service_list(octets, strict, now=then)
    found = verify_service_list(octets, replace(strict, deviations=dated), now=then)
    assert {place.country for place in found.locations} == set(countries)
    assert {d.reason for d in found.dropped} == {"entity.country-not-covered"}
    found.require_current(then)
    with pytest.raises(TrustError, match=re.escape("servicelist.outdated")):
        found.require_current(NOW)


def test_list_that_never_ends_is_refused() -> None:
    """Freeze: without NextUpdate, or with one far away, an old list could be passed off for ever."""
    assert refused(sign(listed("", next_update=None))) == "servicelist.next-update"
    assert refused(sign(listed("", next_update=NOW + timedelta(days=15)))) == "servicelist.next-update"
    assert refused(sign(listed("", sequence="-1"))) == "servicelist.sequence-number"


@pytest.mark.parametrize(
    ("held", "new", "older"),
    [
        ({"sequence": 7}, {"sequence": 8}, False),
        ({"sequence": 8}, {"sequence": 7}, True),
        ({"sequence": 8}, {}, True),
        ({}, {"sequence": 1}, False),
        ({"issued": NOW}, {"issued": NOW - timedelta(hours=1)}, True),
        ({"issued": NOW}, {"issued": NOW}, False),
    ],
)
def test_number_and_date_of_a_list_never_run_back(
    held: dict[str, Any], new: dict[str, Any], older: bool
) -> None:
    """security.md D.2: rollback."""
    before, after = (read(sign(listed("", **fields))) for fields in (held, new))
    assert after.older_than(before) is older


def test_suspended_endpoint_is_left_out() -> None:
    """MDServiceList_07.xsd: ``Suspend`` of an Endpoint."""
    content = location("https://se.example/md", NODE, "https://se.example/id")
    suspended = content.replace("<s:Endpoint ", '<s:Endpoint Suspend="true" ')
    found = read(sign(listed(territory("SE", suspended))))
    assert found.locations == ()
    assert [d.reason for d in found.dropped] == ["servicelist.endpoint"]
