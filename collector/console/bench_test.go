package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// BenchmarkCasePage is the whole page as the server makes it: session, permission, ledger,
// history of 60 captures and 40 acts, similar cases among 10,000 open ones, the place in the queue, and the template.
func BenchmarkCasePage(b *testing.B) {
	f := newFixture(b)
	f.device("d-0142", "PGS-LT-0142", 0, works(morning)...)
	for i := range 10_000 {
		f.typeText(typed{account: fmt.Sprintf("pupil %d", i), audience: vocab.Pupil, category: []vocab.Category{vocab.Bullying, vocab.Drugs}[i%2], severity: vocab.Medium, hit: "nobody wants you", ago: time.Duration(i%60) * time.Second})
	}
	ref := f.typeText(typed{account: "Ivo", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, hit: "nobody wants you"})
	for i := range 59 {
		f.typeText(typed{account: "Ivo", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, before: fmt.Sprint(i, " ok so "), hit: "everyone hates you", after: " and dont come on friday"})
	}
	client := f.signIn("H. Marlow", caseflow.DSL)
	path := "/cases/" + string(ref)
	for i := range 20 {
		client.post(path+"/record", with(hidden(b, client.get(path)), "act", "note", "note", fmt.Sprintf("note %d", i)))
		client.post(path+"/claim", nil)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, f.server.URL+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range client.client.Jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		w := httptest.NewRecorder()
		f.server.Config.Handler.ServeHTTP(w, req)
		took = append(took, time.Since(start))
		if w.Code != http.StatusOK {
			b.Fatalf("status %d", w.Code)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
}
