"""The value types, one file per type or tight family."""
