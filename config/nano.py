"""The smallest plate reader that is useful: 4.9 million MACs, 69 KB, quantization-aware, Chinese plates.

python train_lpr.py config/nano.py train.file_list_path=train.txt eval.file_list_path=val.txt
"""

base = "gap8.py"

model_dir = "model_nano"

stem_filters = 12
block_filters = ((48,), (64, 64))
head_filters = 64
head_kernel_width = 5
