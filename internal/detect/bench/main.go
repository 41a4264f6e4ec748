// Command bench measures internal/detect beside other matchers: the same
// phrases, the same text, the same hits, interleaved rounds, processor time of
// this process, and the median. It prints a table in Markdown.
//
//	go run . -text kjv.txt -words /usr/share/dict/american-english
//	go run -tags vectorscan . …       adds Vectorscan, through cgo
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// engine is one matcher under test.
type engine struct {
	name  string
	build func(phrases []string) (scan func(text []byte) (hits int), err error)
}

func main() {
	text := flag.String("text", "", "text to search (ASCII)")
	words := flag.String("words", "/usr/share/dict/american-english", "dictionary, a word a line")
	rounds := flag.Int("rounds", 5, "interleaved rounds")
	flag.Parse()
	if err := run(*text, *words, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(textFile, wordsFile string, rounds int) error {
	text, err := os.ReadFile(textFile)
	if err != nil {
		return fmt.Errorf("read text: %w", err)
	}
	dictionary, err := os.ReadFile(wordsFile)
	if err != nil {
		return fmt.Errorf("read words: %w", err)
	}
	text = bytes.Map(func(r rune) rune {
		if r > 126 {
			return ' '
		}
		return r
	}, text)
	for _, n := range []int{5000, 50000} {
		if err := compare(text, phrases(text, dictionary, n), rounds); err != nil {
			return err
		}
	}
	return lines()
}

// result is what was measured of one engine.
type result struct {
	buildMS, heapMB float64
	mbs             []float64
	hits            int
	scan            func([]byte) int
}

func compare(text []byte, list []string, rounds int) error {
	results := make([]result, len(engines))
	for i, e := range engines {
		before := heap()
		start := cpu()
		scan, err := e.build(list)
		if err != nil {
			return fmt.Errorf("build %s: %w", e.name, err)
		}
		results[i] = result{buildMS: (cpu() - start).Seconds() * 1000, scan: scan}
		results[i].heapMB = float64(heap()-before) / 1e6
	}
	for range rounds {
		for i := range results {
			r := &results[i]
			start, passes := cpu(), 0
			for cpu()-start < 400*time.Millisecond {
				r.hits = r.scan(text)
				passes++
			}
			r.mbs = append(r.mbs, float64(len(text)*passes)/1e6/(cpu()-start).Seconds())
		}
	}
	fmt.Printf("\n%d phrases, %.1f MB of text\n\n| engine | MB per CPU second | build, CPU ms | heap MB | hits |\n|---|---|---|---|---|\n", len(list), float64(len(text))/1e6)
	for i, r := range results {
		slices.Sort(r.mbs)
		fmt.Printf("| %s | %.0f | %.0f | %.1f | %d |\n", engines[i].name, r.mbs[len(r.mbs)/2], r.buildMS, r.heapMB, r.hits)
	}
	return nil
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
