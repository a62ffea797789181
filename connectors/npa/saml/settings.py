"""Section ``[saml]`` of an Online-Ausweis connector (TR-03130-1 §4).

::

    [saml]
    address = "https://eid-service.example/saml"
    issuer = "https://eid-service.example/saml/metadata"
    signing_certificates = ["registry/connectors/eid-service-signing.pem"]
    encryption_certificate = "registry/connectors/eid-service-encryption.pem"
"""

from __future__ import annotations

from connectors.saml.tr03130.partner import PartnerSection


class SAMLSection(PartnerSection):
    """Which SAML processor answers, and by which keys."""
