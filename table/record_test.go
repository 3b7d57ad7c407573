package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// checkRecords holds records to the csv.Reader that defines them: the same
// cells, lines and errors.
func checkRecords(t interface{ Fatalf(string, ...any) }, text []byte, comma rune, r io.Reader, buffer int) {
	want := newReader(bytes.NewReader(text), comma)
	got := newRecords(bufio.NewReaderSize(r, buffer), comma)
	for i := 0; ; i++ {
		wantCells, wantErr := want.Read()
		gotCells, gotErr := got.read()
		if wantErr == io.EOF && gotErr == io.EOF {
			return
		}
		if !slices.Equal(gotCells, wantCells) {
			t.Fatalf("record %d of %q is %q, encoding/csv reads %q", i, text, gotCells, wantCells)
		}
		if wantErr != nil || gotErr != nil {
			var w, g *csv.ParseError
			if !errors.As(wantErr, &w) || !errors.As(gotErr, &g) || w.Err != g.Err || w.Line != got.cut+g.Line || w.StartLine != got.cut+g.StartLine {
				t.Fatalf("record %d of %q: %v (after %d lines), encoding/csv says %v", i, text, gotErr, got.cut, wantErr)
			}
			return
		}
		for j := range wantCells {
			if line, _ := want.FieldPos(j); line != got.line(j) {
				t.Fatalf("record %d of %q: cell %d is on line %d, encoding/csv says %d", i, text, j, got.line(j), line)
			}
		}
	}
}

func TestRecordsAreThoseOfEncodingCSV(t *testing.T) {
	piece := rapid.SampledFrom([]string{",", ",", "\n", "\n", "\r\n", "\r", `"`, `"`, `""`, " ", "\t", "\u00a0", "\x85", ";", "a", "bc", "1.5", "é", "\xff", strings.Repeat("long", 700)})
	rapid.Check(t, func(t *rapid.T) {
		var text []byte
		for _, p := range rapid.SliceOfN(piece, 0, 40).Draw(t, "pieces") {
			text = append(text, p...)
		}
		comma := rapid.SampledFrom([]rune(",;\t| é")).Draw(t, "comma")
		checkRecords(t, text, comma, bytes.NewReader(text), bufferSize)
		checkRecords(t, text, comma, iotest.HalfReader(bytes.NewReader(text)), smallestBuffer)
	})
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte("a,b\n\n1,\"x\ny\"\n2,3"), uint8(0))
	f.Fuzz(func(t *testing.T, text []byte, comma uint8) {
		checkRecords(t, text, []rune(",;\t| é")[comma%6], bytes.NewReader(text), smallestBuffer)
	})
}

func BenchmarkRecords(b *testing.B) {
	text := []byte(strings.Repeat(strings.Repeat("-1.23456,", 27)+"0.5\n", 10_000))
	b.Run("records", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			r := newRecords(bufio.NewReaderSize(bytes.NewReader(text), bufferSize), ',')
			for _, err := r.read(); err == nil; {
				_, err = r.read()
			}
		}
	})
	b.Run("encoding/csv", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			r := newReader(bufio.NewReaderSize(bytes.NewReader(text), bufferSize), ',')
			for _, err := r.Read(); err == nil; {
				_, err = r.Read()
			}
		}
	})
}
