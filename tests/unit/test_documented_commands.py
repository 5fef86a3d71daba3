"""Every command that a page or a hint shows is one that the program takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from adapter.cli.app import application
from tests.lib.documented import PAGES, Shown, of_python, shown
from tests.lib.needs import ROOT

VERB = re.compile(r"[a-z][a-z-]+")
EVERYWHERE = {"--help", "-h"}


def known() -> dict[str, set[str]]:
    """The options of each verb."""
    group: Any = get_command(application())
    return {
        name: {option for each in verb.params for option in (*each.opts, *each.secondary_opts)}
        for name, verb in group.commands.items()
    }


KNOWN = known()


def wrong(command: Shown) -> Iterator[str]:
    """What of a command the program does not take."""
    verb, *words = command.words
    if verb.startswith("-") or not VERB.fullmatch(verb):
        return  # raiway --version; raiway …, raiway VERB
    if verb not in KNOWN:
        yield f"no verb {verb}"
        return
    for word in words:
        option = word.partition("=")[0]
        if re.fullmatch(r"--?[a-z][a-z-]*", option) and option not in KNOWN[verb] | EVERYWHERE:
            yield f"{verb} has no option {option}"


def complaints(commands: Iterator[Shown]) -> list[str]:
    return [f"{command}: {what}" for command in commands for what in wrong(command)]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_commands_that_there_are(page: str):
    assert complaints(shown(page)) == []


def test_the_examples_of_the_help_are_right():
    examples = [
        each for file in (ROOT / "adapter" / "cli").glob("*.py") for each in of_python(file)
    ]
    assert {each.words[0] for each in examples} >= set(KNOWN)
    assert complaints(iter(examples)) == []


def test_pages_show_most_of_the_program():
    found = {each.words[0] for page in PAGES for each in shown(page)}
    assert len(found & set(KNOWN)) > 15


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("evaluate", "--measur", "x"), "evaluate has no option --measur"),
        (("evaluat",), "no verb evaluat"),
        (("users", "add", "anna", "--patient-leve"), "users has no option --patient-leve"),
    ],
)
def test_a_wrong_command_is_found(words: tuple[str, ...], what: str):
    assert list(wrong(Shown("here", words))) == [what]
