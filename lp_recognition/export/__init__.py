"""From a trained model to the files that are deployed; the one place that imports TensorFlow."""
