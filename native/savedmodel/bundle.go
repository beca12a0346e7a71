package savedmodel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/internal/regular"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// maxIndexBytes bounds variables.index, which has some 100 bytes a variable.
const maxIndexBytes = 64 << 20

// bundleVersion is the supported version of the format.
const bundleVersion = 1

// bundle is a checkpoint: an index of entries, and the files with their bytes
// (tensorflow/core/util/tensor_bundle/tensor_bundle.h).
type bundle struct {
	fsys    fs.FS
	model   string
	entries map[string][]byte // BundleEntryProto by key, not yet parsed
	shards  int
}

func openBundle(fsys fs.FS, model string) (*bundle, error) {
	fail := func(format string, args ...any) (*bundle, error) {
		return nil, lockstep.Damaged(fmt.Errorf("savedmodel: %s: variables/variables.index: %w", model, fmt.Errorf(format, args...)))
	}
	index, err := readFile(fsys, "variables/variables.index", maxIndexBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("savedmodel: %s has no variables/variables.index: its weights are missing: %w", model, err)
	}
	if err != nil {
		return fail("%w", err)
	}
	b := &bundle{fsys: fsys, model: model}
	if b.entries, err = readTable(index); err != nil {
		return fail("%w", err)
	}
	head, ok := b.entries[""]
	if !ok {
		return fail("no header entry: this is not the index of a checkpoint")
	}
	var header tfpb.BundleHeaderProto
	if err := proto.Unmarshal(head, &header); err != nil {
		return fail("the header: %w", err)
	}
	if header.GetEndianness() != tfpb.BundleHeaderProto_LITTLE {
		return fail("the checkpoint was written on a big-endian machine, which is not supported")
	}
	if v := header.GetVersion().GetMinConsumer(); v > bundleVersion {
		return fail("the checkpoint is of the format's version %d, want at most %d", v, bundleVersion)
	}
	if b.shards = int(header.GetNumShards()); b.shards < 1 {
		return fail("the header says %d data files, want 1 or more", b.shards)
	}
	return b, nil
}

// entry returns the entry of a key.
func (b *bundle) entry(key string) (*tfpb.BundleEntryProto, error) {
	encoded, ok := b.entries[key]
	if !ok {
		return nil, errors.New("the checkpoint has no such entry: it belongs to another model")
	}
	return parseEntry(encoded)
}

// check returns an entry that is restored into v, if it fits.
func (b *bundle) check(v *Variable, key string) (*tfpb.BundleEntryProto, error) {
	fail := func(format string, args ...any) (*tfpb.BundleEntryProto, error) {
		return nil, fmt.Errorf("savedmodel: %s: checkpoint entry %q of variable %q: %w", b.model, key, v.Name, fmt.Errorf(format, args...))
	}
	e, err := b.entry(key)
	if err != nil {
		return fail("%w", err)
	}
	shape, known := readTensorShape(e.GetShape())
	switch has := typeName(e.GetDtype()) + " " + lockstep.FormatShape(shape); {
	case known && e.GetDtype() == v.proto && v.part != nil && inside(v.part, shape):
		return e, nil
	case v.part != nil:
		return fail("the checkpoint has %s, and the graph wants a part of a %s that it does not have: the checkpoint belongs to another model", has, v.Type)
	case known && e.GetDtype() == v.proto && (v.Shape == nil || slices.Equal(shape, v.Shape)):
		return e, nil
	case v.Shape == nil:
		return fail("the checkpoint has %s, the graph wants %s: the checkpoint belongs to another model", has, v.Type)
	default:
		return fail("the checkpoint has %s, the graph wants %s %s: the checkpoint belongs to another model", has, v.Type, lockstep.FormatShape(v.Shape))
	}
}

// restored reads what an entry fills a variable with.
func (b *bundle) restored(v *Variable, key string) (*lockstep.Tensor, error) {
	e, err := b.check(v, key)
	if err != nil {
		return nil, err
	}
	if v.part != nil || len(e.GetSlices()) > 0 {
		return b.readPart(v, key, e)
	}
	return b.read(key, e)
}

func parseEntry(encoded []byte) (*tfpb.BundleEntryProto, error) {
	e := &tfpb.BundleEntryProto{}
	return e, proto.Unmarshal(encoded, e)
}

