"""The demo services of the mission, each a relying party of its own on Authlib.

They know of the gateway what a real portal knows: its issuer URL and their own registration.
Everything else comes from discovery.
"""
