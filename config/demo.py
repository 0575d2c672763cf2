"""What `make demo` trains: a net of 5 million MACs on drawn Czech plates, in minutes on two processor cores.

Reads at least 80% of held-out drawn plates with the uint8 file. The plates are cropped at their edges and spared the
flaws of bad photographs: minutes are too short to learn to read those too.
"""

base = "default.py"

model_dir = "demo/model"
alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
max_lp_length = 8


class train:
    plate_formats = ("cz",)
    plate_without = (
        "framing", "cut", "perspective", "stickers", "dirt", "shadow", "infrared",
        "glare", "low_light", "defocus", "motion", "rescale", "noise", "jpeg",
    )  # fmt: skip
    batch_size = 32  # many small steps get further in little time
    steps = 2000
    quantization_delay = 1600
    learning_rate = 0.004
    learning_rate_warmup_steps = 300
    dropout_rate = 0.0
    save_checkpoints_steps = 1000
    display_iter = 20


class eval:
    generated_plates = 500
