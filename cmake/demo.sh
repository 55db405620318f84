#!/bin/sh
# demo.sh PROGRAMS FOLDER CONFIG [MODEL DATA]: the whole job, then what came out of it.
# PROGRAMS holds elmc and elm; all results stay in FOLDER, so a second run has little left to do.
# Without MODEL the built-in model answers the questions of its own world; with one the loss on DATA is
# measured.
set -eu
programs=$1 folder=$2 config=$3 model=${4:-} data=${5:-}
elmc=$programs/elmc elm=$programs/elm
mkdir -p "$folder"

start=$(date +%s)
if [ -n "$model" ]; then
  bundle=$folder/model.elm
  tasks=ppl:$data
  prompt=${PROMPT:-Once upon a time}
  set -- -n 12
  "$elmc" prepare "$model" --data "$data" -o "$bundle"
else
  bundle=$folder/pocket-4m.elm
  tasks=pocket
  prompt=$("$elmc" dataset show app --split test --prompt)
  # The answer ends with its line; behind it the model would ask the next question.
  set -- -n 48 --stop '
'
  "$elmc" prepare --config "$config" -o "$bundle"
fi
"$elmc" eval "$bundle" --tasks "$tasks" --count "${COUNT:-60}" --latency --json "$folder/eval.json"
"$elmc" report "$folder/eval.json" -o "$folder/report.html"

for level in ${LEVELS:-1.0 0.8 0.5}; do
  printf '\nlevel %s:\n' "$level"
  "$elm" run "$bundle" --level "$level" -p "$prompt" --temperature 0 "$@"
done
printf '\nthe job took %s s; %s and %s hold the results\n' "$(($(date +%s) - start))" "$bundle" \
  "$folder/eval.json"
