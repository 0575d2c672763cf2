"""What is said of a wrong setting helps where it is followed; what can be written in two ways is understood."""

from __future__ import annotations

import ast
import codecs
import re
from pathlib import Path

import pytest

from lp_recognition.lists.annotations import read_annotations, write_annotations
from lp_recognition.lists.image_lists import read_csv
from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.settings.loading import save_settings
from lp_recognition.settings.recognition import RecognitionConfig, load_config
from lp_recognition.system.errors import ConfigError
from lp_recognition.system.files import decode_text, expand_home
from lp_recognition.system.options import ScriptParser

ROOT = Path(__file__).resolve().parents[2]


def flat(config: RecognitionConfig | DetectionConfig) -> dict[str, object]:
    """All settings by their full names."""
    found: dict[str, object] = {}
    for name in type(config).model_fields:
        value = getattr(config, name)
        if name in type(config).sections():
            found |= {f"{name}.{key}": getattr(value, key) for key in type(value).model_fields}
        else:
            found[name] = value
    return found


# ---- The reference config ------------------------------------------------------------------------------------------


def written_settings(text: str) -> dict[str, str]:
    """Full name -> its line in a config."""
    found = {}
    for node in ast.parse(text).body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for statement in inside:
            if isinstance(statement, ast.Assign):
                found[prefix + statement.targets[0].id] = text.splitlines()[statement.end_lineno - 1]
    return found


def test_the_reference_config_says_every_setting_and_where_it_is_no_default():
    written = written_settings((ROOT / "config" / "default.py").read_text(encoding="utf-8"))
    default, reference = flat(RecognitionConfig()), flat(load_config(ROOT / "config"))
    assert set(written) == set(default)
    said = {name: line.partition("# without a base: ")[2] for name, line in written.items() if "without a base" in line}
    differing = {name: value for name, value in default.items() if value != reference[name]}
    assert {name: ast.literal_eval(value) for name, value in said.items()} == differing


def test_the_detectors_reference_config_says_every_setting():
    written = written_settings((ROOT / "config" / "lpd" / "default.py").read_text(encoding="utf-8"))
    assert set(written) == set(flat(DetectionConfig()))


# ---- Unknown keys --------------------------------------------------------------------------------------------------

ALL = flat(RecognitionConfig())


