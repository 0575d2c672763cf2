"""How well a model of any kind reads, and pictures of it."""
