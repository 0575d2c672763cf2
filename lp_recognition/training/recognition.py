"""Reading plates as a task of the training loop."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
from keras import ops

from lp_recognition.evaluation.opening import predictor
from lp_recognition.evaluation.recognition import EvaluationList, evaluate
from lp_recognition.lists.drawn import alphabet_of, check_drawn
from lp_recognition.lists.rows import LabelledRows, check_labels, load_rows
from lp_recognition.lists.spellings import training_notes
from lp_recognition.model_files.checkpoints import Checkpoint, load_checkpoint
from lp_recognition.networks.class_transfer import transfer_weights
from lp_recognition.networks.costs import cost_in_short
from lp_recognition.networks.losses import BlankShare, CTCLoss
from lp_recognition.networks.lprnet import Architecture, build_lprnet
from lp_recognition.networks.recognition import restored_lprnet
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.settings.training import TrainedConfig
from lp_recognition.system.errors import ConfigError
from lp_recognition.texts.vocabulary import Vocabulary
from lp_recognition.training import loop
from lp_recognition.training.batches import training_batches
from lp_recognition.training.loop import TrainingResult
from lp_recognition.training.task import Evaluation, Teacher, check_lists, tell_skipped

#: The model writes nothing but blanks at first; for this many steps that is as it should be.
_PATIENCE_WITH_BLANKS = 2000
_MISREADS_SHOWN = 24


def train(config: RecognitionConfig, init_checkpoint: str = "") -> TrainingResult:
    """Trains a reader, or goes on with the training that `model_dir` holds; see `loop.train`."""
    return loop.train(config, RecognitionTask.prepare, init_checkpoint)


class RecognitionTask:
    """Learns to read plates, from listed crops and drawn plates, by CTC.

    Attributes:
        config: The settings, with the alphabet.
        vocabulary: The classes.
        rows: The listed crops; none where all plates are drawn.
    """

    watched: Mapping[str, str] = {"ctc": "loss", "loss": "optimization_loss", "blank_share": "blank_share"}

    def __init__(self, config: RecognitionConfig, vocabulary: Vocabulary, rows: LabelledRows) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self.rows = rows
        self.evaluation_list = EvaluationList.from_config(config)

    @classmethod
    def prepare(cls, config: RecognitionConfig, resumed: Checkpoint[RecognitionConfig] | None) -> RecognitionTask:
        """Reads the lists, settles the alphabet, and checks that the network can write every label.

        Raises:
            UserError: anything in the config or the lists that would spoil the training.
        """
        train = config.train
        check_lists(train, config.eval, "plates")
        data = LabelledRows([], [])
        if train.file_list_path and train.generated_share < 1:
            data = load_rows(train.file_list_path, skip_bad_rows=train.skip_bad_rows, setting="train.skip_bad_rows")
        vocabulary = alphabet_of(config) if resumed is None else resumed.config.vocabulary()
        architecture = Architecture.from_config(config, vocabulary.num_classes)
        try:
            architecture.check()
        except ValueError as error:
            raise ConfigError(f"input_shape: {error}") from None
        check_drawn(config, vocabulary)
        if data.rows:
            data = check_labels(data, vocabulary, config, architecture.time_steps)
        for note in training_notes(data.rows, None if config.alphabet is None else vocabulary):
            print(f"warning: {note}", file=sys.stderr)
        tell_skipped(data.skipped, len(data.rows))
        return cls(config.with_values(alphabet=vocabulary.symbols), vocabulary, data)

    def announce(self, model: keras.Model) -> Sequence[str]:
        """Crops and drawn plates, the alphabet, the network and its cost, and what it is measured on."""
        config, train = self.config, self.config.train
        lines = []
        labels = self.rows.labels
        if labels:
            lines.append(f"listed: {len(labels)} crops of {len(set(labels))} plates")
        if train.generated_share > 0:
            lines.append(f"drawn: {train.generated_share:.0%} of each batch, of {', '.join(train.plate_formats)}")
        symbols = "".join(self.vocabulary.classes)
        shown = symbols if len(symbols) <= 80 else f"{symbols[:77]}..."
        lines.append(f"alphabet: {len(self.vocabulary.classes)} characters, {shown}")
        height, width, channels = config.input_shape
        steps = model.output_shape[1]
        lines.append(f"network: {cost_in_short(model)}, {steps} time steps from {height}x{width}x{channels}")
        if train.teacher:
            lines.append(f"teacher: {train.teacher}, {train.teacher_share:.0%} of the loss")
        plates = self.evaluation_list
        measured = "on nothing, for want of eval.file_list_path"
        if plates is not None:
            measured = (
                f"on {len(plates.labels)} plates of {', '.join(config.eval.file_list_path) or 'held-out drawings'}"
            )
        return [*lines, f"measured: {measured}"]

    def network(self, *, quantized: bool) -> keras.Model:
        """LPRNet, with or without quantizers."""
        train = self.config.train
        return build_lprnet(
            Architecture.from_config(self.config, self.vocabulary.num_classes),
            quantization_aware=quantized,
            per_channel=self.config.quantize_per_channel,
            # Steps of 8 bits are finer than bfloat16's.
            precision="float32" if quantized else train.precision,
            dropout_rate=train.dropout_rate,
            weight_decay=0.0 if train.opt_type == "AdamW" else train.weight_decay,
            random_seed=train.random_seed,
        )

    def teacher(self) -> Teacher | None:
        """The teacher that `train.teacher` names, held against this one's input, classes and time steps."""
        path = self.config.train.teacher
        return Teacher(load_teacher(path, self.config, self.vocabulary), distance) if path else None

    def loss(self) -> Any:
        """CTC."""
        return CTCLoss(self.vocabulary.blank_index)

    def metrics(self) -> Any:
        """The loss of the labels alone, and the share of blanks."""
        blank_index = self.vocabulary.blank_index
        return [keras.metrics.MeanMetricWrapper(CTCLoss(blank_index), name="ctc"), BlankShare(blank_index)]

    def batches(self, start: int, stop: int) -> Any:
        """Batches of images and label indices."""
        return training_batches(self.config, self.rows, self.vocabulary, start, stop)

    def initialize(self, model: keras.Model, checkpoint: Checkpoint) -> None:
        """Starts from another reader; the characters that both know carry over."""
        transfer_weights(model, self.vocabulary, checkpoint)

    def evaluate(self, model: keras.Model) -> Evaluation | None:
        """Reads the evaluation list, where there is one."""
        if self.evaluation_list is None:
            return None
        predict = predictor(model, self.config.preprocessing, self.config.eval.batch_size)
        result = evaluate(predict, self.evaluation_list, self.config, self.vocabulary)
        metrics = result.metrics
        low, high = metrics.lp_rr_interval
        sheet = result.misread_sheet(_MISREADS_SHOWN)
        return Evaluation(
            metrics.lp_rr,
            f"LP-RR {metrics.lp_rr:.1%} of {metrics.plates} plates (95% interval {low:.1%} to {high:.1%})",
            {"lp_rr": metrics.lp_rr, "character_accuracy": metrics.character_accuracy},
            {} if sheet is None else {"misread": sheet},
            metrics,
        )

    def alarm(self, means: Mapping[str, float], steps: int) -> str:
        """Warns of a network that still writes nothing."""
        if means["blank_share"] <= 0.9999 or steps < _PATIENCE_WITH_BLANKS:
            return ""
        return (
            "the model still writes nothing but blanks; try a higher train.learning_rate, fewer kinds of augmentation, "
            "or look whether the labels belong to their images"
        )


