"""Online-Ausweis: identity card, residence permit, eID card for Union citizens (BSI TR-03130, TR-03124).

``assembly.assemble`` makes the connector, ``flow`` is one login, top to bottom, ``asked`` decides what is
read from the card, ``mapping`` what becomes of it; ``soap``, ``saml`` and ``attached`` are the three ways.
"""

from connectors.npa.assembly import assemble
from connectors.npa.flow import NPAConnector
from connectors.npa.settings import NPASettings
from connectors.npa.way import ServiceKeys

__all__ = ["NPAConnector", "NPASettings", "ServiceKeys", "assemble"]
