package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/agent/dial"
	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/agent/osversion"
	"github.com/lapwing-schools/lapwing/agent/status"
	"github.com/lapwing-schools/lapwing/internal/boot"
	"github.com/lapwing-schools/lapwing/internal/buildinfo"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

type enrolCmd struct {
	dirFlag
	String string `arg:"" help:"The enrolment string that token create printed; - reads it from standard input."`
	Force  bool   `help:"Replace the identity that this device has."`
}

func (enrolCmd) Help() string {
	return `The key is made on this device and stays here. With --force a device that is enrolled gets a new identity, for
example after its disk was copied; what waits to be sent goes to the same school, and is removed before another
school is told anything. Examples:

  lapwing-agent enrol lapwing-enrol:v1:lapwing.school.example:9443:uz6p…:peewit-green_jq4w…
  lapwing-agent enrol - < enrolment.txt`
}

// maxEnrolment is far above any enrolment string, in bytes.
const maxEnrolment = 4096

func (c *enrolCmd) Run(ctx context.Context, s *streams) error {
	text := c.String
	if text == "-" {
		line, err := bufio.NewReader(io.LimitReader(s.in, maxEnrolment)).ReadString('\n')
		if err != nil && err != io.EOF {
			return fmt.Errorf("read the enrolment string: %w", err)
		}
		text = strings.TrimPrefix(line, "\ufeff") // Notepad begins a file with it
	}
	enrolment, err := tlsx.ParseEnrolment(strings.TrimSpace(text))
	if err != nil {
		return usageError(err.Error())
	}
	facts, err := deviceFacts()
	if err != nil {
		return err
	}
	clock := identity.NewClock("", buildinfo.Read().Time, time.Now, boot.Elapsed)
	// A service that hangs would come back, and write its own certificate into
	// the new identity.
	if r := status.Read(ctx, c.Dir, ""); c.Force && (r.Running || r.Hangs) {
		return errors.New("the service is running with the identity that this would replace; stop it first: lapwing-agent service stop")
	}
	dialer := dial.Open(c.Dir, os.Getenv)
	id, err := identity.Enrol(ctx, c.Dir, enrolment, facts, identity.Options{Force: c.Force, Clock: clock.Now, Dial: dialer.Dial})
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() > 0 {
		return fmt.Errorf("%w; run it as the administrator (root)", err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "Enrolled with %s as device %s. Start the service: lapwing-agent service start; or by hand: lapwing-agent run --dir %s\n",
		id.Collector.SchoolName, id.Collector.Device, c.Dir)
	if err == nil && dialer.Borrowed(id.Collector.Address) {
		_, err = fmt.Fprintf(s.err, "The web proxy came from this shell's variables, which the service does not have. Write it into %s.\n",
			filepath.Join(c.Dir, dial.FileName))
	}
	return err
}

// deviceFacts are what this device says about itself.
func deviceFacts() (identity.Facts, error) {
	host, err := os.Hostname()
	if err != nil {
		return identity.Facts{}, fmt.Errorf("find this device's name: %w", err)
	}
	return identity.Facts{
		Hostname: host, OS: runtime.GOOS, Arch: runtime.GOARCH, OSVersion: osversion.Read(),
		AgentVersion: buildinfo.Read().String(), Fingerprint: identity.Fingerprint(),
	}, nil
}
