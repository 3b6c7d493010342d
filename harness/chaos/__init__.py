"""Chaos Toolkit extension of the harness: faults, probes, watchers, undo log and supervisor."""
