#!/bin/sh
# An evaluation in parts, a task of an array each, into one folder of rows:
#   sbatch deploy/slurm.sh --data /data/BraTS --methods aprilgan winclip --out /scratch/rows
# The options are those of `zsad evaluate`. A task that was ended goes on where it was when the
# array is submitted again. Data, --out, ZSAD_HOME and ZSAD_CACHE lie where every node sees them.
#SBATCH --job-name=zsad
#SBATCH --array=1-4
#SBATCH --gpus=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=12:00:00
#SBATCH --requeue
set -eu
exec zsad evaluate --part "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" "$@"
