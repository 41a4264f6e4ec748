package main

import (
	"context"
	"fmt"
	"time"

	"github.com/lapwing-schools/lapwing/collector/control"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

type tokenListCmd struct {
	onData
	JSON bool `required:"" help:"Print one JSON object a line."`
}

func (tokenListCmd) Help() string {
	return `Example:

  lapwing-collector token list --data /var/lib/lapwing --json`
}

func (c *tokenListCmd) Run(ctx context.Context, o *output) error {
	return c.ask(o, func(client *control.Client) error {
		stream, err := client.ListTokens(ctx, &lapwingv1.ListTokensRequest{School: c.School})
		if err != nil {
			return err
		}
		return printEach(o.out, stream, tokenJSON)
	})
}

type tokenReleaseCmd struct {
	onData
	Batch  string   `arg:"" help:"The batch, from token list."`
	Device []string `help:"Only this device, from devices list; repeatable. Without it, all that wait."`
}

func (tokenReleaseCmd) Help() string {
	return `Look first at the devices that wait: devices list shows them as held. Example:

  lapwing-collector token release --data /var/lib/lapwing k3q7x2…`
}

func (c *tokenReleaseCmd) Run(ctx context.Context, o *output) error {
	return c.ask(o, func(client *control.Client) error {
		done, err := client.ReleaseToken(ctx, &lapwingv1.ReleaseTokenRequest{School: c.School, Batch: c.Batch, Devices: c.Device})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(o.out, "Released %d devices. What they hold arrives within two minutes.\n", len(done.Released))
		return err
	})
}

type devicesReofferCmd struct {
	onData
	Since durationFlag `required:"" help:"How far back, for example 12h or 2d. Devices keep urgent events for a day or two."`
}

func (devicesReofferCmd) Help() string {
	return `After a restore, the collector lacks what came in since the backup was made. Devices keep the urgent part of it
for a day; those that are connected send it at once, the others when they come within the next 24 hours. What
the collector has already is kept once. Example:

  lapwing-collector devices reoffer --data /var/lib/lapwing --since 12h`
}

func (c *devicesReofferCmd) Run(ctx context.Context, o *output) error {
	return c.ask(o, func(client *control.Client) error {
		since := time.Now().Add(-time.Duration(c.Since))
		if _, err := client.AskAgain(ctx, &lapwingv1.AskAgainRequest{School: c.School, SinceMs: since.UnixMilli()}); err != nil {
			return err
		}
		_, err := fmt.Fprintf(o.out, "Devices are asked for what they sent since %s.\n", since.Format("15:04 on 2 January 2006"))
		return err
	})
}
