package text

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var hashOps = op.Table{
	"StringToHashBucketFast":   elementwise(buildBucket(func(*savedmodel.Node) (func(string) uint64, error) { return fingerprint, nil })),
	"StringToHashBucketStrong": elementwise(buildBucket(keyed)),
	"StringToHashBucket":       elementwise(buildBucket(func(*savedmodel.Node) (func(string) uint64, error) { return hash64, nil })),
}

// buildBucket makes a builder of an operation that returns the rest of a hash.
func buildBucket(hash func(n *savedmodel.Node) (func(string) uint64, error)) op.Builder {
	return func(n *savedmodel.Node) (op.Exec, error) {
		buckets := n.AttrInt("num_buckets")
		if buckets < 1 {
			return nil, op.NotSupported("num_buckets", buckets)
		}
		of, err := hash(n)
		if err != nil {
			return nil, err
		}
		return func(w *op.Call, in []value.Value) ([]value.Value, error) {
			t, d, err := op.Operands[string](in, 1)
			if err != nil {
				return nil, err
			}
			out := make([]int64, len(d[0]))
			for i, s := range d[0] {
				out[i] = int64(of(s) % uint64(buckets))
			}
			return w.One(lockstep.New(out, t[0].Shape()...))
		}, nil
	}
}

// keyed is SipHash-2-4 with the key of an attribute.
func keyed(n *savedmodel.Node) (func(string) uint64, error) {
	key := n.AttrInts("key")
	if len(key) != 2 {
		return nil, fmt.Errorf("attribute \"key\" has %d numbers, want 2", len(key))
	}
	return func(s string) uint64 { return sipHash(uint64(key[0]), uint64(key[1]), s) }, nil
}

// sipHash is SipHash-2-4 (Aumasson and Bernstein, SipHash: a fast short-input PRF,
// 2012).
func sipHash(k0, k1 uint64, s string) uint64 {
	v0, v1 := k0^0x736f6d6570736575, k1^0x646f72616e646f6d
	v2, v3 := k0^0x6c7967656e657261, k1^0x7465646279746573
	round := func() {
		v0 += v1
		v1 = bits.RotateLeft64(v1, 13) ^ v0
		v0 = bits.RotateLeft64(v0, 32)
		v2 += v3
		v3 = bits.RotateLeft64(v3, 16) ^ v2
		v0 += v3
		v3 = bits.RotateLeft64(v3, 21) ^ v0
		v2 += v1
		v1 = bits.RotateLeft64(v1, 17) ^ v2
		v2 = bits.RotateLeft64(v2, 32)
	}
	take := func(m uint64) {
		v3 ^= m
		round()
		round()
		v0 ^= m
	}
	last := uint64(len(s)) << 56
	for ; len(s) >= 8; s = s[8:] {
		take(word(s))
	}
	for i := range len(s) {
		last |= uint64(s[i]) << (8 * i)
	}
	take(last)
	v2 ^= 0xff
	for range 4 {
		round()
	}
	return v0 ^ v1 ^ v2 ^ v3
}

// word and half read the first bytes of a string, the least first.
func word(s string) uint64 {
	var b [8]byte
	copy(b[:], s)
	return binary.LittleEndian.Uint64(b[:])
}

func half(s string) uint64 {
	var b [4]byte
	copy(b[:], s)
	return uint64(binary.LittleEndian.Uint32(b[:]))
}

// hash64 is the hash of TensorFlow's own hash.cc, a variant of MurmurHash64A.
func hash64(s string) uint64 {
	const m, r, seed = 0xc6a4a7935bd1e995, 47, 0xDECAFCAFFE
	h := seed ^ uint64(len(s))*m
	for ; len(s) >= 8; s = s[8:] {
		k := word(s) * m
		k ^= k >> r
		h = (h ^ k*m) * m
	}
	if len(s) > 0 {
		h = (h ^ word(s)) * m
	}
	h ^= h >> r
	h *= m
	return h ^ h>>r
}
