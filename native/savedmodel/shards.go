package savedmodel

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/regular"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// restoredKeys returns the checkpoint's keys that the nodes of a restore
// operation read: libtensorflow reads them all when it loads a model, whether
// or not a variable uses them.
func restoredKeys(nodes []*Node) map[string]bool {
	keys := map[string]bool{}
	for _, n := range nodes {
		if n.Op != "RestoreV2" || len(n.Inputs) != 3 {
			continue
		}
		// One without constant keys fails where a variable is restored from it.
		names, err := n.Inputs[1].Through().Node.Const()
		if err != nil {
			continue
		}
		list, _ := lockstep.Data[string](names)
		for _, key := range list {
			keys[key] = true
		}
	}
	return keys
}

// checkShards tells whether the checkpoint's data files have the bytes that the
// index says. A file that is shorter than any entry needs is damaged, whether
// or not that entry is read. Other errors libtensorflow reports only for what
// it restores, and so does this.
func (g *MetaGraph) checkShards() error {
	if _, err := g.variables(); err != nil {
		return err
	}
	b, err := g.bundle()
	if err != nil {
		return err
	}
	sizes := map[int32]int64{}
	for _, key := range slices.Sorted(maps.Keys(b.entries)) {
		var e tfpb.BundleEntryProto
		if key == "" || proto.Unmarshal(b.entries[key], &e) != nil {
			continue // entries that are read are parsed again
		}
		if err := b.checkShard(&e, sizes, g.restored[key]); err != nil {
			return fmt.Errorf("savedmodel: %s: checkpoint entry %q in %s: %w", b.model, key, b.shard(&e), err)
		}
	}
	return nil
}

// checkShard checks one entry against the data file that it lies in, and keeps
// that file's size in sizes.
func (b *bundle) checkShard(e *tfpb.BundleEntryProto, sizes map[int32]int64, restored bool) error {
	have, looked := sizes[e.GetShardId()]
	if !looked {
		var err error
		have, err = b.shardSize(e)
		switch missing := errors.Is(err, fs.ErrNotExist); {
		case missing && restored:
			return fmt.Errorf("%w: copy the model again, with all of its data files", err)
		case missing:
			return nil
		case err != nil:
			return err
		}
		sizes[e.GetShardId()] = have
	}
	if !restored && (e.GetOffset() < 0 || e.GetSize() < 0) {
		return nil
	}
	if err := within(e, have); err != nil {
		return err
	}
	dtype, err := readDType(e.GetDtype())
	shape, known := readTensorShape(e.GetShape())
	if !restored || err != nil || !known || len(e.GetSlices()) > 0 {
		return nil
	}
	n, err := lockstep.NumElements(shape)
	if err != nil {
		return err
	}
	return sizeFits(e, dtype, shape, n)
}

// shard is the name of the data file that an entry lies in.
func (b *bundle) shard(e *tfpb.BundleEntryProto) string {
	return fmt.Sprintf("variables/variables.data-%05d-of-%05d", e.GetShardId(), b.shards)
}

// shardSize returns the size of that file.
func (b *bundle) shardSize(e *tfpb.BundleEntryProto) (int64, error) {
	if e.GetShardId() < 0 || int(e.GetShardId()) >= b.shards {
		return 0, fmt.Errorf("no such file: there are %d: %w", b.shards, fs.ErrNotExist)
	}
	info, err := fs.Stat(b.fsys, b.shard(e))
	if err != nil {
		return 0, err
	}
	return info.Size(), regular.Mode(b.shard(e), info.Mode())
}

// within tells whether an entry's bytes are in a file of some size.
func within(e *tfpb.BundleEntryProto, have int64) error {
	offset, size := e.GetOffset(), e.GetSize()
	if offset < 0 || size < 0 || offset > have || size > have-offset {
		return lockstep.Damaged(fmt.Errorf("%d bytes at %d, and the file has %d: it is cut short or the index is damaged: copy or export the model again", size, offset, have))
	}
	return nil
}

// sizeFits tells whether an entry has the bytes of n elements of its type; a
// string has at least its length.
func sizeFits(e *tfpb.BundleEntryProto, dtype lockstep.DType, shape []int, n int) error {
	size := e.GetSize()
	if dtype == lockstep.String {
		if size < int64(n) {
			return fmt.Errorf("%d bytes for %d strings", size, n)
		}
		return nil
	}
	if each := int64(dtype.Size()); size/each != int64(n) || size%each != 0 {
		return fmt.Errorf("%d bytes for %s %s, want %d elements of %d", size, dtype, lockstep.FormatShape(shape), n, each)
	}
	return nil
}
