"""The checks of sources of metadata, and of what anchors pin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from connectors.eidas.settings import EIDASSettings
from gateway.bundle.checks import check_file, host, is_loopback
from gateway.bundle.problems import Located, Problems
from gateway.settings import Mode, Settings, resolve
from trust.anchors import AnchorKind, KeyChanges, TrustAnchor
from trust.approved_keys import approved_keys
from trust.errors import TrustError
from trust.pinned import PinnedKey
from trust.sources import Activation, SourceKind, SourceSettings


def check_sources(
    sources: Iterable[Located[SourceSettings]],
    connectors: Mapping[str, Located[EIDASSettings]],
    settings: Settings,
    directory: Path,
    problems: Problems,
) -> None:
    """Each source says whose word it takes, and no test source is in production."""
    production = settings.gateway.mode is Mode.PRODUCTION
    for located in sources:
        source, file = located.model, located.file
        if source.test and production:
            problems.add(file, "test", "a test source in production", "remove the file")
        if source.valid_until < source.valid_from:
            problems.add(file, "valid_until", "lies before valid_from", "correct the dates")
        if source.connector not in connectors:
            problems.add(
                file, "connector", f"{source.connector} is no eIDAS connector", "add it, or correct the name"
            )
        if source.url is not None:
            _check_url(file, source.url, production, problems)
        if source.url is not None and "{" in source.url.replace("{country}", ""):
            problems.add(file, "url", "has braces that mean nothing", "only {country} stands for something")
        if source.kind is not SourceKind.COMMISSION and "{" in (source.url or ""):
            problems.add(file, "url", "{country} is for commission", "remove it")
        for index, entity in enumerate(source.entities):
            if entity.country not in source.countries:
                problems.add(
                    file, f"entities[{index}].country", "is not among countries", "add it there, or remove it"
                )
        _check_certificates(file, "certificates", source.certificates, directory, problems)


def check_pins(anchors: Iterable[Located[TrustAnchor]], directory: Path, problems: Problems) -> None:
    """Signers are certificates, and pinned certificates hold the keys they are pinned for."""
    for located in anchors:
        anchor, file = located.model, located.file
        own = () if anchor.certificate is None else (anchor.certificate,)
        _check_certificates(file, "certificate", own, directory, problems)
        _check_certificates(file, "further_certificates", anchor.further_certificates, directory, problems)
        if anchor.further_certificates and anchor.kind is not AnchorKind.METADATA_SIGNER:
            problems.add(file, "further_certificates", "nobody signs this file", "remove them")
        pinning = anchor.key_changes is KeyChanges.PROPOSE
        if anchor.pinned and not pinning:
            problems.add(file, "pinned", "has no effect", 'set key_changes = "propose", or remove it')
        if pinning and anchor.kind is not AnchorKind.METADATA_SIGNER:
            problems.add(file, "key_changes", "the keys of a pinned file never change", "remove it")
        if pinning:
            named = {pin.entity_id for pin in anchor.pinned}
            for entity_id in anchor.metadata.entity_ids:
                if entity_id not in named:
                    problems.warn(
                        file, "pinned", f"no key of {entity_id} is pinned: its metadata decide until one is",
                        "sign the proposal that comes with its metadata, or pin them here",
                    )  # fmt: skip
        try:
            approved_keys(
                anchor,
                {
                    pin.certificate: resolve(pin.certificate, directory).read_bytes()
                    for pin in anchor.pinned
                    if pin.certificate
                },
            )
        except (TrustError, OSError) as error:
            problems.add(file, "pinned", str(error), "correct sha256, or the file")


def _check_url(file: str, url: str, production: bool, problems: Problems) -> None:  # noqa: FBT001  as a fact
    scheme = urlsplit(url).scheme
    if not host(url) or scheme not in {"https", "http"}:
        problems.add(file, "url", "is no web address", "https://...")
    elif scheme == "http" and (production or not is_loopback(url)):
        problems.add(file, "url", "must be https", "https; http is for loopback in development")


def _check_certificates(
    file: str, path: str, names: Iterable[str], directory: Path, problems: Problems
) -> None:
    for name in names:
        before = len(problems.found)
        check_file(file, path, name, directory, problems)
        if len(problems.found) > before:
            continue
        try:
            PinnedKey.from_certificate(resolve(name, directory).read_bytes())
        except (TrustError, OSError) as error:
            problems.add(file, path, f"{name}: {error}", "a certificate in PEM")


def check_country_source(
    country: str, name: str, sources: Mapping[str, Located[SourceSettings]], file: str, problems: Problems
) -> None:
    """A country may name a source that each node follows by itself, and that speaks for it."""
    located = sources.get(name)
    if located is None:
        problems.add(file, "source", "names no source", "add registry/sources/<id>.toml")
        return
    source = located.model
    if source.activation is not Activation.AUTOMATIC:
        problems.add(
            file, "source", f"{name} only proposes", 'name the anchor, or set activation = "automatic" there'
        )
    if country not in source.countries:
        problems.add(file, "source", f"{name} does not speak for {country}", "add the country there")
    if "idp" not in source.roles:
        problems.add(file, "source", f"{name} is not for role idp", 'roles = ["idp"]')
    if source.kind is SourceKind.MDQ and country not in {entity.country for entity in source.entities}:
        problems.add(file, "source", f"{name} has no entity for {country}", "add it to entities there")
