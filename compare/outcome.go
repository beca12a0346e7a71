package compare

// Outcome is the result of one model in a run over several.
type Outcome struct {
	Model string
	// Report is nil where there is no verdict, and Err says why.
	Report *Report
	Err    error
}
