"""The OASIS schemas as pysaml2 carries them, compiled apart from the product's own use of them."""

from functools import cache
from pathlib import Path

import saml2
from lxml import etree

_FOLDER = Path(saml2.__file__).parent / "data" / "schemas"
_NAMESPACES = {
    "urn:oasis:names:tc:SAML:2.0:protocol": "saml-schema-protocol-2.0.xsd",
    "urn:oasis:names:tc:SAML:2.0:metadata": "saml-schema-metadata-2.0.xsd",
    "http://www.w3.org/2009/xmlenc11#": "xenc-schema-11.xsd",
}


class _Folder(etree.Resolver):
    def resolve(self, system_url, public_id, context):
        return self.resolve_filename(str(_FOLDER / Path(system_url).name), context)


@cache
def saml_schema():
    """An ``XMLSchema`` that knows protocol messages and metadata."""
    parser = etree.XMLParser(load_dtd=True, no_network=True)
    parser.resolvers.add(_Folder())
    imports = "".join(f'<import namespace="{n}" schemaLocation="{f}"/>' for n, f in _NAMESPACES.items())
    wrapper = f'<schema xmlns="http://www.w3.org/2001/XMLSchema">{imports}</schema>'
    return etree.XMLSchema(etree.fromstring(wrapper, parser, base_url=str(_FOLDER / "wrapper.xsd")))
