"""One Spark Connect server for all tasks, in place of a Spark application for each: `python -m pipeline.connect_server`.

A classic session costs every task a driver's JVM, executors and Python workers that import everything anew. The server starts once.
Spark keys its Python daemons by session, so tasks that name one session find the workers of the task before warm; a session of its
own for each task, Spark's default, keeps the JVM warm but not the workers.

Whoever reaches the server can run code in it: bind it to loopback, or set SPARK_CONNECT_AUTHENTICATE_TOKEN in its environment, which
every client must then present. It speaks no TLS itself.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pipeline.java import find_java
from pipeline.spark import CONF

CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"


def command(master: str, host: str, port: int, settings: Mapping[str, str]) -> list[str]:
    """Return the command that starts the server.

    Parameters
    ----------
    master
        Where its jobs run: ``local[*]`` or ``spark://host:port``.
    host, port
        Where it listens for clients; executors elsewhere reach its driver under the same host.
    settings
        Further settings of Spark.
    """
    conf = {
        **CONF,
        "spark.master": master,
        "spark.driver.host": host,
        "spark.driver.bindAddress": host,
        "spark.connect.grpc.binding.address": host,
        "spark.connect.grpc.binding.port": str(port),
        # A session that nobody used for an hour would be closed, and Spark refuses the name of a closed session ever after.
        "spark.connect.session.manager.defaultSessionTimeout": "-1",
        **settings,
    }
    options = [word for key, value in conf.items() for word in ("--conf", f"{key}={value}")]
    return [str(_home() / "bin" / "spark-submit"), "--class", CLASS, *options, "spark-internal"]


def environment(host: str) -> dict[str, str]:
    """Return what the server needs in its environment besides the caller's.

    Raises
    ------
    UserError
        If no Java 17 or newer is found.
    """
    return {
        "JAVA_HOME": str(find_java().path),
        "SPARK_HOME": str(_home()),
        "SPARK_LOCAL_IP": host,
        "PYSPARK_PYTHON": sys.executable,
    }


def _home() -> Path:
    import pyspark

    return Path(pyspark.__file__).parent


def main(arguments: list[str] | None = None) -> None:
    """Become the server."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.connect_server", description="Start a Spark Connect server."
    )
    parser.add_argument("master", help="where its jobs run: local[*] or spark://host:port")
    parser.add_argument(
        "--host", default="127.0.0.1", help="where it listens; executors reach its driver there as well"
    )
    parser.add_argument("--port", type=int, default=15002)
    asked = parser.parse_args(arguments)
    words = command(asked.master, asked.host, asked.port, {})
    os.execve(words[0], words, {**os.environ, **environment(asked.host)})  # noqa: S606 - our own words


if __name__ == "__main__":
    main()
