// Package compare holds what sets two runs of one model side by side and says
// whether and where they differ: measuring and judging, each of which can be
// used without the next. Whoever computed the tensors is no concern of it.
//
// # Measuring
//
// [Measure] takes two sets of named tensors, the reference and the candidate,
// and returns one [Difference] a name: figures without an opinion. NaN and
// infinities are told apart and counted before anything is subtracted; every
// error is taken over the places where both sides are finite.
//
// # Judging
//
// [Judge] holds each Difference against a [Rule] and returns a [Result]. The
// common rule is numpy's, written out in [Fixed]: a candidate a agrees with a
// reference b if
//
//	|a-b| <= atol + rtol*|b|
//
// [Rule] can also count units in the last place or compare bits, and any
// [Tolerance] can bring a bound of its own for every element. Integers, bools
// and strings must be equal whatever the rule. A tensor that is missing, extra,
// of another type or shape, or empty diverges, and so does one whose reference
// is not finite, for it proves nothing; [Rule.AllowNonFinite] lifts the last.
// [Settings] are what a user changes of the rules: of the tensors that they name,
// the parts that they give.
//
// # First
//
// "First" always means: by time step, where the tensor has a time axis (see
// [Layout]), and then in row-major order. Between tensors it means the order
// that [Options.Order] gives.
//
// # Reports
//
// A [Report] keeps the [Comparison]s of one model, and an [Outcome] is how one of
// several models fared. Package compare/render writes them as text, JSON and
// annotations; compare/render/junit and compare/render/html as what their names say.
package compare
