"""Benchmarks: what a login costs the gateway in CPU, where it goes, and the floor beneath it.

``make bench`` runs them. Nothing here is a test: speed is measured and looked at, never asserted.
"""
