package nn

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// Rounds of fewer and more parts than goroutines, some of them so late that the
// goroutines sleep: each part is done once, and before run returns.
func TestWorkersDoEachPartOnce(t *testing.T) {
	const n = 5
	w := newWorkers(n)
	defer w.close()
	for round := range 2000 {
		parts := 1 + round%13
		var done [13]atomic.Int32
		var busy [n]atomic.Int32
		w.run(parts, func(worker, i int) {
			if busy[worker].Add(1) != 1 {
				t.Errorf("round %d: worker %d has two parts at a time", round, worker)
			}
			done[i].Add(1)
			if round%5 == 0 {
				runtime.Gosched()
			}
			busy[worker].Add(-1)
		})
		for i := range done {
			want := int32(0)
			if i < parts {
				want = 1
			}
			if got := done[i].Load(); got != want {
				t.Fatalf("round %d of %d parts: part %d was done %d times", round, parts, i, got)
			}
		}
		if round%200 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}
