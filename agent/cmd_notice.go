package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/lapwing-schools/lapwing/agent/notice"
	"github.com/lapwing-schools/lapwing/agent/notice/browser"
	"github.com/lapwing-schools/lapwing/agent/notice/page"
)

type noticeCmd struct {
	dirFlag
	Print bool `help:"Print the page's address instead of opening a browser."`
}

func (noticeCmd) Help() string {
	return `Opens a page on this computer, for whoever is logged on: what Lapwing sees, what it never keeps, who reads it,
where help is, and a form to tell somebody something. The page closes by itself after 30 minutes without use. Example:

  lapwing-agent notice`
}

func (c *noticeCmd) Run(ctx context.Context, s *streams) error {
	if !notice.Supported {
		return notice.ErrUnsupported
	}
	p, ln, err := page.Listen(ctx, notice.Client{Path: deskSocket(c.Dir), Lang: os.Getenv("LANG")})
	if err != nil {
		return err
	}
	if c.Print || browser.Open(ctx, os.Getenv, p.URL()) != nil {
		fmt.Fprintln(s.out, p.URL())
	}
	err = p.Serve(ctx, ln, page.Idle)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
