"""The detector that `make demo` trains: 6 million MACs, gray 120x160, on drawn Czech plates, in a minute or two.

Minutes are too short for small plates: those it is shown are a fifth of the picture wide and more.
"""

base = "lpd/default.py"

model_dir = "demo/detector"

input_shape = (120, 160, 1)
stages = ((16, 1), (32, 3), (64, 3), (96, 2))
head_filters = 32


class train:
    plate_formats = ("cz",)
    plate_widths = (0.2, 0.7)
    batch_size = 24
    steps = 800
    quantization_delay = 640
    corner_weight = 2.0  # what is found shall be read
    learning_rate = 0.006
    learning_rate_warmup_steps = 100
    save_checkpoints_steps = 400
    display_iter = 20


class eval:
    generated_scenes = 100
