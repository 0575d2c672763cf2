"""From a checkpoint to the files that are deployed."""

from lp_recognition.system.keras_environment import settle_keras

settle_keras()
