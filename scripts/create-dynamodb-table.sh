#!/bin/sh
# The same as `dynalake table create`; options are passed on.
set -eu
exec dynalake table create "$@"
