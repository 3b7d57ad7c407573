package shoal_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shoal-nn/shoal/internal/safetensors"
)

func TestWeightsAreThoseOfTheNetworks(t *testing.T) {
	m := goldenModel(t)
	var b bytes.Buffer
	if err := m.WriteWeights(&b); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Read(&b, int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	tensors := 0
	for i, v := range m.Views() {
		for k, n := range v.Networks {
			prefix := fmt.Sprintf("view%d/", i+1)
			if len(v.Networks) > 1 {
				prefix += fmt.Sprintf("network%d/", k+1)
			}
			for l := range n.Layers {
				w, ok1 := f.Tensor(fmt.Sprintf("%sW%d", prefix, l+1))
				bias, ok2 := f.Tensor(fmt.Sprintf("%sb%d", prefix, l+1))
				if tensors += 2; !ok1 || !ok2 {
					t.Fatalf("%slayer %d is not among them", prefix, l+1)
				}
				if diff := cmp.Diff(n.Layers[l].W.Data, w.F32) + cmp.Diff(n.Layers[l].B, bias.F32); diff != "" {
					t.Errorf("%slayer %d differs:\n%s", prefix, l+1, diff)
				}
			}
		}
	}
	if len(f.Tensors) != tensors {
		t.Errorf("%d tensors, want %d", len(f.Tensors), tensors)
	}
	if got := f.Metadata["view1/network1/activations"]; got != "leaky_relu:0.2,tanh,softmax" {
		t.Errorf("the activations are %q", got)
	}
}
