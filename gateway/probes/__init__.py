"""Logins with test identities on a schedule: whether a partner works is known before a citizen finds out.

A probe (``walk``) is a real login: our own client (``client``, ``relying_party``) pushes a request, a small
browser (``browser``, ``pages``) goes through the gateway's public address, the partner's pages and back,
releases, and redeems the code. Nothing of the identity is kept: a result (``history``) is a time, an
outcome, a reason from a fixed list (``failures``) and milliseconds. ``schedule`` decides what is due;
``targets`` what there is.
"""
