"""The configuration: what loads, and the sentence that each mistake gives."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline import config
from pipeline.errors import ConfigError
from pipeline.mistakes import printable
from pipeline.settings import Cleaning, Dedup, Ingestion, Lake, Settings

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "pipeline.yaml"

ROOT_YAML = """\
data_pipeline:
  ingestion:
    sources:
      - social_feeds
      - web_crawl
      - licensed_content
    deduplication: true
    language_detection: true

  cleaning:
    remove_pii: true
    filter_low_quality: true
    quality_threshold: 0.8

  validation:
    benchmark_slices:
      - name: "reasoning"
        weight: 0.3
      - name: "factuality"
        weight: 0.3
      - name: "safety"
        weight: 0.4
    continuous_monitoring: true
"""


def with_value(path: str, value: object) -> str:
    """Return the root configuration as YAML with one key set, made where it is absent; a number in the path is a list's index."""
    data = copy.deepcopy(yaml.safe_load(ROOT_YAML))
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = data
    for parent in parents:
        place = place[parent] if isinstance(parent, int) else place.setdefault(parent, {})
    place[last] = value
    return yaml.safe_dump(data, sort_keys=False)


def test_the_example_is_the_documented_configuration() -> None:
    assert EXAMPLE.read_text() == ROOT_YAML


def test_root_configuration_loads_as_it_stands() -> None:
    settings = config.load(EXAMPLE)
    assert [(s.name, s.kind) for s in settings.ingestion.sources] == [
        ("social_feeds", "social"),
        ("web_crawl", "web"),
        ("licensed_content", "licensed"),
    ]
    assert settings.cleaning.quality_threshold == 0.8
    assert {s.name: s.weight for s in settings.validation.benchmark_slices} == {
        "reasoning": 0.3,
        "factuality": 0.3,
        "safety": 0.4,
    }
    assert settings.ingestion.deduplication
    assert settings.validation.continuous_monitoring


