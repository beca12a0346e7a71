package rows

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Instant is a time that can be compared with others of its series.
type Instant struct {
	kind   byte // 'i' an integer, 'f' a float, 't' a date or time
	number int64
	float  float64
	date   bool // a time without hours
}

// String returns a time that was not read as text.
func (a Instant) String() string {
	switch {
	case a.kind == 'i':
		return strconv.FormatInt(a.number, 10)
	case a.kind == 't' && a.date:
		return time.Unix(0, a.number).UTC().Format(time.DateOnly)
	case a.kind == 't':
		return time.Unix(0, a.number).UTC().Format(time.RFC3339Nano)
	}
	return ""
}

// inUnit makes an instant of a number of units since 1970.
func inUnit(n int64, unit time.Duration) (Instant, error) {
	if n > math.MaxInt64/int64(unit) || n < math.MinInt64/int64(unit) {
		return Instant{}, fmt.Errorf("the time is %d times %v from 1970, want one in the years 1678 to 2261", n, unit)
	}
	return Instant{kind: 't', number: n * int64(unit), date: unit == 24*time.Hour}, nil
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
