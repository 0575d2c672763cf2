"""Lists the tools beside the workflow. Each is run by its name, and its --help tells of its options.

example:
  python -m lp_recognition.tools.check_annotations --help

tools:
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from lp_recognition.system.errors import UserError, did_you_mean, run_script
from lp_recognition.system.options import ScriptParser


def main(argv: Sequence[str] | None = None) -> int:
    """Lists the tools."""
    tools = dict(_tools())
    width = max(map(len, tools)) + 2
    listed = f"{__doc__}" + "".join(f"  {name:{width}}{about}\n" for name, about in tools.items())
    parser = ScriptParser(listed)
    parser.add_argument("name", nargs="?", help="none: a tool is named behind a dot, not a space")
    name = parser.parse_args(argv).name
    if name is not None:
        hint = f"python -m lp_recognition.tools.{name}" if name in tools else did_you_mean(name, tools).strip()
        raise UserError(f"lp_recognition.tools: expected a tool behind a dot, received ` {name}`; {hint}".rstrip("; "))
    print(listed, end="")
    return 0


def _tools() -> Iterator[tuple[str, str]]:
    """The name of each module that is a command, and the first line of what it says of itself; none is imported."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        if "main" in names and path.stem != "__main__":
            yield path.stem, (ast.get_docstring(tree) or "").partition("\n")[0]


if __name__ == "__main__":
    run_script(main)
