"""The same batch on Spark's workers as in one process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipeline import api, listing
from tests.leaks import search
from tests.sources.stores import KEY, SECRET, client, s3_server

SOURCE = "      - licensed_content\n"


@pytest.mark.spark
def test_sparks_workers_make_the_same_release_from_an_object_store_as_one_process_from_files(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    configuration = (project / "pipeline.yaml").read_text()
    assert SOURCE in configuration
    digests = {}
    with s3_server() as url:
        store = client(url)
        store.create_bucket(Bucket="press")
        for file in (project / "input" / "licensed_content").iterdir():
            store.upload_file(str(file), "press", f"in/{file.name}")
        # Key and address are known to this process alone: the workers have them with their tasks.
        extra = {"endpoint_url": url, "region_name": "us-east-1"}
        connection = {"conn_type": "aws", "login": KEY, "password": SECRET, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_PRESS_STORE", json.dumps(connection))
        stored = SOURCE.replace("licensed_content", "name: licensed_content") + (
            "        kind: licensed\n        paths: [s3://press/in/]\n        connection: press_store\n"
        )
        for master, source in (("inline", SOURCE), ("local[2]", stored)):
            folder = tmp_path / master.strip("[]2")
            folder.mkdir()
            if master == "inline":
                shutil.copytree(project / "input", folder / "input")
            (folder / "pipeline.yaml").write_text(configuration.replace(SOURCE, source))
            monkeypatch.setenv("SLUICE_SPARK_MASTER", master)
            # Several shards, so that both workers have work.
            reference = api.open_batch(str(folder / "pipeline.yaml"), overrides={"ingestion.shard_documents": 7})
            result = api.run_all(reference)
            if not result["published"]:
                result = listing.decide_case(
                    folder / "pipeline.yaml", result["case_id"], "approve", "Ada", "a small batch"
                )["commit"]
            digests[master] = result["digest"]
    assert digests["inline"] == digests["local[2]"]
    assert not search([tmp_path / "local"], {"key": KEY, "secret": SECRET})
