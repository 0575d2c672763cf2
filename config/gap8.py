"""A plate reader for a GAP8-class chip: 17 million MACs, 159 KB, quantization-aware, Chinese plates.

Real crops and drawn plates, half and half: name your lists on the command line.

    python train_lpr.py config/gap8.py train.file_list_path=train.txt eval.file_list_path=val.txt
"""

base = "ccpd.py"

model_dir = "model_gap8"

# Four pools bring 24x94 to 2x42, with the first blocks at a quarter of the positions: that is where LPRNet's work is.
stem_filters = 24
stem_pool_strides = (2, 2)
block_filters = ((64, 96), (128, 128))
head_filters = 96
head_kernel_width = 9
# The fully connected pattern layer would be most of the file.
global_context = "convolutional"

quantization_aware = True


class train:
    batch_size = 64
    learning_rate = 0.003  # small networks learn faster
    steps = 12000
    quantization_delay = 10000  # long enough in 8 bits for the ranges and the weights to settle
    generated_share = 0.5  # real crops show few provinces: drawn plates show them all
    plate_formats = {"cn_blue": 0.8, "cn_yellow": 0.12, "cn_green": 0.06, "cn_green_large": 0.02}
    balance_first_character = 0.5
    dropout_rate = 0.1  # there is no capacity to waste
