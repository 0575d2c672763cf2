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
# Province and office; the police's office O is labelled 0. Then five places, at most two of which are letters, or, of
# new-energy plates, six with the kind of car at the first or the last (GA 36-2018); never I and O.
_OFFICE, _ANY = "[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新][0A-HJ-NP-Z]", "[0-9A-HJ-NP-Z]"
_FIVE = "??### ?#?## ?##?# ?###? #??## #?#?# #?##? ##??# ##?#? ###??"
lpr_patterns = (
    _OFFICE + "(" + _FIVE.replace(" ", "|").replace("?", _ANY).replace("#", "[0-9]") + ")",
    _OFFICE + _ANY + "{4}[警学挂]",
    _OFFICE + "([A-HJK]" + _ANY + "[0-9]{4}|[0-9]{5}[A-HJK])",
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
