package savedmodel

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// goleveldb, which made testdata/tables/tables.json, reads the same entries.
func TestTablesAreGoleveldbs(t *testing.T) {
	b, err := os.ReadFile("testdata/tables/tables.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		Entries int
		SHA256  string
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) != 5 {
		t.Errorf("%d tables, want 5", len(want))
	}
	for name, w := range want {
		b, err := os.ReadFile("testdata/tables/" + name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readTable(b)
		if name == "snappy.table" {
			if err == nil || !strings.Contains(err.Error(), "is compressed (type 1), which TensorFlow does not write") {
				t.Errorf("%s: error %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		h := sha256.New()
		for _, key := range slices.Sorted(maps.Keys(got)) {
			fmt.Fprintf(h, "%08d%s%08d%s", len(key), key, len(got[key]), got[key])
		}
		if sum := hex.EncodeToString(h.Sum(nil)); len(got) != w.Entries || sum != w.SHA256 {
			t.Errorf("%s: %d entries with the sum %s, want %d with %s", name, len(got), sum, w.Entries, w.SHA256)
		}
	}
}

func TestEveryIndexReads(t *testing.T) {
	for _, name := range fixture.Names(t) {
		b, err := fs.ReadFile(fixture.FS(t, name), indexFile)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := readTable(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		session := strings.HasPrefix(name, "tf1_") // TensorFlow 1 wrote no graph of objects
		if _, ok := entries["_CHECKPOINTABLE_OBJECT_GRAPH"]; ok == session || entries[""] == nil {
			t.Errorf("%s: %d entries, without the header or the object graph", name, len(entries))
		}
	}
}

// Every byte of a table is checked, but for those that only pad the footer.
func TestFlippedTables(t *testing.T) {
	b, err := os.ReadFile("testdata/tables/blocks.table")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := readTable(b)
	if err != nil {
		t.Fatal(err)
	}
	for at := range b {
		flipped := slices.Clone(b)
		flipped[at] ^= 1 << (at % 8)
		got, err := readTable(flipped)
		if err == nil && (at < len(b)-footerBytes || !maps.EqualFunc(got, whole, slices.Equal)) {
			t.Errorf("bit %d of byte %d of %d is changed, and the table reads", at%8, at, len(b))
		}
	}
	for n := range b {
		if _, err := readTable(b[:n]); err == nil {
			t.Errorf("%d of %d bytes read", n, len(b))
		}
	}
}

func TestTablesRefuse(t *testing.T) {
	entry := func(shared, own, value uint64, rest string) []byte {
		b := binary.AppendUvarint(nil, shared)
		b = binary.AppendUvarint(b, own)
		b = binary.AppendUvarint(b, value)
		return append(append(b, rest...), 0, 0, 0, 0)
	}
	handle := func(offset, size uint64) []byte {
		return binary.AppendUvarint(binary.AppendUvarint(nil, offset), size)
	}
	footer := func(meta, index []byte) []byte {
		b := make([]byte, footerBytes)
		copy(b, append(meta, index...))
		return binary.LittleEndian.AppendUint64(b[:footerBytes-8], tableMagic)
	}
	good := entry(0, 1, 1, "ab")
	for name, c := range map[string]struct {
		table []byte
		want  string
	}{
		"nothing":            {nil, "does not end as a table does"},
		"no magic":           {make([]byte, 200), "does not end as a table does"},
		"a footer alone":     {footer(handle(0, 8), handle(0, 8)), "a block of 8 bytes at 0 in a file of 48"},
		"128 GiB":            {footer(handle(0, 1<<37), handle(0, 8)), "a block of 137438953472 bytes at 0 in a file of 48"},
		"an overflow":        {footer(handle(0, math.MaxUint64), handle(0, 8)), "a block of 18446744073709551615 bytes"},
		"an offset beyond":   {footer(handle(math.MaxUint64, 1), handle(0, 8)), "at 18446744073709551615"},
		"no varint":          {footer(slices.Repeat([]byte{0xff}, 40), nil), "handle is unreadable"},
		"half a handle":      {footer(append(handle(0, 0), slices.Repeat([]byte{0x80}, 30)...), nil), "a block of 0 bytes at 0"},
		"shared beyond":      {assemble(entry(1, 1, 1, "ab"), nil), "an entry reaches beyond its block"},
		"key beyond":         {assemble(entry(0, 9, 1, "ab"), nil), "an entry reaches beyond its block"},
		"value beyond":       {assemble(entry(0, 1, 9, "ab"), nil), "an entry reaches beyond its block"},
		"lengths overflow":   {assemble(entry(0, math.MaxUint64, 2, "ab"), nil), "an entry reaches beyond its block"},
		"value overflows":    {assemble(entry(0, 1, math.MaxUint64, "ab"), nil), "an entry reaches beyond its block"},
		"half an entry":      {assemble([]byte{0, 0, 0, 0, 0}, nil), "an entry is unreadable"},
		"a tiny block":       {assemble([]byte{0, 0, 0}, nil), "a block of 3 bytes"},
		"restarts beyond":    {assemble([]byte{0xff, 0xff, 0xff, 0xff}, nil), "4294967295 restart points"},
		"a key twice":        {assemble(append(slices.Clone(good[:5]), good...), nil), `the key "a" occurs twice`},
		"no handle":          {assemble(good, [][]byte{{}}), "handle is unreadable"},
		"another's handle":   {assemble(good, [][]byte{handle(1, uint64(len(good))-1)}), "has the checksum"},
		"a handle beyond":    {assemble(good, [][]byte{handle(0, 1<<40)}), "a block of 1099511627776 bytes at 0"},
		"the block reaches":  {assemble(good, [][]byte{handle(0, uint64(len(good))+1)}), "has the checksum"},
		"keys that multiply": {manyKeys(), "more than sixteen times as long as the file"},
	} {
		_, err := readTable(c.table)
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, errTable) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// manyKeys is a block of 25,000 entries of five bytes, each of whose keys
// shares all of the 60,000 bytes before it.
func manyKeys() []byte {
	block := appendEntry(nil, 0, strings.Repeat("k", 60_000), nil)
	for i := range 25_000 {
		block = appendEntry(block, 60_000+i, "k", nil)
	}
	return assemble(append(block, 0, 0, 0, 0), nil)
}

// An index may name a block that holds no entries again and again.
func TestTableWithOneBlockManyTimes(t *testing.T) {
	block := make([]byte, 1<<20)
	binary.LittleEndian.PutUint32(block[len(block)-4:], uint32(len(block)/4-1)) // restart points alone
	handle := binary.AppendUvarint(binary.AppendUvarint(nil, 0), uint64(len(block)))
	table := assemble(block, slices.Repeat([][]byte{handle}, 100_000))
	began := time.Now()
	_, err := readTable(table)
	if err == nil || !strings.Contains(err.Error(), "its blocks overlap") {
		t.Errorf("error %v", err)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %v", took)
	}
}
