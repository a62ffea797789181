"""What anybody may read: the index, the countries, the error reference, documents for peers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors.assurance import EIDAS_LEVELS, LevelOfAssurance
from connectors.contract import AuthenticationRequest, Option, Service
from connectors.identity import PersonKind
from gateway.errors import CATALOGUE
from gateway.http_errors import HTTP_NOT_FOUND
from gateway.login.desk import LoginDesk
from gateway.login.offer import options
from gateway.web import countries
from gateway.web.pages import ErrorReferencePage, IndexPage

_PUBLIC = {"Cache-Control": "public, max-age=60", "Access-Control-Allow-Origin": "*"}
_NOBODY = Service(client_id="", names={"de": ""}, sector="public", requester_id="")


async def index(desk: LoginDesk, request: Request) -> Response:
    """GET ``/``."""
    return desk.render(
        IndexPage(
            frame=desk.frame(request),
            discovery_href=f"{desk.base}/.well-known/openid-configuration",
            countries_href=f"{desk.base}/countries",
        )
    )


async def error_reference(desk: LoginDesk, request: Request) -> Response:
    """GET ``/error/{code}``: where ``error_uri`` points."""
    try:
        entry = CATALOGUE[request.path_params["code"]]
    except KeyError as error:
        raise HTTP_NOT_FOUND(cause=error) from error
    return desk.render(ErrorReferencePage(frame=desk.frame(request), entry=entry))


async def document(desk: LoginDesk, request: Request) -> Response:
    """GET ``/connectors/{connector}/{document}``: e.g. our SAML metadata."""
    connector = desk.connectors.get(request.path_params["connector"])
    if connector is None:
        raise HTTP_NOT_FOUND()
    # Signing the document anew costs a private operation now and then.
    found = await desk.in_thread(lambda: connector.documents(now=desk.clock()))
    for published in found:
        if published.name == request.path_params["document"]:
            return Response(
                published.content,
                media_type=published.content_type,
                headers={"Cache-Control": f"public, max-age={published.max_age}"},
            )
    raise HTTP_NOT_FOUND()


async def list_countries(desk: LoginDesk, request: Request) -> Response:
    """GET ``/countries``: which countries can identify whom, how well, and whether they can now."""
    del request
    listed: list[dict[str, object]] = []
    for name in desk.connectors:
        by_country: dict[str, dict[str, object]] = {}
        for person in PersonKind:
            for option in _options(desk, name, person):
                if option.country is None or option.reason == "person":
                    continue
                entry = by_country.setdefault(option.country, _country(option, desk.languages))
                entry["available"] = bool(entry["available"]) or option.available
                persons = entry["persons"]
                if isinstance(persons, list):
                    persons.append(person.value)
        listed += by_country.values()
    return JSONResponse({"countries": listed}, headers=_PUBLIC)


def _options(desk: LoginDesk, connector: str, person: PersonKind) -> tuple[Option, ...]:
    anybody = AuthenticationRequest(
        service=_NOBODY,
        minimum=LevelOfAssurance.LOW,
        persons=frozenset({person}),
        accept_non_notified=True,
        accept_representation=True,
    )
    return options(desk, connector, anybody, now=desk.clock())


def _country(option: Option, languages: tuple[str, ...]) -> dict[str, object]:
    code = option.country or ""
    levels = [level.word for level in EIDAS_LEVELS if option.highest and level <= option.highest]
    return {
        "code": code,
        "connector": option.connector,
        "names": {language: countries.name(code, language) for language in languages},
        "levels": levels,
        "persons": [],
        "schemes": list(option.scheme_names),
        "available": False,
        "test": option.test,
    }
