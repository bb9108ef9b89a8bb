#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Times the large scenarios of bench/scenarios/ at another revision and here, in turn.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/compare.py" "$@"
