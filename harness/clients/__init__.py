"""Workload clients: they stand outside the part that fails and record what they saw."""