// read reads an entry that check has passed.
func (b *bundle) read(key string, e *tfpb.BundleEntryProto) (*lockstep.Tensor, error) {
	name := b.shard(e)
	fail := func(err error) (*lockstep.Tensor, error) {
		return nil, fmt.Errorf("savedmodel: %s: checkpoint entry %q in %s: %w", b.model, key, name, err)
	}
	if e.GetShardId() < 0 || int(e.GetShardId()) >= b.shards {
		return fail(fmt.Errorf("no such file: there are %d", b.shards))
	}
	f, err := regular.OpenFS(b.fsys, name)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fail(err)
	}
	if err := within(e, info.Size()); err != nil {
		return fail(err)
	}
	dtype, err := readDType(e.GetDtype())
	if err != nil {
		return fail(err)
	}
	shape, _ := readTensorShape(e.GetShape())
	n, err := lockstep.NumElements(shape)
	if err != nil {
		return fail(err)
	}
	if err := sizeFits(e, dtype, shape, n); err != nil {
		return fail(err)
	}
	if err := fits(e.GetSize()); err != nil {
		return fail(err)
	}
	if r, ok := f.(io.ReaderAt); ok && dtype != lockstep.String {
		t, err := readTensorAt(r, dtype, shape, e)
		if err != nil {
			return fail(err)
		}
		return t, nil
	}
	data, err := readPart(f, e.GetOffset(), e.GetSize())
	if err != nil {
		return fail(err)
	}
	if dtype == lockstep.String {
		t, err := readStrings(data, n, shape, e.GetCrc32C())
		if err != nil {
			return fail(err)
		}
		return t, nil
	}
	if err := checkSum(crc32.Checksum(data, castagnoli), e); err != nil {
		return fail(err)
	}
	t, err := raw.Decode(dtype, shape, data)
	if err != nil {
		return fail(err)
	}
	return t, nil
}

// readTensorAt reads the elements of an entry without a second copy of them.
func readTensorAt(r io.ReaderAt, dtype lockstep.DType, shape []int, e *tfpb.BundleEntryProto) (*lockstep.Tensor, error) {
	sum := crc32.New(castagnoli)
	t, err := raw.Read(io.TeeReader(io.NewSectionReader(r, e.GetOffset(), e.GetSize()), sum), dtype, shape)
	if err != nil {
		return nil, err
	}
	return t, checkSum(sum.Sum32(), e)
}

func checkSum(sum uint32, e *tfpb.BundleEntryProto) error {
	if got := maskedCRC(sum); got != e.GetCrc32C() {
		return lockstep.Damaged(fmt.Errorf("the checksum is %#08x, want %#08x: the bytes are damaged", got, e.GetCrc32C()))
	}
	return nil
}

// readStrings reads a tensor of strings: every length as a varint, the masked
// checksum of the lengths, then the strings (WriteStringTensor in
// tensor_bundle.cc). The checksum of an entry covers lengths as fixed 32-bit
// numbers where they fit.
func readStrings(data []byte, n int, shape []int, want uint32) (*lockstep.Tensor, error) {
	if n > len(data) {
		return nil, lockstep.Damaged(fmt.Errorf("%d bytes for %d strings", len(data), n))
	}
	lengths := make([]uint64, n)
	crc, total, rest := uint32(0), uint64(0), data
	var fixed [8]byte
	for i := range lengths {
		v, k := binary.Uvarint(rest)
		if k <= 0 || v > uint64(len(data)) {
			return nil, lockstep.Damaged(fmt.Errorf("the length of string %d is damaged", i))
		}
		lengths[i], rest = v, rest[k:]
		total += v
		if v <= 0xffffffff {
			binary.LittleEndian.PutUint32(fixed[:], uint32(v))
			crc = crc32.Update(crc, castagnoli, fixed[:4])
		} else {
			binary.LittleEndian.PutUint64(fixed[:], v)
			crc = crc32.Update(crc, castagnoli, fixed[:8])
		}
	}
	if len(rest) < 4 || uint64(len(rest)-4) != total {
		return nil, lockstep.Damaged(fmt.Errorf("%d strings of %d bytes in all, and %d bytes are left for them", n, total, len(rest)-4))
	}
	if got := binary.LittleEndian.Uint32(rest); got != maskedCRC(crc) {
		return nil, lockstep.Damaged(fmt.Errorf("the checksum of the lengths is %#08x, want %#08x", got, maskedCRC(crc)))
	}
	crc = crc32.Update(crc, castagnoli, rest[:4])
	rest = rest[4:]
	if got := maskedCRC(crc32.Update(crc, castagnoli, rest)); got != want {
		return nil, lockstep.Damaged(fmt.Errorf("the checksum is %#08x, want %#08x: the bytes are damaged", got, want))
	}
	out := make([]string, n)
	for i, l := range lengths {
		out[i], rest = string(rest[:l]), rest[l:]
	}
	return lockstep.New(out, shape...)
}
