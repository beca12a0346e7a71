package rows

import (
	"fmt"
	"strconv"
	"time"
)

// Instant is a time that can be compared with others of its series.
type Instant struct {
	kind   byte // 'i' an integer, 'f' a float, 't' a date or time
	number int64
	float  float64
}

// layouts are the forms of dates and times.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04", "2006-01-02", "2006-01"}

// parseInstant reads a time as text.
func parseInstant(text string) (Instant, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return Instant{kind: 'i', number: n}, nil
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			if y := t.Year(); y < 1678 || y > 2261 {
				return Instant{}, fmt.Errorf("the time %q is outside of the years 1678 to 2261", text)
			}
			return Instant{kind: 't', number: t.UnixNano()}, nil
		}
	}
	if x, err := strconv.ParseFloat(text, 64); err == nil && x == x {
		return Instant{kind: 'f', float: x}, nil
	}
	return Instant{}, fmt.Errorf("the time %q is no number and no date such as 2006-01-02 or 2006-01-02T15:04:05Z", text)
}

// After tells whether a follows b; times of different kinds have no order.
func (a Instant) After(b Instant) (bool, error) {
	if a.kind == 'i' && b.kind == 'f' {
		a = Instant{kind: 'f', float: float64(a.number)}
	}
	if a.kind == 'f' && b.kind == 'i' {
		b = Instant{kind: 'f', float: float64(b.number)}
	}
	if a.kind != b.kind {
		return false, fmt.Errorf("a number and a date have no order")
	}
	return a.number > b.number || a.float > b.float, nil
}
