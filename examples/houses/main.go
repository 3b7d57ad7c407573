// Houses trains a model from a slice of structs, saves it, opens it as a
// service would, and asks it for the price of one house.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/table"
	"github.com/shoal-nn/shoal/train"
)

// House is a row; its fields are the columns.
type House struct {
	Area   float64 `table:"area"` // m²
	Town   string  `table:"town"`
	Garden bool    `table:"garden"`
	Price  float64 `table:"price"` // 1,000 euros
}

func main() {
	folder, err := os.MkdirTemp("", "houses")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	if err := run(os.Stdout, filepath.Join(folder, "houses.onnx")); err != nil {
		log.Fatal(err)
	}
}

func run(out io.Writer, path string) error {
	// Train, and save.
	model, report, err := train.Fit(context.Background(), table.Of(soldHouses()), train.Config{Target: "price"})
	if err != nil {
		return err
	}
	if err := model.Save(path); err != nil {
		return err
	}
	fmt.Fprintf(out, "R² on %d %s: %.2f\n", report.ScoredRows, report.ScoredOn, report.Scores["r2"])

	// Open: a service imports this package alone.
	model, err = shoal.Open(path)
	if err != nil {
		return err
	}

	// Many rows at once.
	answers, err := model.Predict(table.Of([]House{
		{Area: 80, Town: "Delft"},
		{Area: 160, Town: "Gouda", Garden: true},
	}))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "two houses: %.0f\n", answers.Numbers())

	// One row, without allocation; one Row for each goroutine.
	row := model.Row()
	row.Number("area", 120)
	row.Text("town", "Delft")
	row.Bool("garden", true)
	price := row.Predict()
	if err := row.Err(); err != nil {
		return err
	}
	fmt.Fprintf(out, "one house: %.0f\n", price)
	return nil
}

// soldHouses makes up a thousand houses, with prices that a network can learn:
// the towns' prices a square metre differ, and so do buyers.
func soldHouses() []House {
	random := rand.New(rand.NewPCG(1, 2))
	perSquareMetre := map[string]float64{"Delft": 5.0, "Gouda": 4.2, "Leiden": 5.5}
	towns := []string{"Delft", "Gouda", "Leiden"}
	houses := make([]House, 1000)
	for i := range houses {
		h := House{Area: float64(50 + random.IntN(150)), Town: towns[random.IntN(3)], Garden: random.IntN(2) == 0}
		h.Price = h.Area * perSquareMetre[h.Town]
		if h.Garden {
			h.Price += 60
		}
		h.Price += 40 * (random.Float64() - 0.5)
		houses[i] = h
	}
	return houses
}