def test_defaults_are_the_root_configuration(tmp_path: Path) -> None:
    shortest = config.parse("data_pipeline: {}", tmp_path)
    assert shortest == config.parse(ROOT_YAML, tmp_path)
    assert shortest.digest() == config.parse(ROOT_YAML, tmp_path).digest()


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("data_pipeline.ingestion.deduplicate", True, "did you mean 'deduplication'?"),
        ("data_pipeline.cleaning.quality_treshold", 0.8, "did you mean 'quality_threshold'?"),
        ("data_pipeline.cleaning.remove_PII", True, "did you mean 'remove_pii'?"),
        ("data_pipeline.validations", {}, "did you mean 'validation'?"),
        ("data_pipeline.validation.benchmark_slice", [], "did you mean 'benchmark_slices'?"),
        ("data_pipeline.validation.benchmark_slices.0.wieght", 0.3, "did you mean 'weight'?"),
        ("data_pipeline.lake.rot", "/data", "did you mean 'root'?"),
        ("data_pipeline.dedup.treshold", 0.7, "did you mean 'threshold'?"),
        ("data_pipeline.zzzzzzzz", 1, "known: cleaning, dedup,"),
        ("data_pipelines", {}, "did you mean 'data_pipeline'?"),
        ("data_pipeline.ingestion.sources.0", "social_feed", "did you mean 'social_feeds'?"),
        ("data_pipeline.ingestion.sources.0", {"name": "mine", "kind": "web", "path": []}, "did you mean 'paths'?"),
        ("data_pipeline.ingestion.sources.0", {"name": "mine", "kind": "forum"}, "'web', 'social' or 'licensed'"),
        ("data_pipeline.ingestion.sources.0", {"kind": "web"}, "name' is missing"),
        ("data_pipeline.ingestion.sources.0", {"name": "Mine!", "kind": "web"}, "not 'Mine!'"),
        ("data_pipeline.ingestion.sources.0", "web_crawl", "'web_crawl' is listed twice"),
        ("data_pipeline.ingestion.sources", [], "'data_pipeline.ingestion.sources': "),
        ("data_pipeline.ingestion.sources", "web_crawl", "'data_pipeline.ingestion.sources': "),
        ("data_pipeline.cleaning.quality_threshold", 1.5, "not 1.5"),
        ("data_pipeline.cleaning.quality_threshold", "high", "not 'high'"),
        ("data_pipeline.cleaning.quality_threshold", None, "not None"),
        ("data_pipeline.cleaning.remove_pii", "perhaps", "not 'perhaps'"),
        ("data_pipeline.cleaning", "all", "data_pipeline.cleaning"),
        ("data_pipeline.validation.benchmark_slices.0.weight", 0.5, "must sum to 1, not 1.2"),
        ("data_pipeline.validation.benchmark_slices.1.name", "reasoning", "the same name"),
        ("data_pipeline.dedup.shingle_size", 0, "dedup.shingle_size"),
        ("data_pipeline.quality.hard_rules", ["gofer"], "'c4' or the name of a quality rule"),
        ("data_pipeline.quality.soft_rules", ["quality.gopher.beauty@1"], "not 'quality.gopher.beauty@1'"),
        ("data_pipeline.quality.limits", {"gopher": 1.0}, "not 'gopher'"),
    ],
)
def test_mistake_gives_one_sentence(tmp_path: Path, path: str, value: object, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(with_value(path, value), tmp_path, "mine.yaml")
    message = str(caught.value)
    assert message.startswith("mine.yaml: ")
    assert sentence in message
    assert "\n" not in message


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = "data_pipeline: {cleaning: {quality_treshold: 1}, lake: {rot: x}}"
    with pytest.raises(ConfigError, match=r"quality_treshold.*; .*lake\.rot"):
        config.parse(text, tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "expected a mapping with the key 'data_pipeline'"),
        ("- a\n- b", "expected a mapping"),
        ("just words", "expected a mapping"),
        ("data_pipeline:", "data_pipeline"),
        ("other: {}", "data_pipeline' is missing"),
        ("data_pipeline: {cleaning: [", "not valid YAML at line 1"),
        ("data_pipeline: {a: 1\n  b: 2", "not valid YAML at line 2"),
        ("data_pipeline: \x00", "not valid YAML"),
        ("data_pipeline: !!python/object/apply:os.getcwd []", "not valid YAML at line 1"),
        ("1: {}\ndata_pipeline: {}", "'[1]': keys should be strings"),
        ("data_pipeline: {1: {}}", "'data_pipeline[1]': keys should be strings"),
        ("data_pipeline: {function-x: 1}", "unknown key 'data_pipeline.function-x'"),
        ('data_pipeline: {"a\\nb\\e[1m": 1}', "unknown key 'data_pipeline.a\\nb\\x1b[1m'"),
        ("data_pipeline: {ingestion: {sources: [1]}}", "sources[0]"),
        ("? [a, b]\n: 1", "YAML"),
    ],
)
def test_text_that_is_no_configuration(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, tmp_path)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file"):
        config.load(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="Is a directory"):
        config.load(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("data_pipeline: {} # \xe9".encode("latin-1"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        config.load(latin)


ALL_KEYS = {
    "data_pipeline": set(Settings.model_fields),
    "ingestion": set(Ingestion.model_fields),
    "cleaning": set(Cleaning.model_fields),
    "dedup": set(Dedup.model_fields),
    "lake": set(Lake.model_fields),
}


@given(section=st.sampled_from(sorted(ALL_KEYS)), key=st.text(min_size=1, max_size=80))
def test_any_unknown_key_is_an_error_that_names_it(section: str, key: str) -> None:
    if key in ALL_KEYS[section]:
        return
    data = {"data_pipeline": {key: 1} if section == "data_pipeline" else {section: {key: 1}}}
    with pytest.raises(ConfigError) as caught:
        config.validate(data)
    assert "unknown key" in str(caught.value)
    assert str(caught.value).isprintable()
    assert printable(key) in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
        max_leaves=8,
    )
)
def test_any_value_is_settings_or_a_configuration_error(value: object) -> None:
    places = [value, {"ingestion": value}, {"ingestion": {"sources": value}}]
    answers = [loaded_or_sentence({"data_pipeline": place}) for place in places]
    assert all(isinstance(answer, Settings) or answer.isprintable() for answer in answers)


def loaded_or_sentence(data: dict[str, object]) -> Settings | str:
    """Return the settings, or what their error says; any other exception is a fault."""
    try:
        return config.validate(data)
    except ConfigError as error:
        return str(error)


def test_relative_paths_start_at_the_files_folder(tmp_path: Path) -> None:
    text = """
data_pipeline:
  ingestion:
    sources: [web_crawl, {name: mine, kind: licensed, paths: [a/*.jsonl, /b, "s3://c/d"]}]
  lake: {root: data/lake}
"""
    settings = config.parse(text, tmp_path)
    assert settings.ingestion.sources[0].paths == (f"{tmp_path}/input/web_crawl",)
    assert settings.ingestion.sources[1].paths == (f"{tmp_path}/a/*.jsonl", "/b", "s3://c/d")
    assert settings.lake.root == f"{tmp_path}/data/lake"
    assert settings.expectations is None


def test_digest_follows_what_is_decided_not_where_it_lies(tmp_path: Path) -> None:
    here = config.parse(ROOT_YAML, tmp_path / "a")
    digests = {here.digest()}
    for path, value in [("lake.root", "/x"), ("engine.master", "local[1]"), ("review.timeout_hours", 1)]:
        digests.add(config.override(here, {path: value}).digest())
    assert len(digests) == 1
    assert config.override(here, {"cleaning.quality_threshold": 0.5}).digest() not in digests


def test_override_replaces_one_value(tmp_path: Path) -> None:
    settings = config.parse(ROOT_YAML, tmp_path)
    changed = config.override(settings, {"cleaning.quality_threshold": 0.5, "dedup.threshold": 0.7})
    assert (changed.cleaning.quality_threshold, changed.dedup.threshold) == (0.5, 0.7)
    assert settings.cleaning.quality_threshold == 0.8
    assert config.override(settings, {}) == settings


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("cleaning.quality_treshold", 0.5, "did you mean 'quality_threshold'?"),
        ("cleanin.quality_threshold", 0.5, "unknown key 'cleanin', did you mean 'cleaning'?"),
        ("cleaning.quality_threshold.more", 0.5, "unknown key 'cleaning.quality_threshold'"),
        ("cleaning.quality_threshold", 7, "cleaning.quality_threshold"),
        ("", 1, "unknown key ''"),
        (".", 1, "unknown key ''"),
    ],
)
def test_wrong_override_is_a_sentence(tmp_path: Path, key: str, value: object, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.override(config.parse(ROOT_YAML, tmp_path), {key: value})
    assert sentence in str(caught.value)


def test_settings_are_frozen(tmp_path: Path) -> None:
    settings = config.parse(ROOT_YAML, tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        settings.cleaning.quality_threshold = 0.1  # type: ignore[misc] - that it is refused is what is tested


def test_environment_is_read_with_its_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_CONFIG", "x.yaml")
    monkeypatch.delenv("SLUICE_NONE", raising=False)
    assert config.environment("CONFIG") == "x.yaml"
    assert config.environment("NONE", "default") == "default"


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        (
            "CC BY 4.0",
            r"source 'papers': 'CC BY 4.0' is no SPDX licence; did you mean 'CC-BY-4.0'\?; a licence of your own",
        ),
        ("https://example.org/terms", "source 'papers': .* is no SPDX licence"),
        ("none", "source 'papers': 'none' is no SPDX licence"),
    ],
)
def test_a_sources_licence_is_one_that_spdx_lists(tmp_path, stated, message):
    source = f'[{{name: papers, kind: licensed, license: "{stated}"}}]'
    with pytest.raises(ConfigError, match=message):
        config.parse(f"data_pipeline: {{ingestion: {{sources: {source}}}}}", tmp_path)


