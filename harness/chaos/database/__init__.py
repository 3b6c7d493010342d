"""The database pair: kill and hang of the primary, promotion, fencing."""
