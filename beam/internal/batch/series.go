package batch

import (
	"fmt"

	"github.com/lockstep-go/lockstep/beam/infer"
	"github.com/lockstep-go/lockstep/beam/internal/rows"
)

// series cuts windows out of the rows of one key, of which it holds no more than a window needs.
type series struct {
	window *infer.Windowing
	key    string
	at     rows.Instant // of the last row
	broken error        // why no row from here on can be used
	n      int64        // rows so far
	start  int64        // where the next window begins

	first   int64 // the row that is first in these
	values  []float64
	steps   []step
	windows int64
	last    step
}

// step is what is known of a row besides its values.
type step struct {
	row    int64
	text   string
	at     rows.Instant
	bad    error
	report bool // bad is in no failure so far
}

func (s *step) time() string {
	if s.text != "" {
		return s.text
	}
	return s.at.String()
}

func newSeries(w *infer.Windowing, key string) *series { return &series{window: w, key: key} }

func (s *series) add(g *gatherer, row *rows.Row) error {
	st := step{row: row.Number, text: row.Time, at: row.At}
	switch {
	case s.broken != nil:
		st.bad, st.report = s.broken, s.n == 0
	case row.Bad != nil:
		st.bad, st.report = row.Bad, true
	case s.n > 0 && g.timed:
		if err := s.checkTime(row); err != nil {
			s.broken = err
			st.bad, st.report = err, true
		}
	}
	if row.Bad == nil {
		s.at = row.At
	}
	s.n++
	s.last = st
	s.steps = append(s.steps, st)
	for i := range s.window.Features {
		x := 0.0
		if st.bad == nil {
			v := row.Values[i]
			if len(v.Ints) > 0 {
				x = float64(v.Ints[0])
			} else {
				x = v.Floats[0]
			}
		}
		s.values = append(s.values, x)
	}
	length := int64(s.window.Length())
	if s.window.Last {
		return s.drop(g, s.n-length)
	}
	if s.n < s.start+length {
		return s.drop(g, s.start)
	}
	if err := s.cut(g, s.start); err != nil {
		return err
	}
	s.start += int64(s.window.Stride)
	return s.drop(g, s.start)
}

func (s *series) checkTime(row *rows.Row) error {
	after, err := row.At.After(s.at)
	if err == nil && !after {
		err = fmt.Errorf("it is not later than that of the row before")
	}
	if err != nil {
		return fmt.Errorf("row %d: the time %q: %w: the rows of a key must be in order of time, each time once", row.Number, row.TimeText(), err)
	}
	return nil
}

// drop forgets the rows before one; a bad one that no window had is a failure of its own.
func (s *series) drop(g *gatherer, before int64) error {
	n := min(before, s.n) - s.first
	if n <= 0 {
		return nil
	}
	for _, st := range s.steps[:n] {
		if err := s.report(g, st); err != nil {
			return err
		}
	}
	// What is left is moved to the front, now and then: not more often than rows come.
	s.first += n
	s.steps, s.values = s.steps[n:], s.values[n*int64(s.window.Features):]
	return nil
}

func (s *series) report(g *gatherer, st step) error {
	if !st.report || g.want != nil {
		return nil
	}
	return g.fail(failure{s.key, st.time(), st.row, st.bad.Error()})
}

// cut makes a call's row of the window that begins at a row of the series.
func (s *series) cut(g *gatherer, at int64) error {
	s.windows++
	from, length := at-s.first, int64(s.window.Length())
	steps := s.steps[from : from+length]
	row, time := steps[0].row, steps[s.window.Past-1].time()
	if g.want != nil && !g.want(row) {
		return nil
	}
	for i := range steps {
		if steps[i].bad != nil {
			reason := steps[i].bad.Error()
			for j := range steps {
				steps[j].report = steps[j].report && steps[j].bad.Error() != reason
			}
			return g.fail(failure{s.key, time, row, reason})
		}
	}
	f := int64(s.window.Features)
	return g.put(s.window.Values(s.values[from*f:(from+length)*f]), s.key, time, row)
}

// end makes the last window, and reports what no window had.
func (s *series) end(g *gatherer) error {
	length := int64(s.window.Length())
	if s.window.Last && s.n >= length {
		if err := s.cut(g, s.n-length); err != nil {
			return err
		}
	}
	for _, st := range s.steps {
		if err := s.report(g, st); err != nil {
			return err
		}
	}
	if s.windows == 0 && g.want == nil {
		reason := s.window.TooShort(int(s.n))
		if s.broken != nil {
			reason = s.broken.Error()
		}
		return g.fail(failure{s.key, s.last.time(), s.last.row, reason})
	}
	return nil
}
