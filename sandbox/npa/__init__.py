"""The gateway's side of the Online-Ausweis: what its operator writes down about eID service and cards."""
