# The reader with its models inside, for executors on Kubernetes and for a single machine; docs/spark.md has the commands.
ARG PYTHON=3.12
ARG SPARK=4.0.1-scala2.13-java17-python3-ubuntu

# A wheel of this checkout: code, configurations, models, fonts and texts.
FROM python:${PYTHON}-slim AS wheel
COPY . /source
WORKDIR /source
RUN pip install --no-cache-dir hatchling && python -m hatchling build -t wheel -d /dist

# Spark's own image has Java, Python, PySpark, and the entry point that Kubernetes calls.
FROM apache/spark:${SPARK}
USER root
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/*
# Options of pip: an index of PyTorch for CPUs keeps several gigabytes of libraries for GPUs out.
ARG PIP_OPTIONS=
RUN --mount=from=wheel,source=/dist,target=/dist \
    python3 -m venv /opt/reader \
    && set -- /dist/*.whl \
    && /opt/reader/bin/pip install --no-cache-dir ${PIP_OPTIONS} "$1[heic]" \
    && ln -s /opt/spark/python/lib/py4j-*-src.zip /opt/spark/python/lib/py4j.zip
# PySpark of the image, so that its version is that of Spark.
ENV PATH=/opt/reader/bin:$PATH \
    PYTHONPATH=/opt/spark/python:/opt/spark/python/lib/py4j.zip \
    PYSPARK_PYTHON=/opt/reader/bin/python \
    PYSPARK_DRIVER_PYTHON=/opt/reader/bin/python
# The build fails where the models cannot be loaded.
RUN python -c "import pyspark; from ocr import Reader; Reader.from_pretrained(device='cpu')"
USER spark
