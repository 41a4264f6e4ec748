//go:build !linux

package window

import (
	"context"
	"errors"
)

// Show is not built for this system yet; people get the page in their browser.
func Show(context.Context, string, Text, func(Event)) error {
	return errors.New("show the notice: not built for this operating system yet")
}
