"""Worker nodes: drain, power loss, hang."""
