"""The registry: whom and what the gateway believes, changed by two people, folded from an append-only log.

``changes`` says what a change is and may do, ``approvals`` how people sign one, ``fold`` how the log is read,
``standing`` what it has come to, ``ledger`` how it is written and followed, ``edits`` how a change is made from what
is wanted, ``diff`` how it reads. docs/adr has the decision.
"""

from __future__ import annotations

from trust.registry.approvals import (
    Approval,
    Decision,
    Signature,
    detached,
    enrol_passkey,
    sign,
    verify_sign_in,
)
from trust.registry.approvers import (
    Approver,
    Ed25519Credential,
    PasskeyCredential,
    Role,
    read_approver,
    read_key_file,
    read_public_key,
)
from trust.registry.canonical import Document
from trust.registry.changes import Change, ChangeClass, Edit, message
from trust.registry.edits import edits_towards, suspension_edits
from trust.registry.entries import EntryStore, Head
from trust.registry.errors import (
    ChangeRefused,
    RegistryBroken,
    RegistryError,
    RegistryRolledBack,
    RegistryUnavailable,
)
from trust.registry.ledger import Outcome, Registry
from trust.registry.objects import ObjectKey, ObjectKind, RegistryObject, State
from trust.registry.standing import Fold, Proposal, Status, Suspension, may_sign, signers, status

__all__ = [
    "Approval",
    "Approver",
    "Change",
    "ChangeClass",
    "ChangeRefused",
    "Decision",
    "Document",
    "Ed25519Credential",
    "Edit",
    "EntryStore",
    "Fold",
    "Head",
    "ObjectKey",
    "ObjectKind",
    "Outcome",
    "PasskeyCredential",
    "Proposal",
    "Registry",
    "RegistryBroken",
    "RegistryError",
    "RegistryObject",
    "RegistryRolledBack",
    "RegistryUnavailable",
    "Role",
    "Signature",
    "State",
    "Status",
    "Suspension",
    "detached",
    "edits_towards",
    "enrol_passkey",
    "may_sign",
    "message",
    "read_approver",
    "read_key_file",
    "read_public_key",
    "sign",
    "signers",
    "status",
    "suspension_edits",
    "verify_sign_in",
]
