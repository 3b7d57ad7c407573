package table

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// twice is a text whose column a must be read a second time.
var twice = "a,b\n" + strings.Repeat("01,1\n", 50) + strings.Repeat("x,2\n", 50)

func packGzip(t testing.TB, text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func packZstd(t testing.TB, text string) string {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// onlyReader hides every method but Read.
type onlyReader struct{ io.Reader }

func TestEveryDoorReadsTheSameTable(t *testing.T) {
	want, err := ReadCSV("t.csv", strings.NewReader(twice), CSVOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if k := want.Columns[0].Kind; k != Category {
		t.Fatalf("column a is a %v, want a category", k)
	}
	for name, bytes := range map[string]string{
		"plain":             twice,
		"byte-order mark":   "\xef\xbb\xbf" + twice,
		"gzip":              packGzip(t, twice),
		"gzip in two parts": packGzip(t, twice[:300]) + packGzip(t, twice[300:]),
		"zstd":              packZstd(t, twice),
		"mark inside zstd":  packZstd(t, "\xef\xbb\xbf"+twice),
	} {
		path := filepath.Join(t.TempDir(), "misnamed.gz")
		if err := os.WriteFile(path, []byte(bytes), 0o644); err != nil {
			t.Fatal(err)
		}
		check := func(door string, got *Table, err error) {
			t.Helper()
			if err != nil {
				t.Errorf("%s, %s: %v", name, door, err)
				return
			}
			if d := cmp.Diff(want.Columns, got.Columns, cmpopts.EquateNaNs()); d != "" {
				t.Errorf("%s, %s:\n%s", name, door, d)
			}
		}
		got, err := OpenCSV(path, CSVOptions{})
		check("file", got, err)
		got, err = ReadCSV("t", onlyReader{strings.NewReader(bytes)}, CSVOptions{})
		check("stream", got, err)

		front := strings.NewReader("skip" + bytes)
		front.Seek(4, io.SeekStart)
		got, err = ReadCSV("t", front, CSVOptions{})
		check("from the middle", got, err)

		r, w, err := os.Pipe() // has Seek, and can't
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			io.WriteString(w, bytes)
			w.Close()
		}()
		got, err = ReadCSV("t", r, CSVOptions{})
		check("pipe", got, err)
		r.Close()
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenCSV(filepath.Join(dir, "none.csv"), CSVOptions{})
	if err == nil || !os.IsNotExist(unwrap(err)) || !strings.HasPrefix(err.Error(), "table: open ") {
		t.Errorf("a file that isn't there: %v", err)
	}
	if _, err = OpenCSV(dir, CSVOptions{}); err == nil || !strings.HasPrefix(err.Error(), "table: ") {
		t.Errorf("a folder: %v", err)
	}

	for name, packed := range map[string]string{"gzip": packGzip(t, twice), "Zstandard": packZstd(t, twice)} {
		for n := 4; n < len(packed); n++ {
			if _, err := ReadCSV("t.csv", strings.NewReader(packed[:n]), CSVOptions{}); err == nil || !strings.Contains(err.Error(), name+" data is damaged or cut short") {
				t.Errorf("%d of %d bytes of %s: %v", n, len(packed), name, err)
			}
		}
	}
}

func unwrap(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		err = u.Unwrap()
	}
}

func TestABombIsRefused(t *testing.T) {
	var bomb bytes.Buffer
	w, err := zstd.NewWriter(&bomb, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "a,b\n")
	row := strings.Repeat("x", 1<<20) + ",1\n"
	for range maxInflated/len(row) + 2 {
		io.WriteString(w, row)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = ReadCSV("bomb.csv", &bomb, CSVOptions{})
	if err == nil || !strings.Contains(err.Error(), "the Zstandard data grows more than 250 times, as no table does") {
		t.Error(err)
	}
}

func TestALostStreamAsksForTheCategory(t *testing.T) {
	s := newSource(onlyReader{strings.NewReader(twice)})
	s.lost = true // as after more than maxHeld bytes
	_, err := (&scanner{name: "stdin", source: s}).table()
	if err == nil || !strings.Contains(err.Error(), `stdin:52: column "a": the column turned out to be text here, and the input is a pipe and longer than 1024 MiB, and so can't be read twice; pass --category a`) {
		t.Error(err)
	}
	if (*holder)(s).Write(make([]byte, 8)); s.held.Len() != 0 {
		t.Error("bytes are held that are of no use")
	}
}

// changing is a file that someone writes to while it is read.
type changing struct {
	io.ReadSeeker
	now func() io.ReadSeeker
}

func (c *changing) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		c.ReadSeeker = c.now()
	}
	return c.ReadSeeker.Seek(offset, whence)
}

func TestAFileThatChangesIsRefused(t *testing.T) {
	for _, other := range []string{twice + "y,3\n", twice[:len(twice)-4]} {
		r := &changing{strings.NewReader(twice), func() io.ReadSeeker { return strings.NewReader(other) }}
		_, err := ReadCSV("t.csv", r, CSVOptions{})
		if err == nil || !strings.Contains(err.Error(), "table: t.csv: it changed while it was read: 100 rows at first, then ") {
			t.Error(err)
		}
	}
}

func TestReadErrorsAreWrapped(t *testing.T) {
	fault := fmt.Errorf("the disk is on fire")
	_, err := ReadCSV("t.csv", io.MultiReader(strings.NewReader("a,b\n1,2\n"), faulty{fault}), CSVOptions{})
	if unwrap(err) != fault || err.Error() != "table: t.csv: after row 1: the disk is on fire" {
		t.Error(err)
	}
}

type faulty struct{ err error }

func (f faulty) Read([]byte) (int, error) { return 0, f.err }

func TestAllDifferentTextIsNotQuadratic(t *testing.T) {
	if testing.Short() {
		t.Skip("a million rows")
	}
	var text bytes.Buffer
	text.WriteString("id,x\n")
	for i := range 1_000_000 {
		fmt.Fprintf(&text, "n%d,%d\n", i, rand.IntN(10))
	}
	got, err := ReadCSV("t.csv", &text, CSVOptions{})
	if err != nil || len(got.Columns[0].Levels) != 1_000_000 {
		t.Fatal(err)
	}
}

func TestLevelsLetGoOfTheirRecords(t *testing.T) {
	row := "x" + "," + strings.Repeat("y", 1<<20) + "\n"
	text := "a,b\n" + row
	for i := range 20 {
		text += fmt.Sprint("x", i) + row[1:]
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	got, err := ReadCSV("t.csv", strings.NewReader(text), CSVOptions{})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 8<<20 {
		t.Errorf("a table of %d rows holds %d bytes", got.Rows(), held)
	}
	runtime.KeepAlive(text)
	runtime.KeepAlive(got)
}
