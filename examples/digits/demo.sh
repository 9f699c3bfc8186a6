#!/usr/bin/env bash
# The sweep of this folder from beginning to end, in the home that HOMERUN_HOME names: demo.sh SLOTS
set -euo pipefail
cd "$(dirname "$0")"

homerun run --slots "${1:-2}" sweep.yaml

# The answers of `homerun sql` are plain lines with tabs when they go to a program.
read -r sweep best id < <(homerun sql "
    SELECT sweep, number, id FROM run
    WHERE sweep = (SELECT id FROM sweep ORDER BY number DESC LIMIT 1)
    ORDER BY json_extract(summary, '\$.error_rate') IS NULL, json_extract(summary, '\$.error_rate')
    LIMIT 1" | tail -n 1)

# Tables for people, in a log too.
if [[ ! -t 1 ]]; then export COLUMNS=150 FORCE_COLOR=1 NO_COLOR=1; fi

printf '\nThe ten best runs\n'
homerun ls "$sweep" -n 10

printf '\nCrop or squish?\n'
homerun compare "$sweep" resize_method 2>&1

printf '\nWhat to run next\n'
out=$(dirname "$HOMERUN_HOME")
homerun advise "$sweep" -o "$out/next.yaml" 2>&1
homerun report "$sweep" -o "$out/report.html" 2>&1
homerun plot "$sweep" -o "$out/parallel.html" 2>&1

printf '\nWhat this sweep taught\n'
homerun report "$sweep" 2>/dev/null

cat <<END

Every run a line, to hover and brush: $out/parallel.html
What they taught, with pictures: $out/report.html
The next sweep, with its reasons: $out/next.yaml
Everything lies in $HOMERUN_HOME: the database homerun.db, and in runs/ what each run wrote.
Try next:
  export HOMERUN_HOME=$HOMERUN_HOME
  export PATH=$(dirname "$(command -v homerun)"):\$PATH
  (cd $PWD && homerun run $out/next.yaml)
  homerun show $best
  homerun logs $best
  homerun df $sweep -o runs.csv
  homerun sql "SELECT step, value FROM history WHERE run = '$id' AND key = 'valid_loss'"
or edit examples/digits/sweep.yaml and make demo again.
END
