# The environment as an image: the locked requirements, and nothing that changes with the project's code.
#   docker build --tag rederive .
#   docker run --rm --volume "$PWD:/project" rederive snakemake --configfile config.demo.yaml
# Clusters run it by Apptainer (docs/cluster.md). The commands in it take the code of the folder that they are started
# in, so that an image never trains with other code than the workflow of that folder believes.
FROM python:3.12-slim-bookworm

COPY requirements.lock /environment/
RUN pip install --no-cache-dir --require-hashes --requirement /environment/requirements.lock

# The command `rederive` itself. What it imports comes from ./src, which stands before the installed package.
COPY pyproject.toml README.md LICENSE /environment/
COPY src /environment/src
RUN pip install --no-cache-dir --no-deps --no-build-isolation /environment
ENV PYTHONPATH=src

# Caches (fonts, Snakemake's sources) go where whoever runs the image can write.
ENV HOME=/tmp
WORKDIR /project
CMD ["snakemake", "--cores", "all"]
