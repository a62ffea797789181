"""Foreign eIDAS nodes (Proxy-Services) and one national connector, on one server.

``countries`` reads the data, ``request`` and ``rules`` refuse what a real node refuses, ``plan``
and ``faults`` say what to answer, ``response`` builds the octets, ``app`` serves everything. What
the German accounts need as well is in ``sandbox.saml``.
"""
