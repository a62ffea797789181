"""The configuration directory: everything wrong is told at once (style.md §6, design.md §3 invariant 9)."""

from __future__ import annotations

import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from gateway import cli
from gateway.bundle import load
from gateway.own_keys import files as key_files
from gateway.settings import ConfigurationError, KeyPurpose, KeyState

GATEWAY = """
[gateway]
issuer = "https://id.example"
name.de = "Ausweis-Dienst"
operator.de = "Sachsen"

[[keys]]
id = "oidc"
purpose = "oidc-signing"
private_key = "file:keys/oidc.key"

[[keys]]
id = "subject"
purpose = "subject"
private_key = "file:keys/subject.key"

[[keys]]
id = "saml-signing"
purpose = "saml-signing"
private_key = "file:keys/saml-signing.key"
certificate = "keys/saml-signing.crt"

[[keys]]
id = "saml-decryption"
purpose = "saml-decryption"
private_key = "file:keys/saml-decryption.key"
certificate = "keys/saml-decryption.crt"

[[keys]]
id = "saml-metadata"
purpose = "saml-metadata-signing"
private_key = "file:keys/saml-metadata.key"
certificate = "keys/saml-metadata.crt"
"""
ANCHOR = """
id = "gr-node"
kind = "metadata-signer"
state = "active"
countries = ["GR"]
certificate = "keys/saml-metadata.crt"
valid_from = 2026-01-01
valid_until = 2027-01-01
source = "handed over on paper"
evidence = "file 4711"
[metadata]
url = "https://node.example/metadata"
entity_ids = ["https://node.example/metadata"]
"""
CONNECTOR = 'kind = "eidas"\n'
COUNTRY = 'country = "GR"\nanchor = "gr-node"\nentity_id = "https://node.example/metadata"\n'
CLIENT = f"""
client_id = "amt24"
name.de = "Amt24"
operator.de = "Sachsen"
purpose.de = "Antrag"
home_url = "https://service.example/"
redirect_uris = ["https://service.example/callback"]
client_secret_sha256 = "{sha256(b"secret").hexdigest()}"
required = ["family_name"]
"""
FILES = {
    "gateway.toml": GATEWAY,
    "registry/anchors/gr-node.toml": ANCHOR,
    "registry/connectors/eidas.toml": CONNECTOR,
    "registry/countries/gr.toml": COUNTRY,
    "registry/clients/amt24.toml": CLIENT,
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name, purpose in (
        ("oidc", KeyPurpose.OIDC_SIGNING),
        ("subject", KeyPurpose.SUBJECT),
        ("saml-signing", KeyPurpose.SAML_SIGNING),
        ("saml-decryption", KeyPurpose.SAML_DECRYPTION),
        ("saml-metadata", KeyPurpose.SAML_METADATA_SIGNING),
    ):
        key_files.create(folder, name, purpose, algorithm="p256", days=30, subject="test")
    return folder


@pytest.fixture
def directory(tmp_path: Path, keys: Path) -> Path:
    (tmp_path / "keys").symlink_to(keys)
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def edit(directory: Path, name: str, old: str, new: str) -> None:
    path = directory / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def problems(directory: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(directory)
    return str(caught.value)


def test_a_good_configuration_is_loaded_and_frozen(directory: Path) -> None:
    configuration = load(directory)
    assert set(configuration.clients) == {"amt24"}
    assert configuration.keys[KeyPurpose.SAML_SIGNING][0].state is KeyState.ACTIVE
    assert configuration.database_url.database == str(directory / "var/gateway.sqlite3")
    assert configuration.subject_key.hex() not in repr(configuration)
    assert "PRIVATE" not in repr(configuration)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('["de", "fr"]', "gateway.toml: gateway.languages: no page speaks fr; remedy: some of de, en"),
        ("[]", "gateway.toml: gateway.languages: names none; remedy: some of de, en"),
    ],
)
def test_a_language_that_no_page_speaks_is_a_problem_and_no_failing_start(
    directory: Path, written: str, told: str
) -> None:
    """style.md §6: a mistake is told with file, path and remedy."""
    edit(
        directory, "gateway.toml", 'name.de = "Ausweis-Dienst"', f'languages = {written}\nname.de = "Dienst"'
    )
    assert told in problems(directory)