def distance(taught: Any, logits: Any) -> Any:
    """The mean Kullback-Leibler divergence of plates, summed over the time steps.

    So the student takes over the teacher's alignment, and its doubts.

    Args:
        taught: The teacher's logits, float32 `(batch, time, classes)`.
        logits: The student's, of the same shape.

    Returns:
        A scalar in nats, comparable to a CTC loss: both are the log likelihood of a whole plate.
    """
    probabilities = ops.softmax(taught, axis=-1)
    ratio = ops.log_softmax(taught, axis=-1) - ops.log_softmax(logits, axis=-1)
    return ops.mean(ops.sum(probabilities * ratio, axis=(1, 2)))


def load_teacher(path: str | Path, config: RecognitionConfig, vocabulary: Vocabulary) -> keras.Model:
    """Loads the teacher of a training.

    Raises:
        ModelError: the checkpoint is missing or broken.
        ConfigError: it reads other images, writes other classes, or has another number of time steps.
    """
    checkpoint = load_checkpoint(path, RecognitionConfig)
    theirs = Architecture.from_config(checkpoint.config, checkpoint.config.vocabulary().num_classes)
    ours = Architecture.from_config(config, vocabulary.num_classes)
    differences = [
        f"{name} {getattr(config, name)}, received {getattr(checkpoint.config, name)}"
        for name in TrainedConfig.MODEL_SETTINGS
        if getattr(config, name) != getattr(checkpoint.config, name)
    ]
    if checkpoint.config.vocabulary().classes != vocabulary.classes:
        differences.append(
            f"the {vocabulary.num_classes} classes of this training's alphabet, received {theirs.num_classes} others"
        )
    if not differences and theirs.time_steps != ours.time_steps:
        differences.append(f"{ours.time_steps} time steps, received {theirs.time_steps} (stem_pool_strides)")
    if differences:
        raise ConfigError(f"train.teacher: {path}: expected {'; '.join(differences)}")
    teacher = restored_lprnet(checkpoint)
    teacher.trainable = False
    return teacher
