#!/usr/bin/env bash
# A Slurm of one node for the tests: two pretend GPUs, no accounting, nothing of the system touched.
#   eval "$(tests/cluster/slurm.sh up FOLDER)"    starts it and puts its programs on PATH
#   tests/cluster/slurm.sh down FOLDER            ends it, with the jobs that still run
# Everything lies in FOLDER. It needs the programs of Debian's slurm-wlm and munge, and runs as root or as anybody.
set -euo pipefail

usage() {
  echo "usage: $0 up|down FOLDER" >&2
  exit 2
}

[ $# = 2 ] || usage
mkdir -p "$2"
folder=$(cd "$2" && pwd)
export SLURM_CONF=$folder/slurm.conf
export PATH=$PATH:/usr/sbin:/sbin

# A port that nobody listens on, from a range that no system hands out by itself.
free_port() {
  local port
  while port=$((RANDOM % 5000 + 25000)); do
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

# Wait until a command succeeds; after 20 seconds show the logs and give up.
await() {
  for _ in $(seq 200); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  echo "slurm.sh: gave up waiting for: $*" >&2
  tail -n 20 "$folder"/*.log "$folder"/munge/*.log >&2
  exit 1
}

up() {
  mkdir -p "$folder"/{state,spool,munge}
  local controller_port node_port user
  user=$(id -un)
  controller_port=$(free_port)
  node_port=$(free_port)
  cat >"$SLURM_CONF" <<EOF
ClusterName=pretend
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$controller_port
SlurmdPort=$node_port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
# Memory is watched once a second: what uses more than it asked for is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=0
MinJobAge=300
KillWait=10
GresTypes=gpu
# Claimed on any machine: the jobs of the tests are small, and nothing else bounds how many run.
SlurmdParameters=config_overrides
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=4 RealMemory=16000 Gres=gpu:2
PartitionName=cpu Nodes=ALL Default=YES MaxTime=INFINITE OverSubscribe=NO
PartitionName=gpu Nodes=ALL MaxTime=INFINITE OverSubscribe=NO
EOF
  printf '%s\n' 'Name=gpu File=/dev/null' 'Name=gpu File=/dev/zero' >"$folder/gres.conf"

  dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 status=none
  chmod 700 "$folder/munge"
  chmod 600 "$folder/munge/key"
  munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
    --pid-file="$folder/munge/munged.pid" --log-file="$folder/munge/munged.log" --seed-file="$folder/munge/seed" >&2
  await munge --socket="$folder/munge/socket" --no-input
  slurmctld -c >&2
  await scontrol ping
  slurmd -c >&2
  await bash -c 'sinfo --noheader --format=%t | grep --quiet idle'
  # Snakemake's plugin takes SLURM_CONF out of the environment where it runs inside a job. These programs know it.
  mkdir -p "$folder/bin"
  local program
  for program in srun sbatch squeue sinfo scontrol scancel sacct sacctmgr; do
    printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$SLURM_CONF" "$(command -v "$program")" >"$folder/bin/$program"
  done
  chmod +x "$folder/bin"/*
  echo "export PATH=$folder/bin:\$PATH"
}

down() {
  scancel --user="$(id -un)" 2>/dev/null || true
  local pid_file
  for pid_file in "$folder/slurmd.pid" "$folder/slurmctld.pid" "$folder/munge/munged.pid"; do
    [ -f "$pid_file" ] || continue
    local pid
    pid=$(cat "$pid_file")
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
  done
}

case $1 in
  up | down) "$1" ;;
  *) usage ;;
esac
