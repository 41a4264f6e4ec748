package spool

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// childEnv makes the test binary a process that appends until it is killed.
const childEnv = "LAPWING_SPOOL_CHILD"

// appendForEver appends 1, 2, 3 … and prints each number once it is promised.
func appendForEver(dir string) {
	s, err := Open(Config{Dir: dir, SegmentBytes: 4 << 10, MinFree: -1})
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	for i := 1; ; i++ {
		if _, err := s.Append(Event{Lane: Urgent, Payload: fmt.Append(nil, i), Wall: time.Now()}); err != nil {
			fmt.Println("append:", err)
			os.Exit(1)
		}
		fmt.Println(i)
	}
}

// workForEver appends to both lanes, 3 of 4 urgent, takes the oldest out again
// now and then, and prints what it was promised: "u 7" and "r 3" for appended,
// "ack 5" for urgent numbers acknowledged.
func workForEver(dir string) {
	s, err := Open(Config{Dir: dir, SegmentBytes: 4 << 10, MinFree: -1})
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	for i := 1; ; i++ {
		lane, word := Urgent, "u"
		if i%4 == 0 {
			lane, word = Routine, "r"
		}
		r, err := s.Append(Event{Lane: lane, Payload: fmt.Appendf(nil, "%s %0200d", word, i), Wall: time.Now()})
		if err != nil {
			fmt.Println("append:", err)
			os.Exit(0)
		}
		fmt.Println(word, r.Seq)
		if i%50 == 0 {
			es, err := s.Lease(Urgent, 20, 1<<20)
			if err != nil || len(es) == 0 {
				continue
			}
			fmt.Println("ack", es[len(es)-1].Seq) // said before it is done: it may come to pass
			_ = s.Ack(Urgent, es[len(es)-1].Seq)
		}
	}
}

// A process killed with -9 in the middle of its work loses nothing that it
// promised, and the next one goes on from there.
func TestKillMinusNine(t *testing.T) {
	dir := t.TempDir()
	for round, rounds := 0, 5; round < rounds; round++ {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+dir)
		out, err := cmd.StdoutPipe()
		check(t, err)
		check(t, cmd.Start())
		promised, lines := 0, bufio.NewScanner(out)
		for promised < 40+17*round && lines.Scan() {
			if _, err := fmt.Sscan(lines.Text(), &promised); err != nil {
				t.Fatalf("child said %q", lines.Text())
			}
		}
		check(t, cmd.Process.Kill())
		for lines.Scan() { // promises made before the signal arrived
			fmt.Sscan(lines.Text(), &promised)
		}
		_ = cmd.Wait() // killed, as asked

		s := open(t, Config{Dir: dir})
		es := drain(t, s, Urgent)
		if len(es) < promised || len(es) > promised+1 {
			t.Fatalf("round %d: %d records, promised %d", round, len(es), promised)
		}
		for i, e := range es {
			if string(e.Payload) != fmt.Sprint(i+1) {
				t.Fatalf("round %d: record %d is %q", round, i, e.Payload)
			}
		}
		check(t, s.Ack(Urgent, es[len(es)-1].Seq))
		check(t, s.Close())
	}
}