@pytest.mark.parametrize(
    "stated", ["cc-by-4.0", "MIT OR Apache-2.0", "LicenseRef-acme", "https://creativecommons.org/licenses/by/4.0/"]
)
def test_licences_that_a_source_may_state(tmp_path, stated):
    source = f'[{{name: papers, kind: licensed, license: "{stated}"}}]'
    assert (
        config.parse(f"data_pipeline: {{ingestion: {{sources: {source}}}}}", tmp_path).ingestion.sources[0].license
        == stated
    )


def choices(schema: object) -> set[str]:
    """Return every word that the settings choose between."""
    if isinstance(schema, dict):
        own = {word for word in (*schema.get("enum", ()), schema.get("const")) if isinstance(word, str)}
        return own.union(*(choices(part) for part in schema.values()))
    return set().union(*(choices(part) for part in schema)) if isinstance(schema, list) else set()


def test_every_choice_is_to_yaml_what_it_is_to_a_reader() -> None:
    words = choices(Settings.model_json_schema())
    assert {"count", "cut", "reject"} <= words
    assert {word: yaml.safe_load(word) for word in words} == {word: word for word in words}, "`off` would be false"


def test_an_override_is_asked_for_its_languages_too() -> None:
    with pytest.raises(
        ConfigError, match=r"override: language\.wanted: no model can tell the language 'xq', did you mean 'xh'"
    ):
        config.override(Settings(), {"language.wanted": ["xq"]})
