#!/bin/sh
# Sets up the oracle: real TensorFlow 1.15.5 under Python 3.7, in .oracle or the folder given.
# Quick if it exists already. Without a Python 3.7 it prints a note and succeeds.
set -eu

folder=${1:-"$(dirname "$0")/../../.oracle"}
ready="$folder/ready"
if [ -f "$ready" ] && "$folder/bin/python" -c "" 2>/dev/null; then
    exit 0
fi

is_37() {
    "$@" -c "import sys; sys.exit(sys.version_info[:2] != (3, 7))" 2>/dev/null
}

if ! is_37 python3.7 && command -v pyenv >/dev/null; then
    # pyenv's python3.7 works only where a 3.7 is chosen.
    PYENV_VERSION=$(pyenv versions --bare | grep '^3\.7\.' | tail -n 1 || true)
    export PYENV_VERSION
fi
if ! is_37 python3.7; then
    echo "No oracle: there is no python3.7 here, so the tests that ask TensorFlow 1.15.5 are skipped."
    exit 0
fi

rm -rf "$folder"
if python3.7 -m venv "$folder" &&
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
        tensorflow==1.15.5 "protobuf<3.21" "numpy<1.19" "h5py<3" &&
    "$folder/bin/python" -W ignore -c "
import tensorflow as tf
from tensorflow.contrib import slim
assert tf.__version__ == '1.15.5', tf.__version__
" 2>/dev/null; then
    touch "$ready"
else
    rm -rf "$folder"
    echo "No oracle: TensorFlow 1.15.5 could not be installed (see above), so the tests that ask it are skipped."
fi
