"""SAML as every counterpart speaks it, foreign nodes and German accounts alike.

``names``, ``signing`` and ``encryption`` are the standards themselves; ``request`` decodes and
verifies an AuthnRequest, ``provider_metadata`` fetches who sent it, ``exchanges`` remembers it;
``plan``, ``faults`` and ``response`` hold what any answer has, right or wrong; ``pages`` shows it.
"""
