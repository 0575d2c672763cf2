"""Puts the shipped models into the package that `pip install .` makes; all else is said in pyproject.toml.

`pretrained/` stands at the top of the repository, where setuptools finds no package data. Checkpoints stay out: a
board reads the `.tflite` files, and training needs a clone in any case.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithModels(build_py):
    """Copies pretrained/<name>/ to lp_recognition/pretrained_models/<name>/; an editable install reads it in place."""

    def run(self) -> None:
        """Builds the package, then adds the models."""
        super().run()
        if getattr(self, "editable_mode", False):
            return
        for path in sorted(Path("pretrained").glob("*/*")):
            if path.suffix != ".ckpt":
                target = Path(self.build_lib, "lp_recognition", "pretrained_models", path.parent.name, path.name)
                self.mkpath(str(target.parent))
                self.copy_file(str(path), str(target))


setup(cmdclass={"build_py": BuildWithModels})
