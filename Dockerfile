# The image holds one file: the executable. Everything that made it stays behind in the first stage.

FROM oven/bun:1.4.5 AS build
WORKDIR /src
# Apart from the sources, so that changing those does not install again.
COPY package.json bun.lock ./
RUN bun install --frozen-lockfile --production --ignore-scripts
COPY tsconfig.json ./
COPY drizzle ./drizzle
COPY src ./src
RUN bun run build
RUN mkdir data

# The executable needs glibc and nothing else: no shell, no package manager, no curl.
FROM gcr.io/distroless/base-debian12
COPY --from=build /src/dist/onefold /usr/local/bin/onefold
# The folder of the volume belongs to whom the node runs as, and so does a volume that is made from it.
COPY --from=build --chown=65532:65532 /src/data /data
# Others reach a container, so it starts closed: its first start makes a token for everything and prints it, once.
ENV ONEFOLD_HOST=0.0.0.0 ONEFOLD_DATA=/data ONEFOLD_FIRST_TOKEN=print
VOLUME /data
EXPOSE 8080
# `nonroot` of the base image, as a number, so that Kubernetes can see that it is not root.
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=6s --start-period=60s --retries=3 CMD ["/usr/local/bin/onefold", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/onefold"]
CMD ["serve"]