def test_all_problems_are_told_at_once_with_file_path_and_remedy(directory: Path) -> None:
    edit(directory, "gateway.toml", "https://id.example", "http://id.example")
    edit(
        directory,
        "registry/clients/amt24.toml",
        "https://service.example/callback",
        "http://service.example/cb#x",
    )
    edit(
        directory, "registry/clients/amt24.toml", '"family_name"', '"family_name", "legal_name", "shoe_size"'
    )
    edit(directory, "registry/countries/gr.toml", "gr-node", "gone")
    edit(directory, "registry/anchors/gr-node.toml", "source =", "test = true\nsource =")
    (directory / "registry/clients/second.toml").write_text(CLIENT, encoding="utf-8")
    (directory / "registry/clients/broken.toml").write_text("client_id = ", encoding="utf-8")
    told = problems(directory)
    for line in (
        "gateway.toml: gateway.issuer: http in production; remedy: use https",
        "registry/clients/amt24.toml: redirect_uris[0]: must be https",
        "registry/clients/amt24.toml: redirect_uris[0]: must have no fragment",
        "registry/clients/amt24.toml: required[1]: legal_name does not belong to the persons accepted",
        "registry/clients/amt24.toml: required[2]: shoe_size is no attribute",
        "registry/countries/gr.toml: anchor: names no anchor",
        "registry/anchors/gr-node.toml: test: a test anchor in production",
        "registry/clients/second.toml: client_id: amt24 is also in registry/clients/amt24.toml",
        "registry/clients/broken.toml: : cannot be read",
    ):
        assert line in told, told


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("gateway.toml", "[gateway]", "[gateway]\nhelp = 1", "gateway.help: unknown setting"),
        ("gateway.toml", "[gateway]", "[gateway]\nmodus = 1", "did you mean mode?"),
        ("gateway.toml", 'name.de = "Ausweis-Dienst"\n', "", "gateway.name: is missing"),
        ("gateway.toml", 'name.de', "name.en", "gateway.name.de: is missing"),
        ("gateway.toml", "https://id.example", "https://id.example/", "trailing slash"),
        ("gateway.toml", 'purpose = "saml-metadata-signing"', 'purpose = "saml-signing"', "no active key of purpose"),
        ("gateway.toml", 'certificate = "keys/saml-signing.crt"', "", "needs a certificate"),
        ("gateway.toml", "keys/saml-signing.crt", "keys/saml-decryption.crt", "belongs to another key"),
        ("gateway.toml", "saml-decryption.", "saml-signing.", "signs and decrypts"),
        ("gateway.toml", "file:keys/oidc.key", "file:keys/gone.key", "cannot be read"),
        ("gateway.toml", "file:keys/oidc.key", "env:NO_SUCH_VARIABLE", "NO_SUCH_VARIABLE is not set"),
        ("gateway.toml", "[gateway]", '[store]\nurl = "redis://store.example"\n[gateway]', "unencrypted connection"),
        ("gateway.toml", "[gateway]", '[store]\nurl = "rediss://u:pw@store"\n[gateway]', "holds a password"),
        ("gateway.toml", "[gateway]", '[store]\nurl = "memcached://x"\n[gateway]', "unknown kind of store"),
        ("gateway.toml", "[gateway]", '[database]\nurl = "mysql://x/y"\n[gateway]', "not supported"),
        ("registry/clients/amt24.toml", "home_url", "jwks_uri_x = 1\nhome_url", "unknown setting"),
        ("registry/clients/amt24.toml", "client_secret_sha256", "#", "missing for client_secret_basic"),
        ("registry/clients/amt24.toml", "home_url", 'means = ["bundid"]\nhome_url', "bundid is not configured"),
        (
            "registry/clients/amt24.toml",
            '"https://service.example/callback"',
            '"https://service.example/callback", "https://other.example/callback"',
            "redirect URIs have several hosts",
        ),
        ("registry/clients/amt24.toml", "service.example/callback", "*.example/callback", "no wildcard"),
        ("registry/clients/amt24.toml", "service.example/callback", "x\\\\y/callback", "only characters of a URI"),
        ("registry/clients/amt24.toml", "example/callback", "example/\\u0000", "only characters of a URI"),
        ("registry/clients/amt24.toml", "example/callback", "example:99999/callback", "no readable host and port"),
        ("registry/clients/amt24.toml", "https://service.example/callback", "https://[::/x", "no readable host"),
        ("registry/clients/amt24.toml", "https://service.example/callback", "HTTPS://s.example/", "lower case"),
        ("registry/clients/amt24.toml", "https://service.example/callback", "https://S.example/", "lower case"),
        *(
            ("registry/clients/amt24.toml", "home_url", f"{setting}\nhome_url", told)
            for setting, told in (
                ('client_class = "fapi2"', "client_secret_basic is not for class fapi2"),
                ('client_class = "fapi2"', "class fapi2 has sender-constrained tokens only"),
                ('client_class = "fapi2"\nrequire_pkce = false', "class fapi2 always sends a challenge"),
                ('client_class = "fapi2"\nid_token_signed_response_alg = "RS256"', "RS256 is not for class fapi2"),
                ('token_endpoint_auth_method = "tls_client_auth"', "0 names for tls_client_auth"),
                ('token_endpoint_auth_method = "tls_client_auth"\ntls_client_auth_subject_dn = "x"', "cannot be read"),
                ('token_endpoint_auth_method = "tls_client_auth"\ntls_client_auth_san_ip = "x"', "cannot be read"),
                ('token_endpoint_auth_method = "tls_client_auth"\ntls_client_auth_san_dns = "x"', "nobody asks for"),
                ("tls_client_certificate_bound_access_tokens = true", "nobody asks for certificates here"),
                ('id_token_encrypted_response_enc = "A256GCM"', "needs the alg beside it"),
                ('userinfo_encrypted_response_alg = "ECDH-ES"', "needs the client's key"),
                ('post_logout_redirect_uris = ["http://service.example/"]', "post_logout_redirect_uris[0]: must be https"),
                ('backchannel_logout_uri = "https://service.example/#x"', "backchannel_logout_uri: must have no fragment"),
                ('default_acr_values = ["high"]', "default_acr_values[0]: is no word of the vocabulary eidas"),
                ('acr_vocabulary = "tara"\ndefault_acr_values = ["low", "eidas1"]', "default_acr_values[1]: is no word"),
                ('resources = ["pay"]', "resources[0]: must be an absolute https URL"),
            )
        ),
        ("gateway.toml", "[gateway]", "[listen]\nmtls_port = 8443\n[gateway]", "belongs together with mtls_port"),
        ("gateway.toml", "[gateway]", '[listen]\nmtls_port = 8443\nmtls_url = "http://x"\n[gateway]', "must be https"),
        (
            "gateway.toml",
            "[gateway]",
            '[listen]\nmtls_port = 8443\nmtls_url = "https://m.example"\n[gateway]',
            "listen.trusted_proxies: is empty",
        ),
        ("gateway.toml", "[gateway]", '[listen]\ntrusted_proxies = ["*"]\n[gateway]', "is no address or network"),
        (
            "gateway.toml",
            "[gateway]",
            '[listen]\nmtls_port = 8443\nmtls_url = "https://m.example"\nmtls_client_ca = "keys/oidc.key"\n[gateway]',
            "needs TLS in the process",
        ),
        ("registry/clients/amt24.toml", '"https://service.example/"', '"javascript:alert(1)"', "home_url: is no web"),
        ("registry/clients/amt24.toml", "home_url", 'privacy_url = "/x"\nhome_url', "privacy_url: is no web address"),
        ("gateway.toml", "[gateway]", "[listen]\nport = 8401\n[gateway]", "management_port: is the public port"),
        *(
            ("gateway.toml", "[gateway]", f"[console]\n{line}\n[gateway]", said)
            for line, said in (
                ('url = "http://localhost:8402"', "console.url: http in production"),
                ('url = "http://trust.example"', "must be https; browsers offer passkeys nowhere else"),
                ('url = "https://trust.example/console"', "must be an origin, without path"),
                ('url = "https://id.example"', "console.url: is the origin of citizens"),
                ('url = "https://trust.example"\nport = 8401', "console.port: is the port of another listener"),
            )
        ),
        ("registry/clients/amt24.toml", "home_url", 'optional = ["family_name"]\nhome_url', "is required already"),
        ("registry/countries/gr.toml", "GR", "SE", "does not speak for SE"),
        ("registry/countries/gr.toml", "node.example", "other.example", "is not one of anchor"),
        ("registry/countries/gr.toml", "anchor", 'connector = "x"\nanchor', "x is not configured"),
        ("registry/connectors/eidas.toml", "kind", 'role = "national"\nkind', "needs national_peer"),
        (
            "registry/connectors/eidas.toml",
            "kind",
            'role = "national"\nnational_peer = "https://n.example"\nnational_anchor = "gone"\nkind',
            "national_anchor: names no anchor",
        ),
        ("registry/anchors/gr-node.toml", "2027-01-01", "2025-01-01", "before valid_from"),
        ("registry/anchors/gr-node.toml", "keys/saml-metadata.crt", "keys/gone.crt", "does not exist"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_words(directory: Path, name: str, old: str, new: str, told: str) -> None:
    edit(directory, name, old, new)
    assert told in problems(directory)


def test_two_services_on_one_host_need_sectors_of_their_own(directory: Path) -> None:
    """design.md §3 invariant 5: the host alone would give both the same ``sub``."""
    second = CLIENT.replace('"amt24"', '"other"').replace("/callback", "/other/callback")
    (directory / "registry/clients/other.toml").write_text(second, encoding="utf-8")
    told = problems(directory)
    assert "registry/clients/amt24.toml: sector_identifier: is missing: service.example is also" in told
    assert "registry/clients/other.toml: sector_identifier: is missing" in told
    edit(directory, "registry/clients/other.toml", "home_url", 'sector_identifier = "o.example"\nhome_url')
    assert set(load(directory).clients) == {"amt24", "other"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is no set of public keys (jwks.malformed)"),
        ('{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "AA"}]}', "jwks.private-key-published"),
        ('{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}', "holds no usable signature key"),
    ],
)
def test_key_set_of_a_client_is_read_before_a_service_needs_it(
    directory: Path, content: str, told: str
) -> None:
    (directory / "registry/clients/amt24.jwks.json").write_text(content, encoding="utf-8")
    name = "registry/clients/amt24.toml"
    method = (
        'token_endpoint_auth_method = "private_key_jwt"\njwks_file = "registry/clients/amt24.jwks.json"\n'
    )
    edit(directory, name, "client_secret_sha256", f"{method}client_secret_sha256")
    assert f"{name}: jwks_file: " in problems(directory)
    assert told in problems(directory)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"keys": []}', "holds no key with use enc for ECDH-ES"),
        ('{"keys": 1}', "is no set of public keys"),
        (None, "jwks_file: "),
    ],
)
def test_key_that_answers_are_encrypted_to_is_looked_for(
    directory: Path, content: str | None, told: str
) -> None:
    """Reg §2: a client that authenticates with a secret and has answers encrypted."""
    if content is not None:
        (directory / "registry/clients/amt24.jwks.json").write_text(content, encoding="utf-8")
    name = "registry/clients/amt24.toml"
    wanted = 'id_token_encrypted_response_alg = "ECDH-ES"\njwks_file = "registry/clients/amt24.jwks.json"\n'
    edit(directory, name, "client_secret_sha256", f"{wanted}client_secret_sha256")
    assert told in problems(directory)


