#!/usr/bin/env bash
# Which checks a change needs: prints `code=true`, `docs=false` and so on, for GITHUB_OUTPUT.
#
#   scripts/ci/changes.sh BASE [EVENT]     what differs between BASE and HEAD
#
# Everything is checked when BASE is not known here (a new branch, a forced push), by the schedule, and
# when the workflows themselves have changed.
set -euo pipefail

base=${1:-}
event=${2:-push}
if [ "$event" = schedule ] || ! git cat-file -e "$base^{commit}" 2>/dev/null; then
    for area in code dependencies dashboards deploy docs; do echo "$area=true"; done
    exit
fi
changed=$(git diff --name-only "$base...HEAD")

# $1: the area, $2: its paths
tell() {
    if printf '%s\n' "$changed" | grep -Eq "^($2)"; then echo "$1=true"; else echo "$1=false"; fi
}

workflows='\.github/|scripts/ci/|\.ci/'
# the tests run nginx with the configuration that is deployed
tell code "$workflows|src/|tests/|benches/|examples/|migrations/|config/|openapi/|scripts/|deploy/nginx/|build\.rs|Cargo\.|rust-toolchain|rustfmt|clippy|Dockerfile|\.dockerignore"
tell dependencies "$workflows|Cargo\.|deny\.toml"
tell dashboards "$workflows|deploy/grafana/|deploy/prometheus/"
tell deploy "$workflows|deploy/|compose\.yaml|Dockerfile|\.dockerignore|\.env\.example"
tell docs "$workflows|.*\.md$"
