#!/bin/sh
# The same as `dynalake table add-indexes`; options are passed on.
set -eu
exec dynalake table add-indexes "$@"
