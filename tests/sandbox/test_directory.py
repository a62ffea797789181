"""Somebody who knows all the nodes of the sandbox: list and query service.

xmlsec judges the signatures: the nodes use signxml.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from lxml import etree

from sandbox.nodes.countries import countries
from sandbox.saml.names import tag
from tests.sandbox.test_nodes import verified_by_xmlsec

XSD = Path(__file__).parents[3] / "shared/data/eidas/xsd/MDServiceList_07.xsd"
SER = "{http://eidas.europa.eu/metadata/servicelist}"


def test_list_names_every_node_with_its_metadata_signer(nodes) -> None:
    """Message Format, Appendix A."""
    answer = nodes.get("/directory/list")
    root = etree.fromstring(answer.content)
    assert [found.get("Territory") for found in root.findall(f"{SER}MetadataList")] == [
        country.node_code for country in countries().values()
    ]
    verified_by_xmlsec(root, nodes.world.directory.certificate)
    again = nodes.get("/directory/list", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_query_service_signs_the_metadata_of_one_node_itself(nodes) -> None:
    """draft-young-md-query: the identifier is percent-encoded in full."""
    entity_id = f"{nodes.world.addresses.nodes}/nl/metadata"
    answer = nodes.get(f"/directory/query/entities/{quote(entity_id, safe='')}")
    root = etree.fromstring(answer.content)
    assert root.get("entityID") == entity_id
    assert answer.headers["Content-Type"] == "application/samlmetadata+xml"
    verified_by_xmlsec(root, nodes.world.directory.certificate)
    assert nodes.get("/directory/query/entities/urn%3Ax").status_code == 404


@pytest.mark.skipif(not XSD.exists(), reason="the sample files are not here")
def test_list_has_the_parts_of_its_schema(nodes) -> None:
    """MDServiceList_07.xsd, without the signature, whose schema is not beside it.

    ``SequenceNumber`` is not in that edition of the schema.
    """
    schema = etree.parse(XSD).getroot()
    for element in schema.xpath("//*[@ref='ds:Signature' or @ref='ds:KeyInfo' or local-name()='import']"):
        element.getparent().remove(element)
    root = etree.fromstring(nodes.get("/directory/list").content)
    for element in (*root.iter(tag("ds:Signature")), *root.iter(tag("ds:KeyInfo"))):
        element.getparent().remove(element)
    assert root.attrib.pop("SequenceNumber").isdigit()
    etree.XMLSchema(schema).assertValid(root)
