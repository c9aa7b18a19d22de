# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
# The C compiler builds PostgreSQL's grammar and aws-lc; libclang reads the grammar's headers.
RUN apt-get update && apt-get install -y --no-install-recommends build-essential libclang-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin pgveil && cp target/release/pgveil /usr/local/bin/pgveil

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/pgveil --create-home pgveil
COPY --from=build /usr/local/bin/pgveil /usr/local/bin/pgveil
USER pgveil
# The policy is mounted at /etc/pgveil/pgveil.yaml; a local keyring belongs on a volume.
VOLUME /var/lib/pgveil
ENV PGVEIL_CONFIG=/etc/pgveil/pgveil.yaml
# What this host remembers of keystores, and the default keyring.
ENV STATE_DIRECTORY=/var/lib/pgveil
EXPOSE 6432
# Asks the policy's `metrics.listen` for /readyz; healthy without asking where it is off.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["pgveil", "ready"]
ENTRYPOINT ["pgveil"]
CMD ["run"]
