"""eIDAS: citizens of other states, through a node or through a national connector.

``assembly.assemble`` makes the connector, ``flow`` is one exchange, top to bottom; ``esaml`` is one
through a German eID-Server.
"""

from connectors.eidas.assembly import assemble
from connectors.eidas.esaml import ESAMLConnector
from connectors.eidas.flow import EIDASConnector
from connectors.eidas.settings import CountrySettings, EIDASSettings
from connectors.saml.surroundings import Surroundings

__all__ = ["CountrySettings", "EIDASConnector", "EIDASSettings", "ESAMLConnector", "Surroundings", "assemble"]
