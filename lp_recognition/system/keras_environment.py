"""What Keras takes from the environment, settled before it is imported: the networks bring settings of their own.

Keras reads `~/.keras/keras.json` and some variables as it is imported. A `channels_first` or a `float16` that stands
there for other programs would break a network here, or change it without a word; so only `KERAS_BACKEND` counts.
"""

from __future__ import annotations

import os
import sys

from lp_recognition.system.errors import ConfigError

#: What `KERAS_BACKEND` may name.
_BACKENDS = ("tensorflow", "jax")
#: Variables by which Keras cuts a training short or computes through other classes.
_DEBUGGING = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED")


def backend_name() -> str:
    """The back end that networks are computed by: `KERAS_BACKEND`, else TensorFlow.

    Raises:
        ConfigError: the networks do not run on it.
    """
    name = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if name not in _BACKENDS:
        choices = " or ".join(_BACKENDS)
        raise ConfigError(f"KERAS_BACKEND: expected {choices}, received {name!r}; unset it for tensorflow")
    return name


def settle_keras() -> None:
    """Lets a Keras that is imported after this take nothing from the user's `keras.json`, nor write one.

    Raises:
        ConfigError: the networks do not run on the back end.
    """
    name = backend_name()
    if "keras" in sys.modules:  # somebody else's program: it chose
        return
    os.environ["KERAS_HOME"] = os.devnull  # where there is no keras.json, and none can be written
    os.environ["KERAS_BACKEND"] = name
    for variable in _DEBUGGING:
        os.environ.pop(variable, None)
