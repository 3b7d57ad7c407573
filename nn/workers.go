package nn

import (
	"sync"
	"sync/atomic"
)

// workers run the parts of a step side by side: the only goroutines of this
// package. Which worker takes which part changes no result.
type workers struct {
	n    int // goroutines, the caller's included
	wake chan struct{}
	done sync.WaitGroup
	next atomic.Int64
	end  sync.Once

	parts int
	part  func(worker, i int)
}

// newWorkers starts n − 1 goroutines; close ends them.
func newWorkers(n int) *workers {
	w := &workers{n: n, wake: make(chan struct{})}
	for id := 1; id < n; id++ {
		go func() {
			for range w.wake {
				w.take(id)
				w.done.Done()
			}
		}()
	}
	return w
}

// run calls part(worker, i) for each i below parts, and returns when all are
// done. worker is below w.n and belongs to one goroutine.
func (w *workers) run(parts int, part func(worker, i int)) {
	w.parts, w.part = parts, part
	w.next.Store(0)
	others := min(w.n, parts) - 1
	w.done.Add(others)
	for range others {
		w.wake <- struct{}{}
	}
	w.take(0)
	w.done.Wait()
	w.part = nil
}

func (w *workers) take(worker int) {
	for {
		i := int(w.next.Add(1)) - 1
		if i >= w.parts {
			return
		}
		w.part(worker, i)
	}
}

func (w *workers) close() { w.end.Do(func() { close(w.wake) }) }
