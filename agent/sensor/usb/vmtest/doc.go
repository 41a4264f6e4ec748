// Package vmtest boots a real kernel in QEMU with the USB sensor as its first
// program, plugs media in and out, and reads what the sensor says. It has no
// code of its own but its tests; `make test-usb` runs them.
package vmtest
