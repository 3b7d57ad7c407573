// Command avo writes the assembly of package kernel, and the Go declarations
// of its functions:
//
//	cd internal/kernel/_avo && go run . -out ../multiply_amd64.s -stubs ../multiply_amd64.go -pkg kernel
package main

import . "github.com/mmcloughlin/avo/build"

func main() {
	ConstraintExpr("!noasm")
	for rows := 1; rows <= 6; rows++ {
		multiplyAVX2(rows)
	}
	Generate()
}
