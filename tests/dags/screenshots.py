"""Take the pictures of docs/operate.md from a running Airflow: the form, a run's grid, an approval that waits.

    python -m tests.dags.screenshots ADDRESS PASSWORD_FILE [--user admin] [--out docs/images]

`make demo ARGS="--wait --keep"` leaves one running. Needs a Chromium (`--browser`, default /usr/bin/chromium).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page, sync_playwright

from pipeline.demo.airflow_client import AirflowClient
from tests.browser import FLAGS

DAG = "curate_batch"
APPROVAL = "review.approve"
SIZE = {"width": 1400, "height": 1000}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("password_file", type=Path)
    parser.add_argument("--user", default="admin")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--browser", default="/usr/bin/chromium")
    given = parser.parse_args(arguments)
    password = json.loads(given.password_file.read_text())[given.user]
    client = AirflowClient(given.address, given.user, password)
    runs = client.runs(DAG)
    given.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.browser, args=list(FLAGS))
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        sign_in(page, given.address, given.user, password)
        form(page, given.address, given.out)
        if runs:
            grid(page, given.address, runs[0]["dag_run_id"], given.out)
        waiting = [run["dag_run_id"] for run in runs if client.approvals(DAG, run["dag_run_id"])]
        if waiting:
            approval(page, given.address, waiting[0], given.out)
        else:
            print("no approval waits: no picture of one", file=sys.stderr)  # noqa: T201 - a script's word
        browser.close()
    return 0


def sign_in(page: Page, address: str, user: str, password: str) -> None:
    page.goto(f"{address}/auth/login")
    page.locator("input[name=username]").fill(user)
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/auth/login" not in url)
    page.wait_for_load_state("networkidle")


def form(page: Page, address: str, out: Path) -> None:
    page.goto(f"{address}/dags/{DAG}")
    page.get_by_role("button", name="Trigger").first.click()
    page.get_by_text("Run Parameters").first.wait_for()
    page.set_viewport_size({**SIZE, "height": 1_750})  # all its fields
    take(page, out / "trigger-form.png")
    page.set_viewport_size(SIZE)


def grid(page: Page, address: str, run_id: str, out: Path) -> None:
    page.goto(f"{address}/dags/{DAG}/runs/{quote(run_id, safe='')}")
    page.get_by_text("publish").first.wait_for()
    take(page, out / "run-grid.png")


def approval(page: Page, address: str, run_id: str, out: Path) -> None:
    page.goto(f"{address}/dags/{DAG}/runs/{quote(run_id, safe='')}/tasks/{APPROVAL}/required_actions")
    page.get_by_role("button", name="Approve").first.wait_for()
    take(page, out / "approval.png")


def take(page: Page, file: Path) -> None:
    page.wait_for_timeout(2_000)  # charts and the editor draw after the network is idle
    page.screenshot(path=file)
    print(file)  # noqa: T201 - as above


if __name__ == "__main__":
    sys.exit(main())
