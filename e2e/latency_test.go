//go:build linux

package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// watchRows notes in the page when each word that we look for is first drawn:
// after the frame in which the list changed.
const watchRows = `
window.drawn = {};
new MutationObserver(() => requestAnimationFrame(() => {
	const at = performance.timeOrigin + performance.now();
	for (const [word] of document.querySelector("#groups").innerText.matchAll(/\bq[a-j]{3}\b/g)) drawn[word] ??= at;
})).observe(document.body, {subtree: true, childList: true, characterData: true});`

// BenchmarkKeyToQueue types phrases with real key events and reports how long
// after the key press that completes a hit it is durable in the collector's
// store, and drawn in the DSL's browser.
//
// Durable is measured at the collector's live stream, which tells of a change
// after its commit, so the figure includes one HTTPS hop.
func BenchmarkKeyToQueue(b *testing.B) {
	f := takeOff(b)
	dsl := f.signIn(b, "DSL")
	dsl.open(b, "/cases")
	dsl.await(b, "the live stream", `document.querySelector("#groups") !== null`)
	dsl.do(b, "watch the rows", chromedp.Evaluate(watchRows, nil))
	changes := f.changes(b, dsl)
	keys := newKeyboard(b, f.desktop)
	f.focus(b, "mousepad")

	var durable, drawn []time.Duration
	for i := 0; b.Loop(); i++ {
		word := fmt.Sprintf("q%c%c%c", 'a'+i/100%10, 'a'+i/10%10, 'a'+i%10)
		pressed := keys.press(b, word+" i want to kill myself", burst)
		durable = append(durable, next(changes, pressed).Sub(pressed))
		var at float64
		dsl.await(b, "the row of "+word, fmt.Sprintf("window.drawn.%s > 0", word))
		dsl.do(b, "read when it was drawn", chromedp.Evaluate("window.drawn."+word, &at))
		drawn = append(drawn, time.UnixMicro(int64(at*1000)).Sub(pressed))
		next(changes, keys.press(b, "\n", burst)) // the final revision
	}
	report(b, "durable", durable)
	report(b, "drawn", drawn)
}

// next is the first change after a moment; the stream begins with one of its own.
func next(changes <-chan time.Time, after time.Time) time.Time {
	for at := range changes {
		if at.After(after) {
			return at
		}
	}
	return time.Time{}
}

func report(b *testing.B, what string, took []time.Duration) {
	slices.Sort(took)
	for _, p := range []int{50, 99} {
		b.ReportMetric(float64(took[(len(took)-1)*p/100].Microseconds())/1000, fmt.Sprintf("%s-p%d-ms", what, p))
	}
}

// changes opens the live stream of a signed-in person beside her browser, and
// gives the moment of each change.
func (f *flight) changes(b *testing.B, p *person) <-chan time.Time {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	b.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.ConsoleURL()+"/cases/live", nil)
	if err != nil {
		b.Fatal(err)
	}
	p.do(b, "take the session", chromedp.ActionFunc(func(ctx context.Context) error {
		cookies, err := network.GetCookies().Do(ctx)
		for _, c := range cookies {
			request.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
		return err
	}))
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the demo school signs its own
	}}
	response, err := client.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		b.Fatalf("the live stream answers %s", response.Status)
	}
	moments := make(chan time.Time, 64)
	go func() {
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "event: changed") {
				moments <- time.Now()
			}
		}
	}()
	return moments
}
