#!/usr/bin/env python3
"""Runs `elm bench` and a llama-bench alternately and prints ratios of their speeds.

Two programs on a shared machine are compared by what they do within the same minute, again and
again, not by what each did once. Every round runs both, one after the other (the first of them takes
turns); the round's ratio is elm's tokens per second over the peer's, and what is reported is the
median of the rounds with the lowest and the highest.

  runtime/bench/beside_llama_bench.py --bundle 1b-q4.elm --peer llama.cpp/build/bin/llama-bench \\
      --gguf 1b-q4.gguf --peer-options="-fa 1" -p 512 -n 64 -t 1,2 --rounds 5

The peer prints its own JSON (-o json), as llama.cpp's and ik_llama.cpp's llama-bench do. Python's
standard library is enough.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)}\nended with exit code {done.returncode}:\n{done.stderr}")
    return done.stdout


def elm_rows(options, threads):
    """The rows of elm's JSON by test name."""
    command = [options.elm, "bench", options.bundle, "-p", str(options.prompt), "-n",
               str(options.generate), "-t", str(threads), "-r", str(options.repeats), "-l", "1.0",
               "-o", "json", *shlex.split(options.elm_options)]
    rows = json.loads(run(command))["rows"]
    return {row["test"]: row for row in rows}


def peer_speeds(options, threads):
    """Tokens per second by test name, e.g. {"pp512": 300.0}."""
    command = [options.peer, "-m", options.gguf, "-p", str(options.prompt), "-n",
               str(options.generate), "-t", str(threads), "-r", str(options.repeats), "-o", "json",
               *shlex.split(options.peer_options)]
    text = run(command)
    rows = json.loads(text[text.index("["):])
    speeds = {}
    for row in rows:
        name = f"pp{row['n_prompt']}" if row["n_gen"] == 0 else f"tg{row['n_gen']}"
        speeds[name] = statistics.median(row["samples_ts"])
    return speeds


def compare(options, threads):
    ours, theirs, shares = {}, {}, {}
    for number in range(options.rounds):
        if number % 2 == 0:
            elm, peer = elm_rows(options, threads), peer_speeds(options, threads)
        else:
            peer, elm = peer_speeds(options, threads), elm_rows(options, threads)
        for test, row in elm.items():
            ours.setdefault(test, []).append(row["tokens_per_second"]["median"])
            theirs.setdefault(test, []).append(peer[test])
            limit = "share_of_read_bandwidth" if test.startswith("tg") else "share_of_operations"
            shares.setdefault(test, []).append(row[limit])
    for test in ours:
        ratios = sorted(a / b for a, b in zip(ours[test], theirs[test]))
        limit = "of memory" if test.startswith("tg") else "of peak"
        print(f"| {test} | {threads} | {statistics.median(ours[test]):.1f} | "
              f"{statistics.median(theirs[test]):.1f} | {statistics.median(ratios):.2f} | "
              f"{ratios[0]:.2f} to {ratios[-1]:.2f} | "
              f"{100 * statistics.median(shares[test]):.0f} % {limit} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elm", default="build/release/bin/elm", help="default %(default)s")
    parser.add_argument("--bundle", required=True, help="the .elm file")
    parser.add_argument("--peer", required=True, help="the llama-bench program")
    parser.add_argument("--gguf", required=True, help="the same shape for the peer")
    parser.add_argument("--peer-options", default="", help='e.g. "-fa 1 -rtr 1"')
    parser.add_argument("--elm-options", default="", help='e.g. "--no-mmap"')
    parser.add_argument("-p", "--prompt", type=int, default=512)
    parser.add_argument("-n", "--generate", type=int, default=64)
    parser.add_argument("-t", "--threads", default="2", help="e.g. 1,2")
    parser.add_argument("-r", "--repeats", type=int, default=3, help="of each program in a round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"{options.bundle} beside {options.gguf} ({options.peer_options or 'no options'}), "
          f"{options.rounds} rounds of {options.repeats} repeats\n")
    print("| test | threads | elm, tokens/s | peer, tokens/s | ratio | rounds | elm |")
    print("|---|--:|--:|--:|--:|---|---|")
    for threads in options.threads.split(","):
        compare(options, int(threads))


if __name__ == "__main__":
    main()
