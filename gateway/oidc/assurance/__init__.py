"""``verified_claims`` (OpenID Connect for Identity Assurance 1.0; oidc.md §19).

``request`` reads what is asked for, ``statement`` and ``evidence`` know what is true about an identity,
``selection`` gives of the one what the other asks, ``element`` puts ``verified_claims`` together.
"""
