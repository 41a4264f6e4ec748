package policydoc

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
)

// SerialHash is the keyed hash under which a school knows a medium, by the
// policy's serial key. Without a key or a serial number there is none.
func SerialHash(key []byte, vendor, product, serial string) []byte {
	if len(key) != 32 || serial == "" {
		return nil
	}
	return keyed(key, "usb serial v1", vendor, product, serial)
}

// AccountHash is the keyed hash of the account that a permit is for.
func AccountHash(key []byte, account string) []byte {
	if len(key) != 32 || account == "" {
		return nil
	}
	return keyed(key, "usb account v1", strings.ToLower(account))
}

func keyed(key []byte, parts ...string) []byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		mac.Write([]byte(p))
		mac.Write([]byte{0})
	}
	return mac.Sum(nil)
}
