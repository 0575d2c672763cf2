"""The networks, their quantization and their losses, in Keras."""

from lp_recognition.system.keras_environment import settle_keras

settle_keras()

import keras  # noqa: E402 - settled before, as it reads the environment when it is imported

# Where another program imported it before.
keras.config.set_floatx("float32")
keras.config.set_image_data_format("channels_last")
keras.config.set_epsilon(1e-7)
