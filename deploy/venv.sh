#!/bin/sh
# Makes the virtual environment and installs exactly what the lock file names.
# Usage: deploy/venv.sh PYTHON VENV REQUIREMENTS
set -eu
python=$1 venv=$2 requirements=$3

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Fairlead needs Python 3.11 or newer; $python is $("$python" -V 2>&1)." >&2
    echo "Name another one: make PYTHON=python3.12 ..." >&2
    exit 1
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    # Debian splits these modules off into a package of their own.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq python3-venv
    else
        echo "Python lacks its venv module: apt-get install python3-venv" >&2
        exit 1
    fi
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
echo "Installing the locked dependencies into $venv ..." >&2
pip="$venv/bin/python -m pip --disable-pip-version-check --quiet"
$pip install --require-hashes --only-binary :all: -r "$requirements"
$pip install --no-build-isolation --no-deps --editable .
