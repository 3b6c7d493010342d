"""What flows through the harness: claims, histories, findings, verdicts.

Pure values and functions; nothing here touches the world.
"""
