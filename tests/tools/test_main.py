"""`python -m lp_recognition.tools`, which lists the tools."""

from __future__ import annotations

import pytest
from tiny_models import ROOT, run_python

from lp_recognition.system.errors import UserError
from lp_recognition.tools.__main__ import main


def test_without_a_name_the_tools_are_listed_a_line_each(capsys):
    assert main([]) == 0
    lines = capsys.readouterr().out.partition("tools:\n")[2].splitlines()
    named = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}
    twins = {path.stem for path in (ROOT / "utils").rglob("*.py")} - {"demo", "convert_annotations"}
    assert twins <= set(named)
    assert not {"arguments", "printing", "models", "__main__"} & set(named)  # no commands
    assert named["split_annotations"].startswith("Splits a list into train.txt")
    assert all(about.endswith(".") for about in named.values())


def test_it_runs_where_it_is_installed_and_imports_nothing_heavy():
    result = run_python("-X", "importtime", "-m", "lp_recognition.tools")
    assert result.returncode == 0
    assert "  read " in result.stdout
    assert not {"numpy", "cv2", "keras"} & {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}


def test_a_name_behind_a_space_is_told_where_it_belongs():
    with pytest.raises(UserError, match=r"behind a dot, received ` read`; python -m lp_recognition\.tools\.read$"):
        main(["read"])
    with pytest.raises(UserError, match=r"received ` export`; Did you mean `export_c`\?$"):
        main(["export"])
