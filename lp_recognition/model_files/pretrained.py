"""The models that ship with the project, by name.

A model's folder holds `<name>_int8.tflite` (TFLite-Micro, boards, desks), `<name>_uint8.tflite` (GAP8), the checkpoint
that both were made of, its `config.yaml` and a model card. In a clone the folders lie in `pretrained/`; an installed
package carries them, all but the checkpoints, inside (`setup.py` puts them there).
"""

from __future__ import annotations

from pathlib import Path

from lp_recognition.system.errors import ModelError, did_you_mean

#: What plates are read with where no model is named.
DEFAULT_MODEL = "lprnet_mcu_cn"
#: What plates are found with on photographs where nothing is named, and read with: the surest is believed.
DEFAULT_DETECTOR = "lpdnet"
#: What looks at each plate again, from near; and the word for nothing.
DEFAULT_CORNERS, NO_CORNERS = "lpdnet_corners", "off"
DEFAULT_READERS = ("lprnet_mcu_cn", "lprnet_mcu_latin")

_PACKAGE = Path(__file__).parent.parent
_PLACES = (_PACKAGE.parent / "pretrained", _PACKAGE / "pretrained_models")


def named_corners(word: str) -> str | None:
    """What looks at each plate again, by the word that a user gave; None where nothing does."""
    return None if word == NO_CORNERS else word


def shipped_models(task: str | None = None) -> dict[str, Path]:
    """The files that ship, by name: `<name>` for the int8 file of a model, `<name>_uint8` for its other one.

    Args:
        task: Only those for this task, as `detection`; None for all.
    """
    from lp_recognition.model_files.description import task_of

    folders: dict[str, Path] = {}
    for place in _PLACES:
        for folder in sorted(place.iterdir()) if place.is_dir() else ():
            folders.setdefault(folder.name, folder)
    files = {}
    for name, folder in sorted(folders.items()):
        for shown, file in ((name, f"{name}_int8.tflite"), (f"{name}_uint8", f"{name}_uint8.tflite")):
            if (folder / file).is_file() and (task is None or task == task_of(folder / file)):
                files[shown] = folder / file
    return files


def of_precision(model: str, precision: str, folder: str | Path) -> str:
    """The file of a model that computes with another precision, as `export_frozen_graph.py` makes it.

    Args:
        model: A file, beside which the other one lies where its name ends in `_int8` or `_uint8`, and which else is
            what is meant; or the name of a shipped model.
        precision: `float32` or `float16`; with `int8` the model is what it was.
        folder: Where files of shipped models lie, of `lpdnet` `lpdnet/graph_float16.tflite`.

    Raises:
        ModelError: there is no such file.
    """
    if precision == "int8":
        return model
    kind = {"float32": "float"}.get(precision, precision)
    path, command = Path(folder, model, f"graph_{kind}.tflite"), ""
    if is_name(model):
        config = f"pretrained/{model}/config.yaml --checkpoint pretrained/{model}/{model}.ckpt"
        command = f"; python export_frozen_graph.py {config} --output_dir {path.parent} --tflite {kind}"
    else:
        stem, _, of = Path(model).stem.rpartition("_")
        path = Path(model).with_name(f"{stem}_{kind}.tflite") if of in ("int8", "uint8") else Path(model)
    if not path.is_file():
        raise ModelError(f"{path}: expected the {precision} file of {model}, received none{command}")
    return str(path)


def is_name(model: str | Path) -> bool:
    """Whether a word can only be the name of a shipped model: there is no such file, nor does it look like one."""
    path = Path(model)
    return path.name == str(model) and not path.suffix and not path.is_file()


def find_model(model: str | Path, task: str | None = None, *, other: str = "a file") -> Path:
    """The file of a shipped model, or the path of any other.

    Args:
        model: `<name>` or `<name>_int8` for the int8 file of a shipped model, `<name>_uint8` for the one for GAP8; or
            a path. A file that exists wins over a name.
        task: What it is looked for, as `detection`: only such are proposed where there is no model of that name.
        other: What may be named instead of a shipped model, for messages.

    Returns:
        The path as it was given, wherever it ends in a suffix, names a folder or is a file; else that of the shipped
        file.

    Raises:
        ModelError: a name that no shipped model has; the message lists those there are.
    """
    if not is_name(model):
        return Path(model)
    found = shipped_models().get(str(model).removesuffix("_int8"))
    if found is None:
        files = shipped_models(task)
        there = f"shipped are {', '.join(files)}" if files else "this copy ships none: its pretrained/ holds no model"
        raise ModelError(
            f"{model}: expected {other} or the name of a shipped model, received neither; {there}."
            f"{did_you_mean(str(model), files)}"
        )
    return found
