package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A peer is a program that does the workloads in its own way. It reads a spec,
// answers ready, and then answers each go with the time of a step.
type peer struct {
	name    string
	command []string
	modes   []string
	only    []string // workloads; nil is all
	skip    string   // why it is not there
}

// peers lists the others, and Shoal first. venv and built are where setup.sh put
// things.
func peers(self, dir string) []peer {
	venv := filepath.Join(dir, "peers", ".venv", "bin", "python")
	built := filepath.Join(dir, "peers", ".built")
	python := func(file string) []string { return []string{venv, filepath.Join(dir, "peers", file)} }
	training, answering := []string{train}, []string{one, many}
	all := []peer{
		{name: "Shoal", command: []string{self, "-serve"}, modes: []string{train, one, many}},
		{name: "JAX, jit + scan", command: python("jax_peer.py"), modes: training},
		{name: "PyTorch, eager", command: python("torch_peer.py"), modes: training},
		{name: "PyTorch, compiled", command: append(python("torch_peer.py"), "--compile"), modes: training},
		{name: "scikit-learn", command: python("sklearn_peer.py"), modes: training},
		{name: "NumPy, by hand", command: python("numpy_peer.py"), modes: training},
		{name: "C, for this net alone", command: []string{filepath.Join(built, "expert")}, modes: training, only: []string{"flower", "cancer"}},
		{name: "gonum, by hand", command: []string{filepath.Join(built, "gonum")}, modes: training, only: []string{"flower", "cancer", "letter", "higgs", "mnist"}},
		{name: "GoMLX", command: []string{filepath.Join(built, "gomlx")}, modes: training},
		{name: "ONNX Runtime", command: python("ort_peer.py"), modes: answering},
		{name: "ONNX Runtime, bound inputs", command: append(python("ort_peer.py"), "--bound"), modes: answering},
	}
	for i := range all {
		if program := all[i].command[0]; !exists(program) {
			all[i].skip = "not installed: " + filepath.Base(program)
		} else if all[i].command[0] == venv && !exists(all[i].command[1]) {
			all[i].skip = "not written"
		}
	}
	return all
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (p *peer) does(workload, mode string) bool {
	return slices.Contains(p.modes, mode) && (p.only == nil || slices.Contains(p.only, workload))
}

// A running peer.
type running struct {
	peer  *peer
	ready ready
	times []float64
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Scanner
	said  strings.Builder // on standard error
}

// start runs a peer on the first processors, and waits until it is ready.
func (p *peer) start(s *spec) (*running, error) {
	command := p.command
	if taskset, err := exec.LookPath("taskset"); err == nil {
		command = append([]string{taskset, "-c", fmt.Sprintf("0-%d", s.Threads-1)}, command...)
	}
	r := &running{peer: p, cmd: exec.Command(command[0], command[1:]...)}
	threads := fmt.Sprint(s.Threads)
	r.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OPENBLAS_") })
	r.cmd.Env = append(r.cmd.Env,
		"GOMAXPROCS="+threads, "OMP_NUM_THREADS="+threads, "OPENBLAS_NUM_THREADS="+threads, "MKL_NUM_THREADS="+threads,
		"OMP_WAIT_POLICY=passive", "KMP_BLOCKTIME=0", "PYTHONDONTWRITEBYTECODE=1")
	if s.Threads == 1 {
		r.cmd.Env = append(r.cmd.Env, "XLA_FLAGS=--xla_cpu_multi_thread_eigen=false")
	}
	r.cmd.Stderr = &r.said
	var err error
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.out = bufio.NewScanner(out)
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	if err := r.ask(string(line), &r.ready); err != nil {
		_ = r.cmd.Process.Kill() // it may go on talking; what it said first is the error
		_ = r.stop()
		return nil, err
	}
	if r.ready.Error != "" {
		return nil, errors.Join(errors.New(r.ready.Error), r.stop())
	}
	return r, nil
}

// ask writes a line and reads the answer.
func (r *running) ask(line string, answer any) error {
	if _, err := io.WriteString(r.in, line+"\n"); err != nil {
		return fmt.Errorf("%s: %w: %s", r.peer.name, err, lastLine(r.said.String()))
	}
	if !r.out.Scan() {
		_ = r.stop() // so that all that it said is here
		return fmt.Errorf("%s ended: %s", r.peer.name, lastLine(r.said.String()))
	}
	if err := json.Unmarshal(r.out.Bytes(), answer); err != nil {
		return fmt.Errorf("%s: %q: %w", r.peer.name, r.out.Text(), err)
	}
	return nil
}

// time lets the peer work once.
func (r *running) time() error {
	var t timed
	if err := r.ask("go", &t); err != nil {
		return err
	}
	r.times = append(r.times, t.Micros)
	return nil
}

func (r *running) stop() error {
	r.in.Close()
	return r.cmd.Wait()
}

// median of the times.
func (r *running) median() float64 {
	t := slices.Sorted(slices.Values(r.times))
	if len(t) == 0 {
		return 0
	}
	return t[len(t)/2]
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
