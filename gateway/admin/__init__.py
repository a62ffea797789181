"""The console for security admins, on a listener of its own: read, propose, approve, suspend.

``desk`` is what every page has, ``pages`` how one is made, ``routes`` all of them, ``listener`` the application.
"""
