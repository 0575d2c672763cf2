"""Finding plates as a task of the training loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from lp_recognition.evaluation.detection import DetectionMetrics, summarize
from lp_recognition.evaluation.detector_opening import OpenedDetector
from lp_recognition.evaluation.opening import predictor
from lp_recognition.evaluation.pictures import EvaluationScenes, worst_sheet
from lp_recognition.lists.scenes import Scene, read_scenes
from lp_recognition.model_files.checkpoints import Checkpoint, restore_model
from lp_recognition.networks.costs import cost_in_short
from lp_recognition.networks.detection import lpdnet_of
from lp_recognition.networks.detection_losses import DetectionLoss
from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.system.errors import ConfigError
from lp_recognition.training import loop
from lp_recognition.training.detection_batches import all_batches
from lp_recognition.training.loop import TrainingResult
from lp_recognition.training.prefetching import prefetched
from lp_recognition.training.task import Evaluation, Teacher, check_lists, tell_skipped


def train(config: DetectionConfig, init_checkpoint: str = "") -> TrainingResult:
    """Trains a detector, or goes on with the training that `model_dir` holds; see `loop.train`."""
    return loop.train(config, DetectionTask.prepare, init_checkpoint)


class DetectionTask:
    """Learns to find plates and their corners in photographs and drawn scenes.

    Attributes:
        config: The settings.
        scenes: The listed photographs; none where all scenes are drawn.
    """

    watched: Mapping[str, str] = {
        "labels": "loss", "loss": "optimization_loss", "score": "score_loss", "corners": "corner_loss",
        "box": "box_loss",
    }  # fmt: skip

    def __init__(self, config: DetectionConfig, scenes: Sequence[Scene]) -> None:
        self.config = config
        self.scenes = scenes
        self.evaluation_scenes = EvaluationScenes.from_config(config)

    @classmethod
    def prepare(cls, config: DetectionConfig, resumed: Checkpoint[DetectionConfig] | None) -> DetectionTask:
        """Reads the lists.

        Raises:
            UserError: anything in the config or the lists that would spoil the training.
        """
        train = config.train
        check_lists(train, config.eval, "scenes")
        scenes: list[Scene] = []
        if train.generated_share < 1:
            scenes, problems = read_scenes(train.file_list_path, skip_bad_rows=train.skip_bad_rows)
            tell_skipped(problems, len(scenes))
        return cls(config, scenes)

    def announce(self, model: keras.Model) -> Sequence[str]:
        """Pictures, plates and drawn scenes, the network's cost, what it is measured on."""
        train = self.config.train
        lines = []
        if self.scenes:
            plates = [plate for scene in self.scenes for plate in scene.plates]
            known = sum(plate.corners is not None for plate in plates)
            empty = sum(not scene.plates for scene in self.scenes)
            lines.append(
                f"photographs: {len(self.scenes)}, {empty} without plates; {len(plates)} plates, {known} with corners"
            )
        if train.generated_share > 0:
            lines.append(
                f"drawn scenes: {train.generated_share:.0%} of the pictures, of {len(train.plate_formats)} formats"
            )
        lines.append(f"network: {cost_in_short(model)}, {self.config.grids.count} cells")
        scenes, measured = self.evaluation_scenes, "on nothing, for want of eval.file_list_path"
        if scenes is not None:
            of = ", ".join(self.config.eval.file_list_path) or "held-out drawings"
            measured = f"on {len(scenes.pictures)} pictures of {of}"
        return [*lines, f"measured: {measured}"]

    def network(self, *, quantized: bool) -> keras.Model:
        """LPDNet, with or without quantizers."""
        train = self.config.train
        return lpdnet_of(
            self.config,
            quantized=quantized,
            precision="float32" if quantized else train.precision,
            weight_decay=0.0 if train.opt_type == "AdamW" else train.weight_decay,
        )

    def teacher(self) -> Teacher | None:
        """None: a detector learns from labels alone."""
        if self.config.train.teacher:
            raise ConfigError("train.teacher: expected none, received one: detectors learn from labels alone")
        return None

    def loss(self) -> Any:
        """Scores, corners and boxes, weighted."""
        return DetectionLoss(self.config.train.corner_weight, self.config.train.box_weight)

    def metrics(self) -> Any:
        """The loss of the labels alone, and its parts."""
        wrapped = keras.metrics.MeanMetricWrapper
        parts = [wrapped(DetectionLoss(part=part), name=part) for part in ("score", "corners", "box")]
        return [wrapped(self.loss(), name="labels"), *parts]

    def batches(self, start: int, stop: int) -> Any:
        """Batches of pictures and targets."""
        return prefetched(all_batches(self.config, self.scenes)[start:stop], self.config.train.workers)

    def initialize(self, model: keras.Model, checkpoint: Checkpoint) -> None:
        """Starts from another detector of the same sizes."""
        restore_model(model, checkpoint, whole=False)

    def evaluate(self, model: keras.Model) -> Evaluation | None:
        """Searches the evaluation pictures, where there are any."""
        if self.evaluation_scenes is None:
            return None
        pictures = self.evaluation_scenes.pictures
        predict = predictor(model, self.config.preprocessing, self.config.eval.batch_size)
        detector = OpenedDetector(predict=predict, config=self.config, source="the model in training")
        results = detector.search(pictures)
        threshold = self.config.eval.score_threshold
        metrics = summarize([found for found, _ in results], threshold)
        sheet = worst_sheet(pictures, results, threshold)
        scalars = {"ap_50": metrics.ap_50, "recall_50": metrics.recall_50, "recall_70": metrics.recall_70}
        for name in ("precision", "false_alarms", "corner_error"):
            if getattr(metrics, name) is not None:
                scalars[name] = getattr(metrics, name)
        shown = {} if sheet is None else {"worst": sheet}
        return Evaluation(metrics.ap_50, _summary(metrics), scalars, shown, metrics)

    def alarm(self, means: Mapping[str, float], steps: int) -> str:
        """Nothing of its own."""
        return ""


def _summary(metrics: DetectionMetrics) -> str:
    low, high = metrics.ap_50_interval
    precision = "-" if metrics.precision is None else f"{metrics.precision:.2f}"
    corners = "-" if metrics.corner_error is None else f"{metrics.corner_error:.3f}"
    return (
        f"AP {metrics.ap_50:.3f} of {metrics.plates} plates (95% interval {low:.3f} to {high:.3f}), recall "
        f"{metrics.recall_50:.3f}/{metrics.recall_70:.3f} at IoU 0.5/0.7, precision {precision}, corner error {corners}"
    )
