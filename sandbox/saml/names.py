"""Names of SAML 2.0, XML Signature and XML Encryption, and the prefixes written for them.

Written down here a second time on purpose: the sandbox shares no constant with the product.
"""

from __future__ import annotations

from typing import Final

SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
MD: Final = "urn:oasis:names:tc:SAML:2.0:metadata"
MDATTR: Final = "urn:oasis:names:tc:SAML:metadata:attribute"
ALG: Final = "urn:oasis:names:tc:SAML:metadata:algsupport"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
DSIG11: Final = "http://www.w3.org/2009/xmldsig11#"
DSIG_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
MGF1_MORE: Final = "http://www.w3.org/2007/05/xmldsig-more#"
XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
EIDAS: Final = "http://eidas.europa.eu/saml-extensions"

BINDING_POST: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
BINDING_REDIRECT: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
NAME_FORMAT_URI: Final = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
FORMAT_ENTITY: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
FORMAT_PERSISTENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
FORMAT_TRANSIENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
FORMAT_UNSPECIFIED: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
CM_BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
CONSENT: Final = "urn:oasis:names:tc:SAML:2.0:consent:"
STATUS: Final = "urn:oasis:names:tc:SAML:2.0:status:"

NSMAP: Final[dict[str, str]] = {
    "saml2": SAML,
    "saml2p": SAMLP,
    "ds": DS,
    "xenc": XENC,
    "xenc11": XENC11,
    "dsig11": DSIG11,
    "md": MD,
    "mdattr": MDATTR,
    "alg": ALG,
    "eidas": EIDAS,
    "xsi": XSI,
}


def tag(name: str) -> str:
    """``saml2:Assertion`` in the form lxml wants."""
    prefix, _, local = name.partition(":")
    return f"{{{NSMAP[prefix]}}}{local}"


DIGESTS: Final[dict[str, str]] = {
    "sha256": XENC + "sha256",
    "sha384": DSIG_MORE + "sha384",
    "sha512": XENC + "sha512",
}


def signature_uri(fragment: str) -> str:
    """The URI of a signature algorithm from its fragment, e.g. ``sha256-rsa-MGF1``."""
    return (MGF1_MORE if fragment.endswith("MGF1") else DSIG_MORE) + fragment
