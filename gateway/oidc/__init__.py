"""The OpenID Provider: code flow with PKCE only (Core, RFC 6749, RFC 9700).

Reading starts at ``authorize``. Each endpoint is a function of a ``Provider`` and a request;
``gateway.app`` puts the provider together and mounts them.
"""
