"""Configs: what loads, what is refused and with which words, and the record."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lp_recognition.settings import detection, tasks
from lp_recognition.settings.loading import dump_settings, parse_settings, refuse_other_model, save_settings
from lp_recognition.settings.recognition import RecognitionConfig, load_config, pooled_size
from lp_recognition.system.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted((ROOT / "config").glob("*.py"))


@pytest.fixture
def write(tmp_path):
    def writer(text: str, name: str = "x.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return writer


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_config_loads_and_is_recorded_alike(path):
    config = tasks.load_config(path)
    assert parse_settings(type(config), dump_settings(config), "record") == config


def test_a_config_of_another_task_is_refused_by_the_name_of_its_task():
    refused = r"lpd_nano\.py: task: expected 'recognition', received 'detection'\. .*train_lpd\.py"
    with pytest.raises(ConfigError, match=refused):  # the file that is given, not one that it builds on
        load_config(ROOT / "config" / "lpd_nano.py")
    with pytest.raises(ConfigError, match=r"ccpd\.py: task: expected 'detection', received 'recognition'"):
        detection.load_config(ROOT / "config" / "ccpd.py")


def test_a_config_runs_once_also_where_it_tells_its_task_itself(write, tmp_path):
    count = f"open({str(tmp_path / 'runs')!r}, 'a').write('x')\n"
    write("task = 'detection'\n" + count, "base.py")
    config = tasks.load_config(write("base = 'base.py'\n" + count), ["model_dir=m"])
    assert (config.task, config.model_dir) == ("detection", "m")
    assert (tmp_path / "runs").read_text() == "xx"  # the file and its base


@pytest.mark.parametrize("task", ["'detektion'", "['detection']", "None"])
def test_a_task_that_there_is_not_is_refused_with_those_that_there_are(write, task):
    with pytest.raises(ConfigError, match=r"x\.py: task: expected one of recognition, detection, received"):
        tasks.load_config(write(f"task = {task}\n"))


@pytest.mark.skipif(not SHIPPED, reason="no config is shipped yet")
def test_shipped_configs_are_those_promised():
    assert {path.name for path in SHIPPED} >= {"default.py", "ccpd.py", "czech.py", "gap8.py"}
    assert load_config(ROOT / "config") == load_config(ROOT / "config" / "default.py")


def test_sections_and_values(write):
    path = write("import math\nmodel_dir = 'm'\n_private = 3\nclass train:\n    steps = 2 * 50\n    _also = 1\n")
    config = load_config(path)
    assert (config.model_dir, config.train.steps) == ("m", 100)
    assert config.train.batch_size == RecognitionConfig().train.batch_size


def test_base_is_inherited_setting_by_setting(write):
    write(
        "model_dir = 'a'\nmax_lp_length = 9\n"
        "class train:\n    steps = 100\n    batch_size = 3\n    quantization_delay = 1\n",
        "base.py",
    )
    write("base = '../base.py'\nmodel_dir = 'b'\nclass train:\n    steps = 200\n", "sub/middle.py")
    path = write("base = 'middle.py'\nclass train:\n    batch_size = 4\n", "sub/x.py")
    config = load_config(path)
    assert (config.model_dir, config.max_lp_length) == ("b", 9)
    assert (config.train.steps, config.train.batch_size, config.train.quantization_delay) == (200, 4, 1)


def test_a_mistake_in_a_base_names_the_base_and_in_a_child_the_child(write):
    write("class train:\n    bacth_size = 3\n", "base.py")
    with pytest.raises(ConfigError, match=r"base\.py: unknown key `train\.bacth_size`"):
        load_config(write("base = 'base.py'\n"))
    write("", "good.py")
    with pytest.raises(ConfigError, match=r"x\.py: unknown key `train\.bacth_size`"):
        load_config(write("base = 'good.py'\nclass train:\n    bacth_size = 3\n"))


@pytest.mark.parametrize("name", ["x.py", "y.py"])
def test_a_circle_of_bases_is_refused(write, name):
    write("base = 'x.py'\n", "y.py")
    with pytest.raises(ConfigError, match="circle of `base =`"):
        load_config(write(f"base = '{name}'\n"))


def test_the_same_base_twice_is_no_circle(write):
    write("model_dir = 'm'\n", "a.py")
    write("base = 'a.py'\n", "b.py")
    assert load_config(write("base = 'b.py'\n")).model_dir == "m"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class train:\n    bacth_size = 3", r"x\.py: unknown key `train\.bacth_size`\. Did you mean `train\.batch_si"),
        ("class trian:\n    batch_size = 3", r"x\.py: unknown key `trian`\. Did you mean `train`\?"),
        ("zzzz = 3", r"unknown key `zzzz`\. Known keys: .*model_dir"),
        ("class eval:\n    zzzz = 3", r"unknown key `eval\.zzzz`\. Known keys: .*eval\.batch_size"),
        ("train = 3", r"train: expected a section, received 3 \(int\)"),
        ("class train:\n    steps = 'many'", r"train\.steps: expected a valid integer.*received 'many' \(str\)"),
        ("class train:\n    steps = 1.5", r"train\.steps: expected a valid integer.*received 1\.5 \(float\)"),
        ("class train:\n    steps = 0", r"train\.steps: expected greater than 0, received 0"),
        ("class train:\n    learning_rate = float('nan')", r"train\.learning_rate: expected a finite number"),
        ("class train:\n    opt_type = 'adam'", r"train\.opt_type: expected 'Adam', .*received 'adam'"),
        ("class train:\n    plate_formats = 3", r"x\.py: train\.plate_formats: expected a valid tuple, received 3"),
        ("model_dir = None", r"model_dir: expected a valid string, received None"),
        ("convert_to_gray = 'perhaps'", "convert_to_gray: expected a valid boolean"),
        ("input_shape = (24, 94)", r"input_shape\.2: expected a value, received none in \(24, 94\)"),
        ("input_shape = (24, 94, 2)", "input_shape: expected 1 or 3 channels, received 2"),
        ("input_shape = (4, 94, 3)", "input_shape: expected at least 12 x 24 pixels, received 4 x 94"),
        ("alphabet = 'ABA'", r"x\.py: alphabet: expected each character once, received A twice"),
        ("alphabet = ['AB']", r"alphabet: expected single characters .* received 'AB'"),
        ("lpr_patterns = '['", r"lpr_patterns: expected a regular expression, received '\['"),
        ("model_dir = 1 / 0\n", r"x\.py:1: expected a config, received ZeroDivisionError"),
        ("x = (\n", r"x\.py:1: expected a config, received SyntaxError: '\(' was never closed$"),
        ("base = 3", r"base: expected the name of a config file, received 3"),
        ("base = 'none.py'", r"none\.py: expected a config, received no such file"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(write, text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(write(text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "name", "first"),
    [
        ("model_dir = 'a'\nmodel_dir = 'b'\n", 2, "model_dir", 1),
        ("\n\nclass train:\n    steps = 1\n    batch_size = 2\n    steps = 3\n", 6, "steps", 4),
        ("class train:\n    steps = 1\n\nclass train:\n    batch_size = 2\n", 4, "train", 1),
        ("model_dir: str = 'a'\nmax_lp_length = 3\nmodel_dir = 'b'\n", 3, "model_dir", 1),
        ("a, b = 1, 2\nb = 3\n", 2, "b", 1),
        ("a = a = 1\n", 1, "a", 1),
    ],
)
def test_a_name_twice_in_one_scope_of_a_config_is_refused(write, text, line, name, first):
    message = rf"x\.py:{line}: expected `{name}` once, received it again \(first in line {first}\)"
    with pytest.raises(ConfigError, match=message):
        load_config(write(text))


def test_the_same_name_in_two_scopes_is_none_too_many(write):
    config = load_config(write("class train:\n    batch_size = 1\nclass eval:\n    batch_size = 2\n"))
    assert (config.train.batch_size, config.eval.batch_size) == (1, 2)


@pytest.mark.parametrize("text", ["model_dir: a\nmodel_dir: b\n", "train:\n  steps: 1\n  batch_size: 2\n  steps: 3\n"])
def test_a_key_twice_in_yaml_is_refused(write, text):
    with pytest.raises(ConfigError, match=rf"c\.yaml:{text.count(chr(10))}: .* the key `\w+` twice"):
        load_config(write(text, "c.yaml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected settings, received NoneType"),
        ("- 3", "expected settings, received list"),
        ("{", r"c\.yaml:1: expected YAML"),
        ("model_dir: a\ntrain: [", r"c\.yaml:2: expected YAML"),
        ("train:\n  stesp: 3", r"c\.yaml: unknown key `train\.stesp`\. Did you mean `train\.steps`\?"),
        ("{[1]: 2}", "unhashable key"),
        ("model_dir: !!int x", "expected YAML"),
        ("a: " + "[" * 3000, "expected YAML"),
        ("model_dir: \x01", "expected YAML"),
        ("3: 4", "unknown key `3`|Keys should be strings"),
    ],
)
def test_broken_yaml_is_one_line(write, text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(write(text, "c.yaml"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "tag", ["object/apply:os.system", "object/new:os.system", "name:os.system", "module:os", "tuple"]
)
def test_yaml_constructs_no_python_object(tmp_path, tag):
    witness = tmp_path / "witness"
    text = f"train: !!python/{tag} ['touch {witness}']\n"
    with pytest.raises(ConfigError, match="could not determine a constructor"):
        parse_settings(RecognitionConfig, text, "stranger.yaml")
    assert not witness.exists()


def test_files_that_are_no_config(tmp_path, write):
    with pytest.raises(ConfigError, match="received no such file"):
        load_config(tmp_path / "none.py")
    with pytest.raises(ConfigError, match="received neither"):
        load_config(tmp_path)
    with pytest.raises(ConfigError, match=r"expected a \.py or \.yaml config"):
        load_config(write("", "x.txt"))
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="another encoding; save it as UTF-8"):
        load_config(tmp_path / "b.yaml")


def test_a_folder_means_its_default(write):
    path = write("model_dir = 'm'\n", "folder/default.py")
    assert load_config(path.parent).model_dir == "m"


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("model_dir=/a b/c=d", None, "model_dir", "/a b/c=d"),
        ("model_dir=", None, "model_dir", ""),
        ("model_dir=2024-01-01", None, "model_dir", "2024-01-01"),
        ("model_dir=007", None, "model_dir", "007"),
        ("model_dir=no", None, "model_dir", "no"),
        ("model_dir=a: b", None, "model_dir", "a: b"),
        ("model_dir=a #b", None, "model_dir", "a #b"),
        (r"model_dir=C:\x", None, "model_dir", r"C:\x"),
        ("model_dir=@%&*!", None, "model_dir", "@%&*!"),
        ("input_shape=[32, 100, 1]", None, "input_shape", (32, 100, 1)),
        ("block_filters=[[64],[96,96]]", None, "block_filters", ((64,), (96, 96))),
        ("alphabet=<Beijing>AB", None, "alphabet", ("<Beijing>", "A", "B")),
        ("alphabet=0123", None, "alphabet", ("0", "1", "2", "3")),
        ("alphabet=[京, A]", None, "alphabet", ("京", "A")),
        ("alphabet=null", None, "alphabet", None),
        ("lpr_patterns=^[A-Z]{3}[0-9]+$", None, "lpr_patterns", ("^[A-Z]{3}[0-9]+$",)),
        ("convert_to_gray=True", None, "convert_to_gray", True),
        ("convert_to_gray=off", None, "convert_to_gray", False),
        ("train.learning_rate=1e-3", "train", "learning_rate", 0.001),
        ("train.learning_rate=1", "train", "learning_rate", 1.0),
        ("train.steps=1e5", "train", "steps", 100_000),
        ("train.clip_norm=null", "train", "clip_norm", None),
        ("train.clip_norm=None", "train", "clip_norm", None),
        ("train.file_list_path=a b=c.txt", "train", "file_list_path", ("a b=c.txt",)),
        ("train.file_list_path=[a.txt, 'b, c.txt']", "train", "file_list_path", ("a.txt", "b, c.txt")),
        ("train.file_list_path=[]", "train", "file_list_path", ()),
        ("train.plate_formats={cn_blue: 1, cz: 2.5}", "train", "plate_formats", {"cn_blue": 1, "cz": 2.5}),
        ("eval.beam_width=5", "eval", "beam_width", 5),
        ("infer.output_dir=1", "infer", "output_dir", "1"),
    ],
)  # fmt: skip
def test_overrides(write, override, section, key, value):
    config = load_config(write("class train:\n    batch_size = 7\n"), [override])
    assert getattr(getattr(config, section) if section else config, key) == value
    assert config.train.batch_size == 7


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["train.steps=3", "train.steps=4"], "command line: expected `train.steps` once, received it twice"),
        (["model_dir=a", "model_dir=a"], "expected `model_dir` once"),
        (["train={steps: 3, steps: 4}"], "command line: train: .* the key `steps` twice"),
        (["train.bacth_size=3"], r"command line: unknown key `train\.bacth_size`\. Did you mean `train\.batch_size`\?"),
        (["trian.steps=3"], "command line: unknown key `trian`. Did you mean `train`"),
        (["train.steps.x=3"], r"unknown key `train\.steps\.x`"),
        (["train.steps"], "expected section.key=value, received `train.steps`"),
        (["=3"], "expected section.key=value"),
        (["train.=3"], "expected section.key=value"),
        ([".steps=3"], "expected section.key=value"),
        (["train.steps=many"], r"command line: train\.steps: expected a valid integer.*received 'many'"),
        (["train.steps=1.5"], r"received 1\.5 \(float\)"),
        (["train.weight_decay=.nan"], "expected a finite number"),
        (["model_dir=null"], "model_dir: expected a valid string, received None"),
        (["model_dir=!!python/name:os.system x"], "could not determine a constructor"),
    ],
)
def test_overrides_pass_the_same_checks(write, overrides, message):
    with pytest.raises(ConfigError, match=message):
        load_config(write("class train:\n    quantization_delay = 0\n"), overrides)


symbols = st.sampled_from([*"0123ABNYeE京沪:#-~ñ?!'\"", "<Beijing>", "<H>"])
paths = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
configs = st.fixed_dictionaries(
    {
        "model_dir": paths,
        "input_shape": st.tuples(st.integers(12, 64), st.integers(24, 200), st.sampled_from([1, 3])),
        "symmetric_range": st.booleans(),
        "alphabet": st.none() | st.lists(symbols, min_size=1, unique=True).map(tuple),
        "lpr_patterns": st.lists(st.sampled_from(["^[A-Z]{3}$", "yes", "1e3", "2024-01-01", ""])).map(tuple),
        "width_multiplier": st.floats(0.01, 4),
        "train": st.fixed_dictionaries(
            {
                "file_list_path": st.lists(paths).map(tuple),
                "learning_rate": st.floats(1e-12, 1),
                "clip_norm": st.none() | st.floats(1e-3, 1e3),
                "plate_formats": st.lists(paths).map(tuple) | st.dictionaries(paths, st.floats(0, 5)),
            }
        ),
        "eval": st.fixed_dictionaries({"output_dir": paths}),
    }
)


@given(configs)
@settings(deadline=None)
def test_a_record_reads_back_as_it_was(values):
    config = RecognitionConfig.model_validate(values)
    assert parse_settings(RecognitionConfig, dump_settings(config), "record") == config


def test_a_record_is_a_config(tmp_path):
    config = RecognitionConfig(alphabet=("<Beijing>", "A", "0"), model_dir="m")
    save_settings(config, tmp_path / "run" / "config.yaml")
    assert load_config(tmp_path / "run" / "config.yaml") == config
    assert load_config(tmp_path / "run" / "config.yaml", ["train.steps=30000"]).train.steps == 30000


def test_a_config_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        RecognitionConfig().model_dir = "other"  # type: ignore[misc]


def test_with_values_checks_again():
    assert RecognitionConfig().with_values(alphabet="AB").alphabet == ("A", "B")
    with pytest.raises(ConfigError, match="each character once"):
        RecognitionConfig().with_values(alphabet="AA")


def test_vocabulary_is_of_the_alphabet_or_else_of_the_labels():
    assert RecognitionConfig(alphabet="BA").vocabulary(["C"]).symbols == ("B", "A")
    assert RecognitionConfig().vocabulary(["CA"]).symbols == ("A", "C")
    assert RecognitionConfig(alphabet="O0", use_oi_concat=True).vocabulary().classes == ("0",)
    with pytest.raises(ConfigError, match="at least one character"):
        RecognitionConfig().vocabulary()


def test_preprocessing_follows_the_settings():
    preprocessing = RecognitionConfig(
        input_shape=(32, 100, 1), symmetric_range=False, convert_to_gray=True
    ).preprocessing
    assert (preprocessing.input_shape, preprocessing.zero_point, preprocessing.convert_to_gray) == (
        (32, 100, 1),
        0,
        True,
    )


OTHER_VALUES = {
    "input_shape": (32, 94, 3), "symmetric_range": False, "convert_to_gray": True, "alphabet": "XYZ",
    "use_h_concat": True, "use_oi_concat": True, "width_multiplier": 0.5, "stem_filters": 32,
    "stem_pool_strides": (2, 2), "block_filters": ((64,), (64,)),
    "head_filters": 128, "head_kernel_width": 9, "global_context": "none",
    "rnn_cells_num": 64, "quantize_per_channel": True,
}  # fmt: skip


@pytest.mark.parametrize("key", sorted({*RecognitionConfig.MODEL_SETTINGS, *OTHER_VALUES}))
def test_another_model_is_refused_by_the_name_of_the_setting(key):
    recorded = RecognitionConfig(alphabet="ABC")
    refuse_other_model(recorded, recorded, "model.ckpt")
    assert key in RecognitionConfig.MODEL_SETTINGS
    with pytest.raises(ConfigError, match=rf"model\.ckpt: .*model: {key}: expected .+, received .+"):
        refuse_other_model(recorded.with_values(**{key: OTHER_VALUES[key]}), recorded, "model.ckpt")


def test_what_is_not_of_the_model_may_differ():
    recorded = RecognitionConfig(alphabet="ABC")
    refuse_other_model(recorded.with_values(model_dir="x", max_lp_length=20, quantization_aware=True), recorded, "x")
    refuse_other_model(
        RecognitionConfig(alphabet=None), recorded, "x"
    )  # built from lists in training: the record knows it


# ---- The record is for people, too ---------------------------------------------------------------------------------


def keys_of(text: str) -> list[str]:
    return [line.partition(":")[0] for line in text.splitlines() if line[:1].isalpha()]


@pytest.mark.parametrize(
    ("model_dir", "readable"),
    [("model 图", True), ("a\u2028b", False), ("a\x85b", False), ("\ufeffa", True), ("a\u2029b", False)],
    ids=ascii,
)
def test_a_record_is_in_the_order_of_the_schema_and_read_back(model_dir, readable):
    config = RecognitionConfig(model_dir=model_dir, alphabet="皖A")
    text = dump_settings(config)
    assert keys_of(text) == list(RecognitionConfig.model_fields)
    assert parse_settings(RecognitionConfig, text, "record") == config
    assert ("皖" in text) is readable  # where YAML can take all characters as they are
    assert not set("\x85\u2028\u2029\ufeff") & set(text)


@pytest.mark.parametrize("length", [89, 90, 91, 300])
def test_a_long_alphabet_is_shortened_in_a_message(length):
    ours = RecognitionConfig(alphabet=[chr(0x4E00 + number) for number in range(length)])
    with pytest.raises(ConfigError) as caught:
        refuse_other_model(RecognitionConfig(alphabet="A"), ours, "x.ckpt")
    shown = str(caught.value).partition("expected ")[2].partition(", received A")[0]
    whole = "".join(ours.alphabet)
    assert shown == (whole if length <= 90 else whole[:87] + "...")


def test_reading_by_patterns_needs_patterns():
    with pytest.raises(ConfigError, match=r"decode\.patterns: expected .* in lpr_patterns, received none; add"):
        load_config(ROOT / "config" / "default.py", ["decode.patterns=True"])
    followed = load_config(ROOT / "config" / "default.py", ["decode.patterns=True", "lpr_patterns=[A-Z]+"])
    assert followed.decode.patterns
    assert followed.lpr_patterns == ("[A-Z]+",)


@pytest.mark.parametrize(
    ("shape", "strides", "blocks", "size"),
    [
        ((24, 94, 3), (1, 1), 2, (4, 88)), ((24, 94, 3), (2, 2), 2, (2, 42)), ((24, 94, 3), (2, 1), 1, (5, 90)),
        ((24, 47, 3), (1, 2), 0, (22, 23)),
    ],
)  # fmt: skip
def test_what_the_pools_leave_of_the_input(shape, strides, blocks, size):
    assert pooled_size(shape, strides, blocks) == size


@pytest.mark.parametrize(
    ("name", "legal", "illegal"),
    [
        ("width_multiplier", ["0.01", "4"], ["0", "4.01", "-1"]),
        ("stem_pool_strides", ["[1,1]", "[2,2]"], ["[0,1]", "[1,3]", "[1]"]),
        ("max_lp_length", ["1"], ["0", "1.5"]),
        ("input_shape", ["[12,24,1]", "[12,24,3]"], ["[11,24,1]", "[12,23,1]", "[12,24,2]", "[12,24,4]", "[12,24]"]),
        ("global_context", ["none", "convolutional"], ["lstm"]),
        ("train.dropout_rate", ["0", "0.99"], ["1", "-0.1"]),
        ("train.generated_share", ["0", "1"], ["-0.01", "1.01"]),
        ("train.repaint_share", ["0", "1"], ["-0.01", "1.01"]),
        ("train.balance_first_character", ["0", "1"], ["-0.01", "1.01"]),
        ("eval.beam_width", ["1"], ["0"]),
        ("eval.generated_plates", ["1"], ["0"]),
        ("infer.batch_size", ["1"], ["0"]),
    ],
)
def test_the_ends_of_the_ranges(name, legal, illegal):
    for value in legal:
        load_config(ROOT / "config" / "default.py", [f"{name}={value}"])
    for value in illegal:
        with pytest.raises(ConfigError, match=f"command line: {name}"):
            load_config(ROOT / "config" / "default.py", [f"{name}={value}"])
