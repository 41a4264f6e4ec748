#!/usr/bin/env bash
# Debian packages that the real-process tests and the virtual desktop need, and
# a way to install those that are missing. Says what it does before it does it.
#   tools/packages.sh desktop|test|programs
set -euo pipefail
desktop=(xvfb openbox mousepad xterm xdotool x11-utils x11-xserver-utils xauth xkb-data dbus at-spi2-core libatk-adaptor fonts-dejavu-core)
testing=("${desktop[@]}" systemd systemd-sysv systemd-container libpam-systemd sway wtype dbus-user-session chromium i3lock tmux xclip python3-gi gir1.2-gtk-3.0 gir1.2-gtk-4.0 gnome-text-editor python3-pyqt5 featherpad procps desktop-file-utils protobuf-compiler strace tcpdump
  qemu-system-x86 seabios kmod dosfstools mtools cryptsetup-bin clamav-daemon xscreensaver dunst)
programs=("${testing[@]}" firefox-esr libreoffice-writer libreoffice-gtk3 kwrite)
case "${1:-}" in
  desktop) want=("${desktop[@]}") ;;
  test) want=("${testing[@]}") ;;
  programs) want=("${programs[@]}") ;;
  *) echo "usage: tools/packages.sh desktop|test|programs" >&2; exit 2 ;;
esac
missing=()
for p in "${want[@]}"; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0
run=(apt-get install -y --no-install-recommends "${missing[@]}")
if [ "$(id -u)" -ne 0 ]; then
  echo "These Debian packages are missing. Install them, then try again:" >&2
  echo "  sudo ${run[*]}" >&2
  exit 1
fi
echo "Installing Debian packages: ${missing[*]}"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update && "${run[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "Installing failed; the whole log is in $log" >&2
  exit 1
fi
rm -f "$log"
