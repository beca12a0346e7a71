package source

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// fileCase is a table that TensorFlow filled from a file; models/ops_files.py writes
// them.
type fileCase struct {
	Name, Content, Key, Value string
	Attrs                     map[string]any
	Entries                   [][2]string
	Error                     bool
}

func fileCases(t testing.TB) []fileCase {
	t.Helper()
	b, err := os.ReadFile(fixture.Path("ops", "ops_files.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []fileCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// node is the operation of a case.
func (c *fileCase) node(t testing.TB) *savedmodel.Node {
	t.Helper()
	attrs := map[string]graphtest.Attr{}
	for name, v := range c.Attrs {
		kind := "int"
		if _, ok := v.(string); ok {
			kind = "string"
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		attrs[name] = graphtest.AttrOf(kind, string(text))
	}
	gc := graphtest.Case{Op: "Identity", Attrs: attrs} // which has a result
	x, _ := lockstep.Zeros(lockstep.String)
	g, _, err := gc.Graph([]*lockstep.Tensor{x}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g.Nodes[len(g.Nodes)-1]
}

func TestTextFiles(t *testing.T) {
	for _, c := range fileCases(t) {
		keyType, _ := lockstep.ParseDType(c.Key)
		valueType, _ := lockstep.ParseDType(c.Value)
		got, err := entriesOf(c.node(t), c.Content, keyType, valueType)
		if c.Error {
			if err == nil {
				t.Errorf("%s: no error, TensorFlow raises; got %q", c.Name, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		for i, e := range c.Entries {
			c.Entries[i][1] = plain(t, e[1], valueType)
		}
		if !slices.Equal(got, c.Entries) {
			t.Errorf("%s: %q, want %q", c.Name, got, c.Entries)
		}
	}
}

// plain writes a number as entriesOf does.
func plain(t *testing.T, s string, d lockstep.DType) string {
	if !d.IsFloat() {
		return s
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(v)
}

// entriesOf fills a table, and lists its keys in order with their values.
func entriesOf(n *savedmodel.Node, content string, keyType, valueType lockstep.DType) ([][2]string, error) {
	f, err := newTextFile(n, "file", keyType, valueType)
	if err != nil {
		return nil, err
	}
	keys, values, err := f.read([]byte(content))
	if err != nil {
		return nil, err
	}
	table, err := value.NewLookupTable(keys, values, false)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var out [][2]string
	for i := range keys.Len() {
		key := elementOf(keys, i)
		if !seen[key] {
			seen[key] = true
			out = append(out, [2]string{key, elementOf(values, i)})
		}
	}
	slices.SortFunc(out, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	if table.Size() != len(out) {
		return nil, fmt.Errorf("%d entries, and %d keys", table.Size(), len(out))
	}
	return out, nil
}

func elementOf(t *lockstep.Tensor, i int) string {
	if d, err := lockstep.Data[string](t); err == nil {
		return d[i]
	}
	d, err := t.Float64s()
	if err != nil {
		return err.Error()
	}
	if t.DType().IsFloat() {
		return fmt.Sprint(d[i])
	}
	return strconv.FormatInt(int64(d[i]), 10)
}

// FuzzTextFile reads files of any content by any columns: nothing may panic, and what is
// read fits the lines.
func FuzzTextFile(f *testing.F) {
	for _, c := range fileCases(f) {
		f.Add([]byte(c.Content), -2, -1, -1, byte('\t'))
		f.Add([]byte(c.Content), 0, 1, 2, byte(','))
	}
	f.Fuzz(func(t *testing.T, content []byte, key, of, lines int, delimiter byte) {
		c := fileCase{Attrs: map[string]any{"key_index": key, "value_index": of, "vocab_size": lines, "delimiter": string(rune(delimiter % 0x80))}}
		for _, d := range []lockstep.DType{lockstep.String, lockstep.Int64, lockstep.Int32, lockstep.Float32} {
			file, err := newTextFile(c.node(t), "file", d, lockstep.Int64)
			if err != nil {
				continue
			}
			keys, values, err := file.read(content)
			if err == nil && (keys.Len() != values.Len() || keys.Len() == 0 || keys.Len() > len(content)) {
				t.Errorf("%d keys and %d values of %d bytes", keys.Len(), values.Len(), len(content))
			}
		}
	})
}
