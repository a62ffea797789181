"""Foreign eIDAS nodes (Proxy-Services) and one national connector, on one server.

``countries`` and ``citizens`` read the data, ``request`` refuses what a real node refuses,
``plan`` and ``faults`` say what to answer, ``assertion``, ``encryption`` and ``response`` build
it, ``app`` serves it.
"""
