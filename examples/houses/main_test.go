package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// The network finds the prices that the houses were made with: 80 · 5.0 and
// 160 · 4.2 + 60; 120 · 5.0 + 60.
func TestHousesHaveTheirPrices(t *testing.T) {
	var out strings.Builder
	if err := run(&out, filepath.Join(t.TempDir(), "houses.onnx")); err != nil {
		t.Fatal(err)
	}
	var r2, a, b, c float64
	var rows int
	_, err := fmt.Sscanf(out.String(), "R² on %d test rows: %g\ntwo houses: [%g %g]\none house: %g", &rows, &r2, &a, &b, &c)
	if err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	for _, price := range []struct{ got, want float64 }{{a, 400}, {b, 732}, {c, 660}} {
		if d := price.got - price.want; d < -12 || d > 12 {
			t.Errorf("a price is %v, want about %v", price.got, price.want)
		}
	}
	if rows != 200 || r2 < 0.98 {
		t.Errorf("R² is %v on %d rows", r2, rows)
	}
}
