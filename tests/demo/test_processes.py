from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.demo.processes import Process

CHILD_AND_GRANDCHILD = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(600)\n"
)
STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(600)\n"
)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def first_word(process: Process) -> str:
    for _ in range(200):
        if words := process.log.read_text().split():
            return words[0]
        time.sleep(0.05)
    raise AssertionError("the child said nothing")


def test_stopping_ends_the_whole_group(tmp_path):
    with Process([sys.executable, "-c", CHILD_AND_GRANDCHILD], tmp_path / "log", os.environ) as process:
        grandchild = int(first_word(process))
        assert process.running
        assert alive(grandchild)
    assert not process.running
    for _ in range(100):
        if not alive(grandchild):
            break
        time.sleep(0.05)
    assert not alive(grandchild)


def test_a_child_that_ignores_the_request_is_killed_in_the_end(tmp_path):
    process = Process([sys.executable, "-c", STUBBORN], tmp_path / "log", os.environ)
    assert first_word(process) == "up"
    process.ask_to_stop()
    time.sleep(0.2)
    assert process.running
    process.stop(patience=0.2)
    assert not process.running


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's own guarantee")
def test_a_child_ends_even_when_we_are_killed(tmp_path):
    code = (
        "import os, sys, time\nfrom pathlib import Path\nfrom pipeline.demo.processes import Process\n"
        f"process = Process([sys.executable, '-c', 'import time; time.sleep(600)'], Path({str(tmp_path / 'log')!r}), os.environ)\n"
        "print(process.pid, flush=True)\ntime.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(100):
        if not alive(child):
            return
        time.sleep(0.05)
    raise AssertionError("the child lives on")


def test_the_log_takes_the_output_and_its_end_is_told(tmp_path):
    process = Process([sys.executable, "-c", "print('\\n'.join('abc'))"], tmp_path / "logs" / "log", os.environ)
    assert process.wait(20) == 0
    assert process.tail(2) == "b\nc"
    process.stop()  # harmless on one that ended


def test_waiting_has_an_end(tmp_path):
    with Process([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path / "log", os.environ) as process:
        assert process.wait(0.1) is None
