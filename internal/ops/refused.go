package ops

import (
	"errors"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var (
	errUnknown = errors.New("the operation is not supported")
	errXLA     = errors.New("the operation is not supported: " + xlaHint)
	errRandom  = errors.New("it draws random numbers, which no two engines draw alike: export the model with the layer's training=False, or with the numbers as an input")
)

const xlaHint = "it holds a program of JAX in XLA's form: load the model in Keras with KERAS_BACKEND=tensorflow and export it there, or in JAX with jax2tf.convert(native_serialization=False), to which Keras passes jax2tf_kwargs"

// random are the operations that draw random numbers.
var random = map[string]bool{
	"RandomUniform": true, "RandomUniformInt": true, "RandomStandardNormal": true, "TruncatedNormal": true, "ParameterizedTruncatedNormal": true,
	"RandomShuffle": true, "RandomGamma": true, "RandomPoisson": true, "RandomPoissonV2": true, "Multinomial": true,
	"StatelessRandomUniform": true, "StatelessRandomUniformV2": true, "StatelessRandomUniformInt": true, "StatelessRandomUniformIntV2": true,
	"StatelessRandomUniformFullInt": true, "StatelessRandomUniformFullIntV2": true, "StatelessRandomNormal": true, "StatelessRandomNormalV2": true,
	"StatelessTruncatedNormal": true, "StatelessTruncatedNormalV2": true, "StatelessMultinomial": true, "StatelessParameterizedTruncatedNormal": true,
	"StatelessRandomBinomial": true, "StatelessRandomGammaV2": true, "StatelessRandomGammaV3": true, "StatelessRandomPoisson": true, "StatelessShuffle": true,
	"StatefulStandardNormal": true, "StatefulStandardNormalV2": true, "StatefulTruncatedNormal": true, "StatefulUniform": true, "StatefulUniformInt": true,
	"StatefulUniformFullInt": true, "StatefulRandomBinomial": true, "NonDeterministicInts": true,
}

// Refusal is why a node's operation is not supported.
func Refusal(n *savedmodel.Node) error {
	switch reason := n.Refused(); {
	case reason != "":
		return errors.New(reason)
	case random[n.Op]:
		return errRandom
	case n.Op == "XlaCallModule":
		return errXLA
	}
	return errUnknown
}
