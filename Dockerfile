# syntax=docker/dockerfile:1
# The image: one binary, CA certificates, and a C library to run it on. It runs as an ordinary user
# on a read-only file system, in the production profile unless told otherwise.
#
#   docker build -t careforall .
#
# CI pins both base images by digest (see .github/workflows/image.yml); the toolchain is the one of
# rust-toolchain.toml, every crate is in Cargo.lock, and no path or time of this build is in the
# binary, so that the same sources give the same file.
ARG BUILD_IMAGE=docker.io/library/rust:1.95-bookworm
ARG RUNTIME_IMAGE=docker.io/library/debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
ENV CARGO_INCREMENTAL=0 \
    CARGO_TERM_COLOR=never \
    RUSTUP_TOOLCHAIN=1.95.0 \
    RUSTFLAGS="--remap-path-prefix=/src=. --remap-path-prefix=/usr/local/cargo=cargo"

# the crates, built before our sources are there: this layer is made anew only when they change
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src tests/it \
    && touch src/lib.rs tests/it/main.rs \
    && echo "fn main() {}" > src/main.rs && cp src/main.rs build.rs \
    && cargo build --release --locked --bin careforall \
    && rm -rf src build.rs

COPY build.rs ./
COPY migrations migrations
COPY config config
COPY src src
# what was built a moment ago from nothing is newer than the sources say they are
RUN touch build.rs src/main.rs src/lib.rs \
    && cargo build --release --locked --bin careforall \
    && install -D -m 0755 target/release/careforall /out/careforall \
    && /out/careforall --version

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="CareForAll" \
      org.opencontainers.image.description="A donation platform in one binary: no gift lost, none charged twice." \
      org.opencontainers.image.source="https://github.com/careforall/careforall" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY LICENSE /usr/share/doc/careforall/LICENSE
COPY --from=build /out/careforall /usr/local/bin/careforall
ENV CAREFORALL_PROFILE=production \
    CAREFORALL_HTTP__BIND=0.0.0.0:8080 \
    CAREFORALL_METRICS__BIND=0.0.0.0:9464
USER 65532:65532
WORKDIR /
EXPOSE 8080 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=6s --start-period=60s --retries=3 CMD ["/usr/local/bin/careforall", "health"]
ENTRYPOINT ["/usr/local/bin/careforall"]
CMD ["serve"]
