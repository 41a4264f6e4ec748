package main

import (
	"fmt"
	"runtime"
	"time"

	goaway "github.com/TwiN/go-away"

	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
)

// schoolLines are 70 characters each: of a lesson, with a find, and with the
// find disguised.
var schoolLines = []string{
	"the roman army built straight roads so that soldiers could move quick.",
	"honestly i just want to kill myself tonight and nobody would even care",
	"honestly i just w4nt to k1ll mys3lf ton1ght and n0body would even c4re",
}

// lines measures the whole path over lines of 70 characters: all readings and
// rules of the shipped packs, and of a profanity filter its own list.
func lines(rounds int, pass time.Duration) error {
	packs, problems := rulepack.ReadDir(configs.Rules())
	if len(problems) > 0 {
		return fmt.Errorf("read shipped packs: %v", problems[0])
	}
	b, err := rulepack.Compile(packs)
	if err != nil {
		return fmt.Errorf("compile shipped packs: %w", err)
	}
	var alloc [2]runtime.MemStats
	before := liveHeap()
	runtime.ReadMemStats(&alloc[0])
	start := cpu()
	e, err := detect.Load(b)
	loading := cpu() - start
	runtime.ReadMemStats(&alloc[1])
	if err != nil {
		return err
	}
	fmt.Printf("\n## Shipped packs\n\n%+v\ncompiled %.1f MB; Load takes %.1f ms, allocates %.1f MB and keeps %.1f MB\n", e.Stats(), float64(len(b))/1e6,
		loading.Seconds()*1000, float64(alloc[1].TotalAlloc-alloc[0].TotalAlloc)/1e6, float64(liveHeap()-before)/1e6)
	runtime.KeepAlive(b)
	filter := goaway.NewProfanityDetector()
	matchers := []struct {
		name  string
		match func(string)
	}{
		{"own Match, all readings", func(l string) { sink += uint64(len(e.Match(l, detect.Options{}))) }},
		{"TwiN/go-away", func(l string) {
			if filter.IsProfane(l) {
				sink++
			}
		}},
	}
	took := make([][][]float64, len(matchers))
	for i := range took {
		took[i] = make([][]float64, len(schoolLines))
	}
	for range rounds {
		for i, m := range matchers {
			for j, l := range schoolLines {
				start, n := cpu(), 0
				for cpu()-start < pass/3 {
					for range 100 {
						m.match(l)
					}
					n += 100
				}
				took[i][j] = append(took[i][j], float64((cpu()-start).Nanoseconds())/1000/float64(n))
			}
		}
	}
	fmt.Printf("\n| CPU µs for a line of 70 characters | lesson | find | disguised find |\n|---|---|---|---|\n")
	for i, m := range matchers {
		fmt.Printf("| %s | %.1f | %.1f | %.1f |\n", m.name, median(took[i][0]), median(took[i][1]), median(took[i][2]))
	}
	return nil
}
