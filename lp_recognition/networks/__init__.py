"""The networks, their quantization and their losses, in Keras."""
