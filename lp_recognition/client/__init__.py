"""What asks a service for plates: frames of a drive sent and shown again with what was read, and where the car was."""
