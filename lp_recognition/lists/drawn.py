"""Drawn plates as a config asks for them, beside what its lists hold."""

from __future__ import annotations

import numpy as np

from lp_recognition.images.image import Image
from lp_recognition.lists.annotations import read_annotations
from lp_recognition.plates.degradations import Degradations
from lp_recognition.plates.generator import PlateGenerator
from lp_recognition.plates.repainting import Repainter
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ConfigError
from lp_recognition.texts.vocabulary import Vocabulary, VocabularyError

#: Seeds of drawn plates: what is evaluated is never drawn in training.
_EVAL_SEED = 1_000_003


def check_drawn(config: RecognitionConfig, vocabulary: Vocabulary) -> None:
    """Complains of drawn formats whose labels the model cannot write.

    Raises:
        ConfigError: a format has a character outside the alphabet, or texts longer than `max_lp_length`.
        FormatError: crops shall be repainted, and no format has a single line.
    """
    if not config.train.draws:
        return
    formats = build_generator(config).formats
    if config.train.repaint_share > 0:
        Repainter(formats, config.train.plate_extra_fonts)
    for plate_format in formats:
        for character in plate_format.characters:
            try:
                vocabulary.encode(character)
            except VocabularyError as error:
                raise ConfigError(f"train.plate_formats: {plate_format.name}: {error}") from None
        if plate_format.longest > config.max_lp_length:
            raise ConfigError(
                f"train.plate_formats: {plate_format.name}: expected at most {config.max_lp_length} characters "
                f"(max_lp_length), received texts of {plate_format.longest}; set "
                f"max_lp_length={plate_format.longest}, or leave the format out of train.plate_formats"
            )


def alphabet_of(config: RecognitionConfig) -> Vocabulary:
    """The classes a training would have: of the stated alphabet, else of its lists and drawn formats.

    Raises:
        AnnotationError: a list cannot be read.
        ConfigError: no alphabet is stated, and there is neither a list nor a drawn plate to take it from.
    """
    labels: list[str] = []
    if config.alphabet is None:
        train = config.train
        if train.file_list_path and train.generated_share < 1:
            rows, _ = read_annotations(train.file_list_path, skip_bad_rows=train.skip_bad_rows)
            labels += [row.label for row in rows]
        if train.draws:
            labels += build_generator(config).characters
    return config.vocabulary(labels)


def build_generator(config: RecognitionConfig, *, evaluation: bool = False) -> PlateGenerator:
    """The plate generator of a config; that of the evaluation draws other plates than that of the training."""
    return PlateGenerator(
        config.train.plate_formats,
        seed=config.train.random_seed + (_EVAL_SEED if evaluation else 0),
        size=config.input_shape[:2],
        font=config.train.plate_font,
        degradations=Degradations.sparing(config.train.plate_without),
        extra_fonts=config.train.plate_extra_fonts,
        single_lines=config.train.plate_single_lines,
    )


def build_repainter(config: RecognitionConfig) -> Repainter:
    """The repainter of a config's plate formats.

    Raises:
        FormatError: a format is unknown, or none has a single line.
        FontError: an extra font cannot be read or lacks a glyph.
    """
    generator = build_generator(config)  # which checks the formats' characters against the fonts
    return Repainter(generator.formats, config.train.plate_extra_fonts)


def drawn_plates(config: RecognitionConfig, count: int) -> tuple[Image, list[str]]:
    """Draws held-out plates: prepared uint8 images `(n, height, width, channels)` and their labels."""
    generator = build_generator(config, evaluation=True)
    plates = [generator.draw(index) for index in range(count)]
    images = np.stack([config.preprocessing.prepare(plate.image) for plate in plates])
    return images, [plate.label for plate in plates]
