"""The sheet an operator hands in together with our metadata (bundid.md §1.4).

Everything the account's self-service asks for, filled in from the configuration, and what people
still have to do, in the order in which it is asked. German, because its readers are.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives import serialization

from connectors.accounts import presentation, profiles, request
from connectors.accounts.attributes import BPK2
from connectors.accounts.settings import AccountSettings
from connectors.contract import AuthenticationRequest
from connectors.saml.keys import SAMLKeys
from trust.keys import Decrypter, Signer

_STEPS = {
    "bundid": (
        "Organisation im Self-Service-Portal registrieren und die Komponente „Authentifizierung“ beantragen.",
        "Metadaten für die Integrationsumgebung hochladen: bis Montag 12 Uhr, geladen wird dienstags.",
        "Für die Integration zusätzlich die IP-Adresse des anfragenden Systems angeben.",
        "Testen: Anmeldung mit jedem Verfahren, Abbruch, fehlende Pflichtangabe.",
        "Vertragsgrundlage und Kontaktdaten mindestens 14 Tage vor dem Start einreichen.",
        "Selbsterklärung zur Sicherheit (BSI TR-03172-3) abgeben.",
        "Metadaten für die Produktion hochladen: drei Werktage vorher, geladen wird meist donnerstags.",
    ),
    "akdb": (
        "Metadaten und dieses Blatt dem Betreiber des Kontos übergeben.",
        "Je Dienst die Dienst-ID erfragen (elf Ziffern, dann -DE) und in dessen Registrierung eintragen.",
    ),
    "dataport": ("Metadaten und dieses Blatt dem Betreiber des Kontos übergeben.",),
    "muk": (
        "Im Self-Service-Portal entityID, Antwortadresse und Zertifikate eintragen.",
        "Die Antwortadresse steht dort auf einer Erlaubnisliste: jede Änderung vorher anmelden.",
        "Das Signaturzertifikat von ELSTER entgegennehmen, vergleichen und als Anker eintragen.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredService:
    """A service as it stands on the sheet."""

    client_id: str
    display_name: str
    online_service_id: str | None
    methods: tuple[str, ...]
    attributes: tuple[str, ...]
    """Friendly names, required ones marked with an asterisk."""


def registered(
    asked: AuthenticationRequest, settings: AccountSettings, *, issuer_url: str
) -> RegisteredService:
    """The service behind ``asked`` for the sheet.

    Raises RequestNotPossible when its registration does not fit the account.
    """
    profile = profiles.of(settings)
    acs_url = f"{issuer_url}/connectors/{settings.id}/acs"
    prepared = request.build(
        asked, settings, profile, acs_url=acs_url, now=datetime.now(UTC), random=secrets.token_bytes
    )
    shown = presentation.of(asked.service, settings)
    table = profile.by_name()
    requested = request.requested_attributes(prepared.asked, profile) if profile.extended else ()
    return RegisteredService(
        client_id=asked.service.client_id,
        display_name=presentation.display_name(shown, asked.service, ("de",)),
        online_service_id=shown.online_service_id,
        methods=tuple(m.name for m in profile.methods if m.name in prepared.asked.methods),
        attributes=tuple(table[row.name].friendly_name + ("*" if row.required else "") for row in requested),
    )


def sheet(
    settings: AccountSettings,
    keys: SAMLKeys,
    *,
    issuer_url: str,
    services: Iterable[RegisteredService] = (),
) -> str:
    """The sheet as Markdown."""
    profile = profiles.of(settings)
    acs_url = f"{issuer_url}/connectors/{settings.id}/acs"
    lines = [
        f"# Anbindung an {settings.name.get('de', settings.id)}",
        "",
        "| Angabe | Wert |",
        "|---|---|",
        f"| Betreiber | {_cell(settings.organization_name)} ({_cell(settings.organization_url)}) |",
        f"| entityID | `{settings.entity_id}` |",
        f"| Antwortadresse (AssertionConsumerService, HTTP-POST) | `{acs_url}` |",
        f"| entityID des Kontos | `{settings.peer}` |",
        "| Signatur der Anfragen | "
        + ("RSA-PKCS#1 v1.5" if settings.request_signature == "pkcs1" else "RSASSA-PSS oder ECDSA")
        + ", SHA-256 |",
        f"| Antwort verschlüsselt | {_yes(profile.encryption_required)} |",
        f"| Berechtigungszertifikat für den Online-Ausweis | {_cell(settings.authorisation_certificate) or 'fehlt'} |",
        *(f"| Kontakt ({c.kind}) | {_cell(c.name)}, {c.email} |" for c in settings.contacts),
        "",
        "## Zertifikate",
        "",
        "| Zweck | Gültig bis | SHA-256 |",
        "|---|---|---|",
        *_certificates("Signatur", keys.published_signing),
        *_certificates("Entschlüsselung", keys.announced_encryption),
        "",
        "Steht mehr als ein Zertifikat zur Entschlüsselung hier, so ist das letzte das kommende: bis",
        "zum Wechsel entschlüsseln wir mit beiden.",
        "",
        *_services(services),
        "## Schritte",
        "",
        *(f"{number}. {step}" for number, step in enumerate(_STEPS[profile.name], 1)),
        "",
    ]
    if profile.extended:
        lines += [
            f"Die entityID geht mit ihrem Rechnernamen in das Pseudonym {BPK2.friendly_name} ein. Sie wird nach",
            "dem Start nie geändert: jeder Bürger käme sonst als jemand anderes wieder.",
            "",
        ]
    return "\n".join(lines)


def _services(services: Iterable[RegisteredService]) -> list[str]:
    rows = [
        f"| {_cell(s.client_id)} | {_cell(s.display_name)} | {_cell(s.online_service_id or 'fehlt')} "
        f"| {', '.join(s.methods) or '–'} | {', '.join(s.attributes) or '–'} |"
        for s in services
    ]
    if not rows:
        return []
    return [
        "## Dienste",
        "",
        "| Dienst | Anzeigename | Dienst-ID | Verfahren | Angaben (* Pflicht) |",
        "|---|---|---|---|---|",
        *rows,
        "",
    ]


def _certificates(purpose: str, keys: Sequence[Signer | Decrypter]) -> list[str]:
    rows = []
    for key in keys:
        if key.certificate is not None:
            der = key.certificate.public_bytes(serialization.Encoding.DER)
            fingerprint = hashlib.sha256(der).hexdigest()
            grouped = " ".join(fingerprint[i : i + 8] for i in range(0, len(fingerprint), 8))
            rows.append(f"| {purpose} | {key.certificate.not_valid_after_utc:%Y-%m-%d} | `{grouped}` |")
    return rows


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _yes(value: bool) -> str:  # noqa: FBT001  a word for a cell
    return "ja" if value else "nein"
