package badgerstore

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/storetest"
)

func TestMain(m *testing.M) {
	if play, ok := children[os.Getenv(childEnv)]; ok {
		play(os.Args[1])
		return
	}
	goleak.VerifyTestMain(m,
		// Badger's caches and its logging library start these once, for good.
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"),
	)
}

func open(t *testing.T, place string) store.Store {
	t.Helper()
	s, err := Open(place, Options{Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) { storetest.Run(t, open) }
