"""Settings: the schema, and how a config is loaded, overridden and recorded.

People write `config/xxx.py`, plain Python holding values and the sections `class decode:`, `class train:`,
`class eval:` and `class infer:`; `base = "default.py"` names the file it builds on. The schema below is closed: an
unknown key is an error. Each run records its resolved settings as `config.yaml`, and every script takes that file in
place of the `.py`.
"""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeGuard, get_args

import pydantic
import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lp_recognition.errors import ConfigError, did_you_mean, summarize
from lp_recognition.files import write_text
from lp_recognition.image import Preprocessing
from lp_recognition.vocabulary import Vocabulary, split_symbols

PositiveInt = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Stride = tuple[Literal[1, 2], Literal[1, 2]]


def _listed(value: Any) -> Any:
    """One path or name stands for a list of one."""
    return (value,) if isinstance(value, str) else value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DecodeConfig(_Section):
    """How texts are read from logits, by the scripts that measure and read."""

    patterns: bool = False


class TrainConfig(_Section):
    """Settings of `train_lpr.py`."""

    # Data
    file_list_path: tuple[str, ...] = ()
    skip_bad_rows: bool = False
    generated_share: Fraction = 0.0
    plate_formats: tuple[str, ...] | dict[str, float] = ("cn_blue",)
    plate_font: str | None = None
    plate_extra_fonts: tuple[str, ...] = ()
    plate_without: tuple[str, ...] = ()
    balance_first_character: Fraction = 0.0
    repaint_share: Fraction = 0.0
    apply_basic_aug: bool = True
    apply_stn_aug: bool = True
    apply_blur_aug: bool = True
    workers: Annotated[int, Field(ge=0, le=64)] = 1
    # Optimization
    batch_size: PositiveInt = 64
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    steps: PositiveInt = 20000
    learning_rate: Annotated[float, Field(gt=0)] = 0.001
    learning_rate_schedule: Literal["cosine", "steps", "constant"] = "cosine"
    learning_rate_warmup_steps: Annotated[int, Field(ge=0)] = 500
    learning_rate_decay_steps: PositiveInt = 5000
    learning_rate_decay_factor: Annotated[float, Field(gt=0, le=1)] = 0.5
    opt_type: Literal["Adam", "AdamW", "SGD", "RMSprop"] = "AdamW"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0001
    clip_norm: Annotated[float, Field(gt=0)] | None = 5.0
    grad_noise_scale: Annotated[float, Field(ge=0)] = 0.0
    dropout_rate: Annotated[float, Field(ge=0, lt=1)] = 0.5
    teacher: str = ""
    teacher_share: Fraction = 0.5
    quantization_delay: Annotated[int, Field(ge=0)] = 15000
    random_seed: Annotated[int, Field(ge=0, lt=2**31)] = 666
    # Records
    checkpoint: str = ""
    save_checkpoints_steps: PositiveInt = 1000
    checkpoints_to_keep: PositiveInt = 3
    display_iter: PositiveInt = 50
    need_to_save_weights: bool = True
    need_to_save_log: bool = True

    _lists = field_validator("file_list_path", "plate_formats", "plate_extra_fonts", "plate_without", mode="before")(
        _listed
    )

    @property
    def draws(self) -> bool:
        """Whether any character of a training batch is drawn."""
        return self.generated_share > 0 or (self.repaint_share > 0 and bool(self.file_list_path))


class EvalConfig(_Section):
    """Settings of `eval_lpr.py`, and of the evaluation beside a training."""

    file_list_path: tuple[str, ...] = ()
    skip_bad_rows: bool = False
    generated_plates: PositiveInt = 1000
    batch_size: PositiveInt = 64
    beam_width: PositiveInt = 1
    checkpoint: str = ""
    output_dir: str = ""

    _lists = field_validator("file_list_path", mode="before")(_listed)


class InferConfig(_Section):
    """Settings of `test_lpr.py`."""

    file_list_path: tuple[str, ...] = ()
    batch_size: PositiveInt = 64
    beam_width: PositiveInt = 1
    checkpoint: str = ""
    output_dir: str = "out"

    _lists = field_validator("file_list_path", mode="before")(_listed)


