"""Country codes as the institutions of the EU write them, beside ISO 3166-1 (ux.md §4.5)."""

from __future__ import annotations

ISO_OF_EU_CODE = {"EL": "GR", "UK": "GB"}
"""The two codes that differ. Inside the gateway a country is always its ISO code."""
