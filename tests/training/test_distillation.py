"""Distillation: the mixed loss, a teacher that stays as it is, and teachers that do not fit."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tiny_models import tiny_config

from lp_recognition.model_files.checkpoints import load_checkpoint, model_arrays, save_checkpoint
from lp_recognition.networks.losses import CTCLoss
from lp_recognition.networks.lprnet import Architecture, build_lprnet
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ConfigError, ModelError
from lp_recognition.training.distillation import DistilledModel
from lp_recognition.training.recognition import distance, load_teacher, train
from lp_recognition.training.task import Teacher

SCORES = st.floats(-20, 20, width=32)


def small_lprnet(config, seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return build_lprnet(Architecture.from_config(config, config.vocabulary().num_classes), dropout_rate=0.0)


@pytest.fixture
def config(tmp_path):
    return tiny_config(tmp_path / "student", alphabet="AB01", quantization_aware=False)


@pytest.fixture
def teacher(config, tmp_path):
    """A checkpoint of random weights."""
    path = tmp_path / "teacher.ckpt"
    save_checkpoint(path, 1, config, model_arrays(small_lprnet(config, 1)))
    return path


@given(arrays.arrays(np.float32, (2, 3, 4), elements=SCORES), arrays.arrays(np.float32, (2, 3, 4), elements=SCORES))
@settings(max_examples=50, deadline=None)
def test_the_distance_is_the_divergence_of_the_steps(taught, logits):
    def softmax(scores):
        exponents = np.exp(scores.astype(np.float64) - scores.max(-1, keepdims=True))
        return exponents / exponents.sum(-1, keepdims=True)

    p, q = softmax(taught), softmax(logits)
    expected = (p * (np.log(p) - np.log(q))).sum((1, 2)).mean()
    assert float(distance(taught, logits)) == pytest.approx(expected, rel=1e-3, abs=1e-3)
    assert float(distance(taught, taught)) == 0


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_loss_is_mixed_by_the_share(config, teacher, share):
    student, vocabulary = small_lprnet(config, 2), config.vocabulary()
    taught = load_teacher(teacher, config, vocabulary)
    model = DistilledModel(student, Teacher(taught, distance), share)
    model.compile(loss=CTCLoss(vocabulary.blank_index))
    images = np.random.default_rng(0).normal(size=(3, *config.input_shape)).astype(np.float32)
    labels = np.array([[0, 2, -1], [1, 1, 3], [3, -1, -1]])
    logits = student(images)
    loss = float(model.compute_loss(images, labels, logits))
    of_labels = float(CTCLoss(vocabulary.blank_index)(labels, logits))
    of_teacher = float(distance(taught(images), logits))
    assert loss == pytest.approx((1 - share) * of_labels + share * of_teacher, rel=1e-4)
    assert of_teacher > 0.1
    assert {weight.path for weight in model.weights} == {weight.path for weight in student.weights}


def test_a_training_comes_nearer_to_its_teacher(config, teacher):
    """Of drawn plates, by the teacher's output alone; the teacher's weights are in no checkpoint."""
    settings = {
        "generated_share": 1.0, "teacher": str(teacher), "teacher_share": 1.0, "steps": 30, "learning_rate": 0.003,
        "quantization_delay": 30, "save_checkpoints_steps": 30,
    }  # fmt: skip
    config = config.with_values(
        alphabet=load_checkpoint(teacher, RecognitionConfig).config.alphabet, train=config.train.model_dump() | settings
    )
    before = load_checkpoint(teacher, RecognitionConfig).arrays
    drawn = {"plate_formats": (str(_format(teacher.parent)),)}
    config = config.with_values(train=config.train.model_dump() | drawn)
    train(config)
    learnt = load_checkpoint(f"{config.model_dir}/model.ckpt-30.ckpt", RecognitionConfig)
    keras.utils.set_random_seed(config.train.random_seed)
    first = build_lprnet(Architecture.from_config(config, config.vocabulary().num_classes))
    last = load_teacher(learnt.path, config, config.vocabulary())
    taught = load_teacher(teacher, config, config.vocabulary())
    images = np.random.default_rng(0).uniform(-1, 1, (16, *config.input_shape)).astype(np.float32)
    expected = taught(images)
    assert float(distance(expected, last(images))) < 0.7 * float(distance(expected, first(images)))
    assert {name for name in learnt.arrays if not name.startswith("optimizer/")} == set(model_arrays(first))
    for name, array in before.items():
        assert np.array_equal(array, load_checkpoint(teacher, RecognitionConfig).arrays[name])


def _format(folder):
    path = folder / "tiny.yaml"
    path.write_text(
        "country: Nowhere\ndescription: a test\nsize_mm: [400, 100]\nbox_mm: [40, 70]\nlettering: {stroke_mm: 9}\n"
        "paints: [{background: '#f0f0f0', ink: '#101010'}]\nlines: [{center_mm: [200, 50], gap_mm: 6}]\n"
        "alphabets: {L: {characters: AB}, D: {characters: '01'}}\nlayouts: [{pattern: LLDD}]\nexample: AB01\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alphabet": "AB012"}, r"expected the 6 classes of this training's alphabet, received 5 others"),
        ({"stem_pool_strides": (1, 1)}, r"expected 90 time steps, received 44 \(stem_pool_strides\)"),
        ({"convert_to_gray": True}, r"expected convert_to_gray True, received False"),
        ({"input_shape": (24, 94, 1)}, r"expected input_shape \(24, 94, 1\), received \(24, 94, 3\)"),
    ],
)
def test_a_teacher_of_another_kind_is_refused(config, teacher, changes, message):
    other = config.with_values(**changes)
    with pytest.raises(ConfigError, match=r"train.teacher: .*teacher.ckpt: " + message):
        load_teacher(teacher, other, other.vocabulary())


def test_a_missing_teacher_is_named(config, tmp_path):
    with pytest.raises(ModelError, match=r"missing.ckpt"):
        load_teacher(tmp_path / "missing.ckpt", config, config.vocabulary())
