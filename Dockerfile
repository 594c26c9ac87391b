# The command line as an image, for deploy/cronjob: docker build --build-arg VERSION=0.1.0 --tag skymirror:0.1.0 .
FROM node:24-slim AS build
WORKDIR /build
# Before the sources, so that a change of those does not fetch the dependencies again.
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-slim
ARG VERSION=unversioned
LABEL org.opencontainers.image.title="skymirror" \
      org.opencontainers.image.description="A one-way mirror: cloud resources as Kubernetes custom resources." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
ENV NODE_ENV=production
WORKDIR /app
# Owned by root: the program cannot change itself, and needs no other file to write.
COPY --from=build /build/package.json /build/LICENSE ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
# A number, because Kubernetes checks runAsNonRoot without looking into the image's passwd.
USER 65532:65532
ENTRYPOINT ["node", "/app/dist/cli/main.js"]
CMD ["--help"]
