"""Sample pages with every kind of content that a page can have, for rendering and browser tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import gateway.app
from connectors.assurance import LevelOfAssurance
from connectors.identity import Address, Gender, Name, PartialDate, PersonKind
from gateway.errors import CATALOGUE
from gateway.settings import GatewaySection, Mode
from gateway.web.eid_links import client_href
from gateway.web.eid_pages import (
    CodeProblem,
    EIDIntroPage,
    EIDQRPage,
    EIDRunPage,
    EIDStartPage,
    PhoneCodePage,
    PhoneFailedPage,
    PhoneWarningPage,
    Way,
    WayChoice,
)
from gateway.web.frame import Frame, ServiceView
from gateway.web.pages import (
    CountryChoice,
    EndedPage,
    ErrorPage,
    ErrorReferencePage,
    GoPage,
    HandoverPage,
    IndexPage,
    MeansChoice,
    Page,
    PersonChoice,
    PersonView,
    ReleaseItem,
    ReleasePage,
    SelectPage,
    Target,
    TimeoutPage,
)
from gateway.web.render import Renderer
from gateway.web.static_files import StaticFiles

assert gateway.app  # importing it fills the catalogue

NOW = datetime(2026, 11, 23, 9, 40, tzinfo=UTC)
COUNTRIES = [
    "AT",
    "BE",
    "BG",
    "CY",
    "CZ",
    "DK",
    "EE",
    "ES",
    "FI",
    "FR",
    "GR",
    "HR",
    "HU",
    "IE",
    "IT",
    "LT",
    "LU",
    "LV",
    "MT",
    "NL",
    "PL",
    "PT",
    "RO",
    "SE",
    "SI",
    "SK",
    "IS",
    "LI",
    "NO",
]
SCHEMES = {
    "BE": ("itsme", "eID"),
    "DK": ("MitID",),
    "ES": ("Cl@ve",),
    "IT": ("SPID", "CIE"),
    "NL": ("DigiD",),
}
SERVICE = ServiceView(
    name={"de": "Personenstandsurkunden online", "en": "Civil status certificates online"},
    operator={"de": "Landeshauptstadt Dresden, Standesamt"},
    purpose={
        "de": "Ausstellung einer Personenstandsurkunde nach § 62 Personenstandsgesetz",
        "en": "Issuing a civil status certificate (section 62 of the Civil Status Act)",
    },
    home_url="https://standesamt.example/",
    privacy_url="https://standesamt.example/datenschutz",
)


def site(mode: Mode = Mode.PRODUCTION, issuer: str = "https://id.sachsen.example") -> GatewaySection:
    """An installation with all links."""
    return GatewaySection(
        issuer=issuer,
        mode=mode,
        name={"de": "eID-Zugang Sachsen", "en": "eID access Saxony"},
        operator={"de": "Freistaat Sachsen", "en": "Free State of Saxony"},
        imprint_url="https://sachsen.example/impressum",
        privacy_url="https://sachsen.example/datenschutz",
        accessibility_url="https://sachsen.example/barrierefreiheit",
        help_url="https://sachsen.example/hilfe",
    )


def renderer(mode: Mode = Mode.PRODUCTION, issuer: str = "https://id.sachsen.example") -> Renderer:
    """A renderer as the application builds it."""
    return Renderer(site(mode, issuer), StaticFiles())


def frame(language: str, **changed: object) -> Frame:
    """What is around a page of a running journey."""
    fields: dict[str, object] = {
        "languages": (language,),
        "path": "/login/7K2QX9MFBT",
        "journey": "7K2QX-9MFBT",
        "service": SERVICE,
        "step": 1,
        "now": NOW,
        "deadline": NOW + timedelta(minutes=14, seconds=20),
    }
    return Frame(**(fields | changed))


def choice(code: str) -> CountryChoice:
    """A country as a node would offer it; Estonia is too low, Slovakia is down."""
    reasons = {"EE": "level", "SK": "down", "LV": "attributes"}
    return CountryChoice(
        means="eidas",
        country=code,
        available=code not in reasons,
        reason=reasons.get(code),
        down_since=NOW - timedelta(hours=1) if code == "SK" else None,
        scheme_names=SCHEMES.get(code, ()),
        test=code == "LI",
    )


def select(language: str, codes: tuple[str, ...] | list[str] = COUNTRIES, **changed: object) -> SelectPage:
    """The country choice for a service that takes natural and legal persons."""
    fields: dict[str, object] = {
        "frame": frame(language),
        "action": "/login/7K2QX9MFBT/start",
        "cancel_action": "/login/7K2QX9MFBT/cancel",
        "person": PersonKind.NATURAL,
        "persons": (
            PersonChoice(kind=PersonKind.NATURAL, selected=True, href="?person=natural"),
            PersonChoice(kind=PersonKind.LEGAL, selected=False, href="?person=legal"),
        ),
        "means": (
            MeansChoice(
                means="eidas",
                name={"de": "eID aus der EU", "en": "eID of the EU"},
                countries=tuple(map(choice, codes)),
            ),
        ),
        "minimum": LevelOfAssurance.SUBSTANTIAL,
    }
    return SelectPage(**(fields | changed))


def account(means: str, *methods: str, **changed: object) -> MeansChoice:
    """A user account: one button without a country."""
    names = {"bundid": {"de": "BundID", "en": "BundID"}, "muk": {"de": "Mein Unternehmenskonto"}}
    option = CountryChoice(means=means, country=None, available=True, scheme_names=methods)
    return MeansChoice(means=means, name=names[means], countries=(replace(option, **changed),))


def german(language: str) -> SelectPage:
    """User accounts and the EU as equals."""
    page = select(language, ("SE", "GR", "AT"))
    accounts = (
        account("bundid", "eID", "Elster", "eIDAS", "Benutzername", "EUDI"),
        account("muk", available=False, reason="down"),
    )
    return replace(page, means=(*accounts, *page.means))


def item(attribute: str, value: object) -> ReleaseItem:
    """One attribute of the release page."""
    return ReleaseItem(attribute=attribute, value=value, field=f"subject.{attribute}")


GREEK = PersonView(
    role="subject",
    kind=PersonKind.NATURAL,
    required=(
        item(
            "family_name",
            Name(latin="Papadopoulou-Konstantinidou", original="Παπαδοπούλου-Κωνσταντινίδου", script="Grek"),
        ),
        item("given_name", Name(latin="Eleni Sofia", original="Ελένη Σοφία", script="Grek", derived=True)),
        item("date_of_birth", PartialDate(year=1983, month=2, day=14)),
        item("place_of_birth", "Θεσσαλονίκη"),
        item("nationalities", ("GR", "CY")),
    ),
    optional=(
        item("gender", Gender.FEMALE),
        item(
            "address",
            Address(
                thoroughfare="Odos Ermou",
                locator_designator="12",
                post_code="105 63",
                post_name="Athina",
                country="GR",
            ),
        ),
    ),
)
COMPANY = PersonView(
    role="subject",
    kind=PersonKind.LEGAL,
    required=(
        item("legal_name", Name(latin="Bohrtechnik Nederland B.V.")),
        item("lei", "724500VKKSH9QOLTFR81"),
        item("identifier", "NL/DE/12345678"),
    ),
    optional=(),
)
DIRECTOR = PersonView(
    role="representative",
    kind=PersonKind.NATURAL,
    required=(
        item("family_name", Name(latin="van der Łąćki-O’Neill")),
        item("given_name", Name(latin="Žofie")),
        item("date_of_birth", PartialDate(year=1960)),
    ),
    optional=(),
)


CLERK = PersonView(
    role="acting",
    kind=PersonKind.NATURAL,
    required=(item("family_name", Name(latin="Kluge")), item("given_name", Name(latin="Jana"))),
    optional=(),
)


CARD_HOLDER = PersonView(
    role="subject",
    kind=PersonKind.NATURAL,
    required=(
        item("family_name", Name(latin="MUSTERMANN")),
        item("date_of_birth", PartialDate(year=1964)),
        item("nationalities", ("XXA",)),
        item("document_type", "AR"),
        item("issuing_state", "D"),
        item("date_of_expiry", PartialDate(year=2029, month=10, day=31)),
        item("age_fulfilled", "18"),
    ),
    optional=(item("no_residence", "keine Hauptwohnung in Deutschland"),),
)


def release(language: str, **changed: object) -> ReleasePage:
    """What a Greek citizen sees before anything is transmitted."""
    fields: dict[str, object] = {
        "frame": frame(language, step=3, path="/login/7K2QX9MFBT/release"),
        "action": "/login/7K2QX9MFBT/release",
        "mode": "confirm",
        "persons": (GREEK,),
        "country": "GR",
        "level": LevelOfAssurance.HIGH,
        "notified": True,
        "means": "eidas",
    }
    return ReleasePage(**(fields | changed))


def error(language: str, code: str = "eidas.level_too_low", **changed: object) -> ErrorPage:
    """An error with its numbers and the way back."""
    fields: dict[str, object] = {
        "frame": frame(language, step=None, path=None, deadline=None),
        "code": code,
        "number": CATALOGUE[code].number,
        "parameters": {"achieved": "low", "required": "substantial"},
        "back_action": "/login/7K2QX9MFBT/cancel",
        "retry_href": "/login/7K2QX9MFBT",
    }
    return ErrorPage(**(fields | changed))


def eid_pages(language: str) -> dict[str, Page]:
    """The pages around an eID-Client, on the computer and on the phone."""
    journey = "/login/7K2QX9MFBT"
    ticket = f"7K2QX9MFBT.{'t' * 43}"
    token = f"https://id.sachsen.example/connectors/npa/tctoken/{ticket}"
    ways = tuple(WayChoice(way=way, href=f"{journey}/client/{way.value}") for way in Way)
    out = {"change_href": f"{journey}?choose=1", "cancel_action": f"{journey}/cancel"}
    here = frame(language, step=2, path=f"{journey}/client")
    run = EIDRunPage(
        frame=here,
        way=Way.COMPUTER,
        href=client_href(Way.COMPUTER, token),
        others=ways[1:],
        restart_action=f"{journey}/start",
        restart_fields=(("means", "npa"), ("person", "natural")),
        **out,
    )
    qr = EIDQRPage(
        frame=here,
        action=f"{journey}/client/qr",
        url=f"https://id.sachsen.example{journey}/phone/{'q' * 43}",
        until=NOW + timedelta(minutes=5),
        others=ways[:2],
        **out,
    )
    return {
        "eid-intro": EIDIntroPage(
            frame=here,
            means={"de": "Online-Ausweis", "en": "Online ID card"},
            continue_href=f"{journey}/client/start",
            **out,
        ),
        "eid-start": EIDStartPage(frame=here, ways=ways, **out),
        "eid-computer": run,
        "eid-phone": replace(run, way=Way.PHONE, href=client_href(Way.PHONE, token), others=ways[:1]),
        "eid-used": replace(run, href=None),
        "eid-on-second-device": EIDRunPage(
            frame=here,
            way=Way.PHONE,
            href=client_href(Way.PHONE, token),
            others=(WayChoice(way=Way.COMPUTER, href=client_href(Way.COMPUTER, token)),),
            second_device=True,
        ),
        "eid-qr": qr,
        "eid-qr-opened": replace(qr, url=None),
        "eid-qr-wrong-code": replace(qr, url=None, problem=CodeProblem.WRONG, tries=2),
        "eid-qr-no-code": replace(qr, url=None, problem=CodeProblem.NONE),
        "phone-warning": PhoneWarningPage(frame=here, action=f"{journey}/phone/{'q' * 43}"),
        "phone-code": PhoneCodePage(frame=here, code="BCDF-GHJK", until=NOW + timedelta(minutes=3)),
        "phone-failed": PhoneFailedPage(frame=here, code="eid.cancelled", number="3203"),
        "release-card": release(
            language,
            persons=(CARD_HOLDER,),
            country="DE",
            means="npa",
            means_name={"de": "Online-Ausweis", "en": "Online ID card"},
            card=True,
        ),
        "error-eid": error(language, "eid.document_invalid", parameters={}),
    }


def pages(language: str, node: str = "https://node.example/sso") -> dict[str, Page]:
    """Every template at least once, by a name for the test report."""
    leaving = frame(language, step=2, path=None)
    over = frame(language, step=None, path=None, deadline=None)
    outside = frame(language, step=None, path="/", journey=None, service=None, deadline=None)
    return {
        "select": select(language),
        "select-few": select(language, ("SE", "GR", "AT"), persons=()),
        "handover": HandoverPage(
            frame=leaving,
            action=node,
            fields=(("SAMLRequest", "PHNhbWw+"), ("RelayState", "7K2QX9MFBT.x")),
            target=Target.COUNTRY,
            country="NL",
            change_href="/login/7K2QX9MFBT",
            cancel_action="/login/7K2QX9MFBT/cancel",
        ),
        "go": GoPage(
            frame=leaving,
            url=f"{node}?SAMLRequest=x&Signature=y",
            target=Target.COUNTRY,
            country="SK",
            change_href="/login/7K2QX9MFBT",
            cancel_action="/login/7K2QX9MFBT/cancel",
        ),
        "go-service": GoPage(
            frame=frame(language, step=3, path=None), url=f"{node}?code=x", target=Target.SERVICE
        ),
        "release": release(language),
        "release-company": release(
            language,
            persons=(COMPANY, DIRECTOR),
            mode="inform",
            country="NL",
            notified=False,
        ),
        "error": error(language),
        "error-outside": ErrorPage(frame=outside, code="authorize.client_unknown", number="1002"),
        "ended": EndedPage(frame=over, back_href="https://standesamt.example/"),
        "timeout": TimeoutPage(frame=over, back_href="https://standesamt.example/"),
        "timeout-told": TimeoutPage(frame=over, back_action="/login/7K2QX9MFBT/cancel"),
        "select-accounts": german(language),
        "handover-account": HandoverPage(
            frame=leaving,
            action=node,
            fields=(("SAMLRequest", "PHNhbWw+"), ("RelayState", "7K2QX9MFBT.x")),
            target=Target.MEANS,
            means={"de": "BundID"},
            change_href="/login/7K2QX9MFBT",
            cancel_action="/login/7K2QX9MFBT/cancel",
        ),
        "release-account": release(
            language,
            persons=(COMPANY, CLERK),
            country="DE",
            means="muk",
            means_name={"de": "Mein Unternehmenskonto"},
            account=True,
        ),
        "error-account": error(language, "account.returned", parameters={}),
        "error-reference": ErrorReferencePage(frame=outside, entry=CATALOGUE["eidas.level_too_low"]),
        "index": IndexPage(
            frame=outside, discovery_href="/.well-known/openid-configuration", countries_href="/countries"
        ),
        **eid_pages(language),
    }
