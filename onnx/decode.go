package onnx

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Limits of what is read: far beyond any network that this package runs.
const (
	maxNodes      = 1 << 22
	maxNames      = 1 << 22 // inputs and outputs of a node, and initialisers of a graph
	maxDims       = 8
	maxMetadata   = 64 << 20 // bytes of metadata_props
	maxAttributes = 1 << 10
)

// ErrNotONNX says that bytes are no ONNX model, ErrUnsupported that they are one
// with something that isn't read.
var (
	ErrNotONNX     = errors.New("not an ONNX model")
	ErrUnsupported = errors.New("an ONNX model that can't be read")
)

// unsupported is an error that is ErrUnsupported, and says what isn't.
type unsupported string

func (what unsupported) Error() string        { return string(what) + " isn't supported" }
func (what unsupported) Is(target error) bool { return target == ErrUnsupported }

// Decode reads a model from a file's bytes. What it allocates is bounded by a
// multiple of their number, and no declared size is believed. Elements that lie
// in other files are left there.
func Decode(b []byte) (*Model, error) {
	m, graph, err := decodeFrame(b)
	if err == nil {
		err = notONNX(m.Graph.decode(graph))
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

func notONNX(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrUnsupported):
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return fmt.Errorf("%w: %w", ErrNotONNX, err)
}

// decodeFrame reads all but the graph, whose bytes it returns.
func decodeFrame(b []byte) (m *Model, graph []byte, err error) {
	if len(b) == 0 {
		return nil, nil, fmt.Errorf("%w: it is empty", ErrNotONNX)
	}
	m = &Model{}
	graphs, metadata := 0, 0
	err = fields(b, "model", func(f field) error {
		switch f.number {
		case 1:
			return f.int(&m.IRVersion)
		case 2:
			return f.text(&m.Producer)
		case 3:
			return f.text(&m.ProducerVersion)
		case 6:
			return f.text(&m.Doc)
		case 7:
			if graphs++; graphs > 1 {
				return errors.New("it has two graphs")
			}
			return f.message(func(b []byte) error {
				graph = b
				return nil
			})
		case 8:
			var o Opset
			if len(m.Opsets) == maxAttributes {
				return fmt.Errorf("more than %d opsets", maxAttributes)
			}
			err := f.message(func(b []byte) error {
				return fields(b, "opset", func(f field) error {
					switch f.number {
					case 1:
						return f.text(&o.Domain)
					case 2:
						return f.int(&o.Version)
					}
					return nil
				})
			})
			m.Opsets = append(m.Opsets, o)
			return err
		case 14:
			if metadata += len(f.bytes); metadata > maxMetadata {
				return fmt.Errorf("metadata_props have more than %d bytes", maxMetadata)
			}
			p, err := f.property()
			m.Metadata = append(m.Metadata, p)
			return err
		case 25:
			return unsupported("a function of its own")
		}
		return nil
	})
	if err == nil && graphs == 0 {
		err = errors.New("it has no graph")
	}
	if err != nil {
		return nil, nil, notONNX(err)
	}
	return m, graph, nil
}

// field is one field of a message: its number, and either a varint, a fixed
// number or bytes.
type field struct {
	number protowire.Number
	kind   protowire.Type
	bits   uint64 // of a varint or a fixed number
	bytes  []byte
	in     string // the message
}

// fields calls f for each field of a message.
func fields(b []byte, in string, f func(field) error) error {
	for at := 0; len(b) > 0; {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%s: byte %d begins no field", in, at)
		}
		b, at = b[n:], at+n
		x := field{number: number, kind: kind, in: in}
		switch kind {
		case protowire.VarintType:
			x.bits, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			x.bits = uint64(v)
		case protowire.Fixed64Type:
			x.bits, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			x.bytes, n = protowire.ConsumeBytes(b)
		default:
			return fmt.Errorf("%s: field %d is a group, which ONNX doesn't have", in, number)
		}
		if n < 0 {
			return fmt.Errorf("%s: field %d is cut short", in, number)
		}
		b, at = b[n:], at+n
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}

func (f *field) want(kind protowire.Type) error {
	if f.kind != kind {
		return fmt.Errorf("%s: field %d has wire type %d instead of %d", f.in, f.number, f.kind, kind)
	}
	return nil
}

func (f *field) int(to *int64) error {
	*to = int64(f.bits)
	return f.want(protowire.VarintType)
}

func (f *field) text(to *string) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	if !utf8.Valid(f.bytes) {
		return fmt.Errorf("%s: field %d is no UTF-8", f.in, f.number)
	}
	*to = string(f.bytes)
	return nil
}

