"""The smallest plate detector that is useful, for a gate: 36 million MACs, gray 192x256.

python train_lpd.py config/lpd_nano.py train.file_list_path=scenes/plates.jsonl eval.file_list_path=val/plates.jsonl
"""

base = "lpd_mcu.py"

model_dir = "model_lpd_nano"

input_shape = (192, 256, 1)
stages = ((16, 1), (56, 5), (96, 4), (144, 3))
head_filters = 48
