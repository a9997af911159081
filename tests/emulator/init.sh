#!/bin/busybox sh
# The guest's first process: loads the modules, then runs the scripts that the second serial port
# brings, one base64 line each, and answers with their output and a line of their exit status.
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
for module in /modules/*.ko; do
  options=
  case $module in *usb_storage*) options=delay_use=0 ;; esac
  insmod "$module" $options || echo "init: $module does not load"
done

# plugged SERIAL NAME: waits for a stick, then links /dev/NAME and /dev/NAME-partN to it.
cat >/bin/plugged <<'END'
#!/bin/sh
tries=0
while [ $tries -lt 1000 ]; do
  for disk in /sys/block/sd*; do
    [ "$(cat "$(readlink -f "$disk/device")/../../../../serial" 2>/dev/null)" = "$1" ] || continue
    letter=${disk##*/}
    # The log still tells of sticks that had the letter before.
    attached=$(dmesg | grep -c "\[$letter\] Attached")
    [ "$attached" -gt "$(cat "/tmp/attached-$letter" 2>/dev/null || echo 0)" ] || continue
    echo "$attached" >"/tmp/attached-$letter"
    ln -sf "/dev/$letter" "/dev/$2"
    for part in "$disk/$letter"[0-9]*; do
      [ -e "$part" ] && ln -sf "/dev/${part##*/}" "/dev/$2-part$(cat "$part/partition")"
    done
    exit 0
  done
  usleep 20000
  tries=$((tries + 1))
done
echo "$1 does not appear" && exit 1
END
chmod +x /bin/plugged

exec </dev/ttyS1 >/dev/ttyS1 2>&1
stty raw -echo
printf '\036ready\n'
while read -r line; do
  echo "$line" | base64 -d >/tmp/script
  sh /tmp/script </dev/null
  printf '\n\036exit %s\n' $?
done
