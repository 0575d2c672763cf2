"""The reference: every setting, explained, for a small network on drawn plates, so that no data set is needed.

    python train_lpr.py config

Other configs name this file as their `base` and hold only what differs. A config without a base has the values below,
too, but where a comment says otherwise: there it has the network of the paper, in float, and plates from lists.
"""

# What is trained: a reader of plates. A detector's configs say "detection" (config/lpd).
task = "recognition"

# Where checkpoints, the log and the recorded config.yaml go.
model_dir = "model"

# ---- What the network reads --------------------------------------------------------------------------------------

# Height, width and channels (1, or 3 in the order BGR) that every crop is resized to.
input_shape = (24, 94, 3)
# Pixels as [-1, 1], real = (q - 128) / 127; else as [0, 1], real = q / 255. On the chip this is the input's scale
# and zero point: --mean_values=128 --std_dev_values=127, or 0 and 255.
symmetric_range = True
# Show the network gray, in training, evaluation and on the board alike, also where it has 3 channels.
convert_to_gray = False

# The characters the network knows: a text, or a tuple of characters and names like "<Beijing>", each one class. None
# takes those that stand in the training lists and drawn formats; they are recorded with every checkpoint.
alphabet = None
# Make all Chinese characters one class, written <H>; make O and 0 one class, and I and 1. In training and measuring.
use_h_concat = False
use_oi_concat = False
# The longest label; a longer one in a list is an error.
max_lp_length = 10
# Regular expressions of legal plates, each of a whole text. Unless decode.patterns asks for it they never change a
# reading: LP-RR is printed a second time, "misfits counted wrong": a reading that fits none of them is no right one.
lpr_patterns = ()

# ---- The network -------------------------------------------------------------------------------------------------

# Scales the filters of all layers before the classes. 1.0 is the LPRNet of the paper: 170 million MACs.
width_multiplier = 0.25  # without a base: 1.0
# Filters of the 3x3 convolution at the input, and the strides of the 3x3 max pool after it. (2, 2) quarters the work
# of all that follows, and halves the time steps.
stem_filters = 64
stem_pool_strides = (2, 2)  # without a base: (1, 1)
# Filters of the small basic blocks; each inner tuple ends on a 3x3 max pool of strides (2, 1).
block_filters = ((128,), (256, 256))
# Filters of the convolution that takes in what is left of the height, and the width of the one that makes the classes.
head_filters = 256
head_kernel_width = 9  # without a base: 13
# What each time step knows of the whole plate: "fully_connected" (the paper's, rnn_cells_num wide; more than half of
# all parameters), "convolutional" (a depthwise convolution as wide as the sequence, which small chips run well) or
# "none".
global_context = "convolutional"  # without a base: "fully_connected"
# Width of the fully connected global pattern layer. The name is from a first version, which had a recurrent layer.
rnn_cells_num = 128

# ---- Quantization ------------------------------------------------------------------------------------------------

# Train for 8 bits: fake quantization of weights and activations from train.quantization_delay on.
quantization_aware = True  # without a base: False
# One scale for each output channel of the weights: for int8 files alone, GAP8's uint8 wants one per tensor.
quantize_per_channel = False


class decode:
    # Read the most probable text that fits one of lpr_patterns, by a beam search (16 wide where beam_width is 1).
    # eval_lpr.py prints what that gives beside the plain figures; a training goes by the plain ones alone. A legal text
    # is then read from any image: look at its confidence.
    patterns = False


