"""A plate detector for desks and services: 700 million MACs, 0.6 million weights, colour 480x640.

python train_lpd.py config/lpd_desk.py train.file_list_path=scenes/plates.jsonl eval.file_list_path=val/plates.jsonl
"""

base = "lpd_mcu.py"

model_dir = "model_lpd_desk"

input_shape = (480, 640, 3)
convert_to_gray = False
stem_filters = 16
stages = ((32, 1), (96, 6), (160, 5), (224, 4), (256, 2))


class train:
    batch_size = 32
    learning_rate = 0.002
