"""The attacks of ``tests/attacks`` again, with a German account in place of Greece's node.

What the SAML connectors share stands once, and so do its attacks: every test of the modules below
that attacks an ``exchange`` runs here too. Left out are the tests whose assertions are about
Greece's citizen or about eIDAS attributes; accounts have their own in ``tests/connectors/accounts``.
"""

import importlib
import inspect
from types import ModuleType

from _pytest.fixtures import FixtureFunctionDefinition

MODULES = (
    "algorithm_confusion", "canonicalization_confusion", "encryption_attacks", "forged_signature",
    "key_info_injection", "parser_differentials", "protocol_checks", "replay", "signature_wrapping",
    "signed_info_structure", "text_truncation", "transform_injection", "xxe_and_bombs",
)  # fmt: skip
ABOUT_THE_CITIZEN = {
    "test_namespace_redeclared_inside_changes_what_is_read_and_what_is_signed",
    "test_decryption_failure_does_not_stop_before_every_key_was_tried",
    "test_genuine_signature_needs_no_key_info_and_is_not_misled_by_one",
    "test_schema_location_is_not_followed",
    "test_answer_of_another_citizens_exchange_is_refused",
    "test_answer_on_the_right_side_of_the_edge_is_accepted",
    "test_failure_is_reported_and_its_content_unused",  # accounts word their failures: test_status
    "test_format_entity_is_the_only_issuer_format",
    "test_one_good_bearer_among_others_is_enough",
    "test_keys_of_two_logins_differ",
    "test_genuine_message_of_each_mode_is_accepted",
    "test_signature_layer_alone_never_yields_the_evil_person",
    "test_cdata_keeps_the_whole_value",
    "test_character_references_keep_the_whole_value",
    "test_empty_cdata_in_a_digest_changes_nothing",
    "test_identifier_split_inside_the_assertion_is_refused",
    "test_xinclude_is_not_processed",
}


def _attacks(module: ModuleType) -> dict[str, object]:
    """Its tests of an exchange, and the fixtures they use."""
    found: dict[str, object] = {}
    for name, thing in vars(module).items():
        if isinstance(thing, FixtureFunctionDefinition):
            found[name] = thing
        elif name.startswith("test_") and inspect.isfunction(thing) and name not in ABOUT_THE_CITIZEN:
            parameters = inspect.signature(thing).parameters
            if "exchange" in parameters and "greece" not in parameters:
                found[name] = thing
    return found


for _word in MODULES:
    globals().update(_attacks(importlib.import_module(f"tests.attacks.test_{_word}")))


def test_the_attacks_are_here() -> None:
    """A renamed module must not empty this file."""
    assert sum(name.startswith("test_") for name in globals()) > 70
