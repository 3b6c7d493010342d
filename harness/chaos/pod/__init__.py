"""Backend pods: kill, evict, respread."""
