package onnx_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"github.com/shoal-nn/shoal/onnx"
)

func ExampleDecode() {
	b := onnx.Encode(&onnx.Model{
		IRVersion: 8, Opsets: []onnx.Opset{{Version: 18}},
		Graph: onnx.Graph{
			Nodes:   []onnx.Node{{Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}},
			Inputs:  []onnx.Value{{Name: "x", Type: onnx.Float, Shape: []onnx.Dim{{Name: "N"}, {Size: 3}}}},
			Outputs: []onnx.Value{{Name: "y", Type: onnx.Float, Shape: []onnx.Dim{{Name: "N"}, {Size: 3}}}},
		},
	})
	m, err := onnx.Decode(b)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, n := range m.Graph.Nodes {
		fmt.Println(n.Op, n.Inputs, n.Outputs)
	}
	// Output: Relu [x] [y]
}

// drawModel draws a model with all that is written.
func drawModel(t *rapid.T) *onnx.Model {
	name := rapid.StringMatching(`[a-zé½/ ]{1,6}`)
	names := rapid.SliceOfN(name, 1, 3)
	tensor := rapid.Custom(func(t *rapid.T) onnx.Tensor {
		x := onnx.Tensor{Name: name.Draw(t, "tensor")}
		n := rapid.IntRange(0, 6).Draw(t, "elements")
		x.Dims = rapid.SampledFrom([][]int64{{int64(n)}, {int64(n), 1}, {1, 1, int64(n)}}).Draw(t, "dims")
		switch x.Type = rapid.SampledFrom([]onnx.ElementType{onnx.Float, onnx.Double, onnx.Int64, onnx.String}).Draw(t, "type"); x.Type {
		case onnx.Float:
			x.Floats = rapid.SliceOfN(rapid.Float32(), n, n).Draw(t, "floats")
		case onnx.Double:
			x.Doubles = rapid.SliceOfN(rapid.Float64(), n, n).Draw(t, "doubles")
		case onnx.Int64:
			x.Ints = rapid.SliceOfN(rapid.Int64(), n, n).Draw(t, "ints")
		default:
			x.Strings = rapid.SliceOfN(name, n, n).Draw(t, "strings")
		}
		return x
	})
	attribute := rapid.Custom(func(t *rapid.T) onnx.Attribute {
		a := onnx.Attribute{Name: name.Draw(t, "attribute")}
		switch a.Type = onnx.AttributeType(rapid.SampledFrom([]int{1, 2, 3, 4, 6, 7, 8}).Draw(t, "kind")); a.Type {
		case onnx.AttributeFloat:
			a.Float = rapid.Float32().Draw(t, "float")
		case onnx.AttributeInt:
			a.Int = rapid.Int64().Draw(t, "int")
		case onnx.AttributeString:
			a.String = name.Draw(t, "string")
		case onnx.AttributeTensor:
			x := tensor.Draw(t, "tensor")
			a.Tensor = &x
		case onnx.AttributeFloats:
			a.Floats = rapid.SliceOf(rapid.Float32()).Draw(t, "floats")
		case onnx.AttributeInts:
			a.Ints = rapid.SliceOf(rapid.Int64()).Draw(t, "ints")
		case onnx.AttributeStrings:
			a.Strings = rapid.SliceOf(name).Draw(t, "strings")
		}
		return a
	})
	node := rapid.Custom(func(t *rapid.T) onnx.Node {
		return onnx.Node{
			Op: name.Draw(t, "op"), Domain: name.Draw(t, "domain"), Name: name.Draw(t, "node"),
			Inputs: names.Draw(t, "inputs"), Outputs: names.Draw(t, "outputs"), Attributes: rapid.SliceOfN(attribute, 0, 3).Draw(t, "attributes"),
		}
	})
	value := rapid.Custom(func(t *rapid.T) onnx.Value {
		return onnx.Value{Name: name.Draw(t, "value"), Type: onnx.Float, Shape: []onnx.Dim{{Name: "N"}, {Size: rapid.Int64Range(0, 9).Draw(t, "size")}}}
	})
	return &onnx.Model{
		IRVersion: rapid.Int64().Draw(t, "IR"), Producer: name.Draw(t, "producer"), Doc: name.Draw(t, "doc"),
		Opsets:   []onnx.Opset{{Domain: name.Draw(t, "domain"), Version: rapid.Int64().Draw(t, "version")}},
		Metadata: []onnx.Property{{Key: name.Draw(t, "key"), Value: name.Draw(t, "value")}},
		Graph: onnx.Graph{
			Name: name.Draw(t, "graph"), Nodes: rapid.SliceOfN(node, 0, 3).Draw(t, "nodes"), Initializers: rapid.SliceOfN(tensor, 0, 3).Draw(t, "initialisers"),
			Inputs: rapid.SliceOfN(value, 0, 2).Draw(t, "inputs"), Outputs: rapid.SliceOfN(value, 0, 2).Draw(t, "outputs"),
		},
	}
}

func TestAModelIsDecodedAsItWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		b := onnx.Encode(m)
		got, err := onnx.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, got, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("models differ (-encoded +decoded):\n%s", diff)
		}
		if !bytes.Equal(b, onnx.Encode(got)) {
			t.Error("what was decoded is encoded as other bytes")
		}
	})
}

// message and number write fields as protocol buffers have them.
func message(number protowire.Number, fields ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), bytes.Join(fields, nil))
}

func text(number protowire.Number, s string) []byte { return message(number, []byte(s)) }

func number(field protowire.Number, x uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), x)
}

// of is a model with one initialiser of these fields.
func of(tensor ...[]byte) []byte { return message(7, message(5, append(tensor, text(8, "t"))...)) }

// Other programs write numbers packed, one by one, or as raw bytes.
func TestEachWayToWriteATensor(t *testing.T) {
	dims := func(n uint64) []byte { return number(1, n) }
	packed := func(field protowire.Number, x ...byte) []byte { return message(field, x) }
	fixed32 := func(field protowire.Number, x float32) []byte {
		return protowire.AppendFixed32(protowire.AppendTag(nil, field, protowire.Fixed32Type), math.Float32bits(x))
	}
	half := []byte{0, 0x3c, 0, 0xc0, 1, 0, 0, 0x7c} // 1, −2, 2⁻²⁴, ∞
	for _, c := range []struct {
		name string
		b    []byte
		want onnx.Tensor
	}{
		{"float, one by one", of(dims(2), number(2, 1), fixed32(4, 1.5), fixed32(4, -2)), onnx.Tensor{Type: onnx.Float, Floats: []float32{1.5, -2}}},
		{"float, packed", of(dims(1), number(2, 1), packed(4, 0, 0, 0xc0, 0x3f)), onnx.Tensor{Type: onnx.Float, Floats: []float32{1.5}}},
		{"float, raw", of(dims(1), number(2, 1), packed(9, 0, 0, 0xc0, 0x3f)), onnx.Tensor{Type: onnx.Float, Floats: []float32{1.5}}},
		{"double, packed", of(dims(1), number(2, 11), packed(10, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f)), onnx.Tensor{Type: onnx.Double, Doubles: []float64{1.5}}},
		{"int64, packed", of(dims(2), number(2, 7), packed(7, 3, 0x80, 1)), onnx.Tensor{Type: onnx.Int64, Ints: []int64{3, 128}}},
		{"int64, one by one", of(dims(1), number(2, 7), number(7, math.MaxUint64)), onnx.Tensor{Type: onnx.Int64, Ints: []int64{-1}}},
		{"int32, raw", of(dims(1), number(2, 6), packed(9, 0xff, 0xff, 0xff, 0xff)), onnx.Tensor{Type: onnx.Int32, Ints: []int64{-1}}},
		{"bool, raw", of(dims(2), number(2, 9), packed(9, 1, 0)), onnx.Tensor{Type: onnx.Bool, Ints: []int64{1, 0}}},
		{"float16, raw", of(dims(4), number(2, 10), message(9, half)), onnx.Tensor{Type: onnx.Float16, Floats: []float32{1, -2, 0x1p-24, float32(math.Inf(1))}}},
		{"strings", of(dims(2), number(2, 8), text(6, ""), text(6, "é")), onnx.Tensor{Type: onnx.String, Strings: []string{"", "é"}}},
		{
			"in another file", of(dims(2), number(2, 1), number(14, 1), message(13, text(1, "location"), text(2, "w.bin")), message(13, text(1, "offset"), text(2, "4096"))),
			onnx.Tensor{Type: onnx.Float, External: &onnx.External{Location: "w.bin", Offset: 4096, Length: -1}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := onnx.Decode(c.b)
			if err != nil {
				t.Fatal(err)
			}
			got := m.Graph.Initializers[0]
			got.Dims, got.Name = nil, ""
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("the tensor differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	group := protowire.AppendTag(nil, 7, protowire.StartGroupType)
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"nothing", nil, "it is empty"},
		{"text", []byte("area,town\n"), "not an ONNX model"},
		{"no graph", number(1, 8), "it has no graph"},
		{"two graphs", append(message(7), message(7)...), "it has two graphs"},
		{"a group", group, "model: field 7 is a group"},
		{"a thousand groups in a graph", message(7, bytes.Repeat(group, 1000)), "graph: field 7 is a group"},
		{"a graph that is a number", number(7, 1), "model: field 7 has wire type 0 instead of 2"},
		{"a length beyond the end", []byte{0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f}, "model: field 7 is cut short"},
		{"a name that is no text", message(7, text(2, "\xff")), "graph: field 2 is no UTF-8"},
		{"elements of nothing", of(number(1, 1<<40), number(2, 1)), `initialiser "t": 0 elements of float for the shape [1099511627776]`},
		{"a product that wraps", of(number(1, 1<<32), number(1, 1<<32), number(2, 1)), "0 elements of float for the shape [4294967296 4294967296]"},
		{"a dimension below 0", of(number(1, math.MaxUint64), number(2, 1)), "0 elements of float for the shape [-1]"},
		{"nine dimensions", of(bytes.Repeat(number(1, 1), 9)), "field 1 has more than 8 numbers"},
		{"raw strings", of(number(2, 8), text(9, "a")), "raw data of string isn't supported"},
		{"too few raw bytes", of(number(1, 2), number(2, 1), text(9, "abcd")), "4 bytes of float for the shape [2]"},
		{"a type without a name", of(number(2, 99)), "a tensor of element type 99 isn't supported"},
		{"segments", of(message(3)), "a segment of a tensor isn't supported"},
		{"external data of nowhere", of(number(14, 1)), "external data without a location"},
		{"an offset below 0", of(number(14, 1), message(13, text(1, "offset"), text(2, "-1"))), `external data: offset: "-1" is no size`},
		{"an offset beyond all sizes", of(number(14, 1), message(13, text(1, "offset"), text(2, strings.Repeat("9", 30)))), "is no size"},
		{"functions", append(message(7), message(25)...), "a function of its own isn't supported"},
		{"a node without an operator", message(7, message(1)), "node 1: it has no operator"},
		{"an attribute without a name", message(7, message(1, message(5))), `node 1: attribute "" has no name`},
		{"an attribute without its tensor", message(7, message(1, message(5, text(1, "value"), number(20, 4)))), `node 1: attribute "value" has no name, or no value`},
		{"an initialiser without a name", message(7, message(5)), "a tensor of undefined isn't supported"},
		{"a sparse initialiser", message(7, message(15)), "a sparse initialiser"},
		{"metadata of 100 MB", append(message(7), message(14, text(2, strings.Repeat("x", 100<<20)))...), "metadata_props have more than 67108864 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := onnx.Decode(c.b)
			if !errors.Is(err, onnx.ErrNotONNX) && !errors.Is(err, onnx.ErrUnsupported) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got the error %v, want one with %q", err, c.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(onnx.Encode(&onnx.Model{Opsets: []onnx.Opset{{Version: 18}}}))
	f.Add(of(number(1, 2), number(2, 1), text(9, "abcdefgh")))
	f.Add(of(number(14, 1), message(13, text(1, "location"), text(2, "w.bin"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := onnx.Decode(b)
		if err != nil {
			return
		}
		again, err := onnx.Decode(onnx.Encode(m))
		if err != nil {
			t.Fatalf("what was decoded can't be, once it is encoded: %v", err)
		}
		if !bytes.Equal(onnx.Encode(m), onnx.Encode(again)) {
			t.Error("it differs the second time")
		}
	})
}
