"""Catalogue entries of the console (60), and how the registry's refusals become one of them."""

from __future__ import annotations

from gateway.errors import CATALOGUE, CatalogueEntry, GatewayError
from trust.registry import ChangeRefused, RegistryError

CONSOLE_SIGN_IN = CATALOGUE.add(
    "console.sign_in",
    "6001",
    "access_denied",
    403,
    to_client=False,
    hint="This passkey signs nobody in",
    documentation=(
        "The passkey belongs to nobody who is enrolled, was made for another host, or did not verify its "
        "user. The audit entry ConsoleSignInRefused names the reason. Compare the fingerprint on the page "
        "of people with the one shown when the passkey was made."
    ),
)
CONSOLE_EXPIRED = CATALOGUE.add(
    "console.expired",
    "6002",
    "access_denied",
    410,
    to_client=False,
    hint="This page was used already or waited too long",
    documentation=(
        "A sign-in, a new passkey or a draft can be finished once, within its time, in the browser in which "
        "it was begun. Nothing has happened."
    ),
)
CONSOLE_ROLE = CATALOGUE.add(
    "console.role",
    "6003",
    "access_denied",
    403,
    to_client=False,
    hint="The role of this person does not allow it",
    documentation=(
        "Viewers read; operators also propose, suspend and probe; approvers also approve, and enrol people. "
        "Roles are part of the enrolment and changed by two approvers."
    ),
)
CONSOLE_FOREIGN_FORM = CATALOGUE.add(
    "console.foreign_form",
    "6004",
    "access_denied",
    403,
    to_client=False,
    hint="The form was not sent by a page of the console",
    documentation=(
        "Origin or Sec-Fetch-Site name another site: somebody tried to make the browser of an administrator "
        "act, or [console] url is not the origin that browsers see. Nothing has happened."
    ),
)
CONSOLE_FORM = CATALOGUE.add(
    "console.form",
    "6005",
    "invalid_request",
    400,
    to_client=False,
    hint="The form cannot be used as it was filled in",
    documentation="A field is missing or not in its form; the page says which.",
)
CONSOLE_NOT_FOUND = CATALOGUE.add(
    "console.not_found",
    "6006",
    "invalid_request",
    404,
    to_client=False,
    hint="There is no such object, change or page",
    documentation="It may have been removed meanwhile; the list shows what there is.",
)
CONSOLE_REFUSED = CATALOGUE.add(
    "console.refused",
    "6007",
    "invalid_request",
    409,
    to_client=False,
    hint="The registry refuses the step; its reason is shown",
    documentation="The reasons are those of docs/security-admin.md, each with what to do.",
)
CONSOLE_NO_REGISTRY = CATALOGUE.add(
    "console.no_registry",
    "6008",
    "access_denied",
    409,
    to_client=False,
    hint="Nobody is enrolled yet",
    documentation=(
        "The registry has had no ceremony. Each person makes a passkey at /passkey and hands over the file; "
        "then eid-gateway registry init on the server."
    ),
)
CONSOLE_UNAVAILABLE = CATALOGUE.add(
    "console.unavailable",
    "6009",
    "temporarily_unavailable",
    503,
    to_client=False,
    hint="The registry cannot be read or written at the moment",
    documentation=(
        "The database does not answer, or its log is broken or rolled back; the page names which. What is "
        "known stays in force, changes wait. eid-gateway registry verify tells more."
    ),
)
CONSOLE_BUSY = CATALOGUE.add(
    "console.busy",
    "6010",
    "temporarily_unavailable",
    429,
    to_client=False,
    hint="This is under way already, or was a moment ago",
    documentation=(
        "Verifying the logs reads them from the first entry on: one run at a time in the whole installation. "
        "An export of the log: one at a time for each person. Between two runs lie 20 seconds; if a process "
        "ends in the middle, ten minutes."
    ),
)


class Explained(GatewayError):
    """A refusal that says what exactly: ``detail`` in the registry's or the check's own words.

    ``reason`` is a stable word for which ``locales/*/refusals.po`` has a sentence; ``field`` the form's field.
    """

    def __init__(
        self,
        entry: CatalogueEntry,
        detail: str,
        *,
        reason: str,
        field: str = "",
        cause: BaseException | None = None,
    ) -> None:
        super().__init__(entry, cause=cause)
        self.detail = detail
        self.reason = reason
        self.field = field


def explained(error: RegistryError) -> Explained:
    """The page's error for what the registry says."""
    entry = CONSOLE_REFUSED if isinstance(error, ChangeRefused) else CONSOLE_UNAVAILABLE
    return Explained(entry, str(error), reason=error.reason, cause=error)
