// Command bench compares the engine of internal/detect with other matchers on
// the same phrases and the same text, in one run: every round measures each of
// them once, so that a busy machine slows all of them, and speeds are bytes
// per second of the measuring thread's own CPU time. Only the ratios of one
// run mean something. tools/bench-detect.sh installs what it needs and runs it.
//
// It is a module of its own, so that no peer is a dependency of the product.
// Vectorscan needs cgo and the build tag "vectorscan".
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	dict := flag.String("dict", "/usr/share/dict/american-english", "word list (Debian package wamerican)")
	rounds := flag.Int("rounds", 5, "rounds; results are medians")
	pass := flag.Duration("pass", 300*time.Millisecond, "least CPU time of one measurement")
	sizes := flag.String("sizes", "5000,50000", "numbers of phrases")
	judge := flag.Bool("goaway", false, "read JSONL {id, text} and print what TwiN/go-away makes of each line")
	flag.Parse()
	if *judge {
		return goAway(os.Stdin, os.Stdout)
	}
	if flag.NArg() == 0 {
		return fmt.Errorf("name one or more text files")
	}
	runtime.LockOSThread()
	debug.SetGCPercent(400)
	var texts []text
	for _, name := range flag.Args() {
		t, err := readText(name)
		if err != nil {
			return err
		}
		texts = append(texts, t)
	}
	words, err := readWords(*dict)
	if err != nil {
		return err
	}
	for _, field := range strings.Split(*sizes, ",") {
		var n int
		if _, err := fmt.Sscan(field, &n); err != nil {
			return fmt.Errorf("read --sizes: %w", err)
		}
		if err := compare(n, makePhrases(n, words, texts), texts, *rounds, *pass); err != nil {
			return err
		}
	}
	defer runtime.KeepAlive(&sink)
	return lines(*rounds, *pass)
}

// matcher finds phrases with a word's border at both ends, every overlapping
// hit, ASCII letter case aside.
type matcher interface {
	name() string
	// count returns the number of hits and the sum of mix over their places.
	count(text []byte) (hits int, sum uint64)
}

// mix is the same in vectorscan.go.
func mix(start, end int) uint64 {
	h := (uint64(start)<<32 ^ uint64(end)) * 0x9E3779B97F4A7C15
	return h ^ h>>29
}

type built struct {
	matcher
	build time.Duration // CPU
	heap  int           // bytes that stayed allocated
	note  string
}

func build(makers []func([]string) (matcher, string, error), phrases []string) ([]built, error) {
	var all []built
	for _, f := range makers {
		before := liveHeap()
		start := cpu()
		m, note, err := f(phrases)
		if err != nil {
			return nil, err
		}
		took := cpu() - start
		all = append(all, built{m, took, liveHeap() - before, note})
	}
	return all, nil
}

func liveHeap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func compare(n int, phrases []string, texts []text, rounds int, pass time.Duration) error {
	var size int
	for _, p := range phrases {
		size += len(p)
	}
	fmt.Printf("\n## %d phrases, %.1f bytes on average\n", n, float64(size)/float64(len(phrases)))
	all, err := build(makers, phrases)
	if err != nil {
		return err
	}
	for _, t := range texts {
		if err := verify(all, phrases, t); err != nil {
			return err
		}
		speeds := make([][]float64, len(all))
		for range rounds {
			for i, m := range all {
				speeds[i] = append(speeds[i], measure(m, t.bytes, pass))
			}
		}
		fmt.Printf("\n| %s, %d phrases | MB per CPU s | least-most | own is | build ms | heap MB | note |\n|---|---|---|---|---|---|---|\n", t.name, n)
		for i, m := range all {
			s := speeds[i]
			var ratios []float64
			for r := range s {
				ratios = append(ratios, speeds[0][r]/s[r])
			}
			fmt.Printf("| %s | %.0f | %.0f-%.0f | %.1fx | %d | %.1f | %s |\n", m.name(), median(s), slices.Min(s), slices.Max(s), median(ratios), m.build.Milliseconds(), float64(m.heap)/1e6, m.note)
		}
	}
	for _, m := range all {
		if o, ok := m.matcher.(*ownMatcher); ok {
			o.keys(texts[0].bytes, rounds)
			o.whole(texts[0].bytes, rounds, pass)
		}
	}
	runtime.KeepAlive(all)
	return nil
}

// verify fails when any matcher misses a hit of another. Own hits where
// punctuation stands between the words are counted apart: the others cannot
// see them.
func verify(all []built, phrases []string, t text) error {
	is := make(map[string]bool, len(phrases))
	for _, p := range phrases {
		is[p] = true
	}
	var hits, extra int
	var sum uint64
	for _, m := range all {
		if o, ok := m.matcher.(*ownMatcher); ok {
			o.engine.Scan(t.bytes, func(start, end int) {
				if is[strings.ToLower(string(t.bytes[start:end]))] {
					hits++
					sum += mix(start, end)
				} else {
					extra++
				}
			})
		}
	}
	for _, m := range all {
		if _, ok := m.matcher.(*ownMatcher); ok {
			continue
		}
		if h, s := m.count(t.bytes); h != hits || s != sum {
			return fmt.Errorf("%s finds %d hits, the engine %d, or in other places", m.name(), h, hits)
		}
	}
	fmt.Printf("\n%s: %.1f MB; all find the same %d hits, %.1f in a kB; the engine also %d across punctuation\n",
		t.name, float64(len(t.bytes))/1e6, hits, float64(hits)/float64(len(t.bytes))*1000, extra)
	return nil
}

// sink keeps results from being optimised away.
var sink uint64

// measure returns MB per CPU second.
func measure(m matcher, text []byte, pass time.Duration) float64 {
	start, n := cpu(), 0
	for {
		h, s := m.count(text)
		sink += uint64(h) ^ s
		n++
		if took := cpu() - start; took >= pass {
			return float64(n*len(text)) / 1e6 / took.Seconds()
		}
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
