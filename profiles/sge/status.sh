#!/bin/sh
# Says of a Grid Engine job whether it is running, success or failed: qstat knows what waits or runs, qacct what is
# over, some seconds after it is over. One that neither knows counts as failed.
for _ in 1 2 3 4 5 6; do
  if qstat -j "$1" >/dev/null 2>&1; then
    echo running
    exit
  fi
  if account=$(qacct -j "$1" 2>/dev/null); then
    echo "$account" | awk '$1 == "failed" || $1 == "exit_status" { bad += $2 != 0 } END { print bad ? "failed" : "success" }'
    exit
  fi
  sleep 5
done
echo failed
