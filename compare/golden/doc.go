// Package golden holds goldens: files that keep one run of a model, so that
// another run can be compared with it later, elsewhere, and without TensorFlow.
//
// [Record] runs an engine and makes a [Golden]; [ReadFile] and [ReadFS] read
// one; [Golden.Verify] runs an engine on the golden's inputs and says what
// changed since: the [Change] is of one of a few kinds, each with its own words and exit
// code. [Verifier] does all that for a service, which refuses to start with a
// model that changed. As in package compare, it does not matter who computes
// the answers.
//
// # The file
//
// A golden is an .npz, as numpy.savez_compressed writes it. Its arrays are:
//
//	inputs/<name>      the signature's inputs, by its names; at least one
//	outputs/<name>     the answers of the engine that was recorded; at least one
//	states/<name>      final states: <layer>/state_h, <layer>/state_c
//	expected/<name>    what Keras itself predicted, under the names of outputs and states
//	candidate/<name>   what the native engine answered at the time, for the drift
//	steps/<layer>/<q>  with --trace, what a recurrent layer computed at each step,
//	                   by the quantities of lockstep.Trace: gates, states and so on
//	bounds/<layer>/<q> for each of them that is judged, how far rounding may move
//	                   another engine from it that takes the one step from the
//	                   states before it
//	golden             everything else, as JSON in an array of one string
//
// In the JSON, "rule" is the chosen tolerance, a compare.Setting for all
// tensors: {"atol": 1e-5} has an rtol of 0, {"ulp": 0} is equality, and
// {"allow_nonfinite": true} alone leaves the tolerance derived.
//
// Only inputs and outputs are required: numpy alone writes a golden that Verify
// accepts,
//
//	numpy.savez("model.golden", **{"inputs/x": x, "outputs/y": model.predict(x)})
//
// and numpy alone reads any:
//
//	g = numpy.load("model.golden"); header = json.loads(str(g["golden"]))
//
// An array of another name is an error, and so is a field that [Header] does
// not have: a misspelt name would go unverified. The bytes of the file depend
// on its content alone, not on when or where it was written.
package golden
