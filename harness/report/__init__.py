"""Reports from stored results only: HTML page, terminal tables, Markdown, JUnit XML."""
