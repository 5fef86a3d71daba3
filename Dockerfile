# Raiway: the command line, the report and the server, for a PostgreSQL store. Build: docker build -t raiway .
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements/serve.txt requirements/
RUN python -m venv /opt/raiway \
 && /opt/raiway/bin/pip install --no-cache-dir --require-hashes -r requirements/serve.txt
COPY pyproject.toml README.md LICENSE ./
COPY adapter adapter
COPY analytics analytics
COPY mappings mappings
RUN /opt/raiway/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
COPY --from=build /opt/raiway /opt/raiway
COPY bin/docker-entrypoint /usr/local/bin/raiway-entrypoint
RUN useradd --system --uid 10001 --no-create-home raiway \
 && install -d -o raiway /data
ENV PATH=/opt/raiway/bin:$PATH PYTHONUNBUFFERED=1
USER raiway
WORKDIR /data
# Through the entry point: it is what reads the database password from its file.
HEALTHCHECK --interval=30s --timeout=20s --start-period=10s --retries=3 \
  CMD ["raiway-entrypoint", "doctor"]
ENTRYPOINT ["raiway-entrypoint"]
CMD ["doctor"]
