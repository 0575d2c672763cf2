"""A plate reader for a GAP8-class chip: letters and digits of many countries, 16 million MACs, quantization-aware.

Without lists it trains on drawn plates alone; real crops of any country that writes A to Z and 0 to 9 go in beside.

    python train_lpr.py config/latin.py train.generated_share=1
    python train_lpr.py config/latin.py train.file_list_path=train.txt eval.file_list_path=val.txt
"""

base = "gap8.py"

model_dir = "model_latin"

alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
max_lp_length = 10
# One for each of the countries, letters and digits where they stand.
lpr_patterns = (
    "[0-9][A-Z][0-9A-Z][0-9]{4}",  # Czech Republic
    "[0-9]{2}([A-Z][0-9]{3}[A-Z]{2}|[0-9]{3}[A-Z]{3})",  # Uzbekistan
    "[A-Z]{4}[0-9]{2}|[A-Z]{2}[0-9]{4}",  # Chile
    "[0-9]{2}[A-Z]{1,2}[0-9]{4,5}",  # Vietnam
    "[A-Z]{3}[0-9][0-9A-Z][0-9]{2}",  # Brazil
    "[0-9A-Z]{4,10}",
)


class train:
    plate_formats = {
        "cz": 3, "eu": 2, "vn": 2, "uz": 2, "cl": 2, "br_old": 1, "br_mercosur": 1, "us": 1, "in": 1,
    }  # fmt: skip
    balance_first_character = 0.0  # no character stands for a province
