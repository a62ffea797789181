"""The SAML dialect of German eID-Servers (BSI TR-03130-1 §4 and §5), for whoever stands behind one.

``partner`` knows the eID-Server, ``extension`` writes what is asked of it, ``profile`` says what an
answer must look like, ``values`` reads the attributes. The online ID card and eSAML share them.
"""
