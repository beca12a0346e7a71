package compare

// The sentences below are those of Text, for whoever renders a report in
// another form: two forms of one report should not say it in two ways.

// Answer says in one clause how a comparison came out, and its extent.
func (c *Comparison) Answer() string { return answer(c, "") + figures(c) }

// Judged says by what rule a comparison was judged.
func (c *Comparison) Judged() string { return ruleLine(c) }

// Why says why a result of the comparison diverged; it is empty for one that is
// in step.
func (c *Comparison) Why(r *Result) string {
	switch {
	case r.Verdict == InStep:
		return ""
	case r.First == nil:
		return explain(c, r)
	}
	return "at " + r.First.Place.String() + ": " + r.Apart()
}

// Apart says how far the first fault's values are apart and what was allowed;
// it is empty where no element is at fault.
func (r *Result) Apart() string {
	if r.First == nil {
		return ""
	}
	return r.First.apart(r)
}

// Word is the verdict in a word or two, as "in step", "diverged", "missing".
func (r *Result) Word() string { return verdictCell(r) }

// RoundUp writes a number that is not negative with that many digits, so that
// what is read back is never smaller: as errors and margins are written.
func RoundUp(x float64, digits int) string { return up(x, digits) }

// RoundDown is RoundUp towards zero, as bounds are written.
func RoundDown(x float64, digits int) string { return down(x, digits) }

// Printable returns a name as it is, or with escapes if it holds control
// characters or is not UTF-8.
func Printable(s string) string { return clean(s) }
