"""Does it fit the chip, does it read the same there, and the C for the firmware."""
