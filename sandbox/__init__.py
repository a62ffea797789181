"""The other side, for trying out and for tests: foreign eIDAS nodes and demo services.

Nothing here imports the product, and nothing in the product imports this, so that a misread
specification cannot cancel itself out. Other libraries do the work wherever they exist: signxml
for XML signatures, Authlib over requests for the relying parties.

| part | what |
|---|---|
| ``nodes/`` | foreign Proxy-Services and one national connector, real SAML |
| ``accounts/`` | BundID, BayernID, a Dataport Servicekonto and MUK, on the nodes' server |
| ``services/`` | the demo services, real relying parties |
| ``data/`` | countries with their citizens, accounts with theirs, and services, as TOML |
| ``state.py`` | keys, certificates and the gateway's configuration under ``.sandbox/`` |
| ``launcher.py`` | starts everything, ends everything |
| ``login.py`` | one whole login without a screen |
"""
