#!/usr/bin/env bash
# run.sh [ROUNDS] [CPUS]: author one tree by scrip-store and by its peers, in turn, and print medians and ratios.
# CPUS, such as 0,1, keeps every method to these cores. Needs: mtools dosfstools fdisk genimage python3 time.
set -eu
cd "$(dirname "$0")/../.."
rounds=${1:-5}
cpus=${2:-0-$(($(nproc --all) - 1))}

cargo build --release --quiet --bin scrip-store
built=$(realpath -m -- "${CARGO_TARGET_DIR:-target}")
top=$built/authoring
rm -rf "$top"
mkdir -p "$top/root"
# genimage makes no empty volume.
echo one file >"$top/root/one"
python3 -B benches/authoring/tree.py "$top"
find "$top/rom" -type f -print0 >"$top/list"
xargs -0 cat <"$top/list" >"$top/all"
export MTOOLS_SKIP_CHECK=1

scrip() { "$built/release/scrip-store" build "$top" --out "$top/out" --json >"$top/said"; }
# One worker for each core that is given; without this the tool counts the cores itself.
one_thread() { "$built/release/scrip-store" build "$top" --out "$top/out" --threads 1 --json >"$top/said"; }

# A table of the same partitions, two empty volumes, then the files; mkfs syncs, so the bulk comes last.
mtools() {
    truncate -s 656M "$top/out"
    printf 'label: gpt\nstart=2048, size=716800\nstart=718848, size=8192\nstart=727040, size=614400\n' |
        sfdisk --quiet "$top/out"
    mkfs.vfat -F 32 --offset 2048 "$top/out" 358400 >"$top/said"
    mkfs.vfat -F 32 --offset 727040 "$top/out" 307200 >"$top/said"
    mcopy -spmQ -i "$top/out@@1M" "$top"/rom/* ::
}

genimage_peer() {
    rm -rf "$top/tmp"
    genimage --config "$top/genimage.cfg" --rootpath "$top/root" --inputpath "$top" --outputpath "$top" \
        --tmppath "$top/tmp" >"$top/said" 2>&1
}
# genimage takes a folder's content by naming what lies in it.
{
    printf 'image rom.vfat { size = 350M\n vfat { extraargs = "-F 32"\n'
    find "$top/rom" -mindepth 1 -maxdepth 1 -printf '  files += { "rom/%f" }\n'
    printf ' } }\nimage ram.vfat { size = 300M\n vfat { extraargs = "-F 32" } }\n'
    printf 'image out { hdimage { partition-table-type = "gpt" }\n'
    printf ' partition rom { image = "rom.vfat"\n partition-type-uuid = "F" }\n'
    printf ' partition ram { image = "ram.vfat"\n partition-type-uuid = "F" } }\n'
} >"$top/genimage.cfg"

cat_files() { xargs -0 cat <"$top/list" >"$top/out"; }
dd_bytes() { dd if="$top/all" of="$top/out" bs=1M status=none; }

# The CPU time of one SHA-256 pass over as many bytes, without reading them.
sha_pass() {
    python3 - "$(stat -c %s "$top/all")" <<'PYTHON'
import hashlib, sys, time
block, digest = bytes(1 << 20), hashlib.sha256()
start = time.process_time()
for _ in range(int(sys.argv[1]) // len(block)):
    digest.update(block)
print(f"{time.process_time() - start:.3f} {time.process_time() - start:.3f} 0")
PYTHON
}

methods=(scrip one_thread mtools genimage_peer cat_files dd_bytes sha_pass)
for method in "${methods[@]}"; do : >"$top/times.$method"; done

# Note the wall, user and system seconds of one run of a method.
TIMEFORMAT='%3R %3U %3S'
measure() {
    rm -f "$top"/out "$top"/*.vfat
    if [ "$1" = sha_pass ]; then
        sha_pass >>"$top/times.$1"
    else
        { time "$1" 2>"$top/errors"; } 2>>"$top/times.$1" || { cat "$top/errors" "$top/said" >&2; exit 1; }
    fi
}

taskset -cp "$cpus" $$ >/dev/null
for method in "${methods[@]}"; do measure "$method"; : >"$top/times.$method"; done
for ((round = 0; round < rounds; round++)); do
    for method in "${methods[@]}"; do measure "$method"; done
done

rm -f "$top/out"
/usr/bin/time -f %M "$built/release/scrip-store" build "$top" --out "$top/out" --json >"$top/said" 2>"$top/memory"
python3 -B benches/authoring/report.py "$top" "$cpus" "$rounds"
rm -rf "$top"
