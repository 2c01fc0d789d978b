#!/bin/bash
# build.sh TAG FOLDER: an image of anybody's, from the base images that lie here.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
docker_build "$1" "$2"
