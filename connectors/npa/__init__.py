"""Online-Ausweis: identity card, residence permit, eID card for Union citizens (BSI TR-03130, TR-03124)."""
