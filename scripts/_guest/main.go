//go:build linux

// Command guest is the first process of the machine that avx512.sh emulates: it
// runs /test in the folder of /shoal that /args begins with, with the other
// arguments there, says how that ended, and turns the machine off.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	err := run()
	// What the script looks for on the machine's serial line.
	if err == nil {
		fmt.Println("guest: passed")
	} else {
		fmt.Println("guest: failed:", err)
	}
	time.Sleep(time.Second) // for the serial line
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("guest:", err)
	}
}

func run() error {
	var errs []error
	for _, fs := range [][2]string{{"proc", "/proc"}, {"tmpfs", "/tmp"}, {"devtmpfs", "/dev"}} {
		errs = append(errs, os.MkdirAll(fs[1], 0o755), unix.Mount(fs[0], fs[1], fs[0], 0, ""))
	}
	text, err := os.ReadFile("/args")
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	args := strings.Fields(string(text))
	test := exec.Command("/test", args[1:]...)
	test.Dir = "/shoal/" + args[0]
	test.Env = []string{"SHOAL_SIMD=avx512", "HOME=/tmp"}
	test.Stdout, test.Stderr = os.Stdout, os.Stderr
	return test.Run()
}
