package kernel

// activate32 sets y, which may be x, to a function of every element of x, by
// AVX-512 if it is wide.
func activate32(a Activation, y, x []float32, wide bool) {
	y = y[:len(x)]
	if n := len(x) &^ 15; wide && n > 0 && sixteens(a, &y[0], &x[0], n) {
		y, x = y[n:], x[n:]
	}
	if len(x) == 0 || eights(a, &y[0], &x[0], len(x)) {
		return
	}
	if &y[0] != &x[0] {
		copy(y, x)
	}
	activate(a, y)
}

// sixteens computes a function of n numbers, a multiple of 16, if AVX-512 has it.
func sixteens(a Activation, y, x *float32, n int) bool {
	switch a {
	case TanhFunction:
		tanhsWide(y, x, n)
	case SigmoidFunction:
		sigmoidsWide(y, x, n)
	default:
		return false
	}
	return true
}

// eights computes a function of n numbers, if there is one by vectors.
func eights(a Activation, y, x *float32, n int) bool {
	switch a {
	case TanhFunction:
		tanhs(y, x, n)
	case SigmoidFunction:
		sigmoids(y, x, n)
	case EluFunction:
		elus(y, x, n)
	case SeluFunction:
		selus(y, x, n)
	case SoftplusFunction:
		softpluses(y, x, n)
	case SiluFunction:
		silus(y, x, n)
	case ExponentialFunction:
		exponentials(y, x, n)
	case MishFunction:
		mishes(y, x, n)
	case LogSigmoidFunction:
		logSigmoids(y, x, n)
	case ErfFunction:
		erfs(y, x, n)
	case ReluFunction:
		relus(y, x, n)
	case Relu6Function:
		relu6s(y, x, n)
	case LeakyReluFunction:
		leakyRelus(y, x, n)
	case HardSigmoid2Function:
		hardSigmoids2(y, x, n)
	case HardSigmoid3Function:
		hardSigmoids3(y, x, n)
	case SoftsignFunction:
		softsigns(y, x, n)
	case HardSiluFunction:
		hardSilus(y, x, n)
	case HardTanhFunction:
		hardTanhs(y, x, n)
	default:
		return false
	}
	return true
}
