package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// maxReply bounds what a caller reads, in bytes.
const maxReply = 1 << 20

// Client calls the desk at Path. The zero value of anything else is fine.
type Client struct {
	Path string
	// Lang is the language that the person reads, as the variable LANG has it.
	Lang string
}

// Look asks what is on.
func (c Client) Look(ctx context.Context) (Info, error) {
	return c.call(ctx, request{Op: "look"})
}

// Help sends a request for help; form names the form it was written in, so that
// the same one sent twice is kept once. nil means that it is on this device's
// disk and goes to the school as soon as there is a way.
func (c Client) Help(ctx context.Context, form string, h *lapwingv1.HelpRequest) (Info, error) {
	return c.call(ctx, request{Op: "help", Form: form, Words: h.GetWords(), Today: h.GetToday(),
		About: h.GetAboutAdult(), Hide: h.GetHideName(), TalkTo: h.GetTalkTo()})
}

// Answer says Acknowledged or Declined to a version of the notice.
func (c Client) Answer(ctx context.Context, version, answer string) (Info, error) {
	return c.call(ctx, request{Op: "answer", Version: version, State: answer})
}

func (c Client) call(ctx context.Context, req request) (Info, error) {
	conn, err := (&net.Dialer{Timeout: callTimeout}).DialContext(ctx, "unix", c.Path)
	if err != nil {
		return Info{}, ErrNotRunning
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return Info{}, fmt.Errorf("call Lapwing: %w", err)
	}
	req.Lang = c.Lang
	if err := json.NewEncoder(conn).Encode(req); err != nil {
		return Info{}, ErrNotRunning
	}
	var out reply
	if err := json.NewDecoder(io.LimitReader(conn, maxReply)).Decode(&out); err != nil {
		return Info{}, ErrNotRunning
	}
	if out.Error != "" {
		return Info{}, errors.New(out.Error)
	}
	if out.Info == nil {
		return Info{}, ErrNotRunning
	}
	return *out.Info, nil
}
