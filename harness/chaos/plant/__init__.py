"""Planted defects for sabotages, each with its exact undo."""
