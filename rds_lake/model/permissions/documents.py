"""Parses a policy document. Nothing is ignored: every unknown element is a problem.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from rds_lake.model.permissions.conditions import parse_conditions
from rds_lake.model.permissions.patterns import Pattern, Template, Variable, parse_pattern
from rds_lake.model.permissions.policy import Choice, Policy, PolicyError, PolicyType, Statement
from rds_lake.model.permissions.principals import parse_principals

_WITH_VARIABLES = "2012-10-17"
_VERSIONS = ("2008-10-17", _WITH_VARIABLES)
_POLICY_ELEMENTS = {"Version", "Id", "Statement"}
_STATEMENT_ELEMENTS = {
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"),
}
_ACTION = re.compile(r"\*|\*:\*|[a-z0-9-]+:[a-z0-9*?]+", re.IGNORECASE)
_RESOURCE = re.compile(r"\*|arn:[^:]+:[^:]+(:.*)?", re.DOTALL)
_ALPHANUMERIC = re.compile(r"[A-Za-z0-9]*")
_COLONS_BEFORE_VARIABLES = 5


def parse_policy(document: Mapping[str, Any], *, name: str, kind: PolicyType = PolicyType.IDENTITY) -> Policy:
    """Returns the policy in `document`. Raises PolicyError with every problem. `name`: the policy's name in decisions."""
    problems: list[str] = []
    if not isinstance(document, Mapping):
        raise PolicyError(name, ["a policy is an object with Version and Statement"])
    problems += [
        f"{key!r} is not an element of a policy (Version, Id, Statement)"
        for key in document
        if key not in _POLICY_ELEMENTS
    ]
    version = document.get("Version", _VERSIONS[0])
    if version not in _VERSIONS:
        problems.append(f"Version {version!r} does not exist; write {_WITH_VARIABLES!r}")
    written = document.get("Statement")
    listed = written if isinstance(written, list) else [written]
    if not listed or written is None:
        problems.append("Statement is missing or empty")
        listed = []
    statements = [
        _statement(statement, f"{name}: {number}", name, kind, version == _WITH_VARIABLES, problems)
        for number, statement in enumerate(listed, start=1)
    ]
    sids = Counter(
        statement["Sid"]
        for statement in listed
        if isinstance(statement, Mapping) and isinstance(statement.get("Sid"), str) and statement["Sid"]
    )
    problems += [f"the Sid {sid!r} is used {times} times" for sid, times in sids.items() if times > 1]
    if problems:
        raise PolicyError(name, problems)
    return Policy(
        name=name, kind=kind, statements=tuple(statement for statement in statements if statement is not None)
    )


def _statement(
    written: Any, numbered: str, name: str, kind: PolicyType, variables: bool, problems: list[str]
) -> Statement | None:
    """Returns one statement, or None; adds its problems, which begin with its Sid or number."""
    own: list[str] = []
    if not isinstance(written, Mapping):
        problems.append(f"statement {numbered.rpartition(' ')[2]} is not an object")
        return None
    reference = f"{name}: {sid}" if (sid := _sid(written, kind, own)) else numbered
    own += [f"{key!r} is not an element of a statement" for key in written if key not in _STATEMENT_ELEMENTS]
    if written.get("Effect") not in ("Allow", "Deny"):
        own.append(f'Effect must be "Allow" or "Deny", and is {written.get("Effect", "missing")!r}')
    actions = _actions(written, own)
    resources = _resources(written, kind, variables, own)
    principals = _principals(written, kind, own)
    conditions = (
        parse_conditions(written["Condition"], variables=variables, problems=own) if "Condition" in written else ()
    )
    problems += [f"statement {reference.removeprefix(f'{name}: ')}: {problem}" for problem in own]
    return Statement(
        reference=reference,
        allows=written.get("Effect") == "Allow",
        actions=actions,
        resources=resources,
        principals=principals,
        conditions=conditions,
    )


def _sid(written: Mapping[str, Any], kind: PolicyType, problems: list[str]) -> str:
    sid = written.get("Sid", "")
    if not isinstance(sid, str):
        problems.append("Sid must be a text")
        return ""
    if kind is not PolicyType.RESOURCE and not _ALPHANUMERIC.fullmatch(sid):
        problems.append(f"the Sid {sid!r} may have letters and digits only")
    return sid


def _one_of(written: Mapping[str, Any], element: str, problems: list[str]) -> tuple[list[str], bool]:
    """Returns the texts of `Action` or `NotAction` (one must exist), and whether it is `NotAction`."""
    present = [key for key in (element, f"Not{element}") if key in written]
    if len(present) != 1:
        problems.append(f"it needs {element} or Not{element}{', and has both' if present else ''}")
        return [], False
    value = written[present[0]]
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        problems.append(f"{present[0]} must be a text or a list of texts")
        return [], False
    return texts, present[0] != element


def _actions(written: Mapping[str, Any], problems: list[str]) -> Choice:
    texts, inverted = _one_of(written, "Action", problems)
    problems += [
        f"{text!r} is not an action (s3:GetObject, s3:Get*, *)" for text in texts if not _ACTION.fullmatch(text)
    ]
    return Choice(
        patterns=tuple(parse_pattern(text, variables=False, ignores_case=True) for text in texts), inverted=inverted
    )


def _resources(written: Mapping[str, Any], kind: PolicyType, variables: bool, problems: list[str]) -> Choice | None:
    if kind is PolicyType.TRUST:
        problems += [f"a role trust policy has no {key}" for key in ("Resource", "NotResource") if key in written]
        return None
    texts, inverted = _one_of(written, "Resource", problems)
    patterns: list[Pattern] = []
    for text in texts:
        if not _RESOURCE.fullmatch(text):
            problems.append(f"{text!r} is not a resource: it must be an ARN, with wildcards or not, or *")
            continue
        try:
            patterns.append(parse_pattern(text, variables=variables))
        except ValueError as error:
            problems.append(str(error))
            continue
        if _early_variable(patterns[-1]):
            problems.append(f"{text!r} has a policy variable before its fifth colon, where AWS does not replace any")
    return Choice(patterns=tuple(patterns), inverted=inverted)


def _early_variable(pattern: Pattern) -> bool:
    colons = 0
    for part in pattern.parts if isinstance(pattern, Template) else ():
        if isinstance(part, Variable):
            return colons < _COLONS_BEFORE_VARIABLES
        colons += part.count(":")
    return False


def _principals(written: Mapping[str, Any], kind: PolicyType, problems: list[str]) -> Any:
    present = [key for key in ("Principal", "NotPrincipal") if key in written]
    if not kind.names_principals:
        problems += [f"{key} has no place in a policy of this type ({kind})" for key in present]
        return None
    if len(present) != 1:
        problems.append(f"it needs Principal or NotPrincipal{', and has both' if present else ''}")
        return None
    if present == ["NotPrincipal"] and written.get("Effect") == "Allow":
        problems.append("NotPrincipal with Allow would allow everybody else; name those that are allowed")
    return parse_principals(written[present[0]], inverted=present == ["NotPrincipal"], problems=problems)
