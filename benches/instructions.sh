#!/usr/bin/env bash
# Instructions a request, by valgrind's callgrind: they hardly move with what else the machine does. Set-up is taken out as
# the difference of two lengths. With `record` as argument they become those to compare with, in instructions.txt.
set -euo pipefail
cd "$(dirname "$0")"

cargo build --quiet --release -p knockon-benches --bin knockon-anchor
anchor=$(cd .. && cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/knockon-anchor
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# instructions IMPL WORKLOAD N [PARAMETER]
instructions() {
    valgrind --tool=callgrind --callgrind-out-file="$scratch/out" --log-file="$scratch/log" "$anchor" "$@" >/dev/null
    sed -n 's/.*refs: *//p' "$scratch/log" | tr -d ,
}

each() {
    local short long
    short=$(instructions "$1" "$2" 10000 ${3:-})
    long=$(instructions "$1" "$2" 50000 ${3:-})
    echo $(((long - short) / 40000))
}

now=$scratch/instructions.txt
while read -r implementation workload parameter; do
    echo "$implementation $workload ${parameter:-"-"} $(each "$implementation" "$workload" "$parameter")"
done >"$now" <<'WORKLOADS'
knockon-kernel w1
knockon-kernel w2
knockon-addressed w2
knockon w1
knockon w2
knockon w2s 100
knockon webshop
knockon-observed w2
knockon-observed webshop
WORKLOADS

if [ "${1:-}" = record ]; then
    cp "$now" instructions.txt
fi
printf '%-18s %-8s %-4s %9s %9s\n' program workload of now recorded
join -j 1 <(sed 's/ /,/;s/ /,/' "$now" | sort) <(sed 's/ /,/;s/ /,/' instructions.txt | sort) |
    tr , ' ' | while read -r line; do printf '%-18s %-8s %-4s %9s %9s\n' $line; done
