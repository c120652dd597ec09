# One image for Airflow's services and for Spark's: the driver and the workers run the same Python, packages and code.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE}

RUN apt-get update \
 && apt-get install -y --no-install-recommends openjdk-17-jre-headless procps \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/sluice
COPY requirements-bootstrap.txt ./
RUN python3 -m venv /opt/bootstrap \
 && /opt/bootstrap/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement requirements-bootstrap.txt

ENV UV_PROJECT_ENVIRONMENT=/opt/sluice/.venv UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=true UV_COMPILE_BYTECODE=1
COPY pyproject.toml uv.lock ./
RUN /opt/bootstrap/bin/uv sync --frozen --no-dev --extra production --no-install-project --no-cache --no-progress \
 && ln -s "$(.venv/bin/python -c 'import pyspark; print(pyspark.__path__[0])')" /opt/spark

COPY README.md LICENSE ./
COPY pipeline pipeline
COPY dags dags
COPY expectations expectations
COPY examples examples
COPY deploy deploy
RUN /opt/bootstrap/bin/uv sync --frozen --no-dev --extra production --no-cache --no-progress \
 && useradd --create-home --uid 50000 sluice \
 && mkdir -p /opt/airflow/shared /sluice/lake /sluice/input \
 && chown -R sluice:sluice /opt/airflow /sluice

# No JAVA_HOME: its path names the processor, and Spark and pipeline.java both find `java` on the PATH.
ENV PATH=/opt/sluice/.venv/bin:/opt/spark/bin:$PATH \
    SPARK_HOME=/opt/spark \
    SPARK_CONF_DIR=/opt/sluice/deploy \
    AIRFLOW_HOME=/opt/airflow \
    SLUICE_CONFIG=/sluice/pipeline.yaml \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/home/sluice/.cache/numba
USER sluice
# Kernels are compiled here, else each new container would take its first minute for it; another processor compiles them anew.
RUN python -c "import pipeline.warm_daemon" \
 && mkdir -p /opt/airflow/config \
 && ln -s /opt/sluice/deploy/airflow_local_settings.py /opt/airflow/config/airflow_local_settings.py
WORKDIR /sluice
