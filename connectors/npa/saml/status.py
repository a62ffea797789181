"""What a failure of the SAML processor means (TR-03130-1 §4.3): a SAML status, perhaps with a result code."""

from __future__ import annotations

from connectors.errors import ConnectorError
from connectors.npa import failures
from connectors.saml.status import Status
from trust.xml import SAMLP, XML_WHITESPACE, Element

_STATUS = "{" + SAMLP + "}Status"


def failure(response: Element, status: Status) -> ConnectorError:
    """The ResultMinor, wherever in the status it stands; else what the status code says.

    Nothing of the text is shown or logged: it is compared with the codes we know.
    """
    for element in response.iterfind(f"{_STATUS}//*"):
        for word in (element.get("Value"), element.text):
            minor = (word or "").strip(XML_WHITESPACE)
            if failures.is_minor(minor):
                return failures.of_minor(minor)
    return status.failure()
