"""Somebody who knows all the nodes: a Metadata Service List, and a metadata query service.

The list (Message Format, Appendix A) says per country where the node's metadata are and whose key signs them. The
query service (draft-young-md-query) hands out one node's metadata, signed by itself. Both sign with one key.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from lxml import etree

from sandbox.authority import KeyPair
from sandbox.nodes.countries import Country
from sandbox.saml.elements import identifier, instant
from sandbox.saml.names import DS
from sandbox.saml.signing import certificate_text, method_for, sign

KEY: Final = "directory-signing"
"""File stem of its key."""
LIST_PATH: Final = "/directory/list"
QUERY_PATH: Final = "/directory/query"
COUNTRIES: Final[Mapping[str, str]] = {"bg": "sandbox-list", "nl": "sandbox-query"}
"""Whose node the sandbox's gateway knows from here, by path: and the name of the source."""

_NAMESPACE: Final = "http://eidas.europa.eu/metadata/servicelist"
_PROXY_SERVICE: Final = "http://eidas.europa.eu/metadata/ept/ProxyService"
_VALIDITY: Final = timedelta(days=7)


def service_list(
    listed: Mapping[str, tuple[Country, x509.Certificate]], signer: KeyPair, now: datetime
) -> bytes:
    """The signed list: address of the metadata to country and certificate of the metadata signer."""
    root = etree.Element(
        _tag("MetadataServiceList"),
        {
            "ID": identifier(20),
            "Version": "1.0",
            "IssueDate": instant(now),
            "NextUpdate": instant(now + _VALIDITY),
            # Rises with time, as a number of an edition does.
            "SequenceNumber": str(int(now.timestamp())),
        },
        nsmap={"ser": _NAMESPACE, "ds": DS},
    )
    scheme = etree.SubElement(root, _tag("SchemeInformation"))
    for name, text in (
        ("IssuerName", "Sandbox"),
        ("SchemeIdentifier", "urn:example:sandbox:metadata-service-list"),
        ("SchemeTerritory", "EU"),
    ):
        etree.SubElement(scheme, _tag(name)).text = text
    for address, (country, certificate) in listed.items():
        territory = etree.SubElement(root, _tag("MetadataList"), {"Territory": country.node_code})
        place = etree.SubElement(territory, _tag("MetadataLocation"), {"Location": address})
        etree.SubElement(place, _tag("Endpoint"), {"EndpointType": _PROXY_SERVICE, "EntityID": address})
        info = etree.SubElement(place, f"{{{DS}}}KeyInfo")
        data = etree.SubElement(info, f"{{{DS}}}X509Data")
        etree.SubElement(data, f"{{{DS}}}X509Certificate").text = certificate_text(certificate)
    points = etree.SubElement(root, _tag("DistributionPoints"))
    etree.SubElement(points, _tag("DistributionPoint")).text = "https://example.org/list"
    signed = sign(root, signer, method=method_for(signer), digest="sha256")
    return etree.tostring(signed, xml_declaration=True, encoding="UTF-8")


def _tag(name: str) -> str:
    return f"{{{_NAMESPACE}}}{name}"
