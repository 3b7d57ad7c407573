// Command bench times Shoal beside its peers: the same tensors, one program at a
// time, by turns.
//
//	make bench                       everything, into bench/RESULTS.md
//	go run . -workloads letter,mnist -repeats 21
//
// Run it in the folder bench; peers/setup.sh installs the others.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/shoal-nn/shoal/internal/workload"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	serving := flag.Bool("serve", false, "be a peer: read a spec and go's from standard input")
	names := flag.String("workloads", "", "`nets`, a,b (default all)")
	only := flag.String("peers", "", "`peers` whose names begin so, a,b (default all)")
	modes := flag.String("modes", "train,one,many", "`what` to time: train, one (row), many (rows)")
	repeats := flag.Int("repeats", 11, "`times` that each peer is timed")
	threads := flag.Int("threads", 1, "`threads` of each")
	out := flag.String("out", "", "`file` of the results (default: standard output)")
	scale := flag.String("scale", "", "measure how a step's time grows, and draw it into this SVG `file`")
	notes := flag.String("notes", "", "`file` that the results end with")
	flag.Parse()
	if *serving {
		return serve(os.Stdin, os.Stdout)
	}
	// What is wrong is said before anything is measured.
	switch {
	case flag.NArg() > 0:
		return fmt.Errorf("%q is no flag, and there are no arguments", flag.Arg(0))
	case *repeats < 1:
		return fmt.Errorf("-repeats %d: must be at least 1", *repeats)
	case *threads < 1 || *threads > runtime.NumCPU():
		return fmt.Errorf("-threads %d: this machine has 1 to %d", *threads, runtime.NumCPU())
	}
	for _, path := range []string{*out, *scale} {
		if err := writable(path); err != nil {
			return err
		}
	}
	if *scale != "" {
		return scaling(*scale)
	}
	end := ""
	if *notes != "" {
		text, err := os.ReadFile(*notes)
		if err != nil {
			return err
		}
		end = "\n" + string(text)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	loads := workload.All()
	if *names != "" {
		loads = nil
		for _, name := range strings.Split(*names, ",") {
			w, err := workload.Named(name)
			if err != nil {
				return err
			}
			loads = append(loads, w)
		}
	}
	for _, mode := range strings.Split(*modes, ",") {
		if headings[mode] == "" {
			return fmt.Errorf("-modes: there is no mode %q; there are %s, %s, %s", mode, train, one, many)
		}
	}
	all := peers(self, dir)
	if *only != "" {
		for _, name := range strings.Split(*only, ",") {
			if !slices.ContainsFunc(all, func(p peer) bool { return strings.HasPrefix(p.name, name) }) {
				return fmt.Errorf("-peers: no peer's name begins with %q", name)
			}
		}
		all = slices.DeleteFunc(all, func(p peer) bool {
			return p.name != "Shoal" && !slices.ContainsFunc(strings.Split(*only, ","), func(s string) bool { return strings.HasPrefix(p.name, s) })
		})
	}
	temp, err := os.MkdirTemp("", "shoal-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stop // the peers are told, too
		os.RemoveAll(temp)
		os.Exit(1)
	}()

	results := &results{machine: thisMachine(), threads: *threads, repeats: *repeats, peers: all}
	for _, mode := range strings.Split(*modes, ",") {
		for i := range loads {
			w := &loads[i]
			if mode != train && !slices.Contains(answered, w.Name) {
				continue
			}
			fmt.Fprintf(os.Stderr, "%s, %s\n", w.Name, mode)
			r, err := turns(w, mode, temp, all, *threads, *repeats)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", w.Name, mode, err)
			}
			results.rows = append(results.rows, r)
		}
	}
	text := results.markdown() + end
	if *out == "" {
		_, err := os.Stdout.WriteString(text)
		return err
	}
	return os.WriteFile(filepath.Clean(*out), []byte(text), 0o644)
}

// writable says whether a file can be written; none is no file.
func writable(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(filepath.Clean(path), os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// answered are the nets that answer rows.
var answered = []string{"cancer", "letter", "higgs", "mnist"}

// turns runs a workload through every peer, by turns.
func turns(w *workload.Workload, mode, dir string, all []peer, threads, repeats int) (*row, error) {
	s, err := specOf(w, mode, dir, threads)
	if err != nil {
		return nil, err
	}
	result := &row{workload: w, mode: mode, peers: map[string]*running{}, failed: map[string]string{}}
	var order []*running
	defer func() {
		for _, r := range order {
			r.stop()
		}
	}()
	for i := range all {
		p := &all[i]
		if !p.does(w.Name, mode) {
			continue
		}
		if p.skip != "" {
			result.failed[p.name] = p.skip
			continue
		}
		r, err := p.start(s)
		if err != nil {
			if i == 0 {
				return nil, err
			}
			fmt.Fprintln(os.Stderr, "  ", err)
			result.failed[p.name] = lastLine(err.Error())
			continue
		}
		order = append(order, r)
		result.peers[p.name] = r
	}
	for turn := range repeats + 1 { // the first is to get warm
		result.peak = max(result.peak, workload.Peak())
		for _, r := range order {
			name := r.peer.name
			if result.peers[name] == nil {
				continue // has failed
			}
			switch err := r.time(); {
			case err != nil && name == "Shoal":
				return nil, err
			case err != nil:
				fmt.Fprintln(os.Stderr, "  ", err)
				delete(result.peers, name)
				result.failed[name] = lastLine(err.Error())
			case turn == 0:
				r.times = nil
			}
		}
	}
	return result, nil
}
