# eid-gateway: production image. Build from a clean checkout: docker build -t eid-gateway .
#
# Releases pin the base by digest: --build-arg PYTHON_IMAGE=python:3.13-slim-bookworm@sha256:<digest>,
# the digest being the one your registry mirror has checked. Both stages use the same image, so the
# environment built in the first works unchanged in the second.
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

# ---- build: locked packages, page assets from npm's lock file, our wheel
FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
COPY requirements/ requirements/
RUN python -m venv /opt/eid-gateway \
 && /opt/eid-gateway/bin/pip install --require-hashes --only-binary :all: -r requirements/runtime.lock \
 && python -m pip install --require-hashes --only-binary :all: -r requirements/build.lock
COPY . .
RUN python -m gateway.web.assets \
 && python -m hatchling build --target wheel --directory /dist \
 && /opt/eid-gateway/bin/pip install --no-deps --no-index /dist/*.whl \
 && /opt/eid-gateway/bin/python -m compileall -q /opt/eid-gateway/lib

# ---- run: no compiler, no npm, no shell needed; the root file system may be read-only
FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="eid-gateway" \
      org.opencontainers.image.licenses="EUPL-1.2"
COPY --from=build /opt/eid-gateway /opt/eid-gateway
# The example registry; a real installation mounts its own directory over it.
COPY config/ /etc/eid-gateway/
ENV PATH=/opt/eid-gateway/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
# 8400 citizens and services, 8401 management (never published beyond the operator's network)
EXPOSE 8400 8401
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8401/health/live', timeout=2)"]
ENTRYPOINT ["eid-gateway"]
CMD ["serve", "--config", "/etc/eid-gateway"]
