"""An eID-Server for test and reference: PAOS, Extended Access Control 2, data groups (BSI TR-03130, TR-03110).

A library of its own: synchronous, without network or file access, importing nothing of the gateway.
It is the counterpart that the eService's three ways are tried against, and an operator's way to try
AusweisApp without a contract with a service. It is not a certified eID-Server and does not run in
production mode: keys lie in memory, and the requirements of TR-03130-2 on the environment are not met.

The cryptographic core is pure functions and frozen values. Whatever verifies raises (``errors``):

* ``tlv``, ``curves``: octets of ASN.1 and points on curves, strictly
* ``chat``, ``cvc``, ``cvc_chain``, ``description``: the terminal's side of TR-03110-3 C
* ``security_infos``, ``certificates``, ``passive_authentication``, ``card_security``: the chip's side, TR-03110-3 A
* ``terminal_authentication``, ``chip_authentication``, ``secure_messaging``: EAC version 2, TR-03110-2 3
* ``apdus``, ``data_groups``, ``restricted_id``, ``block_list``: what is asked of the card, and what it answers
* ``pki``: a throw-away hierarchy for sandbox and tests

Around it, an exchange with an eID-Client; whatever ends it is kept as its reason:

* ``xml``, ``ecard``, ``envelope``, ``client_messages``, ``server_messages``: PAOS, read strictly
* ``terminal``, ``request``, ``levels``, ``session``, ``result``: what goes in, what comes out
* ``card_batch``, ``dialogue``: which commands in which order, which message after which
* ``server``: sessions in memory, attached or behind a pre-shared key
"""
