package nn

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// workers run the parts of a step side by side: the only goroutines of this
// package. Which worker takes which part changes no result.
//
// A step has several rounds, some microseconds apart. Who waits looks for a while
// before it sleeps: to wake a thread takes longer than that.
type workers struct {
	n    int           // goroutines, the caller's included; at most 1 << helperBits
	next atomic.Int64  // the part that is taken next
	left atomic.Int64  // helpers that are still at work
	now  atomic.Uint64 // the number of this round, and how many helpers it has

	mutex  sync.Mutex // of those who sleep
	begun  *sync.Cond
	ended  *sync.Cond
	closed atomic.Bool

	parts int
	part  func(worker, i int)
}

const helperBits = 8

// newWorkers starts n − 1 goroutines; close ends them.
func newWorkers(n int) *workers {
	w := &workers{n: n}
	w.begun, w.ended = sync.NewCond(&w.mutex), sync.NewCond(&w.mutex)
	for id := 1; id < n; id++ {
		go w.help(id)
	}
	return w
}

// run calls part(worker, i) for each i below parts, and returns when all are
// done. worker is below w.n and belongs to one goroutine.
func (w *workers) run(parts int, part func(worker, i int)) {
	helpers := min(w.n, parts) - 1
	w.parts, w.part = parts, part
	w.next.Store(0)
	w.left.Store(int64(helpers))
	w.mutex.Lock()
	w.now.Store((w.now.Load()>>helperBits+1)<<helperBits | uint64(helpers))
	w.begun.Broadcast()
	w.mutex.Unlock()
	w.take(0)
	w.wait(w.ended, func() bool { return w.left.Load() == 0 })
	w.part = nil
}

// help is a goroutine's life. A round that it isn't asked to help in may pass
// unseen; one that it is can't end before it.
func (w *workers) help(id int) {
	for seen := uint64(0); ; {
		w.wait(w.begun, func() bool { return w.now.Load() != seen || w.closed.Load() })
		if w.closed.Load() {
			return
		}
		if seen = w.now.Load(); uint64(id) > seen&(1<<helperBits-1) {
			continue
		}
		w.take(id)
		if w.left.Add(-1) == 0 {
			w.mutex.Lock()
			w.ended.Signal()
			w.mutex.Unlock()
		}
	}
}

// wait returns when done does: it looks for some 50 µs, letting other goroutines
// run now and then, and sleeps afterwards.
func (w *workers) wait(change *sync.Cond, done func() bool) {
	for look := range 1 << 13 {
		if done() {
			return
		}
		if look%64 == 63 {
			runtime.Gosched()
		}
	}
	w.mutex.Lock()
	for !done() {
		change.Wait()
	}
	w.mutex.Unlock()
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

func (w *workers) close() {
	w.mutex.Lock()
	w.closed.Store(true)
	w.begun.Broadcast()
	w.mutex.Unlock()
}
