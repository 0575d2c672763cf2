"""A second look at each plate that a detector has found: where its corners are. 6 million MACs, gray 64x128.

python -m utils.crop_scenes scenes/plates.jsonl --output close_ups
python train_lpd.py config/lpd_corners.py train.file_list_path=close_ups/plates.jsonl
"""

base = "lpd_nano.py"

model_dir = "model_lpd_corners"

input_shape = (64, 128, 1)


class train:
    plate_widths = (0.25, 0.7)  # a second look is so near
    replate_share = 0.5  # on a drawn plate it is known where its corners are
    join_share = 0.0
    empty_share = 0.0
    guessed_corner_weight = 0.1
    corner_weight = 5.0  # another network has found the plate
