package source

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/internal/recurrent"
)

// join puts a weight together of parts of others, which have one type.
func (s *Source) join(j *recurrent.Joined) (*lockstep.Tensor, error) {
	rows, columns := j.Blocks[0].Bottom-j.Blocks[0].Top, 0
	for _, b := range j.Blocks {
		columns += b.To - b.From
	}
	var out []byte
	var dtype lockstep.DType
	size, at := 0, 0
	for i, b := range j.Blocks {
		t, err := s.Weight(b.Of)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			dtype, size = t.DType(), t.DType().Size()
			out = make([]byte, rows*columns*size)
		}
		shape := t.Shape()
		width := shape[len(shape)-1]
		if t.DType() != dtype || b.To > width || b.Bottom*width > t.Len() || b.Bottom-b.Top != rows {
			return nil, fmt.Errorf("%s is %s, want %s and %d rows from %d and columns to %d", b.Of, t, dtype, rows, b.Top, b.To)
		}
		from, err := raw.Encode(t)
		if err != nil {
			return nil, err
		}
		for row := range rows {
			begin := ((b.Top+row)*width + b.From) * size
			copy(out[(row*columns+at)*size:], from[begin:begin+(b.To-b.From)*size])
		}
		at += b.To - b.From
	}
	if j.Vector {
		return raw.Decode(dtype, []int{columns}, out)
	}
	return raw.Decode(dtype, []int{rows, columns}, out)
}
