"""What ends on our side: own keys, clients, listeners, algorithms, deadlines of the registry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gateway.bundle import Configuration
from gateway.expiry import files
from gateway.expiry.kinds import FORGOTTEN, ExpiryKind, Found, end_of, path
from gateway.own_keys.calendar import key_states, transitions
from gateway.own_keys.plan import KeyPhase
from trust import algorithms as algorithms_table
from trust.registry import Fold, Status, status


def own_keys(configuration: Configuration, now: datetime) -> Iterator[Found]:
    for standing in key_states(configuration, now):
        loaded, certificate = standing.key, standing.key.key.certificate
        if certificate is None or standing.phase in {KeyPhase.RETIRED, KeyPhase.GONE}:
            continue
        for one in (certificate, *loaded.key.chain):
            seen = files.Seen.of(one)
            yield Found(
                ExpiryKind.OWN_CERTIFICATE,
                f"{loaded.purpose}/{loaded.id}/{seen.short}",
                loaded.id,
                seen.until,
                path("keys"),
                detail=f"{loaded.purpose} {seen.short}"
                if one is certificate
                else f"{loaded.purpose} {seen.subject}",
            )
    for step in transitions(configuration, now):
        yield Found(
            ExpiryKind.OWN_KEY,
            f"{step.key.id}/{step.after}",
            step.key.id,
            step.at,
            path("keys"),
            detail=f"{step.key.purpose} {step.before} {step.after}",
            pressing=False,
        )


def clients(configuration: Configuration) -> Iterator[Found]:
    for client in configuration.clients.values():
        for certificate in files.client_certificates(configuration, client):
            yield Found(
                ExpiryKind.CLIENT_CERTIFICATE,
                f"{client.client_id}/{certificate.short}",
                client.client_id,
                certificate.until,
                path("clients", client.client_id),
                detail=certificate.short,
            )


def listeners(configuration: Configuration) -> Iterator[Found]:
    for setting, file in files.listener_files(configuration):
        for certificate in files.certificates(configuration, file):
            yield Found(
                ExpiryKind.LISTENER_CERTIFICATE,
                f"{setting}/{certificate.short}",
                setting,
                certificate.until,
                path("keys"),
                detail=f"{certificate.subject} {certificate.short}",
            )


def algorithms(now: datetime) -> Iterator[Found]:
    for name, until in algorithms_table.ends():
        if now - end_of(until) <= FORGOTTEN:
            yield Found(ExpiryKind.ALGORITHM, name, name, end_of(until), path("expiry"))


def decisions(fold: Fold, now: datetime) -> Iterator[Found]:
    for proposal in fold.open_proposals():
        how = status(proposal, fold, now)
        if how in {Status.PENDING, Status.READY, Status.WAITING}:
            change = proposal.change
            yield Found(
                ExpiryKind.PROPOSAL,
                proposal.change_hash,
                proposal.change_hash[:16],
                change.expires_at if how is Status.PENDING else change.activate_until,
                path("changes", proposal.change_hash),
                detail=how,
            )
    for key, suspension in fold.suspensions.items():
        if suspension.review_due is not None:
            yield Found(
                ExpiryKind.REVIEW,
                str(key),
                str(key),
                suspension.review_due,
                path("objects", key.kind, key.id),
            )
