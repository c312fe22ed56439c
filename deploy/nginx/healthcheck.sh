#!/bin/sh
# The container's health: does any replica answer? Several times over, so that nginx meets each
# replica and takes one that drains out of rotation; see nginx.conf.
set -eu
for _ in 1 2 3 4 5 6; do
    wget -q -O /dev/null -T 5 http://127.0.0.1:8080/readyz
done
