"""Pages, and `explain` by code, name and message."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kerascheck import explain as explain_module
from kerascheck.explain import UnknownTopic, catalogue_names, causes, explain
from kerascheck.pages import TOOL_NAMES, all_pages, folder, known_codes, parse_page, url

TEXT = """# config-drops-argument (KC301)

## What it finds

A class that `drops`
an argument, e.g. this. Then more. And more.

## Example

```python bad
## Not a heading
```

## Sources

None.
"""


def test_a_page_is_read() -> None:
    page = parse_page("config_drops_argument", TEXT)
    assert page is not None
    assert (page.code, page.name, page.stem) == ("KC301", "config-drops-argument", "config_drops_argument")
    assert list(page.sections) == ["What it finds", "Example", "Sources"]
    assert page.summary == "A class that `drops` an argument, e.g. this."
    assert page.url == "https://github.com/kerascheck/kerascheck/blob/main/rules/config_drops_argument.md"


def test_a_file_that_is_no_page() -> None:
    assert parse_page("README", "# The rules\n\n# config-drops-argument (KC301)\n") is None


def test_every_page_has_the_stem_of_its_name_and_the_name_of_the_catalogue() -> None:
    pages = all_pages()
    assert "KC101" in pages
    for code, page in pages.items():
        assert page.stem == page.name.replace("-", "_")
        assert catalogue_names()[code] == page.name
        assert page.summary


def test_the_tool_codes_have_pages_with_the_names_of_the_engine() -> None:
    from kerascheck import engine

    assert dict(TOOL_NAMES) == engine.TOOL_NAMES
    for code, name in TOOL_NAMES.items():
        assert all_pages()[code].name == name
        assert known_codes()[code] == name


def test_the_url_of_a_code_without_a_page() -> None:
    assert url("KC999", "some-rule").endswith("/rules/some_rule.md")


def test_names_and_texts_need_no_parser() -> None:
    code = (
        "import sys; from kerascheck.explain import explain; from kerascheck.pages import known_codes;"
        "explain('KC101'); known_codes(); explain('The filename must end in `.weights.h5`.');"
        "print(sorted(name for name in ('libcst', 'kerascheck.registry', 'dataclasses') if name in sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "[]\n"


def test_the_pages_lie_in_the_checkout() -> None:
    assert folder() == str(Path(__file__).parent.parent / "rules")


def test_explain_by_code_and_name_shows_the_page() -> None:
    page = all_pages()["KC101"]
    for topic in ("KC101", "kc101", " KC101\n", "load-weights-before-build", "load_weights_before_build"):
        assert explain(topic) == f"{page.text.strip()}\n\n{page.url}\n"


def test_a_code_of_the_catalogue_without_a_page_says_so() -> None:
    later = next(code for code in catalogue_names() if code not in all_pages())
    shown = explain(later)
    assert f"{catalogue_names()[later]} ({later})" in shown
    assert "its page comes in a later version" in shown


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        ("KC110x", "no rule is named `KC110x`"),
        ("KC999", "there is no rule KC999"),
        ("KC1011", "there is no rule KC1011; did you mean `KC1"),
        ("hollow-buld", "no rule is named `hollow-buld`; did you mean `hollow-build`?"),
        ("something else entirely happened", "no message of Keras that kerascheck knows is in this text"),
        ("", "no message of Keras that kerascheck knows is in this text"),
    ],
)
def test_what_is_not_known(topic: str, message: str) -> None:
    with pytest.raises(UnknownTopic) as caught:
        explain(topic)
    assert caught.value.args[0].startswith(message)


NOT_BUILT = "You are loading weights into a model that has not yet been built."


def codes_of(text: str) -> list[str]:
    return list(dict.fromkeys(code for cause in causes(text) for code in cause.codes))


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (f"ValueError: {NOT_BUILT} Try building the model first by calling it on some data or by using `build()`.",
         ["KC101", "KC102"]),
        (NOT_BUILT, ["KC101", "KC102"]),  # cut off
        ("ValueError: " + NOT_BUILT.replace(" that", "\n    that") + " Try building the model first by\n calling it on"
         " some data or by using build().", ["KC101", "KC102"]),
        ("ValueError: Layer 'dense_7' expected 0 variables, but received 2 variables during loading. Expected: []",
         ["KC101", "KC102"]),
        ("Layer 'z_mean' expected 2 variables, but received 0 variables during loading. Expected: ['kernel', 'bias']",
         ["KC209", "KC302", "KC104"]),
        ("The filename must end in `.weights.h5`. Received: filepath=/home/me/w.h5", ["KC201"]),
        ("The filename must end in .weights.h5. Received: filepath=w", ["KC201"]),  # a shell ate the backticks
        ("Could not locate function 'mse'. Make sure custom classes are decorated with `@keras...`",
         ["KC305", "KC306", "KC311", "KC206"]),
        ("Could not locate class 'Net'. Make sure custom classes and functions are decorated with",
         ["KC305", "KC306", "KC804"]),
        ("AttributeError: module 'tensorflow' has no attribute 'set_random_seed'", ["KC404"]),
        ("\x1b[1mException encountered when calling Lambda.call().\x1b[0m\n\n\x1b[1mname 'SCALE' is not defined\x1b[0m",
         ["KC309"]),
        ("TypeError: <class 'keras.src.models.functional.Functional'> could not be deserialized properly. Please "
         "ensure that components that are Python object instances (layers, models, etc.) returned by `get_config()` "
         "are explicitly deserialized in the model's `from_config()` method.\n\nconfig={...}\n\nException encountered: "
         "Net.__init__() got an unexpected keyword argument 'trainable'",
         ["KC304", "KC301", "KC305", "KC303", "KC212"]),
        ("UserWarning: `build()` was called on layer 'net', however the layer does not have a `build()` method "
         "implemented and it looks like it has unbuilt state. This will cause the layer to be marked as built, despite "
         "not being actually built, which may cause failures down the line.", ["KC102", "KC103"]),
    ],
)  # fmt: skip
def test_a_pasted_message_gives_its_codes_likeliest_first(text: str, codes: list[str]) -> None:
    assert codes_of(text) == codes


TRACEBACK = """Traceback (most recent call last):
  File "/home/me/serve.py", line 9, in <module>
    model.load_weights("w.weights.h5")
  File "/home/me/.venv/lib/python3.11/site-packages/keras/src/utils/traceback_utils.py", line 122, in error_handler
    raise e.with_traceback(filtered_tb) from None
