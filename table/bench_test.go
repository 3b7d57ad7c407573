package table_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/shoal-nn/shoal/table"
)

// numericCSV is a text of 28 columns of numbers of five decimals.
func numericCSV(rows int) []byte {
	const columns = 28
	random := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for j := range columns {
		if j > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "x%d", j)
	}
	for range rows {
		for j := range columns {
			b.WriteByte(",\n"[btoi(j == 0)])
			b.Write(strconv.AppendFloat(nil, random.NormFloat64(), 'f', 5, 64))
		}
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func BenchmarkReadCSV(b *testing.B) {
	text := numericCSV(20_000)
	b.Run("28 numbers", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := table.ReadCSV("bench.csv", bytes.NewReader(text), table.CSVOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	// What encoding/csv alone takes is the floor under the one above.
	b.Run("encoding/csv", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			r := csv.NewReader(bytes.NewReader(text))
			r.ReuseRecord = true
			for {
				if _, err := r.Read(); errors.Is(err, io.EOF) {
					break
				}
			}
		}
	})
}
