"""The stand-in for the hashicorp/aws provider: its schema, and API calls for some of its types."""
