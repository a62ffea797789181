"""Client metadata as a client sends them (RFC 7591 §2, Reg §2) and as the gateway keeps them.

A member that the gateway does not know means nothing. A known one with a value that is not supported is
an error, never replaced in silence; the one exception is the grant type ``refresh_token``, which is left
out, because there are no refresh tokens and general client software asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from gateway.client_settings import Client, ContentEncryption, KeyManagement
from gateway.errors import GatewayError
from gateway.oidc.exchange import GRANT_TYPE
from gateway.oidc.registration_errors import CLIENT_METADATA_INVALID, REDIRECT_URI_INVALID
from gateway.settings import Texts

_Line = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_URI = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
_URIs = Annotated[list[_URI], Field(max_length=32)]
_Signature = Literal["ES256", "PS256", "EdDSA", "RS256"]
_Ours = Literal["ES256", "RS256"]
_NAME = "client_name"


class ClientMetadata(BaseModel):
    """What may be registered; the names are those of ``Client``, except for the first group."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    response_types: list[Literal["code"]] = Field(default=["code"], min_length=1, exclude=True)
    grant_types: list[str] = Field(default=["authorization_code"], exclude=True)
    application_type: Literal["web", "native"] = Field(default="web", exclude=True)
    client_name: _Line | None = Field(default=None, exclude=True)
    client_uri: _URI | None = Field(default=None, exclude=True)
    policy_uri: _URI | None = Field(default=None, exclude=True)
    sector_identifier_uri: _URI | None = Field(default=None, exclude=True)

    client_class: Literal["compat", "fapi2"] | None = None
    """Our own member, like the next."""
    require_pkce: bool | None = None
    redirect_uris: Annotated[list[_URI], Field(min_length=1, max_length=32)]
    subject_type: Literal["pairwise"] | None = None
    token_endpoint_auth_method: (
        Literal[
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
            "tls_client_auth",
            "self_signed_tls_client_auth",
        ]
        | None
    ) = None
    token_endpoint_auth_signing_alg: _Signature | None = None
    jwks_uri: _URI | None = None
    jwks: dict[str, JsonValue] | None = None
    id_token_signed_response_alg: _Ours | None = None
    id_token_encrypted_response_alg: KeyManagement | None = None
    id_token_encrypted_response_enc: ContentEncryption | None = None
    userinfo_signed_response_alg: _Ours | None = None
    userinfo_encrypted_response_alg: KeyManagement | None = None
    userinfo_encrypted_response_enc: ContentEncryption | None = None
    authorization_signed_response_alg: _Ours | None = None
    introspection_signed_response_alg: _Ours | None = None
    request_object_signing_alg: _Signature | None = None
    require_pushed_authorization_requests: bool | None = None
    require_signed_request_object: bool | None = None
    dpop_bound_access_tokens: bool | None = None
    tls_client_certificate_bound_access_tokens: bool | None = None
    tls_client_auth_subject_dn: _Line | None = None
    tls_client_auth_san_dns: _Line | None = None
    tls_client_auth_san_uri: _URI | None = None
    tls_client_auth_san_ip: _Line | None = None
    tls_client_auth_san_email: _Line | None = None
    post_logout_redirect_uris: _URIs | None = None
    backchannel_logout_uri: _URI | None = None
    backchannel_logout_session_required: bool | None = None
    frontchannel_logout_uri: _URI | None = None
    frontchannel_logout_session_required: bool | None = None
    default_max_age: int | None = None
    require_auth_time: bool | None = None
    default_acr_values: Annotated[list[_Line], Field(max_length=16)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Metadata that were read, with the names in all languages."""

    metadata: ClientMetadata
    names: Texts

    @property
    def needs_secret(self) -> bool:
        """Whether the client will authenticate by a secret."""
        return (self.metadata.token_endpoint_auth_method or "client_secret_basic").startswith("client_secret")

    def client(self, client_id: str, fixed: Mapping[str, Any], *, algorithms: tuple[str, ...]) -> Client:
        """The registration; ``fixed`` is what this installation settles for all of them.

        Raises GatewayError of the family ``registration.*``.
        """
        metadata = self.metadata
        told = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in metadata.model_dump(exclude_none=True).items()
        }
        told.setdefault("token_endpoint_auth_signing_alg", _algorithm_of(metadata.jwks))
        told.setdefault("id_token_signed_response_alg", _default(algorithms, metadata.client_class))
        # Standard metadata have no word for it, and OpenID Connect's Basic profile sends no challenge.
        told.setdefault("require_pkce", metadata.client_class == "fapi2")
        first = metadata.redirect_uris[0]
        values = {
            **fixed,
            "name": self.names,
            "home_url": metadata.client_uri or "/".join(first.split("/", 3)[:3]) + "/",
            "privacy_url": metadata.policy_uri,
            **told,
            "client_id": client_id,
        }
        try:
            return Client.model_validate(values)
        except ValidationError as error:
            raise wrong(error) from error


def read(members: dict[str, JsonValue]) -> Asked:
    """Read client metadata; raises GatewayError of the family ``registration.*``."""
    try:
        metadata = ClientMetadata.model_validate(members)
    except ValidationError as error:
        raise wrong(error) from error
    if "authorization_code" not in metadata.grant_types or not (
        set(metadata.grant_types) <= {"authorization_code", GRANT_TYPE, "refresh_token"}
    ):
        raise invalid("grant_types")
    name = metadata.client_name or "Client ohne Namen"
    names = {"de": name}
    for language in ("de", "en"):
        text = members.get(f"{_NAME}#{language}")
        if text is not None and (not isinstance(text, str) or not 1 <= len(text) <= 200):
            raise invalid(f"{_NAME}#{language}")
        names[language] = text or name
    return Asked(metadata=metadata, names=names)


def effective(client: Client) -> dict[str, JsonValue]:
    """All metadata as registered (RFC 7591 §3.2.1)."""
    document = client.model_dump(mode="json")
    members = {
        name: document[name]
        for name in (field for field, info in ClientMetadata.model_fields.items() if not info.exclude)
        if document[name] not in (None, [])
    }
    return {
        **members,
        _NAME: client.name.get("en", client.name["de"]),
        **{f"{_NAME}#{language}": text for language, text in client.name.items()},
        "client_uri": client.home_url,
        **({"policy_uri": client.privacy_url} if client.privacy_url else {}),
        "response_types": ["code"],
        "grant_types": ["authorization_code", *([GRANT_TYPE] if client.resources else [])],
    }


def invalid(member: str) -> GatewayError:
    """The refusal for one member, which it names."""
    entry = REDIRECT_URI_INVALID if member.partition("[")[0] == "redirect_uris" else CLIENT_METADATA_INVALID
    return entry(member=member)


def wrong(error: ValidationError) -> GatewayError:
    """The refusal for the first member that is wrong."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]["loc"]
    refusal = invalid(str(first[0]) if first else "")
    refusal.cause = error
    return refusal


def _algorithm_of(jwks: dict[str, JsonValue] | None) -> str:
    """How a client signs that does not say so: as its first signature key can."""
    keys = jwks.get("keys") if jwks else None
    for key in keys if isinstance(keys, list) else []:
        if isinstance(key, dict) and key.get("use", "sig") == "sig":
            named = {"Ed25519": "EdDSA"}.get(str(key.get("alg")), key.get("alg"))
            if isinstance(named, str) and named in {"ES256", "PS256", "EdDSA", "RS256"}:
                return named
            return {"RSA": "RS256", "OKP": "EdDSA"}.get(str(key.get("kty")), "ES256")
    return "ES256"


def _default(algorithms: tuple[str, ...], client_class: str | None) -> str:
    """Reg §2: RS256, where this installation has such a key; never for FAPI 2.0 (SP §5.4.1)."""
    return "RS256" if "RS256" in algorithms and client_class != "fapi2" else "ES256"
