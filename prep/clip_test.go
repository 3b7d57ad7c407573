package prep_test

import (
	"math"
	"testing"

	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

// What lies outside the range that training saw counts as the nearest value in
// it, and nothing is further than 8 standard deviations from the mean.
func TestValuesAreHeldWithinWhatTrainingSaw(t *testing.T) {
	const n = 1000
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i%11) - 5 // mean 0, nearly
	}
	x[0] = 1000 // some 30 standard deviations out
	tab := table.New(table.Numbers("x", x))
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	f, _, err := prep.Fit(tab, rows, prep.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mean, sd := prep.Moments(x)
	z := func(v float64) float64 { return (v - mean) / sd }
	asked := []float64{-5, -6, -1e30, -1e300, 0, 5, mean + 7.9*sd, mean + 8.1*sd, 1000, 1e30, 1e300}
	want := []float64{z(-5), z(-5), z(-5), z(-5), z(0), z(5), 7.9, 8, 8, 8, 8}
	got, err := f.Apply(table.New(table.Numbers("x", asked)), []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range asked {
		if math.Abs(float64(got[i])-want[i]) > 1e-4 {
			t.Errorf("%v becomes %v, want %v", v, got[i], want[i])
		}
	}
}
