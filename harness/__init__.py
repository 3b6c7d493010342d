"""Local emulation and chaos test harness for the Smart Dairy production environment."""

__version__ = "0.1.0"
