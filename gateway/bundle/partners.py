"""The checks of German eID-Servers that are spoken to by SAML (TR-03130-1 §4, §5): the files and address
that their operators gave us, for the Online-Ausweis as for eSAML.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from connectors.eidas.settings import EIDASSettings
from connectors.npa import NPASettings
from connectors.saml.tr03130 import partner
from gateway.bundle.problems import Located, Problems
from gateway.settings import Mode, Settings


def check_partners(
    nodes: Iterable[Located[EIDASSettings]],
    cards: Iterable[Located[NPASettings]],
    settings: Settings,
    directory: Path,
    problems: Problems,
) -> None:
    """Address, certificates and the separation of keys."""
    sections = [(node.file, "esaml", node.model.esaml) for node in nodes]
    sections += [(card.file, "saml", card.model.saml) for card in cards]
    development = settings.gateway.mode is Mode.DEVELOPMENT
    for file, name, section in sections:
        if section is None:
            continue
        for setting, problem, remedy in partner.problems(section, directory, development=development):
            problems.add(file, f"{name}.{setting}", problem, remedy)
