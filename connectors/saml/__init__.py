"""SAML 2.0 as the SAML connectors share it.

One answer, in the order of security.md A.0::

    bindings.read_post        HTTP parameters, sizes, Base64
    trust.xml.parse           one hardened parse
    structure.require_response what may stand where
    response.receive          issuer, signature, status, decryption, assertion signature
    validation.RULES          protocol checks, one function per clause
"""
