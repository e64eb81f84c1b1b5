# Two images of one build: holdfast (the default) and twiliosim, the double of Twilio, for trying things out.
# Base images are pinned by tag; pin them by digest where a registry can be asked.
FROM golang:1.26.8-alpine AS build
WORKDIR /src
ENV CGO_ENABLED=0
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /out/ ./cmd/holdfast ./cmd/twiliosim
# A new volume takes over the owner and the mode of the folder that it is mounted on. That of the superuser's
# password is read by another image's user; who can read it is decided by who mounts it.
RUN mkdir -m 0755 -p /out/secrets/superuser && mkdir -m 0700 /out/secrets/app /out/secrets/owner

# There is no shell and no package in it. Time zones are in the binary.
FROM scratch AS base
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /out/secrets /secrets
COPY --from=build /out/holdfast /holdfast
USER 65532:65532
STOPSIGNAL SIGTERM
ARG VERSION=dev
LABEL org.opencontainers.image.title="Holdfast" \
      org.opencontainers.image.description="A queue-backed booking job processor" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"

FROM base AS twiliosim
COPY --from=build /out/twiliosim /twiliosim
EXPOSE 8082
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["/holdfast", "ready", "--url", "http://127.0.0.1:8082/healthz"]
ENTRYPOINT ["/twiliosim"]
CMD ["--addr", "0.0.0.0:8082"]

FROM base AS holdfast
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["/holdfast", "ready"]
ENTRYPOINT ["/holdfast"]
CMD ["serve"]
