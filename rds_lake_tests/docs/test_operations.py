"""docs/operations.md names every mail, incident, alarm and check that there is, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from rds_lake.infra.template.build import build_template
from rds_lake.stages.runs import notify
from rds_lake_tests import house
from rds_lake_tests.docs import assets_page
from rds_lake_tests.infra.policy.lakes import LAKES, SECRET, TOPIC, lake, rds

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
# What each function that makes a mail says in its subject.
_MAILS = {
    "render_incident": "… failed",
    "render_held": "… waits to be published",
    "render_over": None,  # in the words of the incident that ended
}


def listed(part: str) -> set[str]:
    """The names in the first column of a part of the page."""
    text = PAGE.read_text(encoding="utf-8").split(f"<!-- {part}: begin -->")[1].split(f"<!-- {part}: end -->")[0]
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_every_mail_is_on_the_page() -> None:
    makers = {name for name in vars(notify) if name.startswith("render_")}
    assert makers == set(_MAILS), "a mail that is new: put it on the page"
    test = notify.TEST.subject.removeprefix("[rds-lake] ")
    assert listed("mails") == {*(words for words in _MAILS.values() if words), test, *_words_of_failures()}


def _words_of_failures() -> Iterator[str]:
    """What a failed run is called that is none of the lake's failures."""
    tree = ast.parse((house.PACKAGE / "defs" / "failures.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "metadata.incident":
            yield text_of(node.args[0])


def incidents() -> Iterator[str]:
    """The words of every incident in the code; `…` for what differs."""
    texts = [path.read_text(encoding="utf-8") for path in house.PACKAGE.rglob("*.py")]
    for text in [text for text in texts if "WantedIncident(" in text]:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "WantedIncident":
                (words,) = [keyword.value for keyword in node.keywords if keyword.arg == "what"]
                yield text_of(words)


def text_of(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    assert isinstance(node, ast.Constant), (
        "an incident's words stand where it is made, for the page to be compared with"
    )
    return str(node.value)


def test_every_incident_is_on_the_page() -> None:
    assert listed("incidents") == set(incidents())


def alarms() -> Iterator[str]:
    """The names of all alarms of all templates, without their prefix; `…` for the name of a function or source."""
    outbox = lake(rds(streams={"tables": ["shop.public.orders"], "secret": SECRET}), **TOPIC)
    for config in [outbox, *(LAKES[name] for name in ("everything", "capture by lambda", "warehouses"))]:
        sources = {source.name for source in config.sources}
        for made in build_template(config).body["Resources"].values():
            if made["Type"] == "AWS::CloudWatch::Alarm":
                name = made["Properties"]["AlarmName"]["Fn::Sub"].removeprefix("${NamePrefix}-")
                name = (
                    re.sub(r"^changes(?=-\w+$)", "…", name) if name.rpartition("-")[2] not in sources else "changes-…"
                )
                yield name


def test_every_alarm_is_on_the_page() -> None:
    assert listed("alarms") == set(alarms())


def checks() -> Iterator[str]:
    """The names of all checks that lakes of all settings have."""
    for definitions in assets_page.definitions().values():
        for key in definitions.get_repository_def().asset_graph.asset_check_keys:
            yield key.name


def test_every_check_is_on_the_page() -> None:
    assert listed("checks") == set(checks())
