"""German accounts: BundID, the accounts of the Länder, Mein Unternehmenskonto.

``assembly.assemble`` makes a connector, ``flow`` is one exchange top to bottom, ``profiles`` declares
what tells the accounts apart, ``lint`` finds what an account would answer with a page of its own.
"""

from connectors.accounts.assembly import assemble
from connectors.accounts.flow import AccountConnector
from connectors.accounts.presentation import Presentation
from connectors.accounts.settings import AccountSettings

__all__ = ["AccountConnector", "AccountSettings", "Presentation", "assemble"]
