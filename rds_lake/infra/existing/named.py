"""Existing key, roles, workgroup and Glue databases: they are used and not changed."""

from __future__ import annotations

from collections.abc import Iterator

from rds_lake.infra.existing.look import Found, Look, ask
from rds_lake.infra.template.athena import database_id
from rds_lake.infra.template.key import key_alias
from rds_lake.model.aws.arn import parse_arn


def key(look: Look) -> Iterator[Found]:
    """Find the key. A key without an alias must exist, because only AWS can choose its id."""
    named = look.config.lake.kms_key
    if named is None or not look.wants("KeyArn", "Key", "KeyAlias"):
        return
    kms = look.clients.client("kms")
    answer = ask("kms", "DescribeKey", named, lambda: kms.describe_key(KeyId=named), missing=("NotFoundException",))
    if answer is not None:
        yield Found(
            parameter="KeyArn",
            value=answer["KeyMetadata"]["Arn"],
            said=f"KMS key {named} exists: it is used, and its policy stays as it is",
        )
    elif key_alias(look.config) is None:
        look.problems.append(
            f"KMS key {named} does not exist: name another in lake.yaml, or an alias, whose key is created"
        )


def roles(look: Look) -> Iterator[Found]:
    """Find the roles that lake.yaml names. The pipeline's role is always the stack's own: an existing one belongs to another stack."""
    lake = look.config.lake
    for parameter, logical, named in (
        ("RoleForExports", "ExportRole", lake.export_role),
        ("RoleForJob", "JobRole", lake.glue_role),
    ):
        if named and look.wants(parameter, logical):
            name = parse_arn(named).resource.rpartition("/")[2]
            if _is_role(look, name):
                yield Found(parameter=parameter, said=f"role {name} exists: it is used, and stays as it is")
    pipeline = f"{look.value('NamePrefix')}-pipeline"
    if look.wants("NamePrefix", "PipelineRole") and _is_role(look, pipeline):
        look.problems.append(
            f"role {pipeline} exists, but does not belong to stack {look.stack}: if this lake has another stack, name "
            "that stack with --stack; otherwise choose other names with --parameter NamePrefix=…"
        )


def _is_role(look: Look, name: str) -> bool:
    iam = look.clients.client("iam")
    return ask("iam", "GetRole", name, lambda: iam.get_role(RoleName=name), missing=("NoSuchEntity",)) is not None


def workgroup(look: Look) -> Iterator[Found]:
    """Find Athena's workgroup."""
    name = look.config.lake.workgroup
    if not look.wants("AthenaWorkgroup", "Workgroup"):
        return
    athena = look.clients.athena
    answer = ask(
        "athena",
        "GetWorkGroup",
        name,
        lambda: athena.get_work_group(WorkGroup=name),
        missing=("InvalidRequestException",),
    )
    if answer and answer.get("WorkGroup"):
        yield Found(parameter="AthenaWorkgroup", said=f"Athena workgroup {name} exists: it is used, and stays as it is")


def databases(look: Look) -> Iterator[Found]:
    """Find the Glue databases: if one exists that the stack did not create, the pipeline creates the missing ones.

    They are read by name until one exists: listing them would need a permission for all databases of the account.
    """
    names = [source.name for source in look.config.sources if source.athena]
    foreign = [name for name in names if database_id(name) not in look.owned]
    if not foreign or not look.wants("Databases"):
        return
    if there := next((name for name in foreign if _is_database(look, name)), None):
        yield Found(
            parameter="Databases",
            said=f"Glue database {there} exists: it is used; the pipeline itself creates those that are missing",
        )


def _is_database(look: Look, name: str) -> bool:
    glue = look.clients.client("glue")
    missing = ("EntityNotFoundException",)
    return ask("glue", "GetDatabase", name, lambda: glue.get_database(Name=name), missing=missing) is not None
