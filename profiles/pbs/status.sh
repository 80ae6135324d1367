#!/bin/sh
# Says of a PBS job whether it is running, success or failed. PBS must keep its finished jobs for a while
# (qmgr: set server job_history_enable = True): one that it does not know counts as failed.
for _ in 1 2 3; do
  if job=$(qstat -x -f "$1" 2>/dev/null); then
    case $job in
      *"job_state = F"*"Exit_status = 0"*) echo success ;;
      *"job_state = F"*) echo failed ;;
      *) echo running ;;
    esac
    exit
  fi
  sleep 5 # a server that is busy, or restarting
done
echo failed
