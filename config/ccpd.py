"""The full LPRNet of the paper on Chinese plates, such as CCPD's: 169 million MACs, 1.4 million parameters.

Zherzdev and Gruzdev, "LPRNet" (arXiv 1806.10447); Xu et al., "Towards End-to-End License Plate Detection and
Recognition: A Large Dataset and Baseline" (CCPD, ECCV 2018).

    python train_lpr.py config/ccpd.py train.file_list_path=train.txt eval.file_list_path=val.txt
"""

base = "default.py"

# Stated, not taken from the lists, so that models of different lists have the same classes: 31 provinces, police,
# driving school and trailer, then letters and digits. With the blank they are 71.
alphabet = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新警学挂ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
max_lp_length = 8  # new-energy plates have eight characters
lpr_patterns = (
    "[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新][A-HJ-Z][0-9A-HJ-NP-Z]{4}[0-9A-HJ-NP-Z警学挂]",
    "[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新][A-HJ-Z][0-9A-HJ-NP-Z]{6}",
)

# The network of the paper.
width_multiplier = 1.0
stem_pool_strides = (1, 1)
head_kernel_width = 13
global_context = "fully_connected"


class train:
    batch_size = 32
    steps = 60000
    learning_rate = 0.001
    quantization_delay = 50000
    save_checkpoints_steps = 1000
    generated_share = 0.0
    dropout_rate = 0.5  # as in the reference: 1.4 million parameters see few provinces
    balance_first_character = 0.5
    plate_formats = ("cn_blue",)
