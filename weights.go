package shoal

import (
	"fmt"
	"io"
	"strings"

	"github.com/shoal-nn/shoal/internal/safetensors"
)

// WriteWeights writes the weights alone in the safetensors format: W1 (n1, nx) and
// b1 (n1), W2, …, which load into PyTorch's Linear layers as they are. Of several
// networks or views, their names stand before: view1/network2/W1. The metadata has
// each network's activations.
func (m *Model) WriteWeights(w io.Writer) error {
	f := &safetensors.File{Metadata: map[string]string{"fit_hash": m.FitHash()}}
	for i, v := range m.mix.Views {
		for k, n := range v.Networks {
			prefix := ""
			if len(m.mix.Views) > 1 {
				prefix = fmt.Sprintf("view%d/", i+1)
			}
			if len(v.Networks) > 1 {
				prefix += fmt.Sprintf("network%d/", k+1)
			}
			var activations []string
			for l := range n.Layers {
				layer := &n.Layers[l]
				f.Tensors = append(f.Tensors,
					safetensors.Tensor{Name: fmt.Sprintf("%sW%d", prefix, l+1), Shape: []int{layer.W.Rows, layer.W.Cols}, F32: layer.W.Data},
					safetensors.Tensor{Name: fmt.Sprintf("%sb%d", prefix, l+1), Shape: []int{layer.W.Rows}, F32: layer.B})
				activations = append(activations, layer.Activation.String())
			}
			f.Metadata[prefix+"activations"] = strings.Join(activations, ",")
		}
	}
	if err := safetensors.Write(w, f); err != nil {
		return fmt.Errorf("shoal: %w", err)
	}
	return nil
}
