"""The reference of the plate detector: every setting, explained, on drawn scenes, so that no data set is needed.

    python train_lpd.py config/lpd

Other configs name this file as their `base` and hold only what differs.
"""

# What is trained: a detector. Configs that say nothing are of readers.
task = "detection"

# Where checkpoints, the log and the recorded config.yaml go.
model_dir = "model_lpd"

# ---- What the network sees ---------------------------------------------------------------------------------------

# Height, width and channels (1 for gray, or 3 in the order BGR) that every picture is fitted into, in its own
# proportions. Any size that the strides divide does; what they do not divide is rounded up.
input_shape = (240, 320, 1)
# Pixels as [-1, 1], real = (q - 128) / 127; else as [0, 1], real = q / 255.
symmetric_range = True
# Show the network gray: cameras of small chips are gray, and infra-red pictures are.
convert_to_gray = True

# ---- The network -------------------------------------------------------------------------------------------------

# Scales the filters of all layers but the cells.
width_multiplier = 1.0
# Filters of the 3x3 convolution at the input, of stride 2. With 8, input, its output and the next fit into 256 KiB.
stem_filters = 8
# Filters and units of the stages at strides 4, 8, 16, ...: each stage but the first speaks for cells of its stride.
stages = ((20, 1), (56, 5), (112, 5), (160, 3))
# Side of the depthwise kernels from stride 8 on: 5 sees more around a small plate, 3 costs less.
kernel_size = 5
# Filters of the layer before the cells.
head_filters = 64

# ---- Quantization ------------------------------------------------------------------------------------------------

# Train for 8 bits: fake quantization of weights and activations from train.quantization_delay on.
quantization_aware = True
# One scale for each output channel of the weights: for int8 files alone, GAP8's uint8 wants one per tensor.
quantize_per_channel = False


class train:
    # Lists of scenes (docs/detector.md), one or several.
    file_list_path = ()
    # Go on without rows that cannot be used.
    skip_bad_rows = False
    # The share of drawn scenes, and the formats of their plates; a dict gives each format its weight.
    generated_share = 1.0
    plate_formats = ("cn_blue", "cn_green", "cz", "de", "eu", "us", "vn", "vn_motorcycle", "br_mercosur")
    # How wide drawn plates are, as shares of the picture's width: the narrowest and the widest.
    plate_widths = (0.025, 0.6)
    # Of the photographs, the share of those without plates, however few they are: they teach what is none.
    empty_share = 0.1
    # The share of photographs whose plates, where corners are known or guessed, give way to drawn ones.
    replate_share = 0.0
    # How much corners count that a program guessed (`corners_auto` of the lists), beside true ones.
    guessed_corner_weight = 0.0
    # The share of photographs that are joined with others into one picture.
    join_share = 0.2
    # Look at photographs from nearer, further, turned; change light, blur, noise.
    apply_geometric_aug = True
    apply_photometric_aug = True
    # Weights of corners and boxes beside the score.
    corner_weight = 1.0
    box_weight = 1.0
    # Processes that prepare batches beside the training; 0 prepares them in a thread.
    workers = 1

    # The loop; config/default.py says more of each.
    batch_size = 32
    precision = "float32"
    steps = 20000
    learning_rate = 0.003
    learning_rate_schedule = "cosine"
    learning_rate_warmup_steps = 200
    learning_rate_decay_steps = 5000
    learning_rate_decay_factor = 0.5
    opt_type = "AdamW"
    weight_decay = 0.0001
    clip_norm = 5.0
    grad_noise_scale = 0.0
    # A detector learns from labels alone: a teacher is an error.
    teacher = ""
    teacher_share = 0.5
    quantization_delay = 17000
    random_seed = 666

    # Start from the weights of this checkpoint (as --init_checkpoint).
    checkpoint = ""
    # A checkpoint, and an evaluation, every so many steps; the last few and the best are kept.
    save_checkpoints_steps = 1000
    checkpoints_to_keep = 3
    # End after so many evaluations without a better one, 0 for never.
    early_stopping = 0
    # Steps between two points of the log.
    display_iter = 50
    need_to_save_weights = True
    need_to_save_log = True


class eval:
    # Lists of scenes to measure on, and whether to leave bad rows out.
    file_list_path = ()
    skip_bad_rows = False
    # Pictures at a time; never changes the result.
    batch_size = 32
    # Drawn scenes to measure on where there is no list.
    generated_scenes = 300
    # The least score of a plate, and how much two of them may share before they are one.
    score_threshold = 0.5
    iou_threshold = 0.4
    # The checkpoint to measure; else --checkpoint, else the best of model_dir.
    checkpoint = ""
    # Where the results go; else beside the checkpoint.
    output_dir = ""


class infer:
    # Lists of photographs to search, and whether to leave out what cannot be read.
    file_list_path = ()
    skip_bad_rows = False
    # Photographs at a time, which are held in memory.
    batch_size = 8
    # The checkpoint to search with; else --checkpoint, else the best of model_dir.
    checkpoint = ""
    # Where the pictures and the results go.
    output_dir = "out"
    # As of eval, for whatever finds plates; they go into the description of a file.
    score_threshold = 0.5
    iou_threshold = 0.4