def meant(override: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(ROOT / "config", [override])
    message = str(caught.value)
    assert "Known keys" not in message, message
    return re.findall(r"`([\w.]+)`", message.partition("Did you mean")[2])


@pytest.mark.parametrize("name", [name for name in ALL if "." in name])
def test_a_key_of_a_section_without_its_section_is_known(name):
    key = name.partition(".")[2]
    if key in ALL:  # of no section, too: then it is no mistake
        return
    assert name in meant(f"{key}=1")


@pytest.mark.parametrize("name", [name for name in ALL if "." not in name])
@pytest.mark.parametrize("section", ["train", "eval", "infer", "decode"])
def test_a_key_of_no_section_in_one_is_known(name, section):
    if f"{section}.{name}" not in ALL:
        assert name in meant(f"{section}.{name}=1")


@pytest.mark.parametrize(
    ("override", "names"),
    [
        ("batch_size=3", ["train.batch_size", "eval.batch_size", "infer.batch_size"]),
        ("train.beam_width=3", ["eval.beam_width", "infer.beam_width"]),
        ("eval.learning_rate=1", ["train.learning_rate"]),
        ("bacth_size=3", ["train.batch_size", "eval.batch_size", "infer.batch_size"]),
        ("train.bacth_size=3", ["train.batch_size"]),
        ("eval.learning_rte=3", ["train.learning_rate"]),
        ("modeldir=3", ["model_dir"]),
        ("trian.steps=3", ["train"]),
        ("patterns=True", ["decode.patterns"]),
    ],
)
def test_what_an_unknown_key_may_mean(override, names):
    assert meant(override) == names


def test_a_key_that_is_like_none_lists_what_there_is():
    with pytest.raises(ConfigError, match=r"unknown key `zzz`\. Known keys: alphabet, .*, width_multiplier$"):
        load_config(ROOT / "config", ["zzz=1"])


# ---- Values on the command line ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("input_shape=(32,128,1)", (32, 128, 1)),
        ("input_shape=( 32, 128, 1 )", (32, 128, 1)),
        ("input_shape=[32,128,1]", (32, 128, 1)),
        ("stem_pool_strides=(2, 1)", (2, 1)),
        ("block_filters=((96,), (128, 128))", ((96,), (128, 128))),
        ("block_filters=[(96,),(128,)]", ((96,), (128,))),
        ("block_filters=[[96],[128]]", ((96,), (128,))),
        ("train.plate_formats={'cn_blue': 1, 'cz': 3}", {"cn_blue": 1.0, "cz": 3.0}),
        ("train.plate_formats=('cn_blue', 'cz')", ("cn_blue", "cz")),
        ("train.plate_formats=(cn_blue, cz)", ("cn_blue", "cz")),
        ("eval.file_list_path=(a.txt,b.txt)", ("a.txt", "b.txt")),
        ("eval.file_list_path=(a.txt,)", ("a.txt",)),
        ("eval.file_list_path=['a.txt', 'b.txt']", ("a.txt", "b.txt")),
        ("eval.file_list_path=a(1).txt", ("a(1).txt",)),
        ("eval.file_list_path=[a(1).txt,b.txt]", ("a(1).txt", "b.txt")),
        ("eval.file_list_path=2024", ("2024",)),
        ("lpr_patterns=(AB|CD)[0-9]{3}(X)", ("(AB|CD)[0-9]{3}(X)",)),
        ("lpr_patterns=([A-Z]{1,2}|B)", ("([A-Z]{1,2}|B)",)),
        ("lpr_patterns=('[A-Z]{1,2}', 'B')", ("[A-Z]{1,2}", "B")),
        ("lpr_patterns=(A)", ("(A)",)),
        ("lpr_patterns=(5)", ("(5)",)),
        ("model_dir=(a,b)", "(a,b)"),
        ("model_dir=(1, 2)", "(1, 2)"),
        ("train.teacher=no", "no"),
        ("train.clip_norm=None", None),
        ("train.clip_norm=2", 2.0),
        ("alphabet=(A, B)", ("A", "B")),
        ("alphabet=A", ("A",)),
    ],
)
def test_values_as_yaml_and_as_python(override, value):
    assert flat(load_config(ROOT / "config", [override]))[override.partition("=")[0]] == value


# ---- Which file a config is ----------------------------------------------------------------------------------------


def test_a_folder_means_its_default_else_its_record(tmp_path):
    with pytest.raises(ConfigError, match=r"expected default\.py or config\.yaml in this folder, received neither"):
        load_config(tmp_path)
    save_settings(RecognitionConfig(max_lp_length=7), tmp_path / "config.yaml")
    assert load_config(tmp_path).max_lp_length == 7
    (tmp_path / "default.py").write_text("max_lp_length = 8\n")
    assert load_config(tmp_path).max_lp_length == 8


