"""The cache trio: kill of the primary, promotion."""
