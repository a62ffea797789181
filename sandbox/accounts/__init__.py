"""German accounts on the nodes server: BundID, BayernID, a Dataport Servicekonto and MUK.

``accounts`` reads the data, ``request`` and ``extension`` refuse what the real one refuses,
``akdb``, ``dataport`` and ``muk`` say what a person's login delivers, ``plan`` and ``faults`` make
an answer of it, ``response`` builds the octets, ``app`` serves everything.
"""
