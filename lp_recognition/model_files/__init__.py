"""What a model on disk is: checkpoints, `.tflite` files, their descriptions, the ones that ship."""