ENCODINGS = {
    "plain": (b"", "utf-8"),
    "utf-8 with a mark": (codecs.BOM_UTF8, "utf-8"),
    "utf-16, little": (codecs.BOM_UTF16_LE, "utf-16-le"),
    "utf-16, big": (codecs.BOM_UTF16_BE, "utf-16-be"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_config_saved_by_any_editor(tmp_path, encoding, newline):
    mark, codec = ENCODINGS[encoding]
    for name, text in {"x.py": "alphabet = '皖A'\nclass train:\n    steps = 3\n", "x.yaml": "alphabet: 皖A\n"}.items():
        (tmp_path / name).write_bytes(mark + text.replace("\n", newline).encode(codec))
        assert load_config(tmp_path / name).alphabet == ("皖", "A")
    (tmp_path / "child.py").write_bytes(mark + f"base = 'x.py'{newline}".encode(codec))
    assert load_config(tmp_path / "child.py").train.steps == 3


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_lists_and_tables_saved_by_any_editor(tmp_path, encoding):
    mark, codec = ENCODINGS[encoding]
    (tmp_path / "list.txt").write_bytes(mark + "a.png 皖A1\r\nb.png 皖A2\r\n".encode(codec))
    assert [row.label for row in read_annotations(tmp_path / "list.txt")[0]] == ["皖A1", "皖A2"]
    (tmp_path / "x.csv").write_bytes(mark + "image_path,plate_text\r\na.png,皖A1\r\n".encode(codec))
    assert read_csv(tmp_path / "x.csv")[0].label == "皖A1"


def test_a_config_in_another_encoding_says_what_to_do(tmp_path):
    (tmp_path / "x.py").write_bytes("alphabet = '皖'".encode("gbk"))
    with pytest.raises(ConfigError, match=r"x\.py: expected UTF-8 text, received byte 12 of .*; save it as UTF-8"):
        load_config(tmp_path / "x.py")
    with pytest.raises(UnicodeDecodeError):
        decode_text(codecs.BOM_UTF16_LE + b"\x00")


# ---- The home folder -----------------------------------------------------------------------------------------------

PATHS = (
    "model_dir", "train.file_list_path", "train.plate_font", "train.plate_extra_fonts", "train.teacher",
    "train.checkpoint", "eval.file_list_path", "eval.checkpoint", "eval.output_dir", "infer.file_list_path",
    "infer.checkpoint", "infer.output_dir",
)  # fmt: skip


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_every_setting_that_is_a_path_is_tested_here():
    assert set(PATHS) == {
        name for name in ALL if re.search("path|dir|font|checkpoint$|teacher$", name) and "need_to" not in name
    }


@pytest.mark.parametrize("name", PATHS)
def test_a_tilde_in_a_path_is_the_home_folder(name, home):
    for override in (f"{name}=~/x", f"{name}=[~/x]") if isinstance(ALL[name], tuple) else (f"{name}=~/x",):
        value = flat(load_config(ROOT / "config", [override]))[name]
        assert value in (f"{home}/x", (f"{home}/x",))


def test_a_tilde_in_a_config_file_is_the_home_folder(home):
    (home / "base.py").write_text("model_dir = '~/model'\n")
    (home / "x.py").write_text("base = '~/base.py'\nclass eval:\n    file_list_path = ('~/a.txt', 'b.txt')\n")
    config = load_config("~/x.py")
    assert (config.model_dir, config.eval.file_list_path) == (f"{home}/model", (f"{home}/a.txt", "b.txt"))


@pytest.mark.parametrize(
    ("path", "expanded"),
    [
        ("~/a", "{home}/a"), ("~", "{home}"), ("~x/a", "~x/a"), ("a/~/b", "a/~/b"), ("", ""), ("~$a.txt", "~$a.txt"),
        ("/~/a", "/~/a"),
    ],
)  # fmt: skip
def test_what_a_tilde_stands_for(path, expanded, home):
    assert expand_home(path) == expanded.format(home=home)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["c", "--output", "~/x"], ("c", [], "{home}/x")),
        (["c", "--output=~/x"], ("c", [], "{home}/x")),
        (["~/c", "model_dir=~/m", "--output", "x"], ("{home}/c", ["model_dir={home}/m"], "x")),
        (["c", "train.plate_font=~", "--output", "a=b~/c"], ("c", ["train.plate_font=~"], "a=b~/c")),
        (["c", "a b=~/x"], ("c", ["a b=~/x"], None)),
    ],
)
@pytest.mark.parametrize("method", ["parse_args", "parse_intermixed_args"])
def test_a_tilde_in_every_argument(arguments, expected, method, home):
    parser = ScriptParser("")
    parser.add_argument("config")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--output")
    found = getattr(parser, method)(arguments)
    config, overrides, output = expected
    overrides = [override.format(home=home) for override in overrides]
    assert (found.config, found.overrides) == (config.format(home=home), overrides)
    assert found.output == (output and output.format(home=home))


def test_a_tilde_in_a_list_is_the_home_folder(home, tmp_path):
    (tmp_path / "list.txt").write_text("~/a b.png A1\nc~/d.png A2\n~e.png A3\n")
    paths = [row.path for row in read_annotations(tmp_path / "list.txt")[0]]
    assert paths == [home / "a b.png", tmp_path / "c~" / "d.png", tmp_path / "~e.png"]
    (tmp_path / "x.csv").write_text("image_path,plate_text\n~/a.png,A1\n")
    assert read_csv(tmp_path / "x.csv")[0].path == home / "a.png"


def test_a_folder_called_tilde_is_found_again(home, tmp_path):
    write_annotations(tmp_path / "list.txt", [("~/a.png", "A1")])
    assert [row.path for row in read_annotations(tmp_path / "list.txt")[0]] == [tmp_path / "~" / "a.png"]
