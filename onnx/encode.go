package onnx

import (
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// The fields' numbers are those of onnx.proto (ONNX 1.22), which never change.

// Encode writes a model as a file's bytes. The same model gives the same bytes.
func Encode(m *Model) []byte {
	var w writer
	w.int(1, m.IRVersion)
	w.text(2, m.Producer)
	w.text(3, m.ProducerVersion)
	w.text(6, m.Doc)
	w.message(7, func(w *writer) { w.graph(&m.Graph) })
	for _, o := range m.Opsets {
		w.message(8, func(w *writer) {
			w.text(1, o.Domain)
			w.int(2, o.Version)
		})
	}
	for _, p := range m.Metadata {
		w.property(14, p.Key, p.Value)
	}
	return w.b
}

// writer appends fields to a message. What is 0 or empty is left out, but where
// that would mean something else.
type writer struct{ b []byte }

func (w *writer) int(field protowire.Number, x int64) {
	if x != 0 {
		w.b = protowire.AppendTag(w.b, field, protowire.VarintType)
		w.b = protowire.AppendVarint(w.b, uint64(x))
	}
}

func (w *writer) float(field protowire.Number, x float32) {
	w.b = protowire.AppendTag(w.b, field, protowire.Fixed32Type)
	w.b = protowire.AppendFixed32(w.b, math.Float32bits(x))
}

func (w *writer) text(field protowire.Number, s string) {
	if s != "" {
		w.element(field, s)
	}
}

// element is one of repeated texts, which may be empty.
func (w *writer) element(field protowire.Number, s string) {
	w.b = protowire.AppendTag(w.b, field, protowire.BytesType)
	w.b = protowire.AppendString(w.b, s)
}

func (w *writer) message(field protowire.Number, fill func(w *writer)) {
	var inner writer
	fill(&inner)
	w.b = protowire.AppendTag(w.b, field, protowire.BytesType)
	w.b = protowire.AppendBytes(w.b, inner.b)
}

func (w *writer) property(field protowire.Number, key, value string) {
	w.message(field, func(w *writer) {
		w.text(1, key)
		w.text(2, value)
	})
}

func (w *writer) graph(g *Graph) {
	for i := range g.Nodes {
		w.message(1, func(w *writer) { w.node(&g.Nodes[i]) })
	}
	w.text(2, g.Name)
	for i := range g.Initializers {
		w.message(5, func(w *writer) { w.tensor(&g.Initializers[i]) })
	}
	for i := range g.Inputs {
		w.message(11, func(w *writer) { w.value(&g.Inputs[i]) })
	}
	for i := range g.Outputs {
		w.message(12, func(w *writer) { w.value(&g.Outputs[i]) })
	}
}

func (w *writer) node(n *Node) {
	for _, name := range n.Inputs {
		w.element(1, name)
	}
	for _, name := range n.Outputs {
		w.element(2, name)
	}
	w.text(3, n.Name)
	w.text(4, n.Op)
	for i := range n.Attributes {
		w.message(5, func(w *writer) { w.attribute(&n.Attributes[i]) })
	}
	w.text(7, n.Domain)
}

func (w *writer) attribute(a *Attribute) {
	w.text(1, a.Name)
	switch a.Type {
	case AttributeFloat:
		w.float(2, a.Float)
	case AttributeInt:
		w.b = protowire.AppendTag(w.b, 3, protowire.VarintType)
		w.b = protowire.AppendVarint(w.b, uint64(a.Int))
	case AttributeString:
		w.element(4, a.String)
	case AttributeTensor:
		if a.Tensor == nil {
			break
		}
		w.message(5, func(w *writer) { w.tensor(a.Tensor) })
	}
	for _, x := range a.Floats {
		w.float(7, x)
	}
	for _, x := range a.Ints {
		w.b = protowire.AppendTag(w.b, 8, protowire.VarintType)
		w.b = protowire.AppendVarint(w.b, uint64(x))
	}
	for _, s := range a.Strings {
		w.element(9, s)
	}
	w.int(20, int64(a.Type))
}

func (w *writer) value(v *Value) {
	w.text(1, v.Name)
	w.message(2, func(w *writer) {
		w.message(1, func(w *writer) {
			w.int(1, int64(v.Type))
			w.message(2, func(w *writer) {
				for _, d := range v.Shape {
					w.message(1, func(w *writer) {
						if d.Name != "" {
							w.text(2, d.Name)
							return
						}
						w.b = protowire.AppendTag(w.b, 1, protowire.VarintType)
						w.b = protowire.AppendVarint(w.b, uint64(d.Size))
					})
				}
			})
		})
	})
}

func (w *writer) tensor(t *Tensor) {
	for _, d := range t.Dims {
		w.b = protowire.AppendTag(w.b, 1, protowire.VarintType)
		w.b = protowire.AppendVarint(w.b, uint64(d))
	}
	w.int(2, int64(t.Type))
	for _, s := range t.Strings {
		w.element(6, s)
	}
	w.text(8, t.Name)
	if e := t.External; e != nil {
		w.property(13, "location", e.Location)
		w.property(13, "offset", strconv.FormatInt(e.Offset, 10))
		if e.Length >= 0 {
			w.property(13, "length", strconv.FormatInt(e.Length, 10))
		}
		w.int(14, 1)
		return
	}
	if t.Type == String {
		return
	}
	// The elements as they lie in memory, little-endian.
	var raw []byte
	for _, x := range t.Floats {
		if t.Type == Float16 {
			b := halfBits(x)
			raw = append(raw, byte(b), byte(b>>8))
			continue
		}
		raw = protowire.AppendFixed32(raw, math.Float32bits(x))
	}
	for _, x := range t.Doubles {
		raw = protowire.AppendFixed64(raw, math.Float64bits(x))
	}
	for _, x := range t.Ints {
		switch t.Type {
		case Int32:
			raw = protowire.AppendFixed32(raw, uint32(x))
		case Bool:
			raw = append(raw, byte(x))
		default:
			raw = protowire.AppendFixed64(raw, uint64(x))
		}
	}
	w.b = protowire.AppendTag(w.b, 9, protowire.BytesType)
	w.b = protowire.AppendBytes(w.b, raw)
}