ValueError: You are loading weights into a model that has not yet been built. Try building the model first by calling it
 on some data or by using `build()`.
"""


def test_a_whole_traceback() -> None:
    assert codes_of(TRACEBACK) == ["KC101", "KC102"]
    shown = explain(TRACEBACK)
    assert "seen on Keras: 3.7.0+" in shown
    assert shown.index("KC101 load-weights-before-build") < shown.index("KC102 hollow-build")
    assert "kerascheck explain KC101" in shown


def test_a_common_exception_in_a_traceback_without_keras_is_not_explained() -> None:
    text = (
        'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\nIndexError: list index out of range\n'
    )
    assert causes(text) == []
    assert codes_of("IndexError: list index out of range") == ["KC209", "KC211", "KC208"]


def test_one_cause_shows_its_page() -> None:
    shown = explain("The filename must end in `.weights.h5`.")
    assert all_pages()["KC201"].text.strip() in shown


def test_a_cause_without_a_page_is_named() -> None:
    later = [code for cause in causes("ModelCheckpoint.__init__() got an unexpected keyword argument 'period'")
             for code in cause.codes]  # fmt: skip
    assert "KC204" in later
    if "KC204" not in all_pages():
        shown = explain("ModelCheckpoint.__init__() got an unexpected keyword argument 'period'")
        assert "KC204 removed-save-argument: its page comes in a later version" in shown


def test_a_harmless_message_says_so() -> None:
    shown = explain("UserWarning: The structure of `inputs` doesn't match the expected structure. Expected: ['x']")
    assert "Harmless." in shown
    assert "no rule is needed" in shown


def test_every_row_is_found_by_its_own_text() -> None:
    rows = explain_module._table()["message"]
    assert len(rows) == 85
    for row in rows:
        for pattern in row["patterns"]:
            text = re.sub("<name>", "thing_1", pattern).replace("<n>", "3").replace("...", "some words between")
            found = [tuple(cause.codes) for cause in causes(text)]
            assert tuple(row["codes"]) in found, pattern


def test_every_code_of_the_table_has_a_name() -> None:
    for row in explain_module._table()["message"]:
        assert set(row["codes"]) <= set(catalogue_names())


def test_a_very_long_text_is_answered_quickly() -> None:
    import time

    started = time.perf_counter()
    causes("Layer 'x' expected " * 40_000)
    assert time.perf_counter() - started < 5
