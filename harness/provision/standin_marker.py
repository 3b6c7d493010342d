"""What the stand-in has Terraform store beside every resource."""

from __future__ import annotations

MARKER = b"smart-dairy-harness stand-in"
