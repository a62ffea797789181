"""Whether a verified TLS certificate is the registered client's (RFC 8705 §2.1.2)."""

from __future__ import annotations

from ipaddress import ip_address

from cryptography import x509

from gateway.client_settings import Client

_UNREADABLE = (
    ValueError,
    TypeError,  # a name that is no text
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.InvalidVersion,
)


def names_client(certificate: bytes, client: Client) -> bool:
    """Whether the one registered name stands in ``certificate`` (DER), compared as its type demands.

    No verification: that the chain leads to an authority of ours was settled by the listener.
    """
    try:
        parsed = x509.load_der_x509_certificate(certificate)
        if client.tls_client_auth_subject_dn is not None:
            expected = x509.Name.from_rfc4514_string(client.tls_client_auth_subject_dn)
            return parsed.subject.public_bytes() == expected.public_bytes() or parsed.subject == expected
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except _UNREADABLE:
        return False
    if client.tls_client_auth_san_dns is not None:
        found = names.get_values_for_type(x509.DNSName)
        return client.tls_client_auth_san_dns.lower() in {name.lower() for name in found}
    if client.tls_client_auth_san_uri is not None:
        return client.tls_client_auth_san_uri in names.get_values_for_type(x509.UniformResourceIdentifier)
    if client.tls_client_auth_san_ip is not None:
        return ip_address(client.tls_client_auth_san_ip) in names.get_values_for_type(x509.IPAddress)
    if client.tls_client_auth_san_email is not None:
        return client.tls_client_auth_san_email in names.get_values_for_type(x509.RFC822Name)
    return False
