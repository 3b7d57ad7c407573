module github.com/shoal-nn/shoal/bench

go 1.26.0

require (
	github.com/shoal-nn/shoal v0.0.0
	gonum.org/v1/gonum v0.17.0
)

require golang.org/x/sys v0.50.0 // indirect

replace github.com/shoal-nn/shoal => ../
