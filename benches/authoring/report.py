"""Prints the medians of the authoring benchmark and the ratios that matter: report.py FOLDER CPUS ROUNDS."""

import os
import pathlib
import statistics
import sys

NAMES = {
    "scrip": "scrip-store build",
    "one_thread": "scrip-store build --threads 1",
    "mtools": "sfdisk + mkfs.vfat + mcopy -spmQ",
    "genimage_peer": "genimage",
    "cat_files": "cat of the files to one file",
    "dd_bytes": "dd of the bytes",
    "sha_pass": "SHA-256 of the bytes, one core",
}


def main():
    """Reads FOLDER/times.METHOD, lines of wall, user and system seconds."""
    top, cpus, rounds = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    wall, cpu = {}, {}
    for method in NAMES:
        rows = [[float(n) for n in line.split()] for line in (top / f"times.{method}").read_text().splitlines()]
        wall[method] = statistics.median(row[0] for row in rows)
        cpu[method] = statistics.median(row[1] + row[2] for row in rows)
    cores = len(os.sched_getaffinity(0))
    print(f"\n{cores} cores ({cpus}), median of {rounds}, load {os.getloadavg()[0]:.1f}")
    print(f"{'':36} {'wall s':>8} {'CPU s':>8}")
    for method, name in NAMES.items():
        print(f"{name:36} {wall[method]:8.3f} {cpu[method]:8.3f}")
    hashed = cpu["cat_files"] + cpu["sha_pass"]
    print(f"\nwall: {wall['scrip'] / wall['mtools']:.2f} x mtools, {wall['scrip'] / wall['cat_files']:.2f} x cat, "
          f"{wall['scrip'] / wall['genimage_peer']:.2f} x genimage")
    print(f"CPU:  {cpu['scrip'] / hashed:.2f} x (cat + SHA-256); one thread {cpu['one_thread'] / hashed:.2f} x")
    print(f"memory: {int((top / 'memory').read_text()) / 1024:.1f} MiB")


if __name__ == "__main__":
    main()
