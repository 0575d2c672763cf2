"""One training loop for any task, and the tasks."""

from lp_recognition.system.keras_environment import settle_keras

settle_keras()
