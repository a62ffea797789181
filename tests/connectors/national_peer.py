"""A national connector in memory (eidas.md §10.1): one peer that speaks for several countries."""

from dataclasses import replace
from datetime import date

from connectors.eidas.assembly import Surroundings, assemble
from connectors.eidas.settings import CountrySettings, EIDASSettings
from tests.support.saml_peer import ISSUER_URL, Installed, Node, own_keys
from tests.support.xml_signing import NOW
from trust.anchors import AnchorKind, AnchorState, MetadataLocation, TrustAnchor
from trust.fetch import FetchPolicy

NATIONAL = Node(
    country="DE",
    wire_code="DE",
    entity_id="https://connector.eidas.de.example/metadata",
    location="https://connector.eidas.de.example/sso",
)


def install_national(config_dir, node=NATIONAL, *, settings=None, countries=("GR", "SE"), country=None):
    """Our connector as service provider of ``node``, for ``countries``."""
    (config_dir / "national.xml").write_bytes(node.metadata(NOW))
    (config_dir / "national.pem").write_bytes(node.metadata_signer.pem)
    anchor = TrustAnchor(
        id="national",
        kind=AnchorKind.METADATA_SIGNER,
        state=AnchorState.ACTIVE,
        countries=("DE",),
        certificate="national.pem",
        metadata=MetadataLocation(file="national.xml", entity_ids=(node.entity_id,)),
        valid_from=date(2026, 1, 1),
        valid_until=date(2028, 12, 31),
        source="made by a test",
        evidence="none",
    )
    keys = own_keys()
    connector = assemble(
        EIDASSettings.model_validate(
            {
                "kind": "eidas",
                "id": "bund",
                "role": "national",
                "national_peer": node.entity_id,
                "national_anchor": "national",
                **(settings or {}),
            }
        ),
        [
            CountrySettings.model_validate({"country": code, "connector": "bund", **(country or {})})
            for code in countries
        ],
        {"national": anchor},
        keys,
        Surroundings(
            issuer_url=ISSUER_URL,
            config_dir=config_dir,
            state_dir=None,
            fetch_policy=FetchPolicy(),
            development=False,
        ),
        now=NOW,
    )
    connector.refresh(now=NOW)
    nodes = {code: replace(node, wire_code="EL" if code == "GR" else code) for code in countries}
    return Installed(connector=connector, nodes=nodes, keys=keys)
