"""A plate detector for a GAP8-class chip: 131 million MACs, 0.4 million weights, gray 240x320, four corners.

python train_lpd.py config/lpd_mcu.py train.file_list_path=scenes/plates.jsonl eval.file_list_path=val/plates.jsonl
"""

base = "lpd/default.py"

model_dir = "model_lpd_mcu"

stages = ((20, 1), (80, 6), (144, 6), (208, 4))


class train:
    generated_share = 0.35  # photographs show what streets are like, drawn scenes show every country's plates
    replate_share = 0.35
    guessed_corner_weight = 0.3
    join_share = 0.35
    plate_formats = (
        "cn_blue", "cn_yellow", "cn_green", "cn_white", "cn_yellow_rear", "cz", "de", "eu", "us", "vn", "vn_motorcycle",
        "vn_square", "br_mercosur", "br_old", "br_motorcycle", "in", "uz", "cl",
    )  # fmt: skip
    weight_decay = 0.01
