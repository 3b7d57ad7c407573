// Package onnx is the model file: a mixture, its preprocessing included, as one
// ONNX graph that any runtime answers with.
//
//	a column: [N, 1] ─ fill ─ − mean ─ ÷ sd ─ clip ─┐
//	a column: [N, 1] ─ one-hot ─────────────────────┼─ Concat ─ Gemm ─ Relu ─ … ─ Gemm ─ mean of networks ─ Softmax ─┬─ probabilities
//	…                                                ┘                                                               └─ label
//
// Encode and Decode read and write the file's protocol buffers field by field;
// nothing else in this module knows them.
package onnx

import "fmt"

// Model is an ONNX ModelProto: what of one Shoal reads and writes.
type Model struct {
	IRVersion       int64
	Producer        string
	ProducerVersion string
	Doc             string
	Opsets          []Opset
	Graph           Graph
	Metadata        []Property
}

// Opset is a set of operators that the graph uses: "" is ONNX's own.
type Opset struct {
	Domain  string
	Version int64
}

// Property is one of the model's metadata_props.
type Property struct{ Key, Value string }

// Graph is a GraphProto.
type Graph struct {
	Name         string
	Nodes        []Node
	Initializers []Tensor
	Inputs       []Value
	Outputs      []Value
}

// Node is a NodeProto: an operator, the names of its inputs and outputs, and its
// attributes.
type Node struct {
	Op, Domain, Name string
	Inputs, Outputs  []string
	Attributes       []Attribute
}

// Attribute is an AttributeProto. Type says which of the others counts.
type Attribute struct {
	Name    string
	Type    AttributeType
	Float   float32
	Int     int64
	String  string
	Tensor  *Tensor
	Floats  []float32
	Ints    []int64
	Strings []string
}

// AttributeType is what an attribute holds.
type AttributeType int32

// The attributes that are read and written; others keep their number alone.
const (
	AttributeFloat   AttributeType = 1
	AttributeInt     AttributeType = 2
	AttributeString  AttributeType = 3
	AttributeTensor  AttributeType = 4
	AttributeGraph   AttributeType = 5
	AttributeFloats  AttributeType = 6
	AttributeInts    AttributeType = 7
	AttributeStrings AttributeType = 8
)

// Value is a ValueInfoProto: an input or output, with its type and shape. Of
// what is no tensor Type is 0, and Other says what it is.
type Value struct {
	Name  string
	Type  ElementType
	Shape []Dim
	Other string
}

// Dim is a dimension: a size, or a name for one that is known at run time.
type Dim struct {
	Size int64
	Name string
}

// ElementType is what a tensor's elements are.
type ElementType int32

// The element types that are read; of the others the number is known.
const (
	Float   ElementType = 1
	Int32   ElementType = 6
	Int64   ElementType = 7
	String  ElementType = 8
	Bool    ElementType = 9
	Float16 ElementType = 10
	Double  ElementType = 11
)

var elementNames = map[ElementType]string{
	0: "undefined", Float: "float", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", Int32: "int32", Int64: "int64", String: "string",
	Bool: "bool", Float16: "float16", Double: "double", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
}

func (t ElementType) String() string {
	if name, ok := elementNames[t]; ok {
		return name
	}
	return fmt.Sprintf("element type %d", int32(t))
}

// Tensor is a TensorProto. Which slice holds its elements, row by row, follows
// from Type: Floats (also of float16), Doubles, Ints (int32, int64, bool) or
// Strings. A tensor whose elements lie in another file has External instead.
type Tensor struct {
	Name     string
	Type     ElementType
	Dims     []int64
	Floats   []float32
	Doubles  []float64
	Ints     []int64
	Strings  []string
	External *External
}

// External says where a tensor's elements lie: a file beside the model, and the
// bytes of it. Length is −1 where the rest of the file is meant.
type External struct {
	Location       string
	Offset, Length int64
}

// Len is the number of elements, or −1 if the dimensions are none or more than
// fit into an int.
func (t *Tensor) Len() int {
	n := int64(1)
	for _, d := range t.Dims {
		if d < 0 || d > maxElements || d > 0 && n > maxElements/d {
			return -1
		}
		n *= d
	}
	return int(n)
}

// maxElements bounds a tensor's declared size: four bytes each are 2 GiB, as much
// as a file of protocol buffers may have.
const maxElements = 1 << 29
