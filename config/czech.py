"""The full LPRNet on Czech plates, such as those of the ReId data set.

Spanhel et al., "Holistic Recognition of Low Quality License Plates by CNN using Track Annotated Data" (AVSS 2017).

    python train_lpr.py config/czech.py train.file_list_path=train.txt eval.file_list_path=val.txt
    python train_lpr.py config/czech.py train.generated_share=1          # drawn Czech plates alone
"""

base = "ccpd.py"

model_dir = "model_czech"

alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
max_lp_length = 8
# Digit, region letter, then digits, with a letter third once a region ran out; and the electric EL.
lpr_patterns = ("[0-9][A-Z][0-9A-Z][0-9]{4}", "EL[0-9A-Z]{5}", "[0-9A-Z]{7,8}")


class train:
    plate_formats = ("cz",)
