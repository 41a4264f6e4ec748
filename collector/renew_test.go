package main

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lapwing-schools/lapwing/collector/datadir"
)

// A server that booted with its clock a year ahead shows certificates of next
// year until the clock is right, and not for a day after.
func TestCertificatesOfAClockThatWasAhead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var out bytes.Buffer
	if code := execute(t.Context(), []string{"init", "--data", dir, "--school", "Hill Top", "--host", "127.0.0.1"}, &out, &out); code != 0 {
		t.Fatalf("init: %d: %s", code, out.String())
	}
	now := time.Now()
	data, err := datadir.Open(dir, now.AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	begins := func() time.Time {
		cert, err := data.ServerCertificate()
		if err != nil {
			t.Fatal(err)
		}
		return cert.Leaf.NotBefore
	}
	if !begins().After(now) {
		t.Fatal("the certificate is not of next year: this test shows nothing")
	}
	synctest.Test(t, func(t *testing.T) {
		s := &server{data: data, now: func() time.Time { return now }, log: slog.New(slog.DiscardHandler)}
		go func() { _ = s.renew(t.Context()) }()
		time.Sleep(2 * renewEvery)
		synctest.Wait()
	})
	if at := begins(); at.After(now) {
		t.Errorf("it still begins %v", at)
	}
}