def test_a_link_to_nowhere_is_no_mistake_in_the_toml(directory: Path) -> None:
    (directory / "registry/countries/se.toml").symlink_to(directory / "gone.toml")
    assert "cannot be read: No such file or directory; remedy: restore or remove it" in problems(directory)


def test_a_secret_that_everybody_can_read_is_refused_in_production(directory: Path) -> None:
    secret = directory / "open.key"
    secret.write_bytes(bytes(32))
    secret.chmod(0o604)
    edit(directory, "gateway.toml", "file:keys/subject.key", "file:open.key")
    assert "open to every user" in problems(directory)
    edit(directory, "gateway.toml", "[gateway]", '[gateway]\nmode = "development"')
    assert load(directory).subject_key == bytes(32)


def test_a_weak_key_is_refused(directory: Path) -> None:
    """security.md A.12: RSA from 3072 bits."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    weak = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "weak.key").write_bytes(weak)
    (directory / "weak.key").chmod(0o600)
    edit(directory, "gateway.toml", "file:keys/oidc.key", "file:weak.key")
    assert "2048 bits is too weak" in problems(directory)


def test_http_is_for_loopback_in_development_only(directory: Path) -> None:
    edit(directory, "gateway.toml", "[gateway]", '[gateway]\nmode = "development"')
    edit(directory, "gateway.toml", "https://id.example", "http://localhost:8400")
    assert load(directory).settings.gateway.issuer == "http://localhost:8400"
    edit(directory, "gateway.toml", "http://localhost:8400", "http://id.example")
    assert "http on other than loopback" in problems(directory)


def test_an_empty_directory_is_said_in_one_line(tmp_path: Path) -> None:
    assert "gateway.toml: : does not exist" in problems(tmp_path)


def test_check_config_prints_every_problem_and_fails(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["check-config", "--config", str(directory)]) == 0
    assert "1 clients, 1 countries" in capsys.readouterr().out
    edit(directory, "registry/countries/gr.toml", "gr-node", "gone")
    edit(
        directory, "registry/clients/amt24.toml", "https://service.example/callback", "ftp://service.example/"
    )
    assert cli.main(["check-config", "--config", str(directory)]) == 1
    told = capsys.readouterr().err
    assert "gr.toml" in told
    assert "amt24.toml" in told
    assert "2 problem(s)" in told


def test_keys_are_made_closed_and_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["keys", "new", "--purpose", "saml-signing", "--to", str(tmp_path)]
    assert cli.main(command) == 0
    key, certificate = tmp_path / "saml-signing.key", tmp_path / "saml-signing.crt"
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes(), certificate.read_bytes()
    assert cli.main(command) == 1
    assert "exists" in capsys.readouterr().err
    assert (key.read_bytes(), certificate.read_bytes()) == before


def test_the_error_catalogue_is_printed_by_number_and_whole() -> None:
    """In a process of its own, which has imported nothing that the command does not."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "errors"], cwd=root, capture_output=True, text=True, check=True
    )
    numbers = [line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert numbers == re.findall(r"^### (\d{4}) ", (root / "docs/errors.md").read_text("utf-8"), re.MULTILINE)


def test_the_log_is_verified_from_the_command_line(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from trust.log import migrate, open_database

    engine = open_database(load(directory).database_url.render_as_string(hide_password=False))
    migrate(engine)
    engine.dispose()
    assert cli.main(["log", "verify", "--config", str(directory)]) == 0
    assert "tree login: 0 entries" in capsys.readouterr().out
