package capture

import (
	"fmt"
	"testing"
	"time"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// says types s and Enter, and lets a second pass.
func (r *run) says(s string) []Report {
	r.t.Helper()
	out := append(r.types(s), r.press(Enter)...)
	return append(out, r.wait(time.Second)...)
}

func TestNeverLimited(t *testing.T) {
	r := newRun(t)
	r.text("f")
	for range 50 {
		if got := r.says("end my life"); len(got) != 2 {
			t.Fatalf("got %s, want provisional and final", show(got))
		}
	}
	for i := range 10 { // titles are final at once
		title := fmt.Sprint("end my life ", i)
		expect(t, r.step(Input{Kind: TitleShown, Text: title}),
			fmt.Sprintf(`%d.0 suicide+self-harm critical final "<end my life> %d"`, 51+i, i))
	}
	if c := r.m.Counters(); c.RateLimited != 0 {
		t.Errorf("counters = %+v", c)
	}
}

func TestEqualExcerptsCollapse(t *testing.T) {
	r := newRun(t)
	r.text("f")
	expect(t, r.says("Loser!"), `1.0 bullying low final "<Loser>!"`)
	for range 6 {
		expect(t, r.says("loser"))
	}
	expect(t, r.wait(limitWindow), `2.0 bullying low final "<loser>" x6`)
	if c := r.m.Counters(); c.RateLimited != 0 {
		t.Errorf("counters = %+v: a counted capture is not a lost one", c)
	}
	expect(t, r.says("loser"), `8.0 bullying low final "<loser>"`) // a new minute
}

func TestFirstThreeThenLatestAndMostSevere(t *testing.T) {
	r := newRun(t)
	r.text("f")
	for i := 1; i <= 3; i++ {
		if len(r.says(fmt.Sprint("we buy weed ", i))) != 1 {
			t.Fatal("one of the first three did not go out")
		}
	}
	for _, s := range []string{"we buy weed 4", "buy weed tonight 5", "we buy weed 6", "We buy weed 6!", "not buy weed 7"} {
		expect(t, r.says(s))
	}
	expect(t, r.wait(limitWindow),
		`5.0 drugs high final "<buy weed> tonight 5"`,
		`8.0 drugs low final "not <buy weed> 7"`)
	if c := r.m.Counters(); c.RateLimited != 3 { // 4, 6 and 6 again
		t.Errorf("counters = %+v, want 3 limited", c)
	}
}

func TestRulesHaveTheirOwnMinutes(t *testing.T) {
	r := newRun(t)
	r.text("f")
	for i := range 4 {
		r.says(fmt.Sprint("buy weed ", i))
	}
	expect(t, r.says("place a bet"), `5.0 gambling low final "<place a bet>"`)
}

// TestLimitedHigh: once limited, a capture waits whole.
func TestLimitedHigh(t *testing.T) {
	r := newRun(t)
	r.text("f")
	for i := range 3 {
		if len(r.says(fmt.Sprint("you are worthless ", i))) != 2 {
			t.Fatal("one of the first three did not go out twice")
		}
	}
	expect(t, r.says("you are worthless 3"))
	expect(t, r.says("you are worthless 1")) // equal to one that went out
	expect(t, r.close(),
		`4.0 bullying high final "<you are worthless> 3"`,
		`5.0 bullying high final "<you are worthless> 1"`)
}

func TestManyRulesEndTheOldestMinuteEarly(t *testing.T) {
	l := newLimiter()
	now := testStart
	for i := range maxBuckets + 10 {
		c := &lapwingv1.Capture{Rules: []*lapwingv1.RuleHit{{Rule: fmt.Sprint("rule-", i)}}, Count: 1}
		b := l.bucket(c, now)
		b.wait(&waiting{id: uint64(i), capture: c})
		now = now.Add(time.Millisecond)
	}
	if len(l.buckets) != maxBuckets || len(l.ready) != 10 {
		t.Errorf("%d buckets and %d let go, want %d and 10", len(l.buckets), len(l.ready), maxBuckets)
	}
	if l.ready[0].id != 0 {
		t.Errorf("first to go is %d, want the oldest", l.ready[0].id)
	}
}
