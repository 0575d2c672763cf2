"""A plate detector for a GAP8-class chip: 70 million MACs, 0.2 million weights, gray 240x320, four corners.

python train_lpd.py config/lpd_mcu.py train.file_list_path=scenes/plates.jsonl eval.file_list_path=val/plates.jsonl
"""

base = "lpd/default.py"

model_dir = "model_lpd_mcu"


class train:
    generated_share = 0.35  # photographs show what streets are like, drawn scenes show every country's plates
    plate_formats = (
        "cn_blue", "cn_yellow", "cn_green", "cn_white", "cn_yellow_rear", "cz", "de", "eu", "us", "vn", "vn_motorcycle",
        "vn_square", "br_mercosur", "br_old", "br_motorcycle", "in", "uz", "cl",
    )  # fmt: skip
