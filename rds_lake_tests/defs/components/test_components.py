"""A lake in a project of `dg`: what lake.yaml says, in `defs.yaml`, gives the same definitions."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

import rds_lake
from rds_lake.config.lake_yaml import parse_config
from rds_lake.defs.build import build_definitions
from rds_lake.defs.components.lake import LakeComponent
from rds_lake.defs.components.state import read_state, refresh_state
from rds_lake.errors import ConfigError, ThrottledError
from rds_lake.model.tables.table import TableTarget
from rds_lake_tests.defs.components.project import LAKE, SHOP, causes, load_project

# Dagster's own, while it reads a `defs.yaml` and the modules beside it.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated"),
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning"),
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
]

INLINE = LAKE + "  sources:\n    - {name: shop, kind: rds, identifier: shop-prod, include: [shop.public.orders]}\n"
ORDERS = TableTarget(database="shop", schema="public", table="orders")


def keys(defs: dg.Definitions) -> set[str]:
    return {key.to_user_string() for key in defs.resolve_all_asset_keys()}


def refused(folder: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    with pytest.raises(Exception) as caught:
        load_project(folder, files, monkeypatch).build_defs()
    return causes(caught.value)


def test_a_component_defines_what_lake_yaml_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    defs = load_project(tmp_path, {"lake/defs.yaml": INLINE}, monkeypatch).build_defs()
    body = INLINE.partition("attributes:\n")[2]
    config = parse_config("\n".join(line[2:] for line in body.splitlines()), where="lake.yaml")
    same = build_definitions(config, known_tables={"shop": [ORDERS]})
    assert keys(defs) == keys(same)
    assert "shop/public_orders" in keys(defs)
    repository, other = defs.get_repository_def(), same.get_repository_def()
    assert {sensor.name for sensor in repository.sensor_defs} == {sensor.name for sensor in other.sensor_defs}


def test_sources_in_files_of_their_own_join_the_lakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blog = SHOP.replace("shop", "blog")
    files = {"lake/defs.yaml": INLINE, "sources/blog/defs.yaml": blog}
    tree = load_project(tmp_path, files, monkeypatch)
    assert {"shop/public_orders", "blog/views"} <= keys(tree.build_defs())
    (sensor,) = [one for one in tree.build_defs().sensors or () if one.name == "rds_lake_events"]
    assert isinstance(sensor, dg.SensorDefinition), "one sensor for all of them"


def test_the_projects_own_assets_are_beside_them_and_its_executor_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "import dagster as dg\n\n@dg.asset(deps=[dg.AssetKey(['shop', 'orders'])])\ndef report() -> None: ...\n"
    own += "\n@dg.definitions\ndef defs() -> dg.Definitions:\n    return dg.Definitions(executor=dg.multiprocess_executor)\n"
    defs = load_project(tmp_path, {"lake/defs.yaml": INLINE, "reports.py": own}, monkeypatch).build_defs()
    assert defs.executor is dg.multiprocess_executor


def test_values_of_the_environment_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_BUCKET", "their-lake")
    monkeypatch.setenv("HOURS", "12")
    text = INLINE.replace("acme-lake", '"{{ env.LAKE_BUCKET }}"').replace(
        "include:", 'freshness_hours: "{{ env.HOURS }}", include:'
    )
    tree = load_project(tmp_path, {"lake/defs.yaml": text}, monkeypatch)
    (lake,) = tree.get_all_components(of_type=LakeComponent)
    config = lake.config()
    assert (config.lake.bucket, config.sources[0].freshness_hours) == ("their-lake", 12)
    assert "their-lake" in lake.defs_state_config.key


class TestWhatIsWrong:
    def test_every_problem_of_every_file_is_said_with_its_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lake = INLINE.replace("workgroup:", "work_group:").replace("identifier: shop-prod", "identifier: 7")
        blog = SHOP.replace("shop", "blog") + "  retension: {daily: 3}\n  include: [a b]\n"
        said = refused(tmp_path, {"lake/defs.yaml": lake, "blog/defs.yaml": blog}, monkeypatch)
        for place, what in [
            ("lake/defs.yaml:6", "did you mean `workgroup`"),
            ("lake/defs.yaml:11", "identifier"),
            ("blog/defs.yaml:6", "did you mean `retention`"),
            ("blog/defs.yaml:7", "a b"),
        ]:
            (line,) = [one for one in said.splitlines() if place in one]
            assert what in line

    def test_two_sources_of_one_name_are_named_with_a_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files = {"lake/defs.yaml": LAKE, "a/defs.yaml": SHOP, "b/defs.yaml": SHOP.replace("shop-prod", "other")}
        said = refused(tmp_path, files, monkeypatch)
        assert "two sources are named 'shop'" in said
        assert "/defs.yaml:3: two sources" in said

    def test_two_lakes_are_refused_with_their_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        said = refused(tmp_path, {"a/defs.yaml": INLINE, "b/defs.yaml": INLINE.replace("acme-", "other-")}, monkeypatch)
        assert "keep one of these" in said
        assert "a/defs.yaml" in said
        assert "b/defs.yaml" in said

    def test_a_source_without_a_lake_says_what_to_add(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        said = refused(tmp_path, {"shop/defs.yaml": SHOP}, monkeypatch)
        assert "dg scaffold defs rds_lake.LakeComponent" in said

    def test_a_lake_without_any_source_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "sources: is required" in refused(tmp_path, {"lake/defs.yaml": LAKE}, monkeypatch)


class TestState:
    """The tables that `dg utils refresh-defs-state` keeps."""

    def test_each_table_in_it_is_an_asset(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tree = load_project(tmp_path, {"lake/defs.yaml": LAKE, "shop/defs.yaml": SHOP}, monkeypatch)
        (lake,) = tree.get_all_components(of_type=LakeComponent)
        state = tmp_path / "state"
        refresh_state(state, lake.config(), lambda _: [ORDERS])
        assert "shop/views" in keys(lake.build_defs_from_state(tree.load_context, None))
        assert "shop/shop_public_orders" in keys(lake.build_defs_from_state(tree.load_context, state))

    def test_a_source_that_cannot_be_read_keeps_its_tables_and_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files = {"lake/defs.yaml": LAKE, "shop/defs.yaml": SHOP, "blog/defs.yaml": SHOP.replace("shop", "blog")}
        (lake,) = load_project(tmp_path, files, monkeypatch).get_all_components(of_type=LakeComponent)
        config, state = lake.config(), tmp_path / "state"
        refresh_state(state, config, lambda _: [ORDERS])

        def newest(source: object) -> list[TableTarget]:
            if source is config.source("shop"):
                raise ThrottledError("S3 says slow down")
            return []

        with pytest.raises(ConfigError, match="shop: S3 says slow down"):
            refresh_state(state, config, newest)
        assert read_state(state) == {"shop": (ORDERS,), "blog": ()}

    def test_a_damaged_state_says_what_to_do(self, tmp_path: Path) -> None:
        state = tmp_path / "state"
        state.write_text('{"version": 1, "tables": 3}', encoding="utf-8")
        with pytest.raises(ConfigError, match="refresh-defs-state"):
            read_state(state)


def test_a_subclass_brings_its_own_resources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = "import rds_lake\nfrom rds_lake.defs.resources import AwsResource\n\nclass OurLake(rds_lake.LakeComponent):\n"
    own += "    def resources(self):\n        return {'aws': AwsResource(profile_name='data')}\n"
    text = INLINE.replace("rds_lake.LakeComponent", ".lake.OurLake")
    defs = load_project(tmp_path, {"ours/defs.yaml": text, "ours/lake.py": own}, monkeypatch).build_defs()
    assert (defs.resources or {})["aws"].profile_name == "data"


def test_both_components_are_found_in_the_package() -> None:
    assert {"LakeComponent", "SourceComponent"} <= set(dir(rds_lake))
    for name in ("LakeComponent", "SourceComponent"):
        component = getattr(rds_lake, name)
        assert component.get_spec().description
        assert component.__doc__
