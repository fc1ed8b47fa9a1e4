"""KC205 names a folder as the program writes it."""

import pytest

from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ('"./savedmodel/"', "./savedmodel/"),
        ("FOLDER", "gen/"),
        ('f"runs/{run}/"', 'f"runs/{run}/"'),
        ('"savedmodel"', "savedmodel"),
        ('"nets/first.pb"', ".pb"),
    ],
)
def test_a_folder_has_the_name_that_is_written(given: str, shown: str) -> None:
    text = f'from keras.models import load_model\n\nFOLDER = "gen/"\n\n\ndef read(run):\n    return load_model({given})'
    project = Project(ProjectReader(), default_target())
    options = Options(frozenset({"KC205"}), default_target())
    (found,) = check(SourceText(text), "read.py", options, project).findings
    assert found.message.endswith(f"nothing named `{shown}`")
