"""Build and send an AuthnRequest (saml-core §3.4.1) from pysaml2's message classes.

What the eIDAS profile adds comes in as extension elements; this module knows SAML only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lxml import etree
from saml2 import ExtensionElement, saml, samlp

from connectors.contract import Dispatch, TokenSource
from connectors.saml import bindings
from trust import signing
from trust.keys import Signer

HTTP_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
HTTP_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
MAX_REDIRECT = 2_000
"""Characters of a URL that every browser and proxy still carries."""


NAME_ID_PERSISTENT = str(saml.NAMEID_FORMAT_PERSISTENT)
NAME_ID_TRANSIENT = str(saml.NAMEID_FORMAT_TRANSIENT)
NAME_ID_UNSPECIFIED = str(saml.NAMEID_FORMAT_UNSPECIFIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """An element of a profile inside ``samlp:Extensions`` or ``md:Extensions``."""

    namespace: str
    tag: str
    text: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: Sequence[Extension] = ()

    def element(self) -> ExtensionElement:
        return ExtensionElement(
            self.tag,
            namespace=self.namespace,
            attributes=dict(self.attributes),
            children=[child.element() for child in self.children],
            text=self.text,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthnRequest:
    """The parameters of one request."""

    id: str
    issued_at: datetime
    issuer: str
    name_id_format: str | None
    comparison: str = "minimum"
    authn_contexts: tuple[str, ...] = ()
    extensions: Sequence[Extension]
    requester_id: str | None = None
    provider_name: str | None = None
    acs_url: str | None = None
    """Only for peers that insist on it; the eIDAS message format §2.4.1 says not to send it."""
    issuer_format: str | None = ENTITY
    allow_create: bool | None = True
    """``NameIDPolicy/@AllowCreate``; None: not sent."""
    response_binding: str = HTTP_POST
    """``ProtocolBinding``, beside ``acs_url``."""
    forced: bool = True
    """Whether to say ``ForceAuthn`` and ``IsPassive``; a card is read anew each time anyway."""

    def octets(self, destination: str) -> bytes:
        """The unsigned message for ``destination``."""
        message = samlp.AuthnRequest(
            id=self.id,
            version="2.0",
            issue_instant=self.issued_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            destination=destination,
            force_authn="true" if self.forced else None,
            is_passive="false"
            if self.forced
            else None,  # the reference node wants it present (eidas.md §2.1)
            provider_name=self.provider_name,
            assertion_consumer_service_url=self.acs_url,
            protocol_binding=self.response_binding if self.acs_url else None,
            issuer=saml.Issuer(text=self.issuer, format=self.issuer_format),
            extensions=_extensions(self.extensions),
            name_id_policy=_name_id_policy(self.name_id_format, self.allow_create),
            requested_authn_context=_requested_authn_context(self.comparison, self.authn_contexts),
            scoping=_scoping(self.requester_id),
        )
        octets: bytes = message.to_string()
        return octets


def new_id(random: TokenSource) -> str:
    """An unpredictable ``xs:ID`` (160 random bits)."""
    return "_" + random(20).hex()


def send(
    request: AuthnRequest,
    signer: Signer,
    relay_state: str,
    *,
    redirect: str | None,
    post: str | None,
    pkcs1: bool = False,
) -> Dispatch:
    """Sign and dispatch: Redirect to ``redirect`` while the URL is short enough, else POST.

    ``redirect`` and ``post`` are the peer's SingleSignOnService locations, at least one given.
    """
    if redirect is not None:
        dispatch = bindings.send_redirect(
            redirect, request.octets(redirect), relay_state, signer, pkcs1=pkcs1
        )
        if post is None or len(dispatch.url) <= MAX_REDIRECT:
            return dispatch
    if post is None:
        raise ValueError("the peer has no SingleSignOnService")
    element = etree.fromstring(request.octets(post))  # our own octets, not foreign ones
    signing.sign_enveloped(
        element, signer, position=1, scheme=signing.scheme_for(signer.public_key, pkcs1=pkcs1)
    )
    return bindings.send_post(post, etree.tostring(element), relay_state)


def _extensions(extensions: Sequence[Extension]) -> samlp.Extensions | None:
    if not extensions:
        return None
    return samlp.Extensions(extension_elements=[extension.element() for extension in extensions])


def _name_id_policy(name_id_format: str | None, allow_create: bool | None) -> samlp.NameIDPolicy | None:  # noqa: FBT001  an attribute of three states
    if name_id_format is None:
        return None
    word = None if allow_create is None else str(allow_create).lower()
    return samlp.NameIDPolicy(format=name_id_format, allow_create=word)


def _requested_authn_context(
    comparison: str, references: Sequence[str]
) -> samlp.RequestedAuthnContext | None:
    if not references:  # a peer that knows one way of authentication is not asked for any
        return None
    return samlp.RequestedAuthnContext(
        comparison=comparison,
        authn_context_class_ref=[saml.AuthnContextClassRef(text=uri) for uri in references],
    )


def _scoping(requester_id: str | None) -> samlp.Scoping | None:
    if requester_id is None:
        return None
    return samlp.Scoping(requester_id=[samlp.RequesterID(text=requester_id)])
