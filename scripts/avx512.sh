#!/usr/bin/env bash
# Runs the tests of what must be the same bits everywhere with the AVX-512 kernels: here if the processor has them, else in
# an emulated one, which takes some twelve minutes and Debian's bochs.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== avx512: kernels and fit hashes"
bits='Bits|Golden|Hash'
if grep -qw avx512dq /proc/cpuinfo; then
  SHOAL_SIMD=avx512 CGO_ENABLED=0 go test -count=1 ./internal/kernel
  SHOAL_SIMD=avx512 CGO_ENABLED=0 go test -count=1 -run "$bits" ./nn ./train
  exit
fi

work=$(mktemp -d)
mkfifo "$work/keyboard" # nobody types, but it must not end
exec 9<>"$work/keyboard"
trap '[ -z "${emulator:-}" ] || kill "$emulator" 2>/dev/null || true; rm -rf "$work"' EXIT
for program in bochs cpio xorriso; do
  if ! command -v $program >/dev/null; then
    if [ "$(id -u)" != 0 ]; then
      echo "avx512: install bochs bochs-term bochsbios vgabios cpio xorriso isolinux" >&2
      exit 1
    fi
    apt-get update -qq
    apt-get install -y -qq bochs bochs-term bochsbios vgabios cpio xorriso isolinux syslinux-common >/dev/null
    break
  fi
done

# The emulator tells newer kernels than 5.10 a wrong size of the registers' state, and they turn AVX off. It comes from the
# release before, by the mirror that this system uses.
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -1)
mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bullseye main" >"$work/apt/sources.list"
apt=(-qq -o "Dir::Etc::sourcelist=$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$work/apt/lists" -o "Dir::Cache=$work/apt/cache" -o APT::Sandbox::User=root)
apt-get "${apt[@]}" update
kernel=$(apt-cache "${apt[@]}" search '^linux-image-5.10.*-cloud-amd64$' | awk '{print $1}' | sort -V | tail -1)
(cd "$work" && apt-get "${apt[@]}" download "$kernel" && dpkg -x "$kernel"_*.deb kernel)

CGO_ENABLED=0 go build -ldflags='-s -w' -o "$work/init" ./scripts/_guest

# emulate PACKAGE ARGUMENTS… runs a package's tests in the emulated machine.
emulate() {
  local root="$work/root" iso="$work/iso" screen
  rm -rf "$root" "$iso"
  mkdir -p "$root/shoal/$1" "$iso/isolinux"
  CGO_ENABLED=0 go test -ldflags='-s -w' -c -o "$root/test" "./$1"
  cp -r --parents notes/testdata "$root/shoal"
  [ ! -d "$1/testdata" ] || cp -r --parents "$1/testdata" "$root/shoal"
  cp "$work/init" "$root/init"
  echo "$@" >"$root/args"
  (cd "$root" && find . | cpio -o -H newc --quiet) >"$iso/initrd"
  cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$iso/isolinux/"
  cp "$work"/kernel/boot/vmlinuz-* "$iso/vmlinuz"
  cat >"$iso/isolinux/isolinux.cfg" <<X
DEFAULT linux
PROMPT 0
LABEL linux
 KERNEL /vmlinuz
 INITRD /initrd
 APPEND console=ttyS0 quiet mitigations=off nokaslr noxsaves tsc=unstable clocksource=pit lpj=1000000 no_timer_check panic=-1 rdinit=/init
X
  xorriso -as mkisofs -quiet -o "$work/disc.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table "$iso" 2>/dev/null
  cat >"$work/bochsrc" <<X
display_library: term
cpu: model=corei7_skylake_x, count=1, ips=100000000
memory: guest=1024, host=1024
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=$work/disc.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/serial
clock: sync=none
sound: driver=dummy, waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
log: $work/bochs.log
X
  echo c >"$work/debugger" # continue
  : >"$work/serial"
  # The machine's power going off ends the emulator with an error. It draws the machine's screen on a terminal of its own,
  # and waits where nobody reads that.
  : >"$work/said"
  TERM=xterm timeout 1h script -qefc "bochs -q -f $work/bochsrc -rc $work/debugger" "$work/said" >/dev/null 2>&1 <&9 &
  emulator=$!
  until screen=$(grep -ao '/dev/pts/[0-9]*' "$work/said"); do
    kill -0 $emulator 2>/dev/null || break
    sleep 0.2
  done
  cat "$screen" >/dev/null 2>&1 &
  wait $emulator || true
  kill $! 2>/dev/null || true
  grep -aE '^(---|FAIL|panic|guest:|    )' "$work/serial" || tail -5 "$work/bochs.log"
  grep -aq '^guest: passed' "$work/serial"
}
# Of the kernels' tests those that compare vectors with the plain kernels: the others would take an hour.
emulate internal/kernel -test.short '-test.run=Vector|Level|OneExample|Limits'
emulate nn -test.short "-test.run=$bits"
emulate train -test.short "-test.run=$bits"
