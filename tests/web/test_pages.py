"""Every page in every language, as markup (ux.md §4 to §9)."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.identity import Name, PartialDate, PersonKind
from gateway.settings import Mode
from gateway.web.pages import GoPage, HandoverPage, PersonView, Target, TimeoutPage
from tests.web import samples

LANGUAGES = ("de", "en")
NAMES = tuple(samples.pages("de"))
VOID = {"br", "input", "link", "meta"}


class Outline(HTMLParser):
    """Elements in order, with a check that every one is closed where it was opened."""

    def __init__(self):
        super().__init__()
        self.elements = []
        self.open = []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def outline(markup):
    parser = Outline()
    parser.feed(markup)
    assert parser.open == []
    return parser


@pytest.fixture(scope="module")
def renderer():
    return samples.renderer()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
class TestEveryPage:
    def test_has_the_frame_that_wcag_asks_for(self, renderer, name, language):
        """WCAG 2.4.1, 2.4.2, 3.1.1: skip link, title, language; one heading of the first rank."""
        markup = renderer.html(samples.pages(language)[name])
        page = outline(markup)
        assert page.all("html") == [{"lang": language}]
        assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
        assert page.all("a")[0]["href"] == "#content"
        assert [element["id"] for element in page.all("main")] == ["content"]
        identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(identifiers) == len(set(identifiers))

    def test_works_under_a_policy_without_inline_code(self, renderer, name, language):
        """ux.md §9: no inline script, no inline style, no event attribute."""
        page = outline(renderer.html(samples.pages(language)[name]))
        assert page.all("style") == []
        for script in page.all("script"):
            assert script["src"].startswith("/static/")
        for _, attributes in page.elements:
            assert not [key for key in attributes if key == "style" or key.startswith("on")]

    def test_every_field_of_a_form_can_be_sent_without_script(self, renderer, name, language):
        """ux.md §9: what acts is a form with a submit button, or a link."""
        page = outline(renderer.html(samples.pages(language)[name]))
        for form in page.all("form"):
            assert form["method"] == "post"
        for button in page.all("button"):
            assert button["type"] == "submit"


def test_choice_offers_cancel_and_names_the_service(renderer):
    """ux.md §6: cancel is always there and says where it leads."""
    markup = renderer.html(samples.select("de"))
    assert "Abbrechen und zurück zu Personenstandsurkunden online" in markup
    assert "Verlangt ist das Vertrauensniveau „substanziell“." in markup
    assert "Schritt 1 von 3" in markup


def test_country_stands_in_its_own_languages_with_their_tags(renderer):
    """ux.md §4.2 and WCAG 3.1.2."""
    markup = renderer.html(samples.select("de"))
    assert (
        '<span lang="nl">België</span> / <span lang="fr">Belgique</span> / <span lang="de">Belgien' in markup
    )
    assert '<span lang="el">Ελλάδα</span>' in markup
    assert "SPID, CIE" in markup
    assert "Portugal</span></button>" in markup  # no second name that says the same


@pytest.mark.parametrize(
    ("language", "told"),
    [("de", "Beginnen Sie bitte beim Dienst neu."), ("en", "Please start again at the service.")],
)
def test_time_that_is_over_is_told_in_whole_sentences_without_a_service(renderer, language, told):
    """ux.md §6: a journey nobody remembers names no service."""
    nobody = replace(samples.pages(language)["timeout"].frame, service=None)
    assert told in renderer.html(TimeoutPage(frame=nobody))


@pytest.mark.parametrize("language", LANGUAGES)
def test_countries_stand_in_the_order_of_the_page_language(renderer, language):
    """ux.md §4.4: Österreich near O, not at the end."""
    found = re.findall(r'class="eg-country-name">([^<]+)<', renderer.html(samples.select(language)))
    if language == "de":
        assert found[found.index("Norwegen") + 1] == "Österreich"
        assert (found[0], found[-1]) == ("Belgien", "Zypern")
    else:
        assert (found[0], found[-1]) == ("Austria", "Sweden")
        assert found.index("Cyprus") + 1 == found.index("Czechia")
    assert len(found) == len(samples.COUNTRIES)


def test_closed_country_is_visible_and_says_why(renderer):
    """ux.md §4.7: never let a citizen log in abroad to learn that the level was too low."""
    markup = renderer.html(samples.select("de"))
    buttons = re.findall(
        r'<button class="eg-country"[^>]*value="(\w\w)"([^>]*)>(.*?)</button>', markup, re.DOTALL
    )
    closed = {code: body for code, attributes, body in buttons if "disabled" in attributes}
    assert set(closed) == {"EE", "SK", "LV"}
    assert "erreicht das verlangte Vertrauensniveau nicht" in closed["EE"]
    assert "zurzeit gestört seit 09:40 Uhr" in closed["SK"]


@pytest.mark.parametrize(("number", "filtered"), [(12, False), (13, True)])
def test_filter_appears_with_more_than_twelve_countries(renderer, number, filtered):
    """ux.md §4.1; it stays hidden until the script that serves it has arrived."""
    markup = renderer.html(samples.select("de", samples.COUNTRIES[:number]))
    assert ('id="filter" hidden' in markup) is filtered
    assert ("filter-" in markup) is filtered


def test_germany_is_answered_below_the_list(renderer):
    """ux.md §4.8."""
    assert "Meine eID ist aus Deutschland" in renderer.html(samples.select("de"))
    assert "My eID is from Germany" in renderer.html(samples.select("en"))


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        (
            "de",
            "Sie werden zur Anmeldung von den Niederlanden weitergeleitet. Danach kommen Sie hierher zurück.",
        ),
        ("en", "You will be taken to the Netherlands to sign in. Afterwards you come back here."),
    ],
)
def test_hand_over_says_where_it_goes_and_back(renderer, language, sentence):
    """ux.md §6, with the article that some names need."""
    markup = renderer.html(samples.pages(language)["handover"])
    assert sentence in markup
    assert '<input type="hidden" name="SAMLRequest" value="PHNhbWw+">' in markup
    assert 'action="https://node.example/sso"' in markup


def test_go_page_forwards_without_script(renderer):
    """ux.md §9: meta refresh without delay and a visible link, both with the whole address."""
    markup = renderer.html(samples.pages("de")["go"])
    url = "https://node.example/sso?SAMLRequest=x&Signature=y"
    refresh = re.search(r'<meta http-equiv="refresh" content="([^"]*)">', markup)
    assert refresh is not None
    assert unescape(refresh[1]) == f"0; url={url}"
    assert f'href="{url.replace("&", "&amp;")}"' in markup


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//evil.example/", "", "https:///x"]
)
def test_page_never_leads_to_something_that_is_no_address(renderer, url):
    """security.md B.5: no open door, whatever a registration says."""
    frame = samples.frame("de")
    with pytest.raises(ValueError, match="no form target"):
        renderer.html(GoPage(frame=frame, url=url, target=Target.SERVICE))
    with pytest.raises(ValueError, match="no form target"):
        renderer.html(HandoverPage(frame=frame, action=url, fields=(), target=Target.SERVICE))
    assert f'href="{url}"' not in renderer.html(samples.error("de", back_action=None, back_href=url))


def test_release_shows_values_in_their_script_with_the_latin_form(renderer):
    """ux.md §5: names keep their script; what we transliterated is marked as such."""
    markup = renderer.html(samples.release("de"))
    assert '<bdi lang="el">Παπαδοπούλου-Κωνσταντινίδου</bdi>' in markup
    assert "Papadopoulou-Konstantinidou</bdi>" in markup
    assert "(lateinische Schreibweise)" in markup
    assert "(von uns in lateinische Schrift übertragen)" in markup
    assert '<time datetime="1983-02-14">14. Februar 1983</time>' in markup
    assert "Griechenland, Zypern" in markup
    assert "weiblich" in markup


def test_release_says_to_whom_what_for_and_from_where(renderer):
    """ux.md §5: service, operator, purpose, source, level, privacy notice."""
    markup = renderer.html(samples.release("de"))
    for words in (
        "Personenstandsurkunden online",
        "Landeshauptstadt Dresden, Standesamt",
        "nach § 62 Personenstandsgesetz",
        "eID aus Griechenland",
        ">hoch</dd>",
        "eine Kennung, die nur für Personenstandsurkunden online gilt",
    ):
        assert words in markup
    assert 'href="https://standesamt.example/datenschutz"' in markup
    english = renderer.html(samples.release("en"))
    assert '<span lang="de">Landeshauptstadt Dresden, Standesamt</span>' in english  # WCAG 3.1.2


def test_release_names_no_identifier_where_nobody_is_recognised(renderer):
    """npa.md §5.2: a proof of age alone carries a ``sub`` of this login only."""
    assert "Kennung" in renderer.html(samples.release("de", persons=(samples.CARD_HOLDER,)))
    unknown = samples.release("de", persons=(samples.CARD_HOLDER,), recognised=False)
    assert "Kennung" not in renderer.html(unknown)


@pytest.mark.parametrize(
    ("language", "release", "refuse"),
    [
        ("de", "Daten an Personenstandsurkunden online übermitteln", "Nicht übermitteln"),
        ("en", "Send data to Civil status certificates online", "Do not send"),
    ],
)
def test_release_and_refusal_have_equal_weight(renderer, language, release, refuse):
    """ux.md §5: the same class for both, nothing optional ticked beforehand."""
    markup = renderer.html(samples.release(language))
    page = outline(markup)
    decisions = {button["value"]: button["class"] for button in page.all("button")}
    assert set(decisions) == {"release", "refuse"}
    assert decisions["release"] == decisions["refuse"]
    assert release in markup
    assert refuse in markup
    boxes = [box for box in page.all("input") if box.get("type") == "checkbox"]
    assert [box["value"] for box in boxes] == ["subject.gender", "subject.address"]
    assert not [box for box in boxes if "checked" in box]


def test_inform_mode_has_one_way_onwards_and_a_quiet_way_out(renderer):
    """ux.md §5: the legal basis is the law, so there is one button "Weiter"."""
    markup = renderer.html(samples.pages("de")["release-company"])
    assert ">Weiter</span>" in markup
    assert 'value="refuse"' in markup
    assert "Vertreten durch" in markup
    assert "Kennung aus Ihrer eID" in markup
    assert "<bdi>NL/DE/12345678</bdi>" in markup
    assert "nicht nach EU-Recht anerkannt" in markup


def test_incomplete_birth_date_says_that_it_is_incomplete(renderer):
    """ux.md §5; ICAO 9303 allows unknown days, months and years."""
    for date, shown in (
        (PartialDate(year=1960), "1960"),
        (PartialDate(year=1960, month=3), "März 1960"),
        (PartialDate(year=None, month=3, day=7), "7. März"),
        (PartialDate(year=None), "–"),
    ):
        person = PersonView(
            role="subject",
            kind=PersonKind.NATURAL,
            required=(samples.item("date_of_birth", date),),
            optional=(),
        )
        markup = renderer.html(samples.release("de", persons=(person,)))
        assert f"<bdi>{shown}</bdi>" in markup
        assert "(unvollständig: mehr steht nicht in der eID)" in markup


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "{{ 7 * 7 }} {number} {0}",
        "&lt;b&gt;",
        "\u202egnihtemos\u202c",
        "محمد بن سلمان",
        "Z\u0351\u036b\u0343a\u0363l\u0348g\u036bo",
        "'; DROP TABLE citizens; --",
    ],
)
def test_hostile_name_stays_a_name(renderer, hostile):
    """A name is data: escaped, isolated from the direction of its surroundings, not interpreted."""
    person = PersonView(
        role="subject",
        kind=PersonKind.NATURAL,
        required=(samples.item("family_name", Name(latin=hostile, original=hostile + "x", script="Cyrl")),),
        optional=(samples.item("place_of_birth", hostile),),
    )
    service = samples.ServiceView(
        name={"de": hostile}, operator={"de": hostile}, purpose={"de": hostile}, home_url="https://a.example"
    )
    frame = samples.frame("en", service=service)
    page = outline(markup := renderer.html(samples.release("en", persons=(person,), frame=frame)))
    assert len(page.all("script")) == 1
    assert page.all("img") == []
    texts = [unescape(text) for text in re.findall(r"<bdi[^>]*>([^<]*)</bdi>", markup)]
    assert texts == [hostile + "x", hostile, hostile]
    assert 'lang="und-Cyrl"' in markup
    renderer.html(samples.select("en", frame=frame))
    renderer.html(samples.error("en", frame=frame))


def test_values_are_not_in_the_title(renderer):
    """ux.md §5: the title goes into the browser's history."""
    for language in LANGUAGES:
        title = re.search(r"<title>(.*?)</title>", renderer.html(samples.release(language)), re.DOTALL)
        assert title is not None
        assert "Papadopoulou" not in title[1]
        assert "<" not in title[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_error_says_what_happened_what_was_transmitted_and_what_to_do(renderer, language):
    """ux.md §6: one main button, number and journey number."""
    markup = renderer.html(samples.error(language))
    expected = {
        "de": (
            "Ihre eID erreicht das Vertrauensniveau „niedrig“. Personenstandsurkunden online verlangt „substanziell“.",
            "Es wurden keine Daten übermittelt.",
            "Zurück zu Personenstandsurkunden online",
        ),
        "en": (
            "Your eID reaches level “low”. Civil status certificates online requires “substantial”.",
            "No data was sent.",
            "Return to Civil status certificates online",
        ),
    }[language]
    for words in (*expected, ">3006</strong>", "7K2QX-9MFBT"):
        assert words in markup
    assert markup.count("kern-btn--primary") == 1
    assert 'href="/error/eidas.level_too_low"' in markup


def test_error_admits_when_data_may_have_been_transmitted(renderer):
    """ux.md §6: always say whether data were transmitted, and never wrongly that none were."""
    markup = renderer.html(samples.error("de", transmitted=True))
    assert "Es wurden keine Daten übermittelt." not in markup
    assert "Wir können nicht ausschließen" in markup


@pytest.mark.parametrize("entry", list(samples.CATALOGUE), ids=lambda entry: entry.code)
def test_every_catalogue_entry_can_be_shown(renderer, entry):
    """style.md §5: to the citizen without parameters, and to the integrator as a reference."""
    for language in LANGUAGES:
        shown = renderer.html(samples.error(language, entry.code, parameters={}))
        assert "{" not in re.sub(r'data-\w+="[^"]*"', "", shown)
        frame = samples.frame(language, service=None, journey=None)
        reference = renderer.html(samples.ErrorReferencePage(frame=frame, entry=entry))
        assert entry.number in reference
        assert entry.oidc_error in reference


def test_deadline_is_shown_in_words_with_its_plural(renderer):
    """WCAG 2.2.1; ux.md §8: the reason is said too."""
    almost = samples.frame("de", deadline=samples.NOW + timedelta(seconds=70))
    markup = renderer.html(samples.select("de", frame=almost))
    assert (
        "Aus Sicherheitsgründen endet diese Anmeldung um 10:41 Uhr. Sie haben noch 1 Minute Zeit." in markup
    )
    markup = renderer.html(samples.select("en"))
    assert "ends at 10:54 (German time). You have 14 minutes left." in markup
    over = samples.frame("de", deadline=samples.NOW)
    assert "Sicherheitsgründen endet" not in renderer.html(samples.select("de", frame=over))


def test_test_operation_is_announced_on_every_page():
    """ux.md §4.10: yellow band across every page in development, and for a test country always."""
    development, production = samples.renderer(Mode.DEVELOPMENT), samples.renderer()
    for page in samples.pages("de").values():
        assert "Testbetrieb:" in development.html(page)
        assert "Testbetrieb:" not in production.html(page)
    assert "Testbetrieb:" in production.html(samples.select("de", test=True))


def test_way_back_to_an_unnamed_service_is_a_whole_sentence(renderer):
    """Errors before the client is known; ux.md §6. The deadline means nothing there."""
    frame = samples.frame("de", service=None)
    page = HandoverPage(frame=frame, action="https://a.example", fields=(), target=Target.SERVICE)
    markup = renderer.html(page)
    assert "Sie werden zum Dienst zurückgeleitet." in markup
    assert "Sicherheitsgründen endet" not in markup


def test_language_link_keeps_what_was_chosen(renderer):
    """ux.md §7: the query of the page stays."""
    frame = samples.frame("de", path="/login/7K2QX9MFBT?person=legal&choose=1")
    markup = renderer.html(samples.select("de", frame=frame))
    assert 'href="/login/7K2QX9MFBT?person=legal&amp;choose=1&amp;lang=en"' in markup


def test_language_link_keeps_the_journey(renderer):
    """ux.md §7: a link that works without script; the current language is no link."""
    markup = renderer.html(samples.select("de"))
    assert (
        '<a class="kern-link" lang="en" hreflang="en" href="/login/7K2QX9MFBT?lang=en">English</a>' in markup
    )
    assert '<span lang="de" aria-current="true">Deutsch</span>' in markup
    assert "?lang=" not in renderer.html(samples.pages("de")["handover"])


def test_unknown_language_is_answered_in_german(renderer):
    """ux.md §7."""
    assert '<html lang="de">' in renderer.html(samples.select("de", frame=samples.frame("ja")))


# ------------------------------------------------------------------------------ user accounts


def test_accounts_stand_beside_the_countries_without_headings_of_their_own():
    """ux.md §3, §4.8: equals; methods in citizens' words, unknown ones left out, unavailable ones said."""
    html = samples.renderer().html(samples.pages("de")["select-accounts"])
    assert "Online-Ausweis, ELSTER-Zertifikat, EU-Identität, Benutzername und Passwort" in html
    assert "EUDI" not in html
    assert html.count("<h2") == 2  # the EU's and the help's
    assert html.index("BundID") < html.index("Mein Unternehmenskonto") < html.index("eID aus der EU")
    assert "Weg wählen" in html
    assert html.count("data-terms") == 3  # the filter finds countries only


def test_filter_stands_where_the_countries_are():
    """A field that says "find your country" above an account would promise what it cannot do."""
    page = samples.german("de")
    accounts, countries = page.means[:2], samples.select("de").means
    html = samples.renderer().html(replace(page, means=(*accounts, *countries)))
    assert html.index("Mein Unternehmenskonto") < html.index('id="filter"') < html.index("eID aus der EU")
    assert html.count('id="filter"') == 1


def test_help_for_german_cards_points_to_the_accounts_if_there_are_any():
    """ux.md §4.8."""
    renderer = samples.renderer()
    assert "eines der Nutzerkonten auf dieser Seite" in renderer.html(samples.german("de"))
    assert "melden Sie sich direkt bei" in renderer.html(samples.select("de"))


def test_hand_over_and_release_name_the_account():
    """ux.md §6."""
    pages, renderer = samples.pages("en"), samples.renderer()
    leaving = renderer.html(pages["handover-account"])
    assert "You will be taken to" in leaving
    assert '<span lang="de">BundID</span>' in leaving
    overview = renderer.html(pages["release-account"])
    assert "user account" in overview
    assert "Named by the account as acting (not identified)" in overview


def test_value_the_account_vouches_for_less_says_so():
    """bundid.md §1.10: a login at ``high`` does not make every value ``high``."""
    email = replace(samples.item("email", "a@example.org"), below=True, level=LevelOfAssurance.LOW)
    phone = replace(samples.item("phone_number", "+49 1"), below=True)
    view = replace(samples.COMPANY, required=(email, phone))
    html = samples.renderer().html(samples.release("de", persons=(view,), account=True, country="DE"))
    assert html.count("Vertrauensniveau: niedrig") == 1
    assert html.count("nicht geprüft") == 1


def test_time_over_page_leads_back_by_a_form_where_the_service_can_be_told():
    """Issue 3: the portal gets ``access_denied``."""
    renderer = samples.renderer()
    page = samples.pages("de")["timeout-told"]
    response = renderer.response(page)
    assert '<form method="post" action="/login/7K2QX9MFBT/cancel">' in renderer.html(page)
    assert "form-action 'self'" in response.headers["content-security-policy"]


def test_codes_of_a_chip_are_shown_in_words(renderer):
    """npa.md §5.2: "D", "AR" and "XXA" mean nothing to a citizen; the source is called as they know it."""
    markup = renderer.html(samples.pages("de")["release-card"])
    for words in ("Deutschland", "Elektronischer Aufenthaltstitel", "staatenlos", "Online-Ausweis"):
        assert words in markup
    assert "Alter in Jahren mindestens" in markup
    assert "XXA" not in markup


def test_eid_client_is_started_by_a_link_that_any_browser_follows(renderer):
    """TR-03124-1 §2.2; ux.md §9: a link, so no policy for forms is in its way."""
    page = outline(renderer.html(samples.pages("de")["eid-computer"]))
    (link,) = [a["href"] for a in page.all("a") if a["href"].startswith("http://127.0.0.1")]
    assert link.startswith("http://127.0.0.1:24727/eID-Client?tcTokenURL=https%3A%2F%2Fid.sachsen.example%2F")


def test_qr_code_is_a_picture_with_a_name_and_says_the_link(renderer):
    """WCAG 1.1.1; ux.md §9: server-side SVG, white ground, the address in words beside it."""
    sample = samples.pages("de")["eid-qr"]
    markup = renderer.html(sample)
    assert outline(markup).all("svg")[0]["viewbox"].split()[:2] == ["0", "0"]
    assert 'role="img" aria-label="QR-Code für Ihr Telefon"' in markup
    assert 'fill="#fff"' in markup
    assert f'href="{sample.url}"' in markup
    assert "<svg" not in renderer.html(samples.pages("de")["eid-qr-opened"])


def test_policy_lets_a_script_ask_the_own_computer_on_one_page_only(renderer):
    """ux.md §3, §9: connect-src stays closed everywhere else."""
    for name, sample in samples.pages("de").items():
        policy = renderer.response(sample).headers["content-security-policy"]
        asks = "connect-src http://127.0.0.1:24727;" in policy
        assert asks is (name == "eid-computer"), name
