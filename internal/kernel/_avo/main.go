// Command avo writes the assembly of package kernel, and the Go declarations
// of its functions; generate.sh runs it.
package main

import . "github.com/mmcloughlin/avo/build"

func main() {
	ConstraintExpr("!noasm")
	for rows := 1; rows <= 6; rows++ {
		multiplyRows(rows, false)
		multiplyRows(rows, true)
		panelsRows(rows)
	}
	one()
	turn()
	copyColumns()
	sumRows()
	dots()
	columns()
	sumTiles()
	finite()
	addWide()
	total()
	peak()
	elements()
	softmaxes()
	normals()
	Generate()
}
