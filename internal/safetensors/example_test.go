package safetensors_test

import (
	"bytes"
	"fmt"

	"github.com/shoal-nn/shoal/internal/safetensors"
)

func Example() {
	var file bytes.Buffer
	err := safetensors.Write(&file, &safetensors.File{
		Tensors: []safetensors.Tensor{
			{Name: "W1", Shape: []int{2, 3}, F32: []float32{1, 2, 3, 4, 5, 6}},
			{Name: "b1", Shape: []int{2, 1}, F32: []float32{0, 0}},
		},
		Metadata: map[string]string{"seed": "7"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	size := int64(file.Len())
	f, err := safetensors.Read(&file, size)
	if err != nil {
		fmt.Println(err)
		return
	}
	w1, _ := f.Tensor("W1")
	fmt.Println(size, "bytes, seed", f.Metadata["seed"], "W1", w1.Shape, w1.F32)

	_, err = safetensors.Read(bytes.NewReader(nil), 0)
	fmt.Println(err)
	// Output:
	// 184 bytes, seed 7 W1 [2 3] [1 2 3 4 5 6]
	// safetensors: length: the file has 0 bytes; the header's length alone takes 8
}
