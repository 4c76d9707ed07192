"""Run the examples of the README, the guides and the docstrings as tests."""

from __future__ import annotations

from doctest import ELLIPSIS

from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.parsers.rest import DocTestParser

guides = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=ELLIPSIS)],
    patterns=["README.md", "docs/*.md"],
)
docstrings = Sybil(
    parsers=[DocTestParser(optionflags=ELLIPSIS)],
    patterns=["src/crmvalue/**/*.py", "src/crmvalue/*.py"],
    document_types={".py": PythonDocStringDocument},
)
pytest_collect_file = (guides + docstrings).pytest()
