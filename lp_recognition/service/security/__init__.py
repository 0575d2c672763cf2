"""Who may ask, how much, and what browsers are told."""
