package status

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Write writes r for a person. now decides how long ago things were.
func Write(w io.Writer, r Report, now time.Time) error {
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(label, format string, args ...any) {
		fmt.Fprintf(tw, "%s\t%s\n", label, fmt.Sprintf(format, args...))
	}
	running := "not running"
	switch {
	case r.Running:
		running = "running, version " + r.Version
	case r.NotAllowed():
		running = "cannot tell"
	case r.Hangs:
		running = "does not answer"
	}
	line("Service", "%s", running)
	if e := r.Enrolled; e != nil {
		line("Device", "%s", e.Device)
		line("School", "%s (%s)", e.SchoolName, e.School)
		line("Collector", "%s", e.Collector)
		line("Certificate", "until %s", e.CertificateUntil.Format(time.DateOnly))
	} else if r.NotEnrolled() {
		line("Device", "not enrolled")
	}
	if r.Uplink != nil {
		writeUplink(line, r.Uplink, now)
	}
	if s := r.Spool; s != nil {
		line("To be sent", "%d urgent, %d routine%s", s.Urgent, s.Routine, fullWord(s.Full))
		line("Lost", "%d routine dropped, %d urgent merged into a count, %d files damaged",
			s.DroppedRoutine, s.MergedUrgent, s.DamagedSegments)
	}
	if r.Running {
		line("Policy", "%s", policyWord(r.Policy))
		line("Sessions", "%d", r.Sessions)
	}
	if c := r.Canary; c != nil {
		line("Test phrase", "%s, %s ago", c.Result, ago(c.At, now))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Coverage)) {
		s := r.Coverage[name]
		words := s.State
		if s.Code != "" {
			words += " (" + s.Code + ")"
		}
		line("Sensor "+name, "%s, for %s", words, ago(s.Since, now))
	}
	if r.Problem != "" {
		line("Problem", "%s", r.Problem)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeUplink(line func(string, string, ...any), u *Uplink, now time.Time) {
	words := fmt.Sprintf("%s for %s", u.State, ago(u.Since, now))
	if u.Detail != "" {
		words += ": " + u.Detail
	}
	if u.RetryAt != nil {
		words += fmt.Sprintf("; next attempt in %s", max(u.RetryAt.Sub(now), 0).Round(time.Second))
	}
	line("Connection", "%s", words)
	if u.Proxy != "" {
		line("Proxy", "%s", u.Proxy)
	}
	if u.LastAck != nil {
		line("Last delivery", "%s ago", ago(*u.LastAck, now))
	}
	if u.SkewMillis != nil {
		line("Clock", "%s", skewWord(time.Duration(*u.SkewMillis)*time.Millisecond))
	}
	if u.PolicyError != "" {
		line("Policy refused", "%s", u.PolicyError)
	}
}

func fullWord(full bool) string {
	if full {
		return "; the spool is full"
	}
	return ""
}

func policyWord(version uint64) string {
	if version == 0 {
		return "none yet"
	}
	return fmt.Sprintf("version %d", version)
}

func ago(t, now time.Time) string { return max(now.Sub(t), 0).Round(time.Second).String() }

// skewWord calls anything below two seconds right: that is what the network
// and a heartbeat may take.
func skewWord(skew time.Duration) string {
	skew = skew.Round(time.Second)
	switch {
	case skew >= 2*time.Second:
		return Long(skew) + " ahead of the collector"
	case skew <= -2*time.Second:
		return Long(-skew) + " behind the collector"
	}
	return "right"
}

// Long writes a duration that may be years.
func Long(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 3*day {
		return fmt.Sprintf("%d days", d.Round(day)/day)
	}
	return d.Round(time.Second).String()
}
