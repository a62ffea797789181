"""The citizen's side of the Online-Ausweis without AusweisApp: a card and an eID-Client in Python.

``chip`` is the card: PACE, terminal authentication 2, chip authentication 2 and secure messaging of
TR-03110-2, data groups and functions of TR-03127. ``client`` is the eID-Client of TR-03124-1. Both are
written from the standards and share no code with the product or with the attached eID-Server, so
that a misreading shows.
"""