class train:
    # Lists of `path LABEL`, one or several; paths are relative to their list.
    file_list_path = ()
    # Go on after bad rows (no label, an unreadable image, a label that does not fit) and say how many there were.
    skip_bad_rows = False
    # Share of drawn plates in every batch, and what is drawn: format names, or a dict of names and weights.
    generated_share = 1.0  # without a base: 0.0
    plate_formats = ("cn_blue",)
    # A TrueType font of yours for drawn plates; None for the built-in lettering.
    plate_font = None
    # TrueType fonts that share the work of the built-in one for Chinese characters: more hands.
    plate_extra_fonts = ()
    # Kinds of degradation that drawn plates are spared, by name (docs/plates.md), or "all".
    plate_without = ()
    # Of drawn plates with several lines, show one each time: plates of two lines are read line by line.
    plate_single_lines = False
    # Show plates of rare first characters (provinces) more often: (most / count) ** balance times each.
    balance_first_character = 0.0
    # Share of listed crops whose first character is painted over with another one of plate_formats, so that provinces
    # which no list shows are seen on real plates, too. The crops must be cut along the plate; see what becomes of them
    # by utils.repaint_plates.
    repaint_share = 0.0
    # Augmentation of listed crops: brightness, contrast, color; shift, zoom, shear, perspective; blur and noise.
    apply_basic_aug = True
    apply_stn_aug = True
    apply_blur_aug = True
    # Processes that prepare batches beside the training; 0 prepares them in a thread.
    workers = 1

    batch_size = 64
    # "float32", or "mixed_bfloat16": the float part of a training computes in half the digits, on processors and GPUs
    # that have the instructions. Weights, statistics and logits stay float32, and the 8-bit part is float32 throughout.
    precision = "float32"
    steps = 20000
    learning_rate = 0.002  # without a base: 0.001
    # "cosine" (to zero at the last step), "steps" (times decay_factor every decay_steps) or "constant", after a linear
    # warm-up.
    learning_rate_schedule = "cosine"
    learning_rate_warmup_steps = 500
    learning_rate_decay_steps = 5000
    learning_rate_decay_factor = 0.5
    # "Adam", "AdamW", "SGD" (momentum 0.9) or "RMSprop". AdamW decays weights apart from the loss; the others by an L2
    # penalty, which is the difference of the curves `optimization_loss` and `loss`.
    opt_type = "AdamW"
    weight_decay = 0.0001
    # Longest gradient, as a norm over all weights; None for any.
    clip_norm = 5.0
    # Standard deviation of Gaussian noise on the gradients.
    grad_noise_scale = 0.0
    dropout_rate = 0.1  # without a base: 0.5
    # Distillation: the checkpoint of a larger network with the same input, alphabet and time steps, whose output at
    # every step is learnt beside the labels, and its share of the loss.
    teacher = ""
    teacher_share = 0.5
    # The step from which a quantization-aware run computes in 8 bits; before, it trains in float. With
    # --init_checkpoint it is 0.
    quantization_delay = 16000  # without a base: 15000
    random_seed = 666

    # Start from the weights of this checkpoint (as --init_checkpoint).
    checkpoint = ""
    # A checkpoint, and an evaluation, every so many steps; the last few and the best are kept.
    save_checkpoints_steps = 1000
    checkpoints_to_keep = 3
    # End after so many evaluations without a better one, 0 for never. In a quantization-aware run only those in 8 bits
    # count, so it never ends before these have had their chance.
    early_stopping = 0
    # Steps between two points of the log.
    display_iter = 50
    need_to_save_weights = True
    need_to_save_log = True


class eval:
    # Lists to measure on; where there is none and plates are drawn, so many held-out drawn plates.
    file_list_path = ()
    generated_plates = 1000
    # Leave bad rows out of the measurement, and say so.
    skip_bad_rows = False
    # Plates at a time; never changes the result.
    batch_size = 64
    # 1 reads the best path, more is a beam search.
    beam_width = 1
    # The checkpoint to measure; else --checkpoint, else the best of model_dir.
    checkpoint = ""
    # Where the results go; else a folder of their own, in eval/ beside the checkpoint, of other models in out/eval/.
    output_dir = ""


class infer:
    # Lists of paths alone.
    file_list_path = ()
    # Go on without images that cannot be read, and say how many there were.
    skip_bad_rows = False
    batch_size = 64
    beam_width = 1
    checkpoint = ""
    # Where the pictures go.
    output_dir = "out"