class Config(_Section):
    """All settings of a run; `config/default.py` explains each."""

    model_dir: str = "model"
    # What the network reads
    input_shape: tuple[PositiveInt, PositiveInt, PositiveInt] = (24, 94, 3)
    symmetric_range: bool = True
    convert_to_gray: bool = False
    alphabet: str | tuple[str, ...] | None = None
    use_h_concat: bool = False
    use_oi_concat: bool = False
    max_lp_length: PositiveInt = 10
    lpr_patterns: tuple[str, ...] = ()
    # The network
    width_multiplier: Annotated[float, Field(gt=0, le=4)] = 1.0
    stem_filters: PositiveInt = 64
    stem_pool_strides: Stride = (1, 1)
    block_filters: tuple[tuple[PositiveInt, ...], ...] = ((128,), (256, 256))
    head_filters: PositiveInt = 256
    head_kernel_width: PositiveInt = 13
    global_context: Literal["fully_connected", "convolutional", "none"] = "fully_connected"
    rnn_cells_num: PositiveInt = 128
    # Quantization
    quantization_aware: bool = False
    quantize_per_channel: bool = False

    decode: DecodeConfig = DecodeConfig()
    train: TrainConfig = TrainConfig()
    eval: EvalConfig = EvalConfig()
    infer: InferConfig = InferConfig()

    @field_validator("input_shape")
    @classmethod
    def _legal_shape(cls, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        if shape[2] not in (1, 3):
            raise ValueError(f"expected 1 or 3 channels, received {shape[2]}")
        if shape[0] < 12 or shape[1] < 24:
            raise ValueError(f"expected at least 12 x 24 pixels, received {shape[0]} x {shape[1]}")
        return shape

    @field_validator("alphabet", "lpr_patterns", mode="before")
    @classmethod
    def _alphabet_of_one(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        if isinstance(value, str):
            return tuple(split_symbols(value)) if info.field_name == "alphabet" else (value,)
        return value

    @field_validator("lpr_patterns")
    @classmethod
    def _legal_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"expected a regular expression, received {pattern!r} ({error})") from None
        return patterns

    @model_validator(mode="after")
    def _check_together(self) -> Config:
        if self.alphabet is not None:
            try:
                self.vocabulary()
            except ConfigError as error:  # as a ValueError it gets the name of the file
                raise ValueError(str(error)) from None
        if self.decode.patterns and not self.lpr_patterns:
            raise ValueError(
                "decode.patterns: expected regular expressions of legal plates in lpr_patterns, received none; add "
                "lpr_patterns=..."
            )
        return self

    @property
    def preprocessing(self) -> Preprocessing:
        """How a crop becomes this network's input."""
        return Preprocessing(self.input_shape, self.symmetric_range, self.convert_to_gray)

    def vocabulary(self, labels: Sequence[str] = ()) -> Vocabulary:
        """The classes: of the stated alphabet, or of `labels` where none is stated."""
        merging = {"use_h_concat": self.use_h_concat, "use_oi_concat": self.use_oi_concat}
        try:
            if self.alphabet is not None:
                return Vocabulary(tuple(self.alphabet), **merging)
            return Vocabulary.from_labels(labels, **merging)
        except Exception as error:
            raise ConfigError(str(error)) from None

    def with_values(self, **values: Any) -> Config:
        """A copy with other values of top-level settings, checked again."""
        return _validate(self.model_dump() | values, "config")


_SECTIONS: dict[str, type[_Section]] = {
    "decode": DecodeConfig, "train": TrainConfig, "eval": EvalConfig, "infer": InferConfig,
}  # fmt: skip

#: The settings that make the network and what it reads: a checkpoint fits a config only where these agree.
MODEL_SETTINGS = (
    "input_shape", "symmetric_range", "convert_to_gray", "alphabet", "use_h_concat", "use_oi_concat",
    "width_multiplier", "stem_filters", "stem_pool_strides", "block_filters", "head_filters", "head_kernel_width",
    "global_context", "rnn_cells_num", "quantize_per_channel",
)  # fmt: skip


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Loads a config and applies overrides.

    Args:
        path: A `.py` config, a folder (its `default.py`), or a recorded `config.yaml`. A `.py` file is executed: name
            only files you trust. YAML is read as data.
        overrides: `key=value` or `section.key=value`; values are read as YAML, so `eval.file_list_path=[a.txt,b.txt]`
            is a list.

    Raises:
        ConfigError: a missing file, an unknown key, a wrong type or value, a duplicate override.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "default.py"
    values = _read_yaml(path) if path.suffix in (".yaml", ".yml") else _read_python(path)
    config = _validate(values, str(path))
    if not overrides:
        return config
    changes = _parse_overrides(overrides)
    return _validate(_merge(config.model_dump(), changes), "command line")


def parse_config(text: str, name: str) -> Config:
    """Reads a config recorded as YAML text; `name` is for messages."""
    try:
        values = _load_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or _one_line(error)
        raise ConfigError(f"{place}: expected YAML, received: {problem}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{name}: expected settings, received {type(values).__name__}")
    return _validate(values, name)


def dump_config(config: Config) -> str:
    """Writes a config as YAML text that `parse_config` reads back."""
    values = config.model_dump(mode="json")
    text = yaml.safe_dump(values, allow_unicode=True, sort_keys=False, width=120)
    if any(character in text for character in "\x85\u2028\u2029\ufeff"):  # PyYAML would read them as ends of lines
        return yaml.safe_dump(values, sort_keys=False, width=120)
    return text


def save_config(config: Config, path: str | Path) -> None:
    """Records a config as YAML."""
    write_text(path, dump_config(config))


def refuse_other_model(config: Config, recorded: Config, source: str) -> None:
    """Checks that a config describes the same model as a recorded one.

    Raises:
        ConfigError: by name, each setting of the model that differs.
    """
    differences = []
    for key in MODEL_SETTINGS:
        ours, theirs = getattr(config, key), getattr(recorded, key)
        if key == "alphabet" and ours is None:  # built from lists in training: the record knows
            continue
        if ours != theirs:
            differences.append(f"{key}: expected {_shown(theirs)}, received {_shown(ours)}")
    if differences:
        raise ConfigError(f"{source}: was made with other settings of the model: {summarize(differences)}")


class _YamlLoader(yaml.SafeLoader):
    """Reads data alone, refuses a key that stands twice, and takes a date for the text it is."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As in YAML, but each key once."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"the key `{key.value}` twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _load_yaml(text: str) -> Any:
    try:
        return yaml.load(text, _YamlLoader)
    except (ValueError, RecursionError) as error:  # `!!int x`, or brackets without end
        raise yaml.YAMLError(_one_line(error)) from None


def _shown(value: Any) -> str:
    text = "".join(value) if isinstance(value, tuple) and all(isinstance(v, str) for v in value) else repr(value)
    return text if len(text) <= 90 else f"{text[:87]}..."


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _read_yaml(path: Path) -> dict[str, Any]:
    return parse_config(_read_text(path), str(path)).model_dump()


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: expected a config, received no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {_one_line(error)}") from None


def _read_python(path: Path, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Runs a config file and collects its values, on top of those of its `base`."""
    if path.suffix != ".py":
        raise ConfigError(f"{path}: expected a .py or .yaml config, or a folder with default.py")
    if path.resolve() in seen:
        raise ConfigError(f"{path}: expected a base that ends somewhere, received a circle of `base =`")
    text = _read_text(path)
    names: dict[str, Any] = {"__name__": "config", "__file__": str(path)}
    try:
        tree = ast.parse(text, str(path))
        _refuse_duplicates(tree, path)
        exec(compile(tree, str(path), "exec"), names)
    except ConfigError:
        raise
    except Exception as error:
        line = _line_of(error, path)
        message = error.msg if isinstance(error, SyntaxError) else error
        raise ConfigError(f"{path}{line}: expected a config, received {type(error).__name__}: {message}") from None
    values: dict[str, Any] = {}
    for key, value in names.items():
        if key.startswith("_") or isinstance(value, types.ModuleType):
            continue
        if isinstance(value, type):
            value = {name: item for name, item in vars(value).items() if not name.startswith("_")}
        values[key] = value
    base = values.pop("base", None)
    if base is not None:
        if not isinstance(base, str):
            raise ConfigError(f"{path}: base: expected the name of a config file, received {base!r}")
        values = _merge(_read_python(path.parent / base, (*seen, path.resolve())), values)
    _validate(values, str(path))  # file by file, so that a mistake names the one where it stands
    return values


def _refuse_duplicates(scope: ast.Module | ast.ClassDef, path: Path) -> None:
    """Raises where a config sets the same name twice in one scope: one of the two would silently be lost."""
    lines: dict[str, int] = {}
    for statement in scope.body:
        names = []
        if isinstance(statement, ast.ClassDef):
            _refuse_duplicates(statement, path)
            names = [statement.name]
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names = [node.id for target in targets for node in ast.walk(target) if _is_assigned(node)]
        for name in names:
            if name in lines:
                place = f"{path}:{statement.lineno}"
                raise ConfigError(f"{place}: expected `{name}` once, received it again (first in line {lines[name]})")
            lines[name] = statement.lineno


def _is_assigned(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _line_of(error: Exception, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f":{error.lineno}"
    trace, line = error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = f":{trace.tb_lineno}"
        trace = trace.tb_next
    return line


def _merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        inherited = merged.get(key)
        if key in _SECTIONS and isinstance(inherited, Mapping) and isinstance(value, Mapping):
            merged[key] = {**inherited, **value}
        else:
            merged[key] = value
    return merged


def _parse_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for override in overrides:
        name, equals, text = override.partition("=")
        section, dot, key = name.partition(".")
        if not equals or not section or (dot and not key):
            raise ConfigError(f"command line: expected section.key=value, received `{override}`")
        target = changes.setdefault(section, {}) if dot else changes
        if not isinstance(target, dict) or (key or section) in target:
            raise ConfigError(f"command line: expected `{name}` once, received it twice")
        try:
            # A path or pattern may be no YAML at all ('%d.txt', '[A-Z]+'): then it is the text as it stands.
            value = _load_yaml(text)
        except yaml.constructor.ConstructorError as error:
            raise ConfigError(f"command line: {name}: expected a value, received {error.problem}") from None
        except yaml.YAMLError:
            value = text
        if isinstance(value, str) or value is None:
            value = _number_or_text(text)
        elif not isinstance(value, list) and _takes_text(section, key):
            value = text  # a folder may be called 2024, or no
        target[key or section] = value
    return changes


def _takes_text(section: str, key: str) -> bool:
    """Whether a setting is a text (or a list of them, or None)."""
    model = _SECTIONS.get(section, Config) if key else Config
    field = model.model_fields.get(key or section)
    return field is not None and str in (field.annotation, *get_args(field.annotation))


def _number_or_text(text: str) -> Any:
    """YAML 1.1 takes `1e-3` for text; people mean a number. `null` alone is None."""
    if text in ("null", "None", "~"):
        return None
    if re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", text):
        return float(text)
    return text


def _validate(values: Mapping[str, Any], source: str) -> Config:
    try:
        return Config.model_validate(values)
    except pydantic.ValidationError as error:
        problems = [_describe(problem) for problem in error.errors()]
        raise ConfigError(f"{source}: {summarize(problems)}") from None


def _describe(problem: Any) -> str:
    location = problem["loc"]
    depth = 2 if location and location[0] in _SECTIONS else 1
    # Behind the setting stand places in a list, and names of types that say nothing to the user.
    name = ".".join(str(part) for i, part in enumerate(location) if i < depth or isinstance(part, int))
    if problem["type"] == "extra_forbidden":
        model = _SECTIONS[location[0]] if depth == 2 else Config
        prefix = f"{location[0]}." if depth == 2 else ""
        choices = [prefix + key for key in model.model_fields]
        hint = did_you_mean(name, choices) or f" Known keys: {', '.join(sorted(choices))}"
        return f"unknown key `{name}`.{hint}"
    if problem["type"] == "value_error":
        message = str(problem["ctx"]["error"])
        return f"{name}: {message}" if name else message
    received = problem["input"]
    if problem["type"] == "missing":
        return f"{name}: expected a value, received none in {received!r}"
    if problem["type"] == "model_type":
        return f"{name}: expected a section, received {received!r} ({type(received).__name__})"
    expected = problem["msg"].removeprefix("Input should be ")
    return f"{name}: expected {expected}, received {received!r} ({type(received).__name__})"
