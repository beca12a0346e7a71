// Package compare compares two runs of one model and says whether and where
// they differ. Measuring and judging can be used separately; who computed the
// tensors does not matter.
//
// # Measuring
//
// [Measure] takes two sets of named tensors, the reference and the candidate,
// and returns one [Difference] a name: figures without a verdict. NaN and
// infinities are counted by kind before anything is subtracted; every error is
// measured over the places where both sides are finite.
//
// # Judging
//
// [Judge] applies a [Rule] to each Difference and returns a [Result]. The
// common rule is numpy's, written out in [Fixed]: a candidate a agrees with a
// reference b if
//
//	|a-b| <= atol + rtol*|b|
//
// [Rule] can also count units in the last place or compare bits, and any
// [Tolerance] can have a separate bound for every element. Integers, bools and
// strings must be equal whatever the rule. A tensor that is missing, extra, of a
// different type or shape, or empty diverges, and so does one whose reference is
// not finite, since that proves nothing; [Rule.AllowNonFinite] permits the last.
// [Settings] are a user's changes to the rules, for the tensors that they name.
//
// # First
//
// "First" always means: by time step, where the tensor has a time axis (see
// [Layout]), and then in row-major order. Between tensors it means the order
// that [Options.Order] gives.
//
// # Reports
//
// A [Report] holds the [Comparison]s of one model, and an [Outcome] is the result of
// one of several models. Package compare/render writes them as text, JSON and
// annotations; compare/render/junit and compare/render/html as JUnit XML and
// HTML.
package compare