// appendText adds to a list of so many texts at most.
func (f *field) appendText(to *[]string, most int) error {
	if len(*to) == most {
		return fmt.Errorf("%s: field %d stands more than %d times", f.in, f.number, most)
	}
	var s string
	err := f.text(&s)
	*to = append(*to, s)
	return err
}

func (f *field) message(read func(b []byte) error) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	return read(f.bytes)
}

func (f *field) property() (p Property, err error) {
	err = f.message(func(b []byte) error {
		return fields(b, f.in+": property", func(f field) error {
			switch f.number {
			case 1:
				return f.text(&p.Key)
			case 2:
				return f.text(&p.Value)
			}
			return nil
		})
	})
	return p, err
}

// appendInts adds an int, or packed ones.
func (f *field) appendInts(to *[]int64, most int) error {
	add := func(x int64) error {
		if len(*to) == most {
			return fmt.Errorf("%s: field %d has more than %d numbers", f.in, f.number, most)
		}
		*to = append(*to, x)
		return nil
	}
	if f.kind == protowire.VarintType {
		return add(int64(f.bits))
	}
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	for b := f.bytes; len(b) > 0; {
		x, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return fmt.Errorf("%s: field %d is cut short", f.in, f.number)
		}
		if err := add(int64(x)); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// appendFloats adds a float, or packed ones.
func (f *field) appendFloats(to *[]float32) error {
	if f.kind == protowire.Fixed32Type {
		*to = append(*to, math.Float32frombits(uint32(f.bits)))
		return nil
	}
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	if len(f.bytes)%4 != 0 {
		return fmt.Errorf("%s: field %d is cut short", f.in, f.number)
	}
	*to = append(*to, floats(f.bytes)...)
	return nil
}

// appendDoubles adds a double, or packed ones.
func (f *field) appendDoubles(to *[]float64) error {
	if f.kind == protowire.Fixed64Type {
		*to = append(*to, math.Float64frombits(f.bits))
		return nil
	}
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	if len(f.bytes)%8 != 0 {
		return fmt.Errorf("%s: field %d is cut short", f.in, f.number)
	}
	*to = append(*to, doubles(f.bytes)...)
	return nil
}

func floats(b []byte) []float32 {
	x := make([]float32, len(b)/4)
	for i := range x {
		bits, _ := protowire.ConsumeFixed32(b[4*i:])
		x[i] = math.Float32frombits(bits)
	}
	return x
}

func doubles(b []byte) []float64 {
	x := make([]float64, len(b)/8)
	for i := range x {
		bits, _ := protowire.ConsumeFixed64(b[8*i:])
		x[i] = math.Float64frombits(bits)
	}
	return x
}

func (g *Graph) decode(b []byte) error {
	return fields(b, "graph", func(f field) error {
		switch f.number {
		case 1:
			if len(g.Nodes) == maxNodes {
				return fmt.Errorf("graph: more than %d nodes", maxNodes)
			}
			var n Node
			err := f.message(func(b []byte) error { return n.decode(b, len(g.Nodes)) })
			if err == nil && n.Op == "" {
				err = fmt.Errorf("node %d: it has no operator", len(g.Nodes)+1)
			}
			g.Nodes = append(g.Nodes, n)
			return err
		case 2:
			return f.text(&g.Name)
		case 5:
			var t Tensor
			if len(g.Initializers) == maxNames {
				return fmt.Errorf("graph: more than %d initialisers", maxNames)
			}
			err := f.message(t.decode)
			if err == nil && t.Name == "" {
				err = fmt.Errorf("graph: initialiser %d has no name", len(g.Initializers)+1)
			}
			g.Initializers = append(g.Initializers, t)
			return err
		case 11, 12:
			to := &g.Inputs
			if f.number == 12 {
				to = &g.Outputs
			}
			if len(*to) == maxNames {
				return fmt.Errorf("graph: more than %d inputs or outputs", maxNames)
			}
			var v Value
			err := f.message(v.decode)
			if err == nil && v.Name == "" {
				err = errors.New("graph: an input or output has no name")
			}
			*to = append(*to, v)
			return err
		case 15:
			return unsupported("a sparse initialiser")
		}
		return nil
	})
}

func (n *Node) decode(b []byte, place int) error {
	in := fmt.Sprintf("node %d", place+1)
	return fields(b, in, func(f field) error {
		switch f.number {
		case 1:
			return f.appendText(&n.Inputs, maxNames)
		case 2:
			return f.appendText(&n.Outputs, maxNames)
		case 3:
			return f.text(&n.Name)
		case 4:
			return f.text(&n.Op)
		case 5:
			if len(n.Attributes) == maxAttributes {
				return fmt.Errorf("%s: more than %d attributes", in, maxAttributes)
			}
			var a Attribute
			err := f.message(func(b []byte) error { return a.decode(b, in) })
			if err == nil && (a.Name == "" || a.Type == AttributeTensor && a.Tensor == nil) {
				err = fmt.Errorf("%s: attribute %q has no name, or no value", in, a.Name)
			}
			n.Attributes = append(n.Attributes, a)
			return err
		case 7:
			return f.text(&n.Domain)
		}
		return nil
	})
}

func (a *Attribute) decode(b []byte, in string) error {
	return fields(b, in+": attribute", func(f field) error {
		switch f.number {
		case 1:
			return f.text(&a.Name)
		case 2:
			a.Float = math.Float32frombits(uint32(f.bits))
			return f.want(protowire.Fixed32Type)
		case 3:
			return f.int(&a.Int)
		case 4:
			return f.text(&a.String)
		case 5:
			a.Tensor = &Tensor{}
			return f.message(a.Tensor.decode)
		case 7:
			return f.appendFloats(&a.Floats)
		case 8:
			return f.appendInts(&a.Ints, maxElements)
		case 9:
			return f.appendText(&a.Strings, maxNames)
		case 20:
			a.Type = AttributeType(int32(f.bits))
			return f.want(protowire.VarintType)
		}
		return nil
	})
}

func (v *Value) decode(b []byte) error {
	return fields(b, "value", func(f field) error {
		switch f.number {
		case 1:
			return f.text(&v.Name)
		case 2:
			return f.message(v.decodeType)
		}
		return nil
	})
}

func (v *Value) decodeType(b []byte) error {
	return fields(b, "type", func(f field) error {
		switch f.number {
		case 1:
			return f.message(v.decodeTensorType)
		case 4:
			v.Other = "a sequence"
		case 5:
			v.Other = "a map"
		case 8:
			v.Other = "a sparse tensor"
		case 9:
			v.Other = "an optional"
		}
		return nil
	})
}

func (v *Value) decodeTensorType(b []byte) error {
	return fields(b, "tensor type", func(f field) error {
		switch f.number {
		case 1:
			v.Type = ElementType(int32(f.bits))
			return f.want(protowire.VarintType)
		case 2:
			return f.message(func(b []byte) error {
				return fields(b, "shape", func(f field) error {
					if f.number != 1 {
						return nil
					}
					if len(v.Shape) == maxDims {
						return fmt.Errorf("shape: more than %d dimensions", maxDims)
					}
					var d Dim
					err := f.message(d.decode)
					v.Shape = append(v.Shape, d)
					return err
				})
			})
		}
		return nil
	})
}

func (d *Dim) decode(b []byte) error {
	return fields(b, "dimension", func(f field) error {
		switch f.number {
		case 1:
			return f.int(&d.Size)
		case 2:
			return f.text(&d.Name)
		}
		return nil
	})
}

func (t *Tensor) decode(b []byte) error {
	var raw []byte
	isRaw, location := false, int64(0)
	var external []Property
	err := fields(b, "tensor", func(f field) error {
		switch f.number {
		case 1:
			return f.appendInts(&t.Dims, maxDims)
		case 2:
			t.Type = ElementType(int32(f.bits))
			return f.want(protowire.VarintType)
		case 3:
			return unsupported("a segment of a tensor")
		case 4:
			return f.appendFloats(&t.Floats)
		case 5, 7:
			return f.appendInts(&t.Ints, maxElements)
		case 6:
			return f.appendText(&t.Strings, maxElements)
		case 8:
			return f.text(&t.Name)
		case 9:
			isRaw, raw = true, f.bytes
			return f.want(protowire.BytesType)
		case 10:
			return f.appendDoubles(&t.Doubles)
		case 13:
			if len(external) == maxAttributes {
				return fmt.Errorf("tensor: more than %d properties of external data", maxAttributes)
			}
			p, err := f.property()
			external = append(external, p)
			return err
		case 14:
			return f.int(&location)
		}
		return nil
	})
	if err == nil {
		switch {
		case location != 0:
			err = t.setExternal(external)
		case isRaw:
			err = t.SetRaw(raw)
		default:
			err = t.checkTyped()
		}
	}
	if err != nil {
		return fmt.Errorf("initialiser %q: %w", t.Name, err)
	}
	return nil
}

// SetRaw sets the elements from their bytes, as they lie in memory.
func (t *Tensor) SetRaw(raw []byte) error {
	n, size := t.Len(), elementSize[t.Type]
	switch {
	case size == 0:
		return unsupported("raw data of " + t.Type.String())
	case n < 0 || int64(n)*int64(size) != int64(len(raw)):
		return fmt.Errorf("%d bytes of %v for the shape %v", len(raw), t.Type, t.Dims)
	}
	t.Floats, t.Doubles, t.Ints, t.Strings = nil, nil, nil, nil
	switch t.Type {
	case Float:
		t.Floats = floats(raw)
	case Double:
		t.Doubles = doubles(raw)
	case Float16:
		t.Floats = make([]float32, n)
		for i := range t.Floats {
			t.Floats[i] = half(uint16(raw[2*i]) | uint16(raw[2*i+1])<<8)
		}
	default:
		t.Ints = make([]int64, n)
		for i := range t.Ints {
			switch t.Type {
			case Int64:
				x, _ := protowire.ConsumeFixed64(raw[8*i:])
				t.Ints[i] = int64(x)
			case Int32:
				x, _ := protowire.ConsumeFixed32(raw[4*i:])
				t.Ints[i] = int64(int32(x))
			default:
				t.Ints[i] = int64(raw[i])
			}
		}
	}
	return nil
}

// elementSize is the bytes of an element in raw data.
var elementSize = map[ElementType]int{Float: 4, Double: 8, Float16: 2, Int64: 8, Int32: 4, Bool: 1}

// half is the value of a float16's bits.
func half(b uint16) float32 {
	sign, exponent, fraction := float32(1), int(b>>10&31), int(b&1023)
	if b>>15 != 0 {
		sign = -1
	}
	switch exponent {
	case 0:
		return sign * float32(math.Ldexp(float64(fraction), -24))
	case 31:
		if fraction != 0 {
			return float32(math.NaN())
		}
		return sign * float32(math.Inf(1))
	}
	return sign * float32(math.Ldexp(float64(fraction+1024), exponent-25))
}

// halfBits are the bits of x, which must be a float16's value.
func halfBits(x float32) uint16 {
	sign := uint16(math.Float32bits(x) >> 16 & 0x8000)
	switch a := math.Abs(float64(x)); {
	case a != a:
		return 0x7e00
	case a > 65504:
		return sign | 0x7c00
	case a < 0x1p-14:
		return sign | uint16(a*0x1p24)
	default:
		fraction, exponent := math.Frexp(a) // ½ to 1
		return sign | uint16(exponent+14)<<10 | uint16(fraction*2048)&1023
	}
}

// checkTyped compares the shape with the elements that stand in the fields of
// their type.
func (t *Tensor) checkTyped() error {
	have := 0
	switch t.Type {
	case Float:
		have = len(t.Floats)
	case Double:
		have = len(t.Doubles)
	case Int64, Int32, Bool:
		have = len(t.Ints)
	case String:
		have = len(t.Strings)
	case Float16:
		have = len(t.Ints)
		t.Floats = make([]float32, have)
		for i, x := range t.Ints {
			t.Floats[i] = half(uint16(x))
		}
		t.Ints = nil
	default:
		return unsupported("a tensor of " + t.Type.String())
	}
	if n := t.Len(); n != have {
		return fmt.Errorf("%d elements of %v for the shape %v", have, t.Type, t.Dims)
	}
	return nil
}

func (t *Tensor) setExternal(properties []Property) error {
	t.External = &External{Length: -1}
	for _, p := range properties {
		var err error
		switch p.Key {
		case "location":
			t.External.Location = p.Value
		case "offset":
			t.External.Offset, err = parseSize(p.Value)
		case "length":
			t.External.Length, err = parseSize(p.Value)
		}
		if err != nil {
			return fmt.Errorf("external data: %s: %w", p.Key, err)
		}
	}
	if t.External.Location == "" {
		return errors.New("external data without a location")
	}
	return nil
}

func parseSize(text string) (int64, error) {
	var n int64
	if text == "" {
		return 0, errors.New("it is empty")
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' || n > math.MaxInt64/10-1 {
			return 0, fmt.Errorf("%q is no size", text)
		}
		n = 10*n + int64(c-'0')
	}
	return n, nil
}
