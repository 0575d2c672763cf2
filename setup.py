"""Puts the shipped models into the package that `pip install .` makes; all else is said in pyproject.toml.

`pretrained/` stands at the top of the repository, where setuptools finds no package data. Checkpoints stay out: a
board reads the `.tflite` files, and training needs a clone in any case.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithModels(build_py):
    """Copies pretrained/<name>/ to lp_recognition/pretrained_models/<name>/; an editable install reads it in place."""

    def run(self) -> None:
        """Builds the package, then adds the models."""
        if getattr(self, "editable_mode", False):
            super().run()
            return
        # A build in this folder starts from the files of the one before, whose modules may be gone.
        shutil.rmtree(Path(self.build_lib, "lp_recognition"), ignore_errors=True)
        super().run()
        for path in sorted(Path("pretrained").glob("*/*")):
            if path.suffix != ".ckpt":
                target = Path(self.build_lib, "lp_recognition", "pretrained_models", path.parent.name, path.name)
                self.mkpath(str(target.parent))
                self.copy_file(str(path), str(target))


setup(cmdclass={"build_py": BuildWithModels})
