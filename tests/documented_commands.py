"""The commands that the documents and docstrings show, found by reading them."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

#: What a shown command begins with.
_PROGRAM = r"(?:[A-Z_]+=\S+ )?(?:python3?|alpr|make|pip|conda|source|tensorboard|tflite_convert|mv|\.venv/bin/\S+)"
_VARIABLE = re.compile(r'^\s+([A-Z]+)="(.*)"$', re.MULTILINE)


@dataclass(frozen=True)
class Shown:
    """A command as it is shown.

    Attributes:
        text: The line, without its prompt, comment and line breaks.
        words: Its words, variables of the document expanded.
        place: The file that shows it, in the repository.
    """

    text: str
    words: tuple[str, ...]
    place: str


def shown_commands(root: Path) -> list[Shown]:
    """All commands of the documents and of the docstrings, each once, in the order of their files."""
    documents = [
        path for where in ("*.md", "docs/*.md", "*/README.md", "pretrained/*/*.md") for path in root.glob(where)
    ]
    sources = [path for where in ("*.py", "config/*.py", "benchmarks/*.py") for path in root.glob(where)]
    sources += [*root.glob("utils/**/*.py"), *root.glob("lp_recognition/**/*.py")]
    texts = {path: path.read_text(encoding="utf-8") for path in (*sorted(documents), *sorted(sources))}
    # A card may refer to the variables of another.
    variables = {name: value for text in texts.values() for name, value in _VARIABLE.findall(text)}
    found: dict[str, Shown] = {}
    for path, text in texts.items():
        if path.suffix == ".md":
            lines = in_document(text)
        else:
            lines = [line for docstring in _docstrings(text) for line in in_docstring(docstring)]
        for line in lines:
            words = _words(line, {**variables, **dict(_VARIABLE.findall(text))})
            found.setdefault(line, Shown(line, words, str(path.relative_to(root))))
    return list(found.values())


def in_document(text: str) -> list[str]:
    """Commands of a Markdown text: in fenced and indented blocks, and between backticks."""
    found, fenced = [], False
    for line in re.sub(r"\s*\\\n\s*", " ", text).split("\n"):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            found += _command(line)
        else:
            found += re.findall(rf"`({_PROGRAM} [^`]*)`", line)
    return found


def in_docstring(text: str) -> list[str]:
    """Commands of a docstring, on lines of their own."""
    return [command for line in re.sub(r"\s*\\\n\s*", " ", text).split("\n") for command in _command(line)]


def _command(line: str) -> list[str]:
    shown = re.match(rf"\s+(?:\$ )?({_PROGRAM} .*)|(?:\$ )?({_PROGRAM} .*)", line)
    return [re.split(r"\s{2,}|\s+#", shown[1] or shown[2])[0].strip()] if shown else []


def _docstrings(source: str) -> list[str]:
    documented = (ast.Module, ast.FunctionDef, ast.ClassDef)
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, documented))
    return [docstring for node in nodes if (docstring := ast.get_docstring(node, clean=False))]


def _words(line: str, variables: dict[str, str]) -> tuple[str, ...]:
    words: list[str] = []
    for word in shlex.split(line):
        words += variables[word[1:]].split() if word[:1] == "$" and word[1:] in variables else [word]
    return tuple(words)
