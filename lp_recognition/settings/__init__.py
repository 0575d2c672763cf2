"""The schema of each task, and how settings are loaded, overridden and recorded."""
