package savedmodel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A checkpoint's index is a table in LevelDB's format
// (leveldb/doc/table_format.md), which TensorFlow writes without compression
// and without filters. github.com/syndtr/goleveldb/leveldb/table v1.0.0 reads
// it, but allocates what a block's handle claims before it looks at the file:
// 48 bytes that claim 128 GiB end the process, which nothing can recover. A
// reader that checks every handle against the file is as short as the checks in
// front of that one would be.

const (
	tableMagic    = 0xdb4775248b80fb57
	footerBytes   = 48 // two handles, padded, and the magic number
	trailerBytes  = 5  // a block's compression type and its masked checksum
	noCompression = 0
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is how LevelDB and TensorFlow store a CRC32C.
func maskedCRC(crc uint32) uint32 { return (crc>>15 | crc<<17) + 0xa282ead8 }

var errTable = errors.New("the index is damaged or cut short")

// readTable returns every entry of a table. The values are parts of b.
func readTable(b []byte) (map[string][]byte, error) {
	if len(b) < footerBytes || binary.LittleEndian.Uint64(b[len(b)-8:]) != tableMagic {
		return nil, fmt.Errorf("%w: it does not end as a table does", errTable)
	}
	footer := b[len(b)-footerBytes : len(b)-8]
	_, footer, err := readHandle(b, footer) // of the meta index, which is empty
	if err != nil {
		return nil, err
	}
	index, _, err := readHandle(b, footer)
	if err != nil {
		return nil, err
	}
	entries := map[string][]byte{}
	keys, blocks := 0, 0
	err = readBlock(index, func(_ string, handle []byte) error {
		block, _, err := readHandle(b, handle)
		if err != nil {
			return err
		}
		// Blocks must not overlap: a file that names one very often would take
		// very long to read.
		if blocks += len(block); blocks > len(b) {
			return fmt.Errorf("%w: its blocks overlap", errTable)
		}
		return readBlock(block, func(key string, value []byte) error {
			if _, twice := entries[key]; twice {
				return fmt.Errorf("%w: the key %q occurs twice", errTable, key)
			}
			// Keys share prefixes, so a small file can expand to very many
			// bytes of them. Real ones are a few times longer than what is
			// stored.
			if keys += len(key); keys > 1<<16+16*len(b) {
				return fmt.Errorf("%w: its keys are more than sixteen times as long as the file", errTable)
			}
			entries[key] = value
			return nil
		})
	})
	return entries, err
}

// readHandle reads a block's handle and returns the block, checked against
// its checksum, and what follows the handle.
func readHandle(b, handle []byte) (block, rest []byte, err error) {
	offset, n := binary.Uvarint(handle)
	if n <= 0 {
		return nil, nil, fmt.Errorf("%w: a block's handle is unreadable", errTable)
	}
	size, m := binary.Uvarint(handle[n:])
	if m <= 0 {
		return nil, nil, fmt.Errorf("%w: a block's handle is unreadable", errTable)
	}
	room := uint64(len(b) - footerBytes)
	if offset > room || size > room-offset || trailerBytes > room-offset-size {
		return nil, nil, fmt.Errorf("%w: a block of %d bytes at %d in a file of %d", errTable, size, offset, len(b))
	}
	block = b[offset : offset+size]
	kind := b[offset+size]
	want := binary.LittleEndian.Uint32(b[offset+size+1:])
	if got := maskedCRC(crc32.Update(crc32.Checksum(block, castagnoli), castagnoli, []byte{kind})); got != want {
		return nil, nil, fmt.Errorf("%w: a block at %d has the checksum %#08x, want %#08x", errTable, offset, got, want)
	}
	if kind != noCompression {
		return nil, nil, fmt.Errorf("a block at %d is compressed (type %d), which TensorFlow does not write and lockstep does not read", offset, kind)
	}
	return block, handle[n+m:], nil
}

// readBlock calls each with every entry of a block. A key shares a prefix
// with the one before it; the list of restart points at the end is not needed
// to read from the beginning.
func readBlock(block []byte, each func(key string, value []byte) error) error {
	if len(block) < 4 {
		return fmt.Errorf("%w: a block of %d bytes", errTable, len(block))
	}
	restarts := uint64(binary.LittleEndian.Uint32(block[len(block)-4:]))
	if 4*(restarts+1) > uint64(len(block)) {
		return fmt.Errorf("%w: %d restart points in a block of %d bytes", errTable, restarts, len(block))
	}
	rest := block[:uint64(len(block))-4*(restarts+1)]
	var key []byte
	for len(rest) > 0 {
		var lengths [3]uint64 // of the shared prefix, the rest of the key, the value
		for i := range lengths {
			v, n := binary.Uvarint(rest)
			if n <= 0 {
				return fmt.Errorf("%w: an entry is unreadable", errTable)
			}
			lengths[i], rest = v, rest[n:]
		}
		shared, own, value := lengths[0], lengths[1], lengths[2]
		left := uint64(len(rest))
		if shared > uint64(len(key)) || own > left || value > left-own {
			return fmt.Errorf("%w: an entry reaches beyond its block", errTable)
		}
		key = append(key[:shared], rest[:own]...)
		if err := each(string(key), rest[own:own+value]); err != nil {
			return err
		}
		rest = rest[own+value:]
	}
	return nil
}
