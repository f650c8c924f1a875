# The whole study in one image:  docker build -t kneephen .  &&  docker run --rm -v "$PWD/out:/kneephen/artefacts" kneephen
# The real release is mounted, never copied:  docker run ... -v /path/to/OAI:/oai:ro kneephen all PROFILE=oai OAI=/oai
FROM python:3.11-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends make gcc g++ chromium \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /kneephen
COPY requirements.lock pyproject.toml Makefile README.md LICENSE ./
COPY kneephen_utils ./kneephen_utils
COPY kneephen_report ./kneephen_report
COPY oai_twin ./oai_twin
COPY studies ./studies
COPY workflow ./workflow
RUN make env TORCH=cpu
COPY book ./book
COPY notebooks ./notebooks
ENTRYPOINT ["make"]
CMD ["all"]
